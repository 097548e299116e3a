use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::reason::Reason;
use alb_authn::request::Request;
use alb_authn::token_cache::TokenCache;
use alb_fixtures::mint::encode;
use serde_json::{Value, json};

use super::*;
use crate::config_file::ConfigFile;

mod access;
mod groups;

const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
const NOON: i64 = 1_700_000_000;

fn header() -> Value {
    json!({
        "typ": "JWT", "kid": "c2f80c8b-c05c-4068-af14-17299f7896b1", "alg": "ES256",
        "iss": "https://idp.example.com", "client": "client-1", "signer": ARN, "exp": NOON + 120,
    })
}

fn payload() -> Value {
    json!({
        "sub": "s", "email": "alice@example.com", "email_verified": "true",
        "exp": NOON + 120, "iss": "https://idp.example.com",
    })
}

fn token_of(header: &str, payload: &str) -> String {
    // R = S = 1: a signature in form.
    let mut signature = [0; 64];
    (signature[31], signature[63]) = (1, 1);
    let parts = [header.as_bytes(), payload.as_bytes(), &signature].map(|part| encode(part, true));
    parts.join(".")
}

fn good() -> String {
    token_of(&header().to_string(), &payload().to_string())
}

fn with_header(name: &str, value: Value) -> String {
    let mut header = header();
    header[name] = value;
    token_of(&header.to_string(), &payload().to_string())
}

fn without_header(name: &str) -> String {
    let mut header = header();
    header.as_object_mut().unwrap().shift_remove(name);
    token_of(&header.to_string(), &payload().to_string())
}

fn inspect(token: &str) -> Inspection {
    Inspection::of(token.as_bytes(), UnixTime::from_secs(NOON))
}

/// The faults as `inspect` prints them.
fn faults(token: &str) -> Vec<String> {
    let faults = inspect(token).faults;
    faults
        .iter()
        .map(|fault| format!("{}: {}", fault.reason, fault.message))
        .collect()
}

/// What the filter's core says before it needs a key, where every issuer and client is trusted.
fn core_says(token: &str) -> Option<Rejection> {
    let config = json!({"loadBalancers": [{"arn": ARN, "issuers": ["*"], "clientIds": ["*"]}]});
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", token.as_bytes())];
    match Request::handle_headers(
        &Headers::new(&pairs),
        &config,
        &TokenCache::new(0),
        UnixTime::from_secs(NOON),
    ) {
        Request::Decided(decision) => match decision.reason {
            Reason::Rejected(rejection) => Some(rejection),
            other => panic!("{other:?}"),
        },
        Request::AwaitingKey(_) => None,
    }
}

