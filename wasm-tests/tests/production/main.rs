//! `envoy-config/production.yaml` as it is shipped, but for addresses and files: it runs, and believes only the key
//! endpoint whose certificate is right.

mod exchange;
mod site;

use std::process::Command;

use serde_json::{Value, json};
use wasm_tests::{Folder, KID, USER, envoy_binary, eventually};

use exchange::exchange;
use site::{Authority, KEY_HOST, SHIPPED, Site, module, replaced};

#[test]
fn the_shipped_files_are_good_configurations() {
    let demo = include_str!("../../../envoy-config/envoy.yaml");
    let module = module();
    for (name, text, shipped_module) in [
        (
            "production.yaml",
            SHIPPED,
            "filename: /etc/envoy/alb_authn.wasm",
        ),
        ("envoy.yaml", demo, "filename: dist/alb_authn.wasm"),
    ] {
        let folder = Folder::new();
        let authorities = folder.write("ca.pem", &Authority::new().pem);
        let authorities = authorities.display().to_string();
        let text = replaced(text, shipped_module, &format!("filename: {module}"), 1);
        let text = text.replace("/etc/ssl/certs/ca-certificates.crt", &authorities);
        let file = folder.write("envoy.yaml", &text);
        let output = Command::new(envoy_binary())
            .args(["--mode", "validate", "--log-level", "error", "-c"])
            .arg(file)
            .output()
            .expect("Envoy starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn a_verified_key_endpoint_is_believed_and_the_verdict_is_left_in_log_and_statistics() {
    let site = Site::start(|authority| authority.certificate(KEY_HOST));

    assert!(site.get("/healthz", &[]).starts_with("HTTP/1.1 200 "));
    assert!(site.get("/", &[]).starts_with("HTTP/1.1 401 "));
    let answer = site.get("/app?secret=1", &[("x-amzn-oidc-data", &site.token())]);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains(&format!("\"user\": \"{USER}\"")),
        "{answer}"
    );

    let line = eventually("the access log has the request", || {
        let log = site.envoy.folder().read("stdout");
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
    assert_not_believed(&Site::start(|authority| {
        authority.certificate("public-keys.auth.elb.us-east-1.amazonaws.com")
    }));
}

#[test]
fn a_key_endpoint_with_an_unknown_authoritys_certificate_is_not_believed() {
    assert_not_believed(&Site::start(|_| Authority::new().certificate(KEY_HOST)));
}

fn assert_not_believed(site: &Site) {
    let answer = site.get("/", &[("x-amzn-oidc-data", &site.token())]);
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("\"error\":\"key_unavailable\""), "{answer}");
    assert_eq!(site.keys.count(KID), 0);
}
