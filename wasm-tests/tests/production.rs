//! `envoy-config/production.yaml` as it is shipped, but for addresses and files: it runs, and believes only the key
//! endpoint whose certificate is right.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use alb_token::mint::{KeyPair, unix_now};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair as TlsKey};
use serde_json::{Value, json};
use wasm_tests::{KID, KeyEndpoint, USER, claims, eventually, load_balancer};

const SHIPPED: &str = include_str!("../../envoy-config/production.yaml");
const KEY_HOST: &str = "public-keys.auth.elb.us-west-2.amazonaws.com";

#[test]
fn the_shipped_files_are_good_configurations() {
    let demo = include_str!("../../envoy-config/envoy.yaml");
    let module = module();
    for (name, text, shipped_module) in [
        (
            "production.yaml",
            SHIPPED,
            "filename: /etc/envoy/alb_authn.wasm",
        ),
        ("envoy.yaml", demo, "filename: dist/alb_authn.wasm"),
    ] {
        let folder = Folder::new(&format!("validate-{name}"));
        let authorities = folder.write("ca.pem", &Authority::new().pem);
        let text = replaced(text, shipped_module, &format!("filename: {module}"), 1);
        let text = text.replace("/etc/ssl/certs/ca-certificates.crt", &authorities);
        let file = folder.write("envoy.yaml", &text);
        let output = Command::new(envoy())
            .args(["--mode", "validate", "--log-level", "error", "-c", &file])
            .output()
            .expect("Envoy starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn a_verified_key_endpoint_is_believed_and_the_verdict_is_left_in_log_and_statistics() {
    let site = Site::start("good", |authority| authority.certificate(KEY_HOST));

    assert!(site.get("/healthz", &[]).starts_with("HTTP/1.1 200 "));
    assert!(site.get("/", &[]).starts_with("HTTP/1.1 401 "));
    let answer = site.get("/app?secret=1", &[("x-amzn-oidc-data", &site.token())]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains(&format!("\"user\": \"{USER}\"")),
        "{answer}"
    );

    let line = eventually("the access log has the request", || {
        let log = site.envoy.folder.read("stdout");
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| line["path"] == "/app")
    });
    assert_eq!(
        (&line["reason"], &line["user"]),
        (&json!("ok"), &json!(USER))
    );
    assert_eq!(line["code"], 200);

    let monitoring = site.envoy.listener("monitoring");
    let ask = |method: &str, path: &str| exchange(monitoring, method, path, &[]);
    eventually("Prometheus gets the filter's counters", || {
        let statistics = ask("GET", "/stats/prometheus");
        let has = |line: &&str| line.contains("alb_authn_requests_ok") && line.ends_with(" 1");
        statistics.lines().find(has).map(str::to_owned)
    });
    assert!(ask("GET", "/ready").starts_with("HTTP/1.1 200 "));
    assert!(ask("POST", "/quitquitquit").starts_with("HTTP/1.1 404 "));
    assert!(ask("GET", "/config_dump").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_key_endpoint_with_another_hosts_certificate_is_not_believed() {
    assert_not_believed(&Site::start("other-host", |authority| {
        authority.certificate("public-keys.auth.elb.us-east-1.amazonaws.com")
    }));
}

#[test]
fn a_key_endpoint_with_an_unknown_authoritys_certificate_is_not_believed() {
    assert_not_believed(&Site::start("unknown-authority", |_| {
        Authority::new().certificate(KEY_HOST)
    }));
}

fn assert_not_believed(site: &Site) {
    let answer = site.get("/", &[("x-amzn-oidc-data", &site.token())]);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\"error\":\"key_unavailable\""), "{answer}");
    assert_eq!(site.keys.count(KID), 0);
}

/// A certificate authority made for one test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, TlsKey>,
}

