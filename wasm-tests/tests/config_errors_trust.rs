//! Envoy refuses each bad configuration, and the log names the field: load balancers, claims and
//! headers.

use serde_json::{Value, json};
use wasm_tests::{BadField, assert_fields_refused, entry};

#[test]
fn bad_load_balancers_are_refused() {
    let arn = |arn: &str, path| ("/loadBalancers/0/arn", json!(arn), path);
    let beginning = "arn:aws:elasticloadbalancing:us-west-2:123456789012:";
    let network = format!("{beginning}loadbalancer/net/kubeflow/50dc6c495c0c9188");
    let listener = format!("{beginning}listener/app/kubeflow/50dc6c495c0c9188/0123456789abcdef");
    let spaced = format!("{beginning}loadbalancer/app/kubeflow/50dc6c495c0c9188 ");
    let china = "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/cn/50dc6c495c0c9188";
    let mut in_china = entry();
    in_china["arn"] = china.into();
    let many: Vec<_> = (0..65)
        .map(|n| {
            let mut entry = entry();
            entry["arn"] = format!("{beginning}loadbalancer/app/kubeflow/{n:016x}").into();
            entry
        })
        .collect();
    let here = "loadBalancers[0].arn:";
    let claim = json!([{"claim": "a"}]);
    assert_fields_refused(vec![
        ("/loadBalancers", json!([]), "loadBalancers:"),
        ("/loadBalancers", json!({}), "loadBalancers:"),
        ("/loadBalancers", json!(null), "loadBalancers:"),
        ("/loadBalancers", json!(many), "loadBalancers:"),
        (
            "/loadBalancers",
            json!([entry(), entry()]),
            "loadBalancers[1].arn:",
        ),
        ("/loadBalancers/0", json!("arn"), "loadBalancers[0]:"),
        arn("", here),
        arn("*", here),
        arn("50dc6c495c0c9188", here),
        arn(&network, here),
        arn(&listener, here),
        arn(&spaced, here),
        ("/loadBalancers/0/arn", json!(null), here),
        ("/loadBalancers/0/arn", json!(5), here),
        (
            "/loadBalancers/0/region",
            json!("us-west-2"),
            "loadBalancers[0].region",
        ),
        (
            "/loadBalancers/0/issuers",
            json!([]),
            "loadBalancers[0].issuers",
        ),
        (
            "/loadBalancers/0/issuers",
            json!("x"),
            "loadBalancers[0].issuers:",
        ),
        (
            "/loadBalancers/0/issuers",
            json!([5]),
            "loadBalancers[0].issuers[0]:",
        ),
        (
            "/loadBalancers/0/issuers",
            json!(["*", "x"]),
            "loadBalancers[0].issuers",
        ),
        (
            "/loadBalancers/0/issuers",
            json!(["x", "x"]),
            "loadBalancers[0].issuers[1]:",
        ),
        (
            "/loadBalancers/0/clientIds",
            json!([]),
            "loadBalancers[0].clientIds",
        ),
        (
            "/loadBalancers/0/clientIds",
            json!(["x", "y", "x"]),
            "loadBalancers[0].clientIds[2]:",
        ),
        (
            "/loadBalancers/0/requiredClaims",
            claim,
            "loadBalancers[0].requiredClaims[0].anyOf",
        ),
        (
            "/loadBalancers/0/outputClaimToHeaders",
            json!([]),
            "loadBalancers[0].outputClaimToHeaders:",
        ),
        (
            "/loadBalancers/0/keyEndpoint",
            json!({"port": 1}),
            "loadBalancers[0].keyEndpoint.port",
        ),
        (
            "/loadBalancers/0/keyEndpoint",
            json!({"cluster": 1}),
            "loadBalancers[0].keyEndpoint.cluster:",
        ),
        (
            "/loadBalancers",
            json!([in_china]),
            "loadBalancers[0].keyEndpoint.authority:",
        ),
    ]);
}

