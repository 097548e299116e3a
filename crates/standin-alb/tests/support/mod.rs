//! A load balancer before an application that shows what reached it, and a browser's part of HTTP.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

pub(crate) mod application;
pub(crate) mod browser;
pub(crate) mod processes;
pub(crate) mod provider;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

#[allow(unused_imports, reason = "each test program uses a part of it")]
pub(crate) use alb_fixtures::example::{ARN, CLIENT as CLIENT_ID};
use application::Application;
use browser::Browser;
use processes::{Process, free_port};
use provider::Provider;
use serde_json::{Value, json};
use standin_alb::certificates;

pub(crate) const TARGET_GROUP: &str =
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/app/73e2d6bc24d8a067";
pub(crate) const CLIENT_SECRET: &str = "a secret & more";

/// A temporary folder with certificates.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("standin-alb-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let leaves = ["kubeflow.localhost", "idp.localhost", "keys.localhost"];
        certificates::write(&path, &leaves.map(|leaf| leaf.parse().unwrap())).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn certificate(&self, name: &str) -> Value {
        json!({
            "CertificateFile": self.file(&format!("{name}.pem")),
            "PrivateKeyFile": self.file(&format!("{name}.key")),
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A load balancer that runs until it is dropped: one HTTPS listener whose default is to log in and forward.
pub(crate) struct Alb {
    process: Process,
    pub(crate) application: Application,
    /// `https://kubeflow.localhost:PORT`.
    pub(crate) url: String,
    /// The plain listener's `http://` address.
    pub(crate) http_url: String,
    pub(crate) keys_url: String,
    pub(crate) control: String,
}

/// A load balancer, its provider and a browser that was nowhere yet.
pub(crate) struct Started {
    pub(crate) folder: Folder,
    pub(crate) provider: Provider,
    pub(crate) alb: Alb,
    pub(crate) browser: Browser,
}

/// Starts them, with what `change` makes of the set-up.
pub(crate) fn start(change: impl FnOnce(&mut Setup)) -> Started {
    let folder = Folder::new();
    let provider = Provider::start(&folder);
    let mut setup = Setup::new(&provider.issuer);
    change(&mut setup);
    let alb = setup.start(&folder);
    let browser = Browser::new(&folder.file("ca.pem"));
    Started {
        folder,
        provider,
        alb,
        browser,
    }
}

impl Started {
    /// The URL of a path at the load balancer.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.alb.url)
    }
}

/// What differs from test to test.
pub(crate) struct Setup {
    /// `AuthenticateOidcConfig`.
    pub(crate) login: Value,
    /// Rules of the HTTPS listener.
    pub(crate) rules: Value,
    pub(crate) attributes: Value,
}

impl Setup {
    /// With a provider under `issuer`, whose endpoints are at `/auth`, `/token` and `/userinfo` below it.
    pub(crate) fn new(issuer: &str) -> Self {
        Self {
            login: json!({
                "Issuer": issuer,
                "AuthorizationEndpoint": format!("{issuer}/auth"),
                "TokenEndpoint": format!("{issuer}/token"),
                "UserInfoEndpoint": format!("{issuer}/userinfo"),
                "ClientId": CLIENT_ID,
                "ClientSecret": CLIENT_SECRET,
                "Scope": "openid email profile offline_access",
            }),
            rules: json!([]),
            attributes: json!({}),
        }
    }

    pub(crate) fn start(&self, folder: &Folder) -> Alb {
        let application = Application::start();
        let target = application.address.clone();
        self.start_before(folder, application, &target)
    }

    /// With another target than the application.
    pub(crate) fn start_before(
        &self,
        folder: &Folder,
        application: Application,
        target: &str,
    ) -> Alb {
        let forward = json!({"Type": "forward", "TargetGroupArn": TARGET_GROUP});
        let login = json!({"Type": "authenticate-oidc", "AuthenticateOidcConfig": self.login});
        let config = json!({
            "LoadBalancerArn": ARN,
            "Attributes": self.attributes,
            "TargetGroups": {TARGET_GROUP: target},
            "Listeners": [
                {
                    "Protocol": "HTTPS",
                    "Address": "127.0.0.1:0",
                    "Certificate": folder.certificate("kubeflow.localhost"),
                    "Rules": self.rules,
                    "DefaultActions": [login, forward],
                },
                {
                    "Protocol": "HTTP",
                    "Address": "127.0.0.1:0",
                    "DefaultActions": [forward],
                },
            ],
            "PublicKeys": {"Address": "127.0.0.1:0", "Certificate": folder.certificate("keys.localhost")},
            "IdentityProviderCaFile": folder.file("ca.pem"),
            "ControlAddress": "127.0.0.1:0",
        });
        let file = folder.file(&format!("alb-{}.json", free_port()));
        fs::write(&file, config.to_string()).unwrap();
        let process = Process::start(
            env!("CARGO_BIN_EXE_standin-alb"),
            &["serve", file.to_str().unwrap()],
            4,
        );
        let port = |index: usize| {
            process.listening[index]
                .rsplit_once(':')
                .unwrap()
                .1
                .to_owned()
        };
        Alb {
            url: format!("https://kubeflow.localhost:{}", port(0)),
            http_url: process.listening[1].clone(),
            keys_url: format!("https://keys.localhost:{}", port(2)),
            control: process.listening[3].clone(),
            process,
            application,
        }
    }
}

impl Alb {
    /// The reason of the next error for a path in the access log, which is read behind the answers: each is
    /// given once.
    pub(crate) fn error_reason(&self, path: &str) -> String {
        self.process
            .next_line(&format!("an error, {path}"), |line| {
                let reason = line.split(' ').nth(2).filter(|reason| *reason != "-");
                reason.filter(|_| line.ends_with(path)).map(str::to_owned)
            })
    }

    /// Makes the region sign with a new key; the result is its id.
    pub(crate) fn rotate_key(&self) -> String {
        let mut stream = TcpStream::connect(&self.control).unwrap();
        let request = "POST /rotate-key HTTP/1.1\r\nhost: control\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split("\r\n\r\n").nth(1).unwrap().trim().to_owned()
    }
}
