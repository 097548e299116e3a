//! Where a request without a token may pass.

use serde_json::json;
use wasm_tests::{Request, Running, Scenario, assert_refused};

fn scenario() -> Running {
    Scenario::new()
        .config(json!({"allowMissingToken": [
            {"path": "/healthz"},
            {"pathPrefix": "/static/"},
            {"pathPrefix": "/read/", "methods": ["GET", "HEAD"]},
            {"path": "/hosted", "hosts": ["Kubeflow.example.com", "b.example.com"]},
            {"pathPrefix": "/api/", "withHeader": "authorization"},
            {"path": "/hook", "withHeader": "X-Hook-Signature"},
            {"path": "/both", "methods": ["POST"], "hosts": ["b.example.com"]},
        ]}))
        .start()
}

#[track_caller]
fn assert_passes(s: &Running, request: &Request, case: &str) {
    let before = s.metric("requests.no_token");
    let response = request.send();
    assert_eq!(response.reason(), "", "{case}");
    let echo = response.echo();
    assert!(!echo.has("kubeflow-userid"), "{case}");
    assert_eq!(s.metric("requests.no_token"), before + 1, "{case}");
}

#[track_caller]
fn assert_missing(request: &Request, case: &str) {
    assert_refused(&request.send(), "missing_token", case);
}

#[test]
fn paths_are_compared_without_their_query_and_exactly() {
    let s = scenario();
    let passing = [
        "/healthz",
        "/healthz?a=b",
        "/healthz?",
        "/healthz?%2e;//..\\",
        "/static/",
        "/static/a/b.css",
        "/static/..a",
        "/static/a..b/.c",
        "/static/my%20model",
        "/static/a%3Ab/%E6%9D%B1",
    ];
    for path in passing {
        assert_passes(&s, &s.get(path), path);
    }
    let refused = [
        "/",
        "/healthz/",
        "/healthzz",
        "/Healthz",
        "/static",
        "/staticx/a",
        "/x/static/a",
        "/x?/healthz",
    ];
    for path in refused {
        assert_missing(&s.get(path), path);
    }
    let line = s.access_line("/healthz");
    assert_eq!(
        (line.reason.as_deref(), line.user),
        (Some("no_token"), None)
    );
    assert_eq!(s.endpoint.requests(), []);
}

#[test]
fn paths_that_an_upstream_may_read_otherwise_never_pass() {
    let s = scenario();
    let paths = [
        "/static/../admin",
        "/static/..",
        "/static/./a",
        "/static/.",
        "/static//admin",
        "/static/a//",
        "//static/a",
        "/static/%2e%2e/admin",
        "/static/%c0%ae",
        "/static/%",
        "/static/%2",
        "/static/%zz",
        "/static/.%20./admin",
        "/static/a%0ab",
        "/static/a%252e",
        "/static/%EF%B8%B0/admin",
        "/static/%ef%bc%8fadmin",
        "/static/%C2%85",
        "/static/%E2%91",
        "/static/..;/admin",
        "/static/a;b=c",
        "/static/a\\b",
        "/static\\..\\admin",
        "/healthz%3f",
        "/healthz;",
    ];
    for path in paths {
        assert_missing(&s.get(path), path);
    }
}

/// What NFKC turns into a delimiter, and look-alikes.
const LOOKALIKES: &str = "\u{37e}\u{2024}\u{2025}\u{2026}\u{2044}\u{2047}\u{2048}\u{2049}\u{2100}\u{2101}\
    \u{2105}\u{2106}\u{2215}\u{2216}\u{2488}\u{2490}\u{249b}\u{33c2}\u{33c7}\u{33d8}\u{fe14}\u{fe16}\u{fe19}\
    \u{fe30}\u{fe52}\u{fe54}\u{fe56}\u{fe5f}\u{fe68}\u{fe6a}\u{ff03}\u{ff05}\u{ff0e}\u{ff0f}\u{ff1b}\u{ff1f}\
    \u{ff3c}\u{1f100}";

