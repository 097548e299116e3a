//! What is refused once the key is known: the answer, the counter and the access log.

use alb_fixtures::mint::{KeyPair, encode, unix_now};
use serde_json::{Value, json};
use wasm_tests::{Answer, Case, KID, Running, Scenario};

fn with_payload(s: &Running, payload: &[u8]) -> String {
    let header = s.token_builder().header_text();
    s.token_builder().sign_bytes(header.as_bytes(), payload)
}

/// A token whose padding is gone from the signed bytes.
fn without_padding(s: &Running) -> String {
    let mut tokens = (1..4).map(|length| s.token_with("filler", "x".repeat(length)));
    let padded = tokens.find(|token| token.contains("=."));
    padded
        .expect("one length of three needs padding")
        .replace('=', "")
}

#[test]
fn a_signature_that_does_not_verify_is_invalid() {
    let s = Scenario::new().start();
    let token = s.token();
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let signature = |bytes: &[u8]| format!("{signed}.{}", encode(bytes, true));
    let good = s.key.sign(signed.as_bytes());
    let other = KeyPair::generate(KID);
    let swapped = {
        let payload = encode(
            s.token_builder()
                .claim("email", "eve@example.com")
                .payload_text()
                .as_bytes(),
            true,
        );
        let parts: Vec<&str> = token.split('.').collect();
        format!("{}.{payload}.{}", parts[0], parts[2])
    };
    let not_an_object = encode(b"[]", true);
    let unread = format!(
        "{}.{not_an_object}.{}",
        signed.split('.').next().unwrap_or_default(),
        encode(&good, true)
    );
    let cases = vec![
        Case::new(
            "another key",
            s.token_builder().signed_by(&other).sign(),
            "invalid_signature",
        ),
        Case::new("another payload", swapped, "invalid_signature"),
        Case::new(
            "a payload that is no object stays unread",
            unread,
            "invalid_signature",
        ),
        Case::new(
            "its padding taken away",
            without_padding(&s),
            "invalid_signature",
        ),
        Case::new("63 bytes", signature(&good[..63]), "invalid_signature"),
        Case::new(
            "65 bytes",
            signature(&[&good[..], &[0]].concat()),
            "invalid_signature",
        ),
        Case::new("one byte", signature(&[0]), "invalid_signature"),
        Case::new(
            "DER",
            signature(&[&[0x30, 0x44, 2, 32], &good[..32], &[2, 32], &good[32..]].concat()),
            "invalid_signature",
        ),
        Case::new("r and s of 0", signature(&[0; 64]), "invalid_signature"),
        Case::new(
            "r and s beyond the order",
            signature(&[0xff; 64]),
            "invalid_signature",
        ),
        Case::new(
            "r of 0",
            signature(&[&[0; 32], &good[32..]].concat()),
            "invalid_signature",
        ),
    ];
    s.assert_each_refused(cases);
    assert_eq!(s.endpoint.count(KID), 1);
    s.assert_alive();
}

#[test]
fn the_payload_is_judged_once_its_signature_holds() {
    let s = Scenario::new().start();
    let token_with = |claim: &str, value: Value| s.token_builder().claim(claim, value).sign();
    s.assert_each_refused(vec![
        Case::new("no JSON", with_payload(&s, b"x"), "malformed_token"),
        Case::new("an array", with_payload(&s, b"[]"), "malformed_token"),
        Case::new("a string", with_payload(&s, b"\"ada\""), "malformed_token"),
        Case::new(
            "no UTF-8",
            with_payload(&s, b"{\"email\":\"\xff\"}"),
            "malformed_token",
        ),
        Case::new(
            "exp as a string",
            token_with("exp", json!("9999999999")),
            "malformed_token",
        ),
        Case::new(
            "another issuer",
            token_with("iss", json!("https://evil.example.com")),
            "wrong_issuer",
        ),
        Case::new(
            "expired by the payload",
            token_with("exp", json!(unix_now() - 31)),
            "token_expired",
        ),
        Case::new(
            "no e-mail",
            s.token_builder().without_claim("email").sign(),
            "missing_claim",
        ),
        Case::new(
            "null for an e-mail",
            token_with("email", json!(null)),
            "missing_claim",
        ),
        Case::new(
            "an empty e-mail",
            token_with("email", json!("")),
            "missing_claim",
        ),
        Case::new(
            "a blank e-mail",
            token_with("email", json!(" ")),
            "unusable_claim",
        ),
        Case::new(
            "an e-mail not verified",
            token_with("email_verified", json!("false")),
            "unverified_email",
        ),
    ]);
    s.assert_alive();
}

#[test]
fn a_required_claim_that_does_not_hold_is_a_mismatch() {
    let s = Scenario::new()
        .config(json!({"requiredClaims": [{"claim": "tenant", "anyOf": ["blue"]}]}))
        .start();
    let cases = vec![
        Case::new("absent", s.token(), "claim_mismatch"),
        Case::new("another", s.token_with("tenant", "red"), "claim_mismatch"),
    ];
    s.assert_each_refused(cases);
    s.get("/")
        .token(&s.token_with("tenant", "blue"))
        .send()
        .echo();
}

#[test]
fn a_key_that_the_endpoint_does_not_have_is_unknown() {
    let s = Scenario::new().start();
    let mut cases = Vec::new();
    for status in [403, 404, 410] {
        let kid = format!("00000000-0000-0000-0000-000000000{status}");
        s.endpoint.set(&kid, Answer::Status(status));
        cases.push(Case::new(
            "unknown",
            s.token_builder().header("kid", kid).sign(),
            "unknown_key",
        ));
    }
    s.assert_each_refused(cases);
}

#[test]
fn the_limits_of_length_and_time_are_exact() {
    let s = Scenario::new()
        .config(json!({"maxTokenBytes": 1026}))
        .start();
    let name = |length: usize| s.token_with("filler", "x".repeat(length));
    // A padded token's length is two more than a multiple of four.
    let fits = (0..400)
        .map(name)
        .rfind(|token| token.len() <= 1026)
        .expect("a short token");
    assert_eq!(fits.len(), 1026, "the longest of them fills the limit");
    s.get("/").token(&fits).send().echo();
    let too_long = format!("{fits}=");
    s.assert_each_refused(vec![Case::new("one more", too_long, "token_too_large")]);
    let now = unix_now();
    s.get("/")
        .token(&s.token_builder().expiring_at(now - 20).sign())
        .send()
        .echo();
    s.assert_each_refused(vec![Case::new(
        "past the skew",
        s.token_builder().expiring_at(now - 30).sign(),
        "token_expired",
    )]);
}

#[test]
fn a_grpc_request_gets_a_refusal_in_grpc_form() {
    let s = Scenario::new().start();
    let request = s
        .request("POST", "/pkg.Service/Method")
        .header("content-type", "application/grpc");
    let response = request.clone().body("").send_http2();
    assert_eq!(response.status, 200);
    assert_eq!(response.values("grpc-status"), ["16"]);
    let forbidden = request
        .token(&s.token_builder().without_claim("email").sign())
        .body("");
    assert_eq!(forbidden.send_http2().values("grpc-status"), ["7"]);
    assert_eq!(s.metric("requests.missing_token"), 1);
}