#[test]
fn every_fault_before_the_key_has_words_and_the_cores_reason() {
    let good = good();
    let (head, tail) = good.split_once('.').unwrap();
    let (payload_part, signature) = tail.split_once('.').unwrap();
    let twice = header()
        .to_string()
        .replacen('{', r#"{"x":1,"x":2,"kid":"k","#, 1);
    let large = header().to_string().replacen('{', r#"{"x":1e999,"#, 1);
    let cases = [
        (good.clone(), ""),
        (good.replace('=', ""), ""),
        (token_of(&large, "{}"), ""),
        (String::new(), "missing_token: There is no token."),
        (
            "x".repeat(16_385),
            "token_too_large: It is 16385 bytes long; maxTokenBytes is 16384",
        ),
        (
            "x".repeat(65_537),
            "token_too_large: It is 65537 bytes long; maxTokenBytes can be",
        ),
        (
            format!("Bearer {good}"),
            "malformed_token: It starts with `Bearer`",
        ),
        (
            format!("X-Amzn-Oidc-Data: {good}"),
            "malformed_token: It starts with `x-amzn-oidc-data:`",
        ),
        (
            format!("x-amzn-oidc-accesstoken: {good}"),
            "malformed_token: It starts with `x-amzn-oidc-accesstoken:`",
        ),
        (
            format!("{head}.{payload_part}"),
            "malformed_token: A token has three parts with dots between them; this has 2.",
        ),
        (
            format!("{good}.x"),
            "malformed_token: A token has three parts",
        ),
        (
            format!("{head}..{signature}"),
            "malformed_token: The payload is empty.",
        ),
        (
            format!("{head}.+{payload_part}.{signature}"),
            "malformed_token: The payload holds + or /",
        ),
        (
            format!("{good}\n"),
            "malformed_token: The signature holds spaces",
        ),
        (
            format!("{head}.é.{signature}"),
            "malformed_token: The payload holds the byte 0xc3",
        ),
        (
            format!(
                "{head}.{payload_part}.{}",
                signature.trim_end_matches("==").to_owned() + "="
            ),
            "malformed_token: The signature has wrong `=` padding",
        ),
        (
            format!("{head}.{payload_part}.YR"),
            "malformed_token: The signature is cut off",
        ),
        (
            token_of("[]", "{}"),
            "malformed_token: The header is no JSON object",
        ),
        (
            token_of("\"é\"", "{}"),
            "malformed_token: The header is no JSON object",
        ),
        (
            without_header("kid"),
            "malformed_token: The header lacks `kid`",
        ),
        (
            without_header("exp"),
            "malformed_token: The header lacks `exp`",
        ),
        (
            with_header("iss", json!(1)),
            "malformed_token: The header's `iss` is no string.",
        ),
        (
            with_header("exp", json!(1.5)),
            "malformed_token: The header's `exp` is no whole number",
        ),
        (
            with_header("exp", json!(u64::MAX)),
            "malformed_token: The header's `exp` is no whole number",
        ),
        (
            token_of(&twice, "{}"),
            "malformed_token: The header holds \"kid\" more than once.",
        ),
        (
            with_header("alg", json!("RS256")),
            "unsupported_algorithm: `alg` is \"RS256\", not ES256.",
        ),
        (
            with_header("crit", json!([])),
            "unsupported_algorithm: The header holds `crit`",
        ),
        (
            with_header("kid", json!("../x")),
            "invalid_key_id: `kid` is no UUID",
        ),
        (
            with_header("signer", json!("arn:aws:iam::1:x")),
            "untrusted_signer: `signer` is not the full ARN",
        ),
        (with_header("exp", json!(NOON - 29)), ""),
        (
            with_header("exp", json!(NOON - 30)),
            "token_expired: By the `exp` of the header it expired 30 s ago.",
        ),
    ];
    for (token, expected) in cases {
        let found = faults(&token);
        let first = found.first().map_or("", String::as_str);
        assert!(first.starts_with(expected), "{token}: {found:?}");
        assert_eq!(first.is_empty(), expected.is_empty(), "{token}: {found:?}");
        let core = core_says(&token).map(Rejection::name);
        assert_eq!(first.split(':').next(), core.or(Some("")), "{token}");
    }
}

#[test]
fn faults_behind_the_key_have_words_too() {
    let with_payload = |payload: &str| token_of(&header().to_string(), payload);
    let spoilt = |signature: &[u8]| {
        let good = good();
        format!(
            "{}.{}",
            good.rsplit_once('.').unwrap().0,
            encode(signature, true)
        )
    };
    let cases = [
        (with_payload("{}"), ""),
        (
            with_payload("[]"),
            "malformed_token: The payload is no JSON object",
        ),
        (
            with_payload(r#"{"exp":"1"}"#),
            "malformed_token: The claim `exp` is no number.",
        ),
        (with_payload(r#"{"exp":1699999970.5}"#), ""),
        (
            with_payload(r#"{"exp":1699999970.0}"#),
            "token_expired: By the `exp` of the claims it expired 30 s ago.",
        ),
        (
            with_payload(r#"{"iss":1}"#),
            "wrong_issuer: The claim `iss` is no string.",
        ),
        (
            with_payload(r#"{"iss":"x"}"#),
            "wrong_issuer: The claim `iss` is not the header's",
        ),
        (
            spoilt(&[1; 63]),
            "invalid_signature: The signature is 63 bytes long",
        ),
        (
            spoilt(&[0; 64]),
            "invalid_signature: The signature's numbers are zero",
        ),
    ];
    for (token, expected) in cases {
        let found = faults(&token);
        let first = found.first().map_or("", String::as_str);
        assert!(first.starts_with(expected), "{token}: {found:?}");
        assert_eq!(
            found.len(),
            usize::from(!expected.is_empty()),
            "{token}: {found:?}"
        );
    }
}

#[test]
fn times_are_dates_and_distances() {
    let claims = json!({"exp": NOON + 61, "iat": NOON - 3600, "nbf": 1e18, "auth_time": "x"});
    let token = token_of(&header().to_string(), &claims.to_string());
    let times = inspect(&token).times;
    let told: Vec<String> = times
        .iter()
        .map(|t| {
            format!(
                "{}: {} ({})",
                t.name,
                t.date.as_deref().unwrap_or("-"),
                t.distance
            )
        })
        .collect();
    let expected = [
        "exp of the header: 2023-11-14T22:15:20Z (in 2 min 0 s)",
        "exp of the claims: 2023-11-14T22:14:21Z (in 1 min 1 s)",
        "nbf of the claims: - (in 292471154 years)",
        "iat of the claims: 2023-11-14T21:13:20Z (1 h 0 min ago)",
    ];
    assert_eq!(told, expected);
}

#[test]
fn the_configuration_that_is_offered_is_one_that_trusts_this_token_only() {
    let trust = |token: &str| {
        let trust = inspect(token).trust;
        trust.yaml().map(|yaml| (yaml, trust.json().unwrap()))
    };
    let (yaml, json) = trust(&with_header("client", json!("it's: \"x\" #é😀"))).unwrap();
    let file = ConfigFile::parse(&yaml, "istio-system");
    let config = file.plugins[0].config().unwrap();
    let load_balancer = &config.signers_of(ARN)[0];
    assert!(
        load_balancer
            .issuers
            .accept("https://idp.example.com")
            .is_some()
    );
    assert!(
        load_balancer
            .client_ids
            .accept("it's: \"x\" #é😀")
            .is_some()
    );
    assert!(Config::parse(json.to_string().as_bytes()).is_ok());

    for (name, value) in [
        ("signer", json!("x")),
        ("iss", json!("*")),
        ("client", json!("")),
        ("client", json!("a\n- b")),
        ("iss", json!(1)),
    ] {
        assert!(trust(&with_header(name, value)).is_err(), "{name}");
    }

    let china = ARN
        .replace("arn:aws:", "arn:aws-cn:")
        .replace("us-west", "cn-north");
    let (yaml, _) = trust(&with_header("signer", json!(china))).unwrap();
    let problems = ConfigFile::parse(&yaml, "istio-system").plugins[0]
        .config()
        .unwrap_err();
    assert_eq!(problems[0].path, "loadBalancers[0].keyEndpoint.authority");
}

#[test]
fn what_the_default_mapping_would_still_refuse_is_hinted_at() {
    let hint = |claims: &str| {
        let trust = inspect(&token_of(&header().to_string(), claims)).trust;
        trust.yaml().unwrap()
    };
    assert!(hint("{}").contains("# The claims lack `email`"));
    assert!(hint(r#"{"email":"a"}"#).contains("# `email_verified` is not true"));
    assert!(!hint(r#"{"email":"a","email_verified":true}"#).contains('#'));
}