#[test]
fn escapes_of_delimiters_and_what_looks_like_them_never_pass() {
    let s = scenario();
    let escaped = |c: char| {
        let bytes = c.to_string().into_bytes();
        bytes
            .iter()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    for c in "./\\;%?#\0\u{1f}\u{7f}\u{9f}"
        .chars()
        .chain(LOOKALIKES.chars())
    {
        let path = format!("/static/a{}b", escaped(c));
        assert_missing(&s.get(&path), &path);
    }
    for c in "a :\u{a0}\u{37d}\u{2027}\u{2487}\u{249c}\u{ff10}".chars() {
        let path = format!("/static/a{}b", escaped(c));
        assert_passes(&s, &s.get(&path), &path);
    }
}

#[test]
fn methods_and_hosts_narrow_an_entry() {
    let s = scenario();
    assert_passes(&s, &s.get("/read/a"), "GET");
    assert_eq!(s.request("HEAD", "/read/a").send().status, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        assert_missing(&s.request(method, "/read/a").body(""), method);
    }
    let hosted = |host: &str| s.get("/hosted").header("host", host);
    for host in [
        "kubeflow.example.com",
        "KUBEFLOW.example.COM",
        "kubeflow.example.com:443",
        "b.example.com",
    ] {
        assert_passes(&s, &hosted(host), host);
    }
    for host in [
        "a.example.com",
        "kubeflow.example.com:8443",
        "kubeflow.example.com.",
        "kubeflow.example.com:",
        "kubeflow.example.com:1:2",
        "kubeflow.example.com:x",
        "evil.com:kubeflow.example.com",
    ] {
        assert_missing(&hosted(host), host);
    }
    let both = |method: &str, host: &str| s.request(method, "/both").header("host", host).body("");
    assert_passes(&s, &both("POST", "b.example.com"), "both hold");
    assert_missing(&both("PUT", "b.example.com"), "the method doesn't hold");
    assert_missing(&both("POST", "a.example.com"), "the host doesn't hold");
}

#[test]
fn an_authorization_header_counts_only_in_the_form_that_jwt_authn_judges() {
    let s = scenario();
    let with = |value: &str| s.get("/api/x").header("authorization", value);
    for value in [
        "Bearer abc",
        "Bearer eyJ.eyJ.sig-_",
        "Bearer a~b+c/d==",
        "Bearer =",
    ] {
        assert_passes(&s, &with(value), value);
    }
    let refused = [
        "",
        "Bearer",
        "Bearer ",
        "bearer abc",
        "BEARER abc",
        "Bearerabc",
        "Bearer  abc",
        "Bearer\tabc",
        "Bearer a b",
        "Bearer a,b",
        "Bearer abc, Bearer def",
        "Bearer a\"b",
        "Bearer é",
        "Basic YTpi",
        "abc",
    ];
    for value in refused {
        assert_missing(&with(value), value);
    }
    assert_missing(&s.get("/api/x"), "no such header");
    let two = with("Bearer abc").header("authorization", "Bearer def");
    assert_missing(&two, "two of them");
}

#[test]
fn another_header_counts_once_and_not_empty() {
    let s = scenario();
    let hook = || s.get("/hook");
    assert_passes(
        &s,
        &hook().header("x-hook-signature", "any thing, at all"),
        "one",
    );
    assert_missing(&hook(), "none");
    assert_missing(&hook().header("x-hook-signature", ""), "an empty one");
    assert_missing(&hook().header("x_hook_signature", "a"), "another spelling");
    let two = hook()
        .header("x-hook-signature", "a")
        .header("x-hook-signature", "b");
    assert_missing(&two, "two");
}

#[test]
fn bearer_tokens_reach_escaped_paths() {
    let s = scenario();
    let bearer = |path: &str| s.get(path).header("authorization", "Bearer abc");
    let escaped = bearer("/api/my%20model");
    assert_passes(&s, &escaped, "a space");
    assert_eq!(escaped.send().echo().path, "/api/my%20model");
    for path in ["/api/%2e%2e/x", "/api/%c0%ae", "/api/%EF%B8%B0/x"] {
        assert_missing(&bearer(path), path);
    }
}

#[test]
fn upgrades_and_connect_to_a_public_path_never_pass_without_a_token() {
    let s = scenario();
    let upgrade = s.get("/static/ws").upgrade("websocket", "upgrade");
    assert_missing(&upgrade, "an upgrade");
    let connect = s.request("CONNECT", "kubeflow.example.com:443");
    assert_missing(&connect, "CONNECT");
    let extended = s
        .request("CONNECT", "/static/ws")
        .header(":protocol", "websocket");
    assert_refused(&extended.send_http2(), "missing_token", "extended CONNECT");
}

/// A WebSocket passes if the entry doesn't look at the path, or if it shows a bearer token.
#[test]
fn websockets_pass_to_whole_hosts_and_with_a_bearer_token() {
    let s = Scenario::new()
        .config(json!({"allowMissingToken": [
            {"hosts": ["public.example.com"]},
            {"pathPrefix": "/api/", "withHeader": "authorization"},
            {"path": "/hook", "withHeader": "x-hook-signature"},
        ]}))
        .start();
    let on_host = |protocol: &str| {
        let request = s.get("/ws").header("host", "public.example.com");
        request.upgrade(protocol, "Upgrade, kubeflow-userid")
    };
    let with_bearer = || s.get("/api/ws").header("authorization", "Bearer abc");
    for request in [
        on_host("websocket"),
        on_host("WebSocket"),
        with_bearer().upgrade("websocket", "upgrade"),
    ] {
        let response = request.send();
        assert_eq!(response.status, 101);
        let echo = response.echo();
        assert!(!echo.has("kubeflow-userid"));
        assert_eq!(
            echo.values("connection").join(",").to_lowercase(),
            "upgrade"
        );
    }
    let refused = [
        (on_host("raw"), "another protocol"),
        (on_host("websocket, raw"), "two protocols"),
        (
            s.get("/api/ws").upgrade("websocket", "upgrade"),
            "no bearer token",
        ),
        (
            with_bearer()
                .header("authorization", "Bearer x")
                .upgrade("websocket", "upgrade"),
            "two bearer tokens",
        ),
        (
            s.get("/hook")
                .header("x-hook-signature", "a")
                .upgrade("websocket", "upgrade"),
            "another header",
        ),
    ];
    for (request, case) in refused {
        let response = request.send();
        // What Envoy itself takes for no upgrade that it knows never reaches the module.
        if response.status != 403 {
            assert_refused(&response, "missing_token", case);
        }
    }
    s.assert_alive();
}

#[test]
fn an_invalid_token_is_refused_there_too() {
    let s = scenario();
    let expired = s.token_builder().expiring_at(0).sign();
    for (token, reason) in [
        ("x", "malformed_token"),
        (expired.as_str(), "token_expired"),
    ] {
        assert_refused(&s.get("/healthz").token(token).send(), reason, token);
    }
    let two_empty = s.get("/healthz").token("").token("");
    assert_refused(&two_empty.send(), "malformed_token", "two empty ones");
    assert_passes(&s, &s.get("/healthz").token(""), "an empty one is none");
    let underscored = s.get("/healthz").header("x_amzn_oidc_data", "x");
    assert_passes(&s, &underscored, "a spelling that is only removed");
}

#[test]
fn a_valid_token_there_still_gives_an_identity() {
    let s = scenario();
    let echo = s.get("/healthz").token(&s.token()).send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [wasm_tests::USER]);
    assert_eq!(s.metric("requests.ok"), 1);
}
