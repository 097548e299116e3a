//! One Envoy process: started, watched, and ended with the test.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process, thread};

use serde_json::Value;

use crate::client::Request;
use crate::wait::eventually;

/// How many lines of Envoy's log a failed test shows.
const LOG_TAIL: usize = 60;

/// A line of the access log.
#[derive(Clone, Debug, PartialEq)]
pub struct AccessLine {
    /// The path as the client sent it.
    pub path: String,
    /// The status of the answer.
    pub code: u64,
    /// Filter state `wasm.alb_authn.reason`, where set.
    pub reason: Option<String>,
    /// Filter state `wasm.alb_authn.user`, where set.
    pub user: Option<String>,
}

/// Envoy's command line.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) workers: u32,
    /// What the module logs below this level is left out.
    pub(crate) log_level: String,
    /// How long a replaced listener goes on with its connections.
    pub(crate) drain_seconds: u32,
}

/// A running Envoy and its files.
pub struct Envoy {
    child: Child,
    folder: Folder,
    admin: SocketAddr,
}

impl Envoy {
    /// Starts Envoy and awaits that it is ready; `Err` holds its log where it exits instead.
    pub(crate) fn start(
        folder: Folder,
        bootstrap: &Value,
        options: &Options,
    ) -> Result<Self, String> {
        let config = folder.file("envoy.json");
        fs::write(&config, bootstrap.to_string()).expect("a writable folder");
        let log = File::create(folder.file("envoy.log")).expect("a writable folder");
        let mut child = Command::new(envoy_binary())
            .args(["--disable-hot-restart", "--file-flush-interval-msec", "20"])
            .args(["--concurrency", &options.workers.to_string()])
            .args(["--drain-time-s", &options.drain_seconds.to_string()])
            .args(["--log-level", "warning", "--component-log-level"])
            .arg(format!("wasm:{}", options.log_level))
            .arg("--admin-address-path")
            .arg(folder.file("admin"))
            .arg("--config-path")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", envoy_binary().display()));
        let started = eventually("Envoy is ready, or exits", || {
            if child.try_wait().expect("a child process").is_some() {
                return Some(None);
            }
            let admin = folder.read("admin").parse().ok()?;
            is_ready(admin).then_some(Some(admin))
        });
        match started {
            Some(admin) => Ok(Self {
                child,
                folder,
                admin,
            }),
            None => Err(folder.read("envoy.log")),
        }
    }

    /// The listeners' addresses by their place in the scenario.
    pub(crate) fn listeners(&self) -> Vec<SocketAddr> {
        let listeners: Value = serde_json::from_slice(&self.admin("/listeners?format=json"))
            .expect("the admin answers in JSON");
        let statuses = listeners["listener_statuses"].as_array();
        let mut found: Vec<_> = statuses
            .into_iter()
            .flatten()
            .filter_map(|status| Some((status["name"].as_str()?.to_owned(), address(status)?)))
            .collect();
        found.sort();
        found.into_iter().map(|(_, addr)| addr).collect()
    }

    /// Where the admin interface listens.
    pub fn admin_addr(&self) -> SocketAddr {
        self.admin
    }

    /// What the admin interface answers.
    pub fn admin(&self, path: &str) -> Vec<u8> {
        Request::new(self.admin, "GET", path).send().body
    }

    /// Asks the admin interface to do something.
    pub fn admin_post(&self, path: &str) {
        let response = Request::new(self.admin, "POST", path).body("").send();
        assert_eq!(response.status, 200, "{path}");
    }

    /// The process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Stops the process (SIGSTOP) until [`Envoy::resume`].
    #[track_caller]
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets the stopped process go on.
    #[track_caller]
    pub fn resume(&self) {
        self.signal("CONT");
    }

