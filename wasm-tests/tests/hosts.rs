//! `hosts` and ports, and headers by which some servers take another path or method.

use serde_json::{Value, json};
use wasm_tests::{Request, Running, Scenario, assert_refused};

const HOST: &str = "kubeflow.example.com";
/// What some servers obey in place of the path or the method of the request itself.
const OVERRIDES: [&str; 5] = [
    "x-original-url",
    "x-rewrite-url",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
];

/// Envoy's virtual hosts know each host without a port only.
fn scenario(members: Value) -> Running {
    let routes = json!([
        {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}},
    ]);
    let domains = [HOST, "a.example.com", "ported.example.com:8443"];
    Scenario::new()
        .config(members)
        .connection_manager(json!({"route_config": {"virtual_hosts": [
            {"name": "known", "domains": domains, "routes": routes},
        ]}}))
        .start()
}

fn with_hosts() -> Running {
    scenario(json!({
        "allowMissingToken": [
            {"path": "/healthz", "hosts": [HOST]},
            {"pathPrefix": "/v1/", "hosts": ["b.example.com", "A.example.com"]},
            {"path": "/ported", "hosts": ["ported.example.com:8443"]},
        ],
        "logout": {"path": "/logout", "location": "https://auth.example.com/out", "hosts": [HOST]},
    }))
}

fn to(s: &Running, host: &str, path: &str) -> Request {
    s.get(path).header("host", host)
}

#[test]
fn the_default_ports_match_and_go_no_further() {
    let s = with_hosts();
    let cases = [
        ("kubeflow.example.com", "/healthz", HOST),
        ("kubeflow.example.com:443", "/healthz", HOST),
        ("kubeflow.example.com:80", "/healthz", HOST),
        ("Kubeflow.Example.com:443", "/healthz", HOST),
        ("a.example.com:443", "/v1/x", "a.example.com"),
        (
            "ported.example.com:8443",
            "/ported",
            "ported.example.com:8443",
        ),
    ];
    for (host, path, seen) in cases {
        let request = to(&s, host, path);
        for response in [request.start().finish(), request.send_http2()] {
            let echo = response.echo();
            let hosts: Vec<String> = echo
                .values("host")
                .iter()
                .map(|host| host.to_lowercase())
                .collect();
            assert_eq!(hosts, [seen], "{host}");
        }
    }
    s.assert_alive();
}

#[test]
fn other_ports_are_other_hosts() {
    let s = with_hosts();
    let cases = [
        ("kubeflow.example.com:8443", "/healthz"),
        ("kubeflow.example.com:8080", "/healthz"),
        ("kubeflow.example.com:0443", "/healthz"),
        ("kubeflow.example.com:", "/healthz"),
        ("kubeflow.example.com:443:443", "/healthz"),
        ("kubeflow.example.com.:443", "/healthz"),
        ("a.example.com:8443", "/v1/x"),
        ("ported.example.com", "/ported"),
        ("ported.example.com:443", "/ported"),
    ];
    for (host, path) in cases {
        let response = to(&s, host, path).send();
        // What Envoy itself takes for no host never reaches the module.
        if response.status != 400 {
            assert_refused(&response, "missing_token", host);
        }
    }
}

#[test]
fn logout_matches_the_default_ports() {
    let s = with_hosts();
    for host in [HOST, "kubeflow.example.com:443", "kubeflow.example.com:80"] {
        assert_eq!(to(&s, host, "/logout").send().status, 302, "{host}");
    }
    let other = to(&s, "kubeflow.example.com:8443", "/logout");
    assert_refused(&other.send(), "missing_token", "another port");
}

#[test]
fn whole_hosts_pass_whatever_the_path() {
    let s = Scenario::new()
        .config(json!({"allowMissingToken": [
            {"hosts": ["public.example.com", "*.models.example.com"]},
            {"hosts": ["get.example.com"], "methods": ["GET"]},
            {"path": "/anywhere", "hosts": ["*"]},
        ]}))
        .start();
    for (host, path, seen) in [
        ("public.example.com", "/", "public.example.com"),
        (
            "public.example.com:443",
            "/x/../%2e;//",
            "public.example.com",
        ),
        ("Public.Example.com:80", "/", "Public.Example.com"),
        ("a.models.example.com", "/", "a.models.example.com"),
        ("a.b.models.example.com:443", "/", "a.b.models.example.com"),
        ("other.example.org", "/anywhere", "other.example.org"),
        ("other.example.org:443", "/anywhere", "other.example.org"),
        ("get.example.com", "/", "get.example.com"),
    ] {
        let echo = to(&s, host, path).send().echo();
        let hosts: Vec<String> = echo
            .values("host")
            .iter()
            .map(|h| h.to_lowercase())
            .collect();
        assert_eq!(hosts, [seen.to_lowercase()], "{host} {path}");
        assert!(!echo.has("kubeflow-userid"));
    }
    for (host, path) in [
        ("public.example.com:8443", "/"),
        ("models.example.com", "/"),
        ("amodels.example.com", "/"),
        ("a.models.example.com.evil.org", "/"),
        ("a.models.example.com:8443", "/"),
        ("public.example.com.", "/"),
        ("other.example.org", "/"),
    ] {
        assert_refused(&to(&s, host, path).send(), "missing_token", host);
    }
    let post = s
        .request("POST", "/")
        .header("host", "get.example.com")
        .body("");
    assert_refused(&post.send(), "missing_token", "another method");
    let bad = to(&s, "public.example.com", "/").token("x");
    assert_refused(
        &bad.send(),
        "malformed_token",
        "a token is judged there, too",
    );
    let echo = to(&s, "public.example.com", "/")
        .token(&s.token())
        .send()
        .echo();
    assert_eq!(echo.values("kubeflow-userid"), [wasm_tests::USER]);
    for header in override_headers() {
        let request = to(&s, "public.example.com", "/").header(&header, "/admin");
        request.send().echo();
        let request = to(&s, "get.example.com", "/").header(&header, "DELETE");
        assert_refused(&request.send(), "missing_token", &header);
    }
    s.assert_alive();
}

/// Each in the spelling that is written, and in ones that servers fold to it.
fn override_headers() -> impl Iterator<Item = String> {
    OVERRIDES.into_iter().flat_map(|name| {
        let folded = name.replace('-', "_");
        [
            name.to_owned(),
            name.to_uppercase(),
            folded,
            name.replace('-', "."),
        ]
    })
}

#[test]
fn a_request_for_another_path_or_method_is_not_public() {
    let s = scenario(json!({"allowMissingToken": [
        {"path": "/healthz"},
        {"pathPrefix": "/static/"},
        {"path": "/read", "methods": ["GET"]},
        {"path": "/hosted", "hosts": ["a.example.com"]},
    ]}));
    let public = [
        (HOST, "/healthz"),
        (HOST, "/static/a.css"),
        (HOST, "/read"),
        ("a.example.com", "/hosted"),
    ];
    for (host, path) in public {
        to(&s, host, path).send().echo();
        for header in override_headers() {
            for value in ["/admin", "DELETE", ""] {
                let response = to(&s, host, path).header(&header, value).send();
                assert_refused(&response, "missing_token", &format!("{path}, {header}"));
            }
        }
    }
    for header in override_headers() {
        let known = to(&s, HOST, "/healthz").token(&s.token());
        known.header(&header, "/admin").send().echo();
    }
    s.assert_alive();
}
