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
fn escapes_of_letters_and_spaces_are_fine() {
    for path in [
        "/static/my%20model",
        "/static/a%3Ab%3ac",
        "/static/caf%C3%A9",
        "/static/%E6%97%A5%E6%9C%AC",
        "/static/%20/x",
    ] {
        assert!(path_passes(path), "{path}");
    }
}

#[test]
fn escapes_that_servers_read_in_two_ways_match_nothing() {
    for escape in [
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "%3b",
        "%25",
        "%3f",
        "%23",
        "%00",
        "%0a",
        "%7f",
        "%c2%85",
        "%",
        "%2g",
        "%zz",
        "%+1",
        "%c0%ae",
        "%ff",
        "%C3",
        "%C3x%A9",
        "%ED%A0%80",
        "%CD%BE",
        "%E2%80%A4",
        "%E2%80%A6",
        "%E2%81%84",
        "%E2%81%87",
        "%E2%84%80",
        "%E2%84%85",
        "%E2%88%95",
        "%E2%88%96",
        "%E2%92%88",
        "%E2%92%9B",
        "%E3%8F%82",
        "%E3%8F%87",
        "%E3%8F%98",
        "%EF%B8%94",
        "%EF%B8%96",
        "%EF%B8%99",
        "%EF%B8%B0",
        "%EF%B9%92",
        "%EF%B9%94",
        "%EF%B9%96",
        "%EF%B9%9F",
        "%EF%B9%A8",
        "%EF%B9%AA",
        "%EF%BC%83",
        "%EF%BC%85",
        "%EF%BC%8E",
        "%EF%BC%8F",
        "%EF%BC%9B",
        "%EF%BC%9F",
        "%EF%BC%BC",
        "%F0%9F%84%80",
    ] {
        assert!(!path_passes(&format!("/static/a{escape}b")), "{escape}");
    }
    for segment in [
        ".%20", "%20.", "..%20", "%20..%20", ".%20.", "...", "%20%2e",
    ] {
        assert!(!path_passes(&format!("/static/{segment}/b")), "{segment}");
    }
}

#[test]
fn whole_hosts_match_whatever_the_path() {
    let entry =
        json!({ "hosts": ["public.example.com", "*.models.example.com", "a.example:8443"] });
    let matches = |authority: &str, path: &str| {
        passes(entry.clone(), &[(":authority", authority), (":path", path)])
    };
    for path in ["/", "/%2e%2e/x", "//x;y", "*"] {
        assert!(matches("public.example.com", path), "{path}");
    }
    for host in [
        "a.models.example.com",
        "B.A.Models.Example.com:443",
        "a.example:8443",
    ] {
        assert!(matches(host, "/"), "{host}");
    }
    for host in [
        "models.example.com",
        ".models.example.com",
        "kubeflow.example.com:80.models.example.com",
        "[::1].models.example.com",
        "a..b.models.example.com",
        "a..models.example.com",
        "amodels.example.com",
        "a.models.example.com:8080",
        "a/b.models.example.com",
        "x@a.models.example.com",
        "a.example",
        "other.example.com",
        "",
    ] {
        assert!(!matches(host, "/"), "{host}");
    }
    assert!(passes(json!({ "hosts": ["*"] }), &[(":authority", "any")]));
    let overridden = [
        (":authority", "public.example.com"),
        ("x-original-url", "/a"),
    ];
    assert!(passes(entry.clone(), &overridden), "no path is looked at");
    let by_method = json!({ "hosts": ["public.example.com"], "methods": ["GET"] });
    assert!(!passes(by_method, &overridden));
}

#[test]
fn websockets_pass_on_whole_hosts_and_with_bearer_tokens_only() {
    let websocket = [
        (":path", "/x"),
        ("upgrade", "WebSocket"),
        ("authorization", "Bearer a.b.c"),
    ];
    for (entry, expected) in [
        (json!({ "hosts": ["*"] }), true),
        (json!({ "path": "/x", "withHeader": "authorization" }), true),
        (json!({ "path": "/x" }), false),
        (json!({ "path": "/x", "hosts": ["*"] }), false),
    ] {
        assert_eq!(passes(entry.clone(), &websocket), expected, "{entry}");
    }
    for upgrade in [
        vec![("upgrade", "h2c")],
        vec![("upgrade", "websocket, h2c")],
        vec![("upgrade", "websocket"), ("upgrade", "websocket")],
        vec![(":method", "CONNECT")],
    ] {
        assert!(!passes(json!({ "hosts": ["*"] }), &upgrade), "{upgrade:?}");
    }
}

#[test]
fn dots_inside_a_segment_are_no_dot_segments() {
    assert!(path_passes("/static/a..b/.c") && !path_passes("/static/..."));
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
    let route = &config.logout[0].route;
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
