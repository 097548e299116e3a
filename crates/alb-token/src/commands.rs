//! What each command does.

mod check_config;
mod inspect;
mod mint;
mod shell_files;
mod verify;

pub(crate) use check_config::check_config;
pub(crate) use inspect::inspect;
pub(crate) use mint::{key_set, mint};
pub(crate) use shell_files::{completions, man};
pub(crate) use verify::verify;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use alb_fixtures::key_endpoint::KeyRing;
use alb_fixtures::mint::KeyPair;
use alb_fixtures::reverse_proxy::Gateway;
use alb_fixtures::server;
use alb_fixtures::standin::{Signer, Standin};
use alb_fixtures::upstream::{self as upstream_server, Page};
use tokio::net::TcpListener;

use crate::arguments::{KeygenArguments, StandinArguments, UpstreamArguments};
use crate::failure::Failure;
use crate::input;

pub(crate) fn keygen(arguments: &KeygenArguments) -> Result<(), Failure> {
    let key = KeyPair::generate("").named_by_thumbprint();
    let private = &arguments.file;
    let public = PathBuf::from(format!("{}.pub", private.display()));
    // Both are looked at first: half a pair helps nobody.
    for file in [private, &public] {
        if file.exists() {
            let file = file.display();
            let why = format!("{file} exists, and no key is ever overwritten: choose another name");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why).into());
        }
    }
    write_new(private, &key.private_pem(), 0o600)?;
    write_new(&public, &key.public_pem(), 0o644)?;
    say(key.kid())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn standin(arguments: StandinArguments) -> Result<(), Failure> {
    let key = match &arguments.key {
        Some(file) => read_key(file, arguments.kid.as_deref())?,
        None => KeyPair::generate("").named_by_thumbprint(),
    };
    let gateway = Gateway::at(&arguments.gateway)
        .map_err(|error| Failure::Usage(format!("--gateway {}: {error}", arguments.gateway)))?;
    let requests = listen("load balancer", &arguments.listen).await?;
    let keys = listen("key endpoint", &arguments.keys_listen).await?;
    let load_balancer = arguments.load_balancer();
    let mut signer = Signer::new(
        load_balancer,
        key.clone(),
        arguments.claims,
        arguments.expires_in,
    );
    signer.groups = arguments.groups;
    let pool = signer.pool.clone();
    let standin = Standin {
        gateway,
        signer,
        default_caller: arguments.user,
    };
    tokio::join!(
        standin.serve(requests),
        KeyRing::of(key).serve_with(pool, keys)
    );
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn upstream(arguments: &UpstreamArguments) -> Result<(), Failure> {
    let listener = listen("upstream", &arguments.listen).await?;
    let page = match &arguments.title {
        Some(title) => Page::Application {
            title: title.clone(),
            links: arguments.links.clone(),
        },
        None => Page::Demo,
    };
    upstream_server::serve(listener, page).await;
    Ok(())
}

/// Listens, and says where: with port 0 only the operating system knows.
async fn listen(role: &str, address: &str) -> Result<TcpListener, Failure> {
    let listener = server::bind(address).await?;
    say(&format!("{role} listening on {}", listener.local_addr()?))?;
    Ok(listener)
}

fn read_key(file: &Path, kid: Option<&str>) -> Result<KeyPair, Failure> {
    let pem = input::text("--key", file)?;
    let key = KeyPair::from_pem(kid.unwrap_or_default(), &pem)
        .map_err(|error| Failure::Usage(format!("--key {}: {error}", file.display())))?;
    Ok(match kid {
        Some(_) => key,
        None => key.named_by_thumbprint(),
    })
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let name_path = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("can't write {}: {error}", path.display()),
        )
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(name_path)?;
    Ok(file.write_all(text.as_bytes()).map_err(name_path)?)
}

fn say(line: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{line}")?)
}
