//! One Envoy process: started, watched, and ended with the test.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use serde_json::Value;

use crate::folder::Folder;
use crate::http::{Request, Response};
use crate::settings::envoy_binary;
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
pub struct Options {
    /// How many workers it has.
    pub workers: u32,
    /// What the module logs below this level is left out.
    pub log_level: String,
    /// How long a replaced listener keeps its connections.
    pub drain_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            log_level: "info".to_owned(),
            drain_seconds: 600,
        }
    }
}

/// A running Envoy and its files.
pub struct Envoy {
    child: Child,
    folder: Folder,
    admin: Admin,
}

/// Where the admin interface listens.
enum Admin {
    Port(SocketAddr),
    /// A Unix socket: a cluster can name it before it exists.
    Socket(PathBuf),
}

impl Envoy {
    /// Starts Envoy with a configuration file and awaits that it is ready; `Err` holds its log if it
    /// exits instead. What it writes to standard output is the file `stdout` of the folder.
    pub fn start(folder: Folder, config: &Path, options: &Options) -> Result<Self, String> {
        let output = |name: &str| File::create(folder.file(name)).expect("a writable folder");
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
            .stdout(output("stdout"))
            .stderr(output("envoy.log"))
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", envoy_binary().display()));
        let started = eventually("Envoy is ready, or exits", || {
            if child.try_wait().expect("a child process").is_some() {
                return Some(None);
            }
            let admin = Admin::parse(&folder.read("admin"))?;
            admin.is_ready().then_some(Some(admin))
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
        let mut found = self.bound_listeners();
        found.sort();
        found.into_iter().map(|(_, addr)| addr).collect()
    }

    /// Awaits that a listener is bound; returns its address.
    #[track_caller]
    pub fn listener(&self, name: &str) -> SocketAddr {
        eventually("the listener is bound", || {
            let mut bound = self.bound_listeners().into_iter();
            bound.find_map(|(found, addr)| (found == name).then_some(addr))
        })
    }

    fn bound_listeners(&self) -> Vec<(String, SocketAddr)> {
        let listeners: Value = serde_json::from_slice(&self.admin("/listeners?format=json"))
            .expect("the admin answers in JSON");
        let statuses = listeners["listener_statuses"].as_array();
        let bound = statuses
            .into_iter()
            .flatten()
            .filter_map(|status| Some((status["name"].as_str()?.to_owned(), address(status)?)));
        bound.collect()
    }

    /// The port where the admin interface listens.
    #[track_caller]
    pub fn admin_addr(&self) -> SocketAddr {
        match self.admin {
            Admin::Port(addr) => addr,
            Admin::Socket(_) => panic!("the admin interface is no port but a socket"),
        }
    }

    /// What the admin interface answers.
    pub fn admin(&self, path: &str) -> Vec<u8> {
        let response = self.admin.get(path);
        response.expect("the admin interface answers").body
    }

    /// Asks the admin interface to do something.
    pub fn admin_post(&self, path: &str) {
        let response = Request::new(self.admin_addr(), "POST", path)
            .body("")
            .send();
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

    /// The folder with its files.
    pub fn folder(&self) -> &Folder {
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

impl Admin {
    /// Reads what Envoy wrote into the file of `--admin-address-path`; `None` if that is nothing yet.
    fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(addr) => Some(Self::Port(addr)),
            Err(_) if text.starts_with('/') => Some(Self::Socket(text.into())),
            Err(_) => None,
        }
    }

    fn get(&self, path: &str) -> io::Result<Response> {
        match self {
            Self::Port(addr) => Request::new(*addr, "GET", path).try_send(),
            Self::Socket(file) => {
                let request = Request::new((Ipv4Addr::UNSPECIFIED, 0).into(), "GET", path);
                request.last().send_over(UnixStream::connect(file)?)
            }
        }
    }

    fn is_ready(&self) -> bool {
        self.get("/ready")
            .is_ok_and(|response| response.status == 200)
    }
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
