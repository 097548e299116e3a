use serde_json::json;

use super::*;
use crate::testing::{config_with, request};

/// Would this request pass without a token, by this one entry?
fn passes(entry: serde_json::Value, more: &[(&str, &str)]) -> bool {
    let config = config_with(json!({ "allowMissingToken": [entry] }));
    let pairs = request(more);
    config.allow_missing_token[0]
        .matches(&Headers::new(&pairs))
        .is_some()
}

fn path_passes(path: &str) -> bool {
    passes(json!({ "path": "/healthz" }), &[(":path", path)])
        || passes(json!({ "pathPrefix": "/static/" }), &[(":path", path)])
}

#[test]
fn paths_match_without_their_query() {
    for path in [
        "/healthz",
        "/healthz?a=b%20c/../",
        "/static/",
        "/static/a/b.js?v=1;2",
    ] {
        assert!(path_passes(path), "{path}");
    }
}

#[test]
fn paths_that_could_be_read_in_two_ways_match_nothing() {
    for path in [
        "",
        "healthz",
        "/Healthz",
        "/healthz/",
        "/healthz/x",
        "/static",
        "/staticx/",
        "/static/%2e%2e/admin",
        "/static/a%20b",
        "/static/..",
        "/static/../admin",
        "/static/./x",
        "/static/..;/admin",
        "/static/a;b",
        "/static//x",
        "//static/x",
        "/static/a\\b",
        "/static/#x",
        "/static/é",
    ] {
        assert!(!path_passes(path), "{path}");
    }
}

#[test]
fn dots_inside_a_segment_are_no_dot_segments() {
    assert!(path_passes("/static/...") && path_passes("/static/a..b/.c"));
}

#[test]
fn methods_and_hosts_narrow_an_entry() {
    let entry = json!({ "path": "/healthz", "methods": ["GET", "HEAD"], "hosts": ["A.example:80", "b.example:8443"] });
    let matches = |method, host| {
        passes(
            entry.clone(),
            &[
                (":path", "/healthz"),
                (":method", method),
                (":authority", host),
            ],
        )
    };
    for host in [
        "a.example",
        "A.EXAMPLE:443",
        "a.example:80",
        "b.example:8443",
    ] {
        assert!(matches("GET", host) && matches("HEAD", host), "{host}");
    }
    assert!(!matches("POST", "a.example"));
    assert!(!matches("get", "a.example"));
    for host in [
        "",
        "b.example",
        "b.example:443",
        "a.example:8443",
        "a.example:080",
        "a.example.",
        "a.example:",
        "a.example:x",
        "a.example:80:80",
        "x.a.example",
    ] {
        assert!(!matches("GET", host), "{host}");
    }
}

#[test]
fn upgrades_and_tunnels_never_match() {
    let entry = json!({ "path": "/healthz" });
    assert!(passes(entry.clone(), &[(":path", "/healthz")]));
    assert!(!passes(
        entry.clone(),
        &[(":path", "/healthz"), ("upgrade", "websocket")]
    ));
    assert!(!passes(
        entry,
        &[(":path", "/healthz"), (":method", "CONNECT")]
    ));
}

#[test]
fn with_header_asks_for_exactly_one_that_is_not_empty() {
    let matches = |headers: &[(&str, &str)]| {
        passes(json!({ "path": "/", "withHeader": "X-Api-Key" }), headers)
    };
    assert!(matches(&[("x-api-key", "k")]));
    assert!(!matches(&[]));
    assert!(!matches(&[("x-api-key", "")]));
    assert!(!matches(&[("x-api-key", " ")]));
    assert!(!matches(&[("x-api-key", "k"), ("x-api-key", "k")]));
    assert!(!matches(&[("x-api-key", "k"), ("x_api_key", "other")]));
    assert!(!matches(&[("x_api_key", "k")]));
}

#[test]
fn with_authorization_takes_only_what_jwt_authn_will_judge() {
    let matches = |value| {
        passes(
            json!({ "path": "/", "withHeader": "authorization" }),
            &[("authorization", value)],
        )
    };
    assert!(matches("Bearer aZ0._~+/=-"));
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "bearer x",
        "BEARER x",
        "Basic x",
        "Bearer  x",
        "Bearer x y",
        "Bearer x,Bearer y",
        "x",
        " Bearer x",
        "Bearer x\t",
    ] {
        assert!(!matches(value), "{value:?}");
    }
}

#[test]
fn logouts_are_gets_and_posts_of_the_path() {
    let config = config_with(json!({
        "logout": { "path": "/logout", "location": "https://idp.example.com/", "hosts": ["k.example"] },
    }));
    let route = &config.logout.as_ref().unwrap().route;
    let method = |method, path, host| {
        let pairs = request(&[(":method", method), (":path", path), (":authority", host)]);
        route.matches(&Headers::new(&pairs))
    };
    assert_eq!(
        method("GET", "/logout?x", "K.example:443"),
        Some(LogoutMethod::Get)
    );
    assert_eq!(
        method("POST", "/logout", "k.example"),
        Some(LogoutMethod::Post)
    );
    assert_eq!(method("HEAD", "/logout", "k.example"), None);
    assert_eq!(method("GET", "/logout/", "k.example"), None);
    assert_eq!(method("GET", "/x/../logout", "k.example"), None);
    assert_eq!(method("GET", "/logout", "other.example"), None);
}

#[test]
fn paths_with_bytes_that_url_parsers_drop_match_nothing() {
    for path in [
        "/static/.\t./admin",
        "/static/.\n./admin",
        "/static/.\r./admin",
        "/static/.\u{b}./admin",
        "/static/.\0./admin",
        "/static/.\u{7f}./admin",
        "/static/a b",
    ] {
        assert!(!path_passes(path), "{path:?}");
    }
}

#[test]
fn a_request_that_matched_without_its_port_goes_on_without_it() {
    let passage = |entry: serde_json::Value, authority| {
        let config = config_with(json!({ "allowMissingToken": [entry] }));
        let pairs = request(&[(":path", "/healthz"), (":authority", authority)]);
        config.allow_missing_token[0].matches(&Headers::new(&pairs))
    };
    let hosts = json!({ "path": "/healthz", "hosts": ["a.example", "[::1]", "a.example:8443"] });
    for (authority, expected) in [
        ("a.example", None),
        ("a.example:8443", None),
        ("A.example:443", Some("A.example")),
        ("a.example:80", Some("a.example")),
        ("[::1]:443", Some("[::1]")),
    ] {
        let authority_after = expected.map(str::to_owned);
        let passage = passage(hosts.clone(), authority).unwrap();
        assert_eq!(passage.authority, authority_after, "{authority}");
    }
    let any_host = passage(json!({ "path": "/healthz" }), "a.example:443");
    assert_eq!(any_host, Some(Passage::default()), "no host was compared");
}

#[test]
fn headers_that_servers_obey_in_place_of_the_path_or_method_match_nothing() {
    for name in [
        "x-original-url",
        "x_rewrite.url",
        "X-HTTP-Method-Override",
        "x-http-method",
        "x-method-override",
    ] {
        let request = [(":path", "/healthz"), (name, "/admin")];
        assert!(!passes(json!({ "path": "/healthz" }), &request), "{name}");
    }
}