#[test]
fn bad_headers_and_claims_are_refused() {
    let mut rows: Vec<BadField> = [
        "host",
        "connection",
        "content-length",
        "Transfer-Encoding",
        "te",
        "upgrade",
        "cookie",
        "authorization",
        "x-amzn-oidc-data",
        "X-Amzn-Oidc-Other",
        "",
        "two words",
        "a:b",
        ":path",
        "é",
    ]
    .into_iter()
    .map(|name| {
        (
            "/outputClaimToHeaders/0/header",
            json!(name),
            "outputClaimToHeaders[0].header:",
        )
    })
    .collect();
    let role = |mut members: Value, field: &str| {
        members["header"] = json!("x-role");
        members["claim"] = json!("groups");
        let list = json!([{"header": "kubeflow-userid", "claim": "email"}, members]);
        let path: &str = format!("outputClaimToHeaders[1].{field}").leak();
        ("/outputClaimToHeaders", list, path)
    };
    let bad_entry = |field: &str, value: Value, named: &str| {
        let mut entry = json!({"header": "kubeflow-userid", "claim": "email"});
        entry[field] = value;
        let path: &str = format!("outputClaimToHeaders[0].{named}").leak();
        ("/outputClaimToHeaders", json!([entry]), path)
    };
    let pair = |a: &str, b: &str| json!([{"header": a, "claim": "a"}, {"header": b, "claim": "b"}]);
    rows.extend([
        ("/stripHeaders", json!(["cookie"]), "stripHeaders[0]:"),
        ("/stripHeaders", json!(["x-a", "X_A"]), "stripHeaders[1]:"),
        ("/stripHeaders", json!("x-a"), "stripHeaders:"),
        ("/outputClaimToHeaders", json!([]), "outputClaimToHeaders:"),
        (
            "/outputClaimToHeaders",
            pair("x-a", "x_a"),
            "outputClaimToHeaders[1].header:",
        ),
        (
            "/outputClaimToHeaders",
            json!([{"header": "x-a", "claim": "a"}, {"header": "X-A", "claim": "a"}]),
            "outputClaimToHeaders[1]:",
        ),
        (
            "/outputClaimToHeaders/0/claim",
            json!(""),
            "outputClaimToHeaders[0].claim",
        ),
        (
            "/outputClaimToHeaders/0/claim",
            json!([]),
            "outputClaimToHeaders[0].claim",
        ),
        (
            "/outputClaimToHeaders/0/claim",
            json!(["a", 5]),
            "outputClaimToHeaders[0].claim",
        ),
        (
            "/outputClaimToHeaders/0/claim",
            json!(5),
            "outputClaimToHeaders[0].claim:",
        ),
        (
            "/outputClaimToHeaders/0/prefix",
            json!("a\nb"),
            "outputClaimToHeaders[0].prefix:",
        ),
        (
            "/outputClaimToHeaders/0/prefix",
            json!("a\u{7f}"),
            "outputClaimToHeaders[0].prefix:",
        ),
        (
            "/outputClaimToHeaders/0/lowercase",
            json!("yes"),
            "outputClaimToHeaders[0].lowercase:",
        ),
        (
            "/outputClaimToHeaders/0/required",
            json!(1),
            "outputClaimToHeaders[0].required:",
        ),
        (
            "/outputClaimToHeaders/0/value",
            json!("x"),
            "outputClaimToHeaders[0].value",
        ),
        bad_entry("required", json!(false), "required:"),
        bad_entry("format", json!("csv"), "format:"),
        bad_entry("separator", json!(":"), "separator:"),
        bad_entry("encoding", json!("base64"), "encoding:"),
        bad_entry("source", json!("accessToken"), "source:"),
        bad_entry("keep", json!([]), "keep:"),
        bad_entry("keep", json!(["*a*"]), "keep[0]:"),
        bad_entry("stripPrefix", json!("a\n"), "stripPrefix:"),
        bad_entry("stripSuffix", json!("a\n"), "stripSuffix:"),
        bad_entry("prefix", json!("system:x"), "prefix:"),
        role(json!({"value": "Admin"}), "value"),
        role(
            json!({"keep": ["a"], "value": "Admin", "prefix": "x"}),
            "prefix",
        ),
        role(
            json!({"keep": ["a"], "value": "Admin", "lowercase": true}),
            "lowercase",
        ),
        role(json!({"format": "list", "prefix": "o=a,"}), "prefix"),
        (
            "/outputClaimToHeaders",
            json!([
                {"header": "x-user", "claim": "sub"},
                {"header": "x-a", "claim": "a", "required": false},
                {"header": "x-a", "claim": "b", "separator": ";", "required": false},
            ]),
            "outputClaimToHeaders[2].separator:",
        ),
        (
            "/outputClaimToHeaders",
            json!([
                {"header": "x-user", "claim": "sub"},
                {"header": "kubeflow-userid", "claim": "a", "required": false},
            ]),
            "outputClaimToHeaders[1].required:",
        ),
        (
            "/outputClaimToHeaders",
            json!([
                {"header": "kubeflow-userid", "claim": "a", "keep": ["*"], "value": "root"},
            ]),
            "outputClaimToHeaders[0].value:",
        ),
        (
            "/requiredClaims/0/anyOf",
            json!([]),
            "requiredClaims[0].anyOf",
        ),
        (
            "/requiredClaims/0/anyOf",
            json!("b"),
            "requiredClaims[0].anyOf:",
        ),
        (
            "/requiredClaims/0/anyOf",
            json!(["b", "b"]),
            "requiredClaims[0].anyOf[1]:",
        ),
        (
            "/requiredClaims/0/anyOf",
            json!(["a*b"]),
            "requiredClaims[0].anyOf[0]:",
        ),
        (
            "/requiredClaims/0/source",
            json!("accessToken"),
            "requiredClaims[0].source:",
        ),
        ("/emailVerified", json!("sometimes"), "emailVerified:"),
        ("/emailVerified", json!(true), "emailVerified:"),
    ]);
    assert_fields_refused(rows);
}

