//! An Envoy whose plugin traps on every request.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, str};

use dashboards::Folder;
use serde_json::{Value, json};
use wasm_tests::eventually;

/// Defines one of alb-authn's counters, accepts its configuration, and traps on request headers.
const MODULE: &str = r#"(module
  (import "env" "proxy_define_metric" (func $define_metric (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "alb_authn.requests.ok")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
    (drop (call $define_metric (i32.const 0) (i32.const 16) (i32.const 21) (i32.const 8)))
    i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))"#;

/// The running Envoy; it ends when it is dropped.
pub struct Trapping {
    child: Child,
    admin: SocketAddr,
    listener: SocketAddr,
    _folder: Folder,
}

impl Trapping {
    /// Starts one with this failure policy.
    pub fn start(policy: &str) -> Self {
        let folder = Folder::new(&format!("trap-{policy}"));
        let module = folder.path().join("trap.wasm");
        fs::write(
            &module,
            wat::parse_str(MODULE).expect("the module is well-formed"),
        )
        .expect("a writable folder");
        let config = folder.write("envoy.json", &bootstrap(&module, policy).to_string());
        let admin_file = folder.path().join("admin");
        let log = File::create(folder.path().join("log")).expect("a writable folder");
        let mut child = Command::new(envoy())
            .args([
                "--concurrency",
                "1",
                "--disable-hot-restart",
                "--log-level",
                "error",
            ])
            .arg("--admin-address-path")
            .arg(&admin_file)
            .arg("--config-path")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Envoy starts; `make test-dashboards` installs it");
        let admin: SocketAddr = eventually("Envoy writes its admin address", || {
            let exited = child.try_wait().expect("a child process");
            let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            assert!(exited.is_none(), "Envoy ended:\n{}", log());
            fs::read_to_string(&admin_file).ok()?.parse().ok()
        });
        let listener = eventually("the listener is bound", || {
            let listeners = get(admin, "/listeners");
            let (_, address) = listeners
                .lines()
                .find_map(|line| line.split_once("gateway::"))?;
            address.parse().ok()
        });
        Self {
            child,
            admin,
            listener,
            _folder: folder,
        }
    }

    /// Where its admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Sends a request; the status line of the answer.
    pub fn status(&self) -> String {
        let answer = get(self.listener, "/");
        answer.lines().next().unwrap_or_default().to_owned()
    }
}

impl Drop for Trapping {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn envoy() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os("ENVOY").map_or_else(|| repository.join(".venv/bin/envoy"), PathBuf::from)
}

/// The whole answer to a GET; empty where there is none.
fn get(addr: SocketAddr, path: &str) -> String {
    let exchange = || {
        let mut stream = TcpStream::connect(addr)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = exchange().unwrap_or_default();
    str::from_utf8(&answer).unwrap_or_default().to_owned()
}

fn bootstrap(module: &Path, policy: &str) -> Value {
    let any_port = || json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    let plugin = json!({
        "name": "alb_authn",
        "failure_policy": policy,
        "vm_config": {
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": module}},
        },
    });
    let typed = |name: &str, of: &str, mut config: Value| {
        config["@type"] = json!(format!("type.googleapis.com/envoy.extensions.filters.{of}"));
        json!({"name": name, "typed_config": config})
    };
    let filters = [
        typed("wasm", "http.wasm.v3.Wasm", json!({"config": plugin})),
        typed("router", "http.router.v3.Router", json!({})),
    ];
    let ok = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    let connections = json!({
        "stat_prefix": "gateway",
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [ok]}]},
    });
    let manager = "network.http_connection_manager.v3.HttpConnectionManager";
    json!({
        "admin": {"address": any_port()},
        "static_resources": {"listeners": [{
            "name": "gateway",
            "address": any_port(),
            "filter_chains": [{"filters": [typed("http", manager, connections)]}],
        }]},
    })
}
