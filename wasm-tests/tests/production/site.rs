//! The shipped configuration with what it needs around it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use alb_fixtures::mint::{KeyPair, unix_now};
use alb_fixtures::upstream;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair as TlsKey};
use serde_json::json;
use wasm_tests::{Envoy, Folder, KID, KeyEndpoint, Options, claims, load_balancer};

use crate::exchange::exchange;

pub(crate) const SHIPPED: &str = include_str!("../../../envoy-config/production.yaml");
pub(crate) const KEY_HOST: &str = "public-keys.auth.elb.us-west-2.amazonaws.com";

/// A certificate authority made for one test.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, TlsKey>,
}

impl Authority {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn certificate(&self, host: &str) -> (String, String) {
        let key = TlsKey::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("a host name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// The shipped Envoy, with an application behind it and a key endpoint beside it.
pub(crate) struct Site {
    pub(crate) envoy: Envoy,
    _tls: Envoy,
    pub(crate) keys: KeyEndpoint,
    key: KeyPair,
}

impl Site {
    /// `certify` makes the key endpoint's certificate; the shipped Envoy trusts the authority that it is given.
    pub(crate) fn start(certify: impl Fn(&Authority) -> (String, String)) -> Self {
        let authority = Authority::new();
        let (keys, key) = (KeyEndpoint::start(), KeyPair::generate(KID));
        keys.serve_key(&key);
        let tls = tls_before(keys.addr(), &certify(&authority));

        let folder = Folder::new();
        let authorities = folder.write("ca.pem", &authority.pem).display().to_string();
        let socket = |address: SocketAddr| {
            format!(
                "{{ address: {}, port_value: {} }}",
                address.ip(),
                address.port()
            )
        };
        let any_port = socket((Ipv4Addr::LOCALHOST, 0).into());
        let admin = format!("pipe: {{ path: {} }}", folder.file("admin.sock").display());
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
            envoy: start_envoy(folder, &text),
            _tls: tls,
            keys,
            key,
        }
    }

    pub(crate) fn token(&self) -> String {
        load_balancer().mint(&self.key, &claims(), unix_now() + 120)
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> String {
        exchange(self.envoy.listener("gateway"), "GET", path, headers)
    }
}

fn start_envoy(folder: Folder, config: &str) -> Envoy {
    let file = folder.write("envoy.yaml", config);
    let started = Envoy::start(folder, &file, &Options::default());
    started.unwrap_or_else(|log| panic!("Envoy did not start:\n{log}"))
}

/// The path of the module under test.
pub(crate) fn module() -> String {
    wasm_tests::module().display().to_string()
}

/// An Envoy that takes TLS off, before the plain key endpoint.
fn tls_before(plain: SocketAddr, (certificate, key): &(String, String)) -> Envoy {
    let folder = Folder::new();
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
        "admin": {"address": {"pipe": {"path": folder.file("admin.sock")}}},
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
    start_envoy(folder, &bootstrap.to_string())
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
            upstream::serve(listener.expect("a listener"), upstream::Page::Demo).await;
        });
    });
    address
}

/// The text with what this machine needs in place of what is shipped.
pub(crate) fn replaced(text: &str, shipped: &str, here: &str, times: usize) -> String {
    assert_eq!(text.matches(shipped).count(), times, "{shipped}");
    text.replace(shipped, here)
}