/// An entry with `accessToken`, after these members have taken the place of its own.
fn entry_with(access_token: Value, members: Value) -> Value {
    let mut entry = entry();
    entry["accessToken"] = access_token;
    for (name, value) in members.as_object().into_iter().flatten() {
        entry[name] = value.clone();
    }
    entry
}

#[test]
fn bad_settings_for_access_tokens_are_refused() {
    let here = "loadBalancers[0].accessToken";
    let bad = |access_token: Value, path: &'static str| -> BadField {
        ("/loadBalancers/0/accessToken", access_token, path)
    };
    let elsewhere = |issuers: Value| -> BadField {
        let entry = entry_with(json!({}), json!({"issuers": issuers}));
        ("/loadBalancers/0", entry, here)
    };
    let reading = json!([
        {"header": "kubeflow-userid", "claim": "email"},
        {"header": "x-a", "claim": "a", "source": "accessToken"},
    ]);
    let needed = json!([{"claim": "a", "source": "accessToken", "anyOf": ["b"]}]);
    assert_fields_refused(vec![
        bad(json!(true), here),
        bad(json!(null), here),
        bad(json!({"subjects": "sub"}), here),
        bad(
            json!({"subject": ""}),
            "loadBalancers[0].accessToken.subject:",
        ),
        bad(
            json!({"subject": 5}),
            "loadBalancers[0].accessToken.subject:",
        ),
        bad(
            json!({"audiences": "a"}),
            "loadBalancers[0].accessToken.audiences:",
        ),
        bad(
            json!({"audiences": [""]}),
            "loadBalancers[0].accessToken.audiences[0]:",
        ),
        bad(
            json!({"audiences": ["a", "a"]}),
            "loadBalancers[0].accessToken.audiences[1]:",
        ),
        bad(
            json!({"jwks": "https://a.example.com"}),
            "loadBalancers[0].accessToken.jwks:",
        ),
        bad(
            json!({"jwks": {"url": "/"}}),
            "loadBalancers[0].accessToken.jwks",
        ),
        bad(
            json!({"jwks": {"cluster": ""}}),
            "loadBalancers[0].accessToken.jwks.cluster:",
        ),
        bad(
            json!({"jwks": {"authority": "a b"}}),
            "loadBalancers[0].accessToken.jwks.authority:",
        ),
        bad(
            json!({"jwks": {"path": "keys"}}),
            "loadBalancers[0].accessToken.jwks.path:",
        ),
        bad(
            json!({"jwks": {"path": "/a b"}}),
            "loadBalancers[0].accessToken.jwks.path:",
        ),
        elsewhere(json!(["*"])),
        elsewhere(json!(["https://a.example.com", "https://b.example.com"])),
        elsewhere(json!(["https://dex.example.com"])),
        elsewhere(json!([
            "http://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE"
        ])),
        elsewhere(json!([
            "https://cognito-idp.us-west-2.amazonaws.com.evil.com/us-west-2_EXAMPLE"
        ])),
        elsewhere(json!([
            "https://cognito-idp.us-west-2.amazonaws.com/eu-west-1_EXAMPLE"
        ])),
        (
            "/outputClaimToHeaders",
            reading,
            "outputClaimToHeaders[1].source",
        ),
        ("/requiredClaims", needed, "requiredClaims[0].source"),
        ("/forwardAccessToken", json!(true), "forwardAccessToken:"),
        ("/forwardAccessToken", json!("true"), "forwardAccessToken:"),
    ]);
}
