//! Envoy refuses each bad configuration, and the log names the field: absent ones, routes, switches
//! and limits.

use serde_json::{Value, json};
use wasm_tests::{
    BadField, Scenario, USER, assert_config_refused, assert_fields_refused,
    assert_members_required, entry,
};

#[test]
fn no_configuration_is_refused() {
    assert_config_refused(None, "");
    for text in [
        "",
        " ",
        "{",
        "[]",
        "null",
        "\"text\"",
        "{}",
        "{\"loadBalancers\":[]}",
    ] {
        assert_config_refused(Some(text), "");
    }
}

#[test]
fn missing_members_are_refused() {
    let cases = [
        ("/loadBalancers", "loadBalancers:"),
        ("/loadBalancers/0/arn", "loadBalancers[0].arn:"),
        ("/loadBalancers/0/issuers", "loadBalancers[0].issuers:"),
        ("/loadBalancers/0/clientIds", "loadBalancers[0].clientIds:"),
        (
            "/outputClaimToHeaders/0/header",
            "outputClaimToHeaders[0].header:",
        ),
        (
            "/outputClaimToHeaders/0/claim",
            "outputClaimToHeaders[0].claim:",
        ),
        ("/requiredClaims/0/claim", "requiredClaims[0].claim:"),
        ("/requiredClaims/0/anyOf", "requiredClaims[0].anyOf:"),
        ("/allowMissingToken/0/path", "allowMissingToken[0]"),
        ("/logout/path", "logout.path:"),
        ("/logout/location", "logout.location:"),
    ];
    assert_members_required(&cases);
}

#[test]
fn bad_routes_are_refused() {
    let entry = |members: Value| ("/allowMissingToken/0", members, "allowMissingToken[0]");
    assert_fields_refused(vec![
        entry(json!({"path": "/a", "pathPrefix": "/b/"})),
        entry(json!({"methods": ["GET"]})),
        entry(json!({"pathPrefix": "/"})),
        entry(json!({"pathPrefix": "/", "withHeader": "authorization", "methods": ["GET"]})),
        entry(json!({"pathPrefix": "/static"})),
        entry(json!({"pathPrefix": "static/"})),
        entry(json!({"path": "/a", "withHeader": "two words"})),
        entry(json!({"path": "/a", "method": "GET"})),
        entry(json!({"path": "/a", "hosts": []})),
        entry(json!({"path": "/a", "methods": []})),
        entry(json!({"path": "/a%2e"})),
        entry(json!({"hosts": ["a.*.example.com"]})),
        entry(json!({"hosts": ["**"]})),
        ("/logout", json!([]), "logout"),
        (
            "/logout",
            json!([{"path": "/a", "location": "https://a.example.com/", "hosts": []}]),
            "logout[0].hosts",
        ),
        (
            "/logout/location",
            json!("http://a.example.com/"),
            "logout.location:",
        ),
        ("/logout/location", json!("/logout"), "logout.location:"),
        (
            "/logout/location",
            json!("https://a.example.com/\r\nx: y"),
            "logout.location:",
        ),
        ("/logout/path", json!(5), "logout.path:"),
        ("/logout/method", json!("GET"), "logout.method"),
        ("/logout", json!(null), "logout:"),
        ("/sessionCookies", json!([]), "sessionCookies:"),
        ("/sessionCookies", json!(vec!["a"; 17]), "sessionCookies"),
        ("/sessionCookies", json!(["a", "a"]), "sessionCookies[1]:"),
        ("/sessionCookies", json!(["a;b"]), "sessionCookies[0]:"),
    ]);
}

