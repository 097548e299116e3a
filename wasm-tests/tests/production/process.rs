//! One Envoy process with a configuration as text, and one request.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use serde_json::Value;
use wasm_tests::eventually;

/// An Envoy with a configuration as text; its admin interface is the socket `admin.sock`.
pub(crate) struct Envoy {
    child: Child,
    pub(crate) folder: Folder,
}

impl Envoy {
    pub(crate) fn start(folder: Folder, config: &str) -> Self {
        let file = folder.write("envoy.yaml", config);
        let output = |name: &str| File::create(folder.0.join(name)).expect("a writable folder");
        let child = Command::new(envoy())
            .args(["-c", &file, "--concurrency", "1", "--disable-hot-restart"])
            .args(["--log-level", "warning", "--file-flush-interval-msec", "20"])
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"))
            .spawn()
            .expect("Envoy starts");
        let mut envoy = Self { child, folder };
        eventually("Envoy is ready", || {
            let ended = envoy.child.try_wait().expect("a child process");
            assert!(
                ended.is_none(),
                "Envoy ended: {}",
                envoy.folder.read("stderr")
            );
            envoy.admin("/ready")?.contains("LIVE").then_some(())
        });
        envoy
    }

    fn admin(&self, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.folder.0.join("admin.sock")).ok()?;
        talk(&mut stream, "GET", path, &[]).ok()
    }

    pub(crate) fn listener(&self, name: &str) -> SocketAddr {
        eventually("the listener is bound", || {
            let answer = self.admin("/listeners?format=json")?;
            let body = answer.split_once("\r\n\r\n")?.1;
            let start = body.find('{')?;
            let json: Value = serde_json::Deserializer::from_str(&body[start..])
                .into_iter()
                .next()?
                .ok()?;
            let mut listeners = json["listener_statuses"].as_array()?.iter();
            let listener = listeners.find(|listener| listener["name"] == name)?;
            let address = &listener["local_address"]["socket_address"];
            let port = address["port_value"].as_u64()?;
            Some((Ipv4Addr::LOCALHOST, u16::try_from(port).ok()?).into())
        })
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("Envoy's log:\n{}", self.folder.read("stderr"));
        }
    }
}

/// The whole answer to one request on a connection of its own.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> String {
    let mut stream = TcpStream::connect(address).expect("the listener takes connections");
    talk(&mut stream, method, path, headers).expect("an answer")
}

fn talk(
    stream: &mut (impl Read + Write),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> std::io::Result<String> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{request}content-length: 0\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A folder with a short name (a socket's path has 107 bytes at most) that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("alb-authn-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a writable folder");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("a writable folder");
        self.path(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.0.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn envoy() -> PathBuf {
    in_repository("ENVOY", ".venv/bin/envoy")
}

pub(crate) fn module() -> String {
    let module = in_repository("ALB_AUTHN_WASM", "dist/alb_authn.wasm");
    let found = module.canonicalize().unwrap_or_else(|e| {
        panic!("{}: {e}; `make wasm` builds it", module.display());
    });
    found.display().to_string()
}

fn in_repository(variable: &str, path: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os(variable).map_or_else(|| repository.join(path), PathBuf::from)
}