    #[track_caller]
    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "kill -s {name}"
        );
    }

    pub(crate) fn quit(mut self) -> (ExitStatus, String) {
        self.admin_post("/quitquitquit");
        let status = eventually("Envoy ends", || {
            self.child.try_wait().expect("a child process")
        });
        (status, self.log())
    }

    /// All statistics, a `name: value` each.
    pub fn stats(&self) -> Vec<(String, String)> {
        let text = String::from_utf8(self.admin("/stats")).expect("statistics are text");
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    /// The value of one counter or gauge; `None` where there is no such.
    pub fn stat(&self, name: &str) -> Option<u64> {
        let stats = self.stats();
        let (_, value) = stats.iter().find(|(n, _)| n == name)?;
        value.parse().ok()
    }

    /// What Envoy has logged so far.
    pub fn log(&self) -> String {
        self.folder.read("envoy.log")
    }

    /// What the module logged so far, a line each, `LEVEL MESSAGE`.
    pub fn module_log(&self) -> Vec<String> {
        module_lines(&self.log())
    }

    /// The access log so far.
    pub fn access_log(&self) -> Vec<AccessLine> {
        let text = self.folder.read("access.log");
        let lines = text.lines().filter_map(|l| serde_json::from_str(l).ok());
        lines.map(|line| access_line(&line)).collect()
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL)..];
            eprintln!("Envoy's log ends with:\n{}", tail.join("\n"));
        }
    }
}

/// A temporary folder that goes with its owner.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("alb-authn-test-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a writable temporary folder");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Replaces a file that Envoy watches; by a rename, so that Envoy reads no half of it.
    pub(crate) fn exchange(&self, name: &str, content: &Value) {
        let draft = self.file("draft");
        fs::write(&draft, content.to_string()).expect("a writable folder");
        fs::rename(draft, self.file(name)).expect("a writable folder");
    }

    fn read(&self, name: &str) -> String {
        let mut bytes = Vec::new();
        if let Ok(mut file) = File::open(self.file(name)) {
            let _ = file.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The module under test.
pub(crate) fn module() -> PathBuf {
    let path = path_from_env("ALB_AUTHN_WASM", "dist/alb_authn.wasm");
    let found = path.canonicalize();
    found.unwrap_or_else(|e| panic!("{}: {e}; `make wasm` builds it", path.display()))
}

/// The module that judges standard vectors (`verify-vectors`).
pub fn vectors_module() -> PathBuf {
    let path = path_from_env("VERIFY_VECTORS_WASM", "dist/verify_vectors.wasm");
    let found = path.canonicalize();
    found.unwrap_or_else(|e| panic!("{}: {e}; `make vectors-module` builds it", path.display()))
}

fn envoy_binary() -> PathBuf {
    path_from_env("ENVOY", ".venv/bin/envoy")
}

fn path_from_env(variable: &str, in_repository: &str) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os(variable).map_or_else(|| repository.join(in_repository), PathBuf::from)
}

/// An environment variable that is set and not empty.
pub(crate) fn setting(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

fn is_ready(admin: SocketAddr) -> bool {
    let answer = Request::new(admin, "GET", "/ready").try_send();
    answer.is_ok_and(|response| response.status == 200)
}

fn address(status: &Value) -> Option<SocketAddr> {
    let address = &status["local_address"]["socket_address"];
    let (ip, port) = (
        address["address"].as_str()?,
        address["port_value"].as_u64()?,
    );
    Some(SocketAddr::new(ip.parse().ok()?, port.try_into().ok()?))
}

fn access_line(line: &Value) -> AccessLine {
    // An unset filter state is null in JSON.
    let text = |name: &str| line[name].as_str().map(str::to_owned);
    AccessLine {
        path: text("path").unwrap_or_default(),
        code: line["code"].as_u64().unwrap_or_default(),
        reason: text("reason"),
        user: text("user"),
    }
}

/// `[time][thread][level][wasm] [file:line] wasm log root_id: message` → `level message`.
pub(crate) fn module_lines(log: &str) -> Vec<String> {
    let parse = |line: &str| {
        let (prefix, rest) = line.split_once("wasm log ")?;
        let level = prefix.split(['[', ']']).nth(5)?;
        let (_, message) = rest.split_once(": ")?;
        Some(format!("{level} {message}"))
    };
    log.lines().filter_map(parse).collect()
}