#[test]
fn bad_switches_and_limits_are_refused() {
    let mut rows: Vec<BadField> = vec![
        ("/colour", json!("blue"), "colour"),
        ("/forwardToken", json!("true"), "forwardToken:"),
        ("/forwardSessionCookies", json!(1), "forwardSessionCookies:"),
        ("/mode", json!("monitor"), "mode:"),
        ("/mode", json!(null), "mode:"),
        ("/signatureBackend", json!("ring"), "signatureBackend:"),
        ("/maxTokenBytes", json!(1023), "maxTokenBytes:"),
        ("/maxTokenBytes", json!(65_537), "maxTokenBytes:"),
        ("/maxTokenBytes", json!("1024"), "maxTokenBytes:"),
        ("/maxTokenBytes", json!(1024.5), "maxTokenBytes:"),
        ("/maxTokenBytes", json!(1e300), "maxTokenBytes:"),
        ("/tokenCache/maxBytes", json!(-1), "tokenCache.maxBytes:"),
        (
            "/tokenCache/maxBytes",
            json!(67_108_865),
            "tokenCache.maxBytes:",
        ),
        ("/publicKeys/ttl", json!("5s"), "publicKeys.ttl"),
        (
            "/publicKeys/fetchTimeout",
            json!("99ms"),
            "publicKeys.fetchTimeout:",
        ),
        (
            "/publicKeys/fetchTimeout",
            json!("61s"),
            "publicKeys.fetchTimeout:",
        ),
        (
            "/publicKeys/refreshInterval",
            json!("59s"),
            "publicKeys.refreshInterval:",
        ),
        (
            "/publicKeys/refreshInterval",
            json!("25h"),
            "publicKeys.refreshInterval:",
        ),
        (
            "/publicKeys/maxStale",
            json!("169h"),
            "publicKeys.maxStale:",
        ),
        (
            "/publicKeys/negativeTtl",
            json!("999ms"),
            "publicKeys.negativeTtl:",
        ),
        (
            "/publicKeys/negativeTtl",
            json!("11m"),
            "publicKeys.negativeTtl:",
        ),
        ("/publicKeys/maxKeys", json!(0), "publicKeys.maxKeys:"),
        ("/publicKeys/maxKeys", json!(1025), "publicKeys.maxKeys:"),
        (
            "/publicKeys/maxPendingFetches",
            json!(65),
            "publicKeys.maxPendingFetches:",
        ),
        (
            "/publicKeys/maxWaitingRequests",
            json!(16_385),
            "publicKeys.maxWaitingRequests:",
        ),
        ("/publicKeys/maxWait", json!("61s"), "publicKeys.maxWait:"),
    ];
    let durations = [
        "5m1s",
        "6m",
        "-1s",
        "30",
        "",
        "1.5s",
        "1m30s",
        "30 s",
        "30S",
        "s",
        "+1s",
        "1d",
        "99999999999999999999h",
    ];
    rows.extend(durations.map(|text| ("/clockSkew", json!(text), "clockSkew:")));
    rows.push(("/clockSkew", json!(30), "clockSkew:"));
    assert_fields_refused(rows);
}

#[test]
fn every_limit_itself_is_accepted() {
    let low = json!({
        "clockSkew": "0s",
        "maxTokenBytes": 1024.0,
        "publicKeys": {
            "fetchTimeout": "100ms", "refreshInterval": "1m", "maxStale": "0s", "negativeTtl": "1s",
            "maxKeys": 1, "maxPendingFetches": 1.0, "maxWaitingRequests": 1, "maxWait": "100ms",
        },
        "tokenCache": {"maxBytes": 0},
    });
    let high = json!({
        "loadBalancers": [entry()],
        "outputClaimToHeaders": [{"header": "X_User", "claim": "email"}],
        "sessionCookies": (0..16).map(|n| format!("cookie{n}")).collect::<Vec<_>>(),
        "clockSkew": "5m",
        "maxTokenBytes": 65536.0,
        "publicKeys": {
            "fetchTimeout": "60s", "refreshInterval": "24h", "maxStale": "168h", "negativeTtl": "10m",
            "maxKeys": 1024, "maxPendingFetches": 64, "maxWaitingRequests": 16384, "maxWait": "1m",
        },
        "tokenCache": {"maxBytes": 67108864.0},
    });
    let s = Scenario::new().config(low).plugin("high", high).start();
    let token = s.token();
    let echo = s.get("/").token(&token).send().echo();
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    let echo = s.request_to(1, "GET", "/").token(&token).send().echo();
    assert_eq!(echo.values("x_user"), [USER]);
}