impl Authority {
    fn new() -> Self {
        let key = TlsKey::generate().expect("a key");
        let mut params = CertificateParams::default();
        // A name of its own: a leaf of the same name would pass for self-signed.
        params
            .distinguished_name
            .push(DnType::CommonName, "test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Self { pem, issuer }
    }

    /// A certificate for `host`, and its key.
    fn certificate(&self, host: &str) -> (String, String) {
        let key = TlsKey::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("a host name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// The shipped Envoy, with an application behind it and a key endpoint beside it.
struct Site {
    envoy: Envoy,
    _tls: Envoy,
    keys: KeyEndpoint,
    key: KeyPair,
}

impl Site {
    /// `certify` makes the key endpoint's certificate; the shipped Envoy trusts the authority that it is given.
    fn start(test: &str, certify: impl Fn(&Authority) -> (String, String)) -> Self {
        let authority = Authority::new();
        let (keys, key) = (KeyEndpoint::start(), KeyPair::generate(KID));
        keys.serve_key(&key);
        let tls = tls_before(test, keys.addr(), &certify(&authority));

        let folder = Folder::new(test);
        let authorities = folder.write("ca.pem", &authority.pem);
        let socket = |address: SocketAddr| {
            format!(
                "{{ address: {}, port_value: {} }}",
                address.ip(),
                address.port()
            )
        };
        let any_port = socket((Ipv4Addr::LOCALHOST, 0).into());
        let admin = format!("pipe: {{ path: {} }}", folder.path("admin.sock"));
        let key_address = format!("{{ address: {KEY_HOST}, port_value: 443 }}");
        let text = [
            ("/etc/envoy/alb_authn.wasm", module(), 1),
            ("/etc/ssl/certs/ca-certificates.crt", authorities, 1),
            (
                "socket_address: { address: 127.0.0.1, port_value: 9901 }",
                admin,
                2,
            ),
            (
                "{ address: 0.0.0.0, port_value: 8080 }",
                any_port.clone(),
                1,
            ),
            ("{ address: 0.0.0.0, port_value: 9902 }", any_port, 1),
            (&key_address, socket(tls.listener("tls")), 1),
            (
                "{ address: application.internal, port_value: 80 }",
                socket(application()),
                1,
            ),
        ]
        .into_iter()
        .fold(SHIPPED.to_owned(), |text, (shipped, here, times)| {
            replaced(&text, shipped, &here, times)
        });
        Self {
            envoy: Envoy::start(folder, &text),
            _tls: tls,
            keys,
            key,
        }
    }

    fn token(&self) -> String {
        load_balancer().mint(&self.key, &claims(), unix_now() + 120)
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> String {
        exchange(self.envoy.listener("gateway"), "GET", path, headers)
    }
}

/// An Envoy that takes TLS off, before the plain key endpoint.
fn tls_before(test: &str, plain: SocketAddr, (certificate, key): &(String, String)) -> Envoy {
    let folder = Folder::new(&format!("{test}-tls"));
    let address = |address: SocketAddr| json!({"socket_address": {"address": address.ip(), "port_value": address.port()}});
    let extensions = "type.googleapis.com/envoy.extensions";
    let tls = json!({"name": "tls", "typed_config": {
        "@type": format!("{extensions}.transport_sockets.tls.v3.DownstreamTlsContext"),
        "common_tls_context": {"tls_certificates": [{
            "certificate_chain": {"inline_string": certificate},
            "private_key": {"inline_string": key},
        }]},
    }});
    let proxy = json!({"name": "tcp", "typed_config": {
        "@type": format!("{extensions}.filters.network.tcp_proxy.v3.TcpProxy"),
        "stat_prefix": "keys", "cluster": "keys",
    }});
    let bootstrap = json!({
        "admin": {"address": {"pipe": {"path": folder.path("admin.sock")}}},
        "static_resources": {
            "listeners": [{
                "name": "tls",
                "address": address((Ipv4Addr::LOCALHOST, 0).into()),
                "filter_chains": [{"transport_socket": tls, "filters": [proxy]}],
            }],
            "clusters": [{"name": "keys", "connect_timeout": "5s", "load_assignment": {
                "cluster_name": "keys",
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(plain)}}]}],
            }}],
        },
    });
    Envoy::start(folder, &bootstrap.to_string())
}

/// The demo's application, until the test ends.
fn application() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    listener.set_nonblocking(true).expect("a socket of tokio's");
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener);
            alb_token::upstream::serve(listener.expect("a listener")).await;
        });
    });
    address
}

/// An Envoy with a configuration as text; its admin interface is the socket `admin.sock`.
struct Envoy {
    child: Child,
    folder: Folder,
}

impl Envoy {
    fn start(folder: Folder, config: &str) -> Self {
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

    fn listener(&self, name: &str) -> SocketAddr {
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
fn exchange(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
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

/// The text with what this machine needs in place of what is shipped.
fn replaced(text: &str, shipped: &str, here: &str, times: usize) -> String {
    assert_eq!(text.matches(shipped).count(), times, "{shipped}");
    text.replace(shipped, here)
}

/// A folder with a short name (a socket's path has 107 bytes at most) that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("alb-authn-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a writable folder");
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("a writable folder");
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.0.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn envoy() -> PathBuf {
    in_repository("ENVOY", ".venv/bin/envoy")
}

fn module() -> String {
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
