//! What `verify` reads before it judges.

use std::path::Path;
use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::keys::{KeySet, PublicKey};

use super::Tokens;
use crate::arguments::VerifyArguments;
use crate::config_file::{ConfigFile, Finding, ROOT_NAMESPACE};
use crate::failure::Failure;
use crate::input;
use crate::terminal::harmless;

pub(super) fn check_stdin_is_read_once(arguments: &VerifyArguments) -> Result<(), Failure> {
    let is_stdin = |file: &Option<_>| file.as_deref().is_some_and(input::is_stdin);
    let token = arguments.common.token.as_deref();
    let uses = [
        ("--config", input::is_stdin(&arguments.config)),
        ("--key", is_stdin(&arguments.key)),
        ("--access-token", is_stdin(&arguments.access_token)),
        ("--jwks", is_stdin(&arguments.jwks)),
        ("the token", token.is_none_or(|token| token == "-")),
    ];
    let named: Vec<&str> = uses
        .iter()
        .filter(|(_, is_used)| *is_used)
        .map(|(name, _)| *name)
        .collect();
    if named.len() < 2 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "standard input can't be {} at once: name a file, or give the token as an argument",
        named.join(" and ")
    )))
}

pub(super) fn config(arguments: &VerifyArguments) -> Result<Config, Failure> {
    let unusable = |why: &str| {
        let file = arguments.config.display();
        Failure::Usage(format!("--config {file}: {why}"))
    };
    let list = |problems: &[Finding]| {
        let lines: Vec<String> = problems
            .iter()
            .map(|p| format!("\n  {}", harmless(&p.to_string())))
            .collect();
        unusable(&format!(
            "the filter would not start with it; `alb-token check-config` says all:{}",
            lines.concat()
        ))
    };
    let text = input::text("--config", &arguments.config)?;
    let file = ConfigFile::parse(&text, ROOT_NAMESPACE);
    if !file.problems.is_empty() {
        return Err(list(&file.problems));
    }
    match file.plugins.as_slice() {
        [plugin] => plugin.config().map_err(|problems| list(&problems)),
        plugins => Err(unusable(&format!(
            "holds {} configurations; give a file with one of them",
            plugins.len()
        ))),
    }
}

pub(super) fn key(arguments: &VerifyArguments) -> Result<Option<Rc<PublicKey>>, Failure> {
    let Some(file) = &arguments.key else {
        return Ok(None);
    };
    let pem = input::bytes("--key", file)?;
    let key = PublicKey::from_pem(&pem).ok_or_else(|| {
        let next = if pem.windows(12).any(|part| part == b"PRIVATE KEY-") {
            "this one is private: `openssl pkey -pubout` makes the public key of it, and `alb-token keygen` wrote it \
             beside it (.pub)"
        } else {
            "`verify` without --key prints the URL that holds it"
        };
        Failure::Usage(format!(
            "--key {}: not one P-256 public key in PEM (-----BEGIN PUBLIC KEY-----); {next}",
            file.display()
        ))
    })?;
    Ok(Some(Rc::new(key)))
}

pub(super) fn key_set(arguments: &VerifyArguments) -> Result<Option<KeySet>, Failure> {
    let Some(file) = &arguments.jwks else {
        return Ok(None);
    };
    let set = KeySet::parse(&input::bytes("--jwks", file)?).ok_or_else(|| {
        Failure::Usage(format!(
            "--jwks {}: not a key set (JWKS) of at most 64 KiB with an RSA key for RS256 signatures; `verify` without \
             --jwks prints the URL that holds it",
            file.display()
        ))
    })?;
    Ok(Some(set))
}

pub(super) fn tokens(arguments: &VerifyArguments) -> Result<Tokens, Failure> {
    let access = arguments.access_token.as_deref().map(access_token);
    Ok(Tokens {
        access: access.transpose()?,
        users: input::token(arguments.common.token.as_deref())?,
    })
}

fn access_token(file: &Path) -> Result<Vec<u8>, Failure> {
    let token = input::bytes("--access-token", file)?;
    Ok(token.trim_ascii().to_vec())
}
