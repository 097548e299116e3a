//! What is refused without a key: the answer, the counter and the access log, and no fetch.

use alb_fixtures::mint::{encode, unix_now};
use serde_json::{Value, json};
use wasm_tests::{ARN, CLIENT, Case, KID, Running, Scenario};

/// A token with this protected header; nothing else is wrong with it.
fn with_header(s: &Running, header: &[u8]) -> String {
    let payload = s.token_builder().payload_text();
    s.token_builder().sign_bytes(header, payload.as_bytes())
}

fn missing_and_large(s: &Running) -> Vec<Case> {
    vec![
        Case::with_tokens("no header", vec![], "missing_token"),
        Case::new("an empty header", "", "missing_token"),
        Case::new("one byte too long", "a".repeat(16_385), "token_too_large"),
        Case::with_tokens("two tokens", vec![s.token(), s.token()], "malformed_token"),
        Case::with_tokens(
            "a token and an empty one",
            vec![s.token(), String::new()],
            "malformed_token",
        ),
        Case::with_tokens(
            "two empty ones",
            vec![String::new(), String::new()],
            "malformed_token",
        ),
    ]
}

/// Tokens that fall to the form of their parts.
fn malformed_parts(s: &Running) -> Vec<Case> {
    let token = s.token();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let bare = s.token_builder().unpadded().sign();
    // 64 bytes end in a character of which four bits are padding: `A` has none of them set.
    let unpadded_signature = encode(&[0; 64], false);
    let loose_bits = format!("{}B", &unpadded_signature[..unpadded_signature.len() - 1]);
    let standard = |part: &str| format!("{}+/{}", &part[..4], &part[6..]);
    let cases = [
        ("one part", header.to_owned()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.{payload}")),
        ("a trailing dot", format!("{token}.")),
        ("only dots", "..".to_owned()),
        ("an empty header", format!(".{payload}.{signature}")),
        ("an empty payload", format!("{header}..{signature}")),
        ("an empty signature", format!("{header}.{payload}.")),
        (
            "standard base64 in the header",
            format!("{}.{payload}.{signature}", standard(header)),
        ),
        (
            "standard base64 in the payload",
            format!("{header}.{}.{signature}", standard(payload)),
        ),
        (
            "standard base64 in the signature",
            format!("{header}.{payload}.{}", standard(signature)),
        ),
        (
            "one = of two",
            token.strip_suffix('=').unwrap_or_default().to_owned(),
        ),
        ("three =", format!("{token}=")),
        (
            "= where none belongs",
            format!("{header}=.{payload}.{signature}"),
        ),
        (
            "loose trailing bits",
            format!("{header}.{payload}.{loose_bits}"),
        ),
        (
            "a lonely character",
            format!("{header}.{payload}.{}", "A".repeat(89)),
        ),
        ("a space inside", token.replacen('.', " .", 1)),
        ("a scheme in front", format!("Bearer {bare}")),
        ("a byte that is no ASCII", format!("é{bare}")),
    ];
    let cases = cases.into_iter();
    cases
        .map(|(name, t)| Case::new(name, t, "malformed_token"))
        .collect()
}

/// Tokens that fall to the JSON of their protected header.
fn malformed_headers(s: &Running) -> Vec<Case> {
    let good = s.token_builder().header_text();
    let texts: [(&str, Vec<u8>); 14] = [
        ("no JSON", b"header".to_vec()),
        ("an array", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("cut short", good.as_bytes()[..good.len() - 1].to_vec()),
        ("something behind it", format!("{good}x").into_bytes()),
        (
            "a duplicate alg",
            good.replacen('{', r#"{"alg":"ES256","#, 1).into_bytes(),
        ),
        (
            "a duplicate kid",
            good.replacen('{', &format!(r#"{{"kid":"{KID}","#), 1)
                .into_bytes(),
        ),
        (
            "a duplicate by escape",
            good.replacen('{', r#"{"\u0061lg":"ES256","#, 1)
                .into_bytes(),
        ),
        (
            "a duplicate typ",
            good.replacen('{', r#"{"typ":"JWT","#, 1).into_bytes(),
        ),
        (
            "no UTF-8",
            [good.replace('}', r#","x":""#).as_bytes(), b"\xff\"}"].concat(),
        ),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        ),
        (
            "a number that no f64 holds",
            good.replace('}', r#","exp":1e999}"#).into_bytes(),
        ),
        (
            "an unpaired surrogate",
            good.replace(CLIENT, r"\ud800").into_bytes(),
        ),
    ];
    let texts = texts.into_iter();
    texts
        .map(|(name, text)| Case::new(name, with_header(s, &text), "malformed_token"))
        .collect()
}

/// Each member of the protected header, absent and of a wrong type.
fn malformed_members(s: &Running) -> Vec<Case> {
    let mut cases = Vec::new();
    for member in ["alg", "kid", "signer", "iss", "client", "exp"] {
        let absent = s.token_builder().without_header(member).sign();
        cases.push(Case::new(member, absent, "malformed_token"));
        let wrong = [json!(null), json!(true), json!([]), json!({})];
        let further = if member == "exp" {
            let exp = unix_now() + 120;
            vec![json!(exp.to_string()), json!(1e30), json!(1.5)]
        } else {
            vec![json!(5)]
        };
        for value in wrong.into_iter().chain(further) {
            let token = s.token_builder().header(member, value).sign();
            cases.push(Case::new(member, token, "malformed_token"));
        }
    }
    cases
}

/// Tokens that fall to the values of their protected header.
fn untrusted_headers(s: &Running) -> Vec<Case> {
    let rows: Vec<(&'static str, Value, &'static str)> = vec![
        ("alg", json!("none"), "unsupported_algorithm"),
        ("alg", json!(""), "unsupported_algorithm"),
        ("alg", json!("es256"), "unsupported_algorithm"),
        ("alg", json!("HS256"), "unsupported_algorithm"),
        ("alg", json!("ES384"), "unsupported_algorithm"),
        ("alg", json!("ES256 "), "unsupported_algorithm"),
        ("crit", json!(["exp"]), "unsupported_algorithm"),
        ("crit", json!(null), "unsupported_algorithm"),
        ("kid", json!(""), "invalid_key_id"),
        ("kid", json!("../../etc/passwd"), "invalid_key_id"),
        (
            "kid",
            json!("C2f80c8b-c05c-4068-af14-17299f7896b1"),
            "invalid_key_id",
        ),
        (
            "kid",
            json!("c2f80c8bc05c4068af1417299f7896b1"),
            "invalid_key_id",
        ),
        (
            "kid",
            json!("{c2f80c8b-c05c-4068-af14-17299f7896b1}"),
            "invalid_key_id",
        ),
        (
            "kid",
            json!("c2f80c8b-c05c-4068-af14-17299f7896b1/x"),
            "invalid_key_id",
        ),
        (
            "kid",
            json!("g2f80c8b-c05c-4068-af14-17299f7896b1"),
            "invalid_key_id",
        ),
        ("signer", json!(""), "untrusted_signer"),
        ("signer", json!(format!("{ARN}0")), "untrusted_signer"),
        ("signer", json!(ARN.to_uppercase()), "untrusted_signer"),
        (
            "signer",
            json!(ARN.replace("123456789012", "210987654321")),
            "untrusted_signer",
        ),
        ("signer", json!("*"), "untrusted_signer"),
        ("iss", json!("https://evil.example.com"), "wrong_issuer"),
        ("iss", json!(""), "wrong_issuer"),
        ("client", json!("another"), "wrong_client"),
        ("client", json!(""), "wrong_client"),
        ("exp", json!(0), "token_expired"),
        ("exp", json!(-1), "token_expired"),
        ("exp", json!(i64::MIN), "token_expired"),
        ("exp", json!(unix_now() - 31), "token_expired"),
    ];
    let rows = rows.into_iter();
    rows.map(|(member, value, reason)| {
        Case::new(
            member,
            s.token_builder().header(member, value).sign(),
            reason,
        )
    })
    .collect()
}

/// Tokens with several faults: the first of the table is named.
fn orders(s: &Running) -> Vec<Case> {
    let mut forgery = s.token_builder().header("exp", 0);
    let mut cases = vec![Case::new("expired", forgery.sign(), "token_expired")];
    for (member, value, reason) in [
        ("client", "x", "wrong_client"),
        ("iss", "x", "wrong_issuer"),
        ("signer", "x", "untrusted_signer"),
        ("kid", "x", "invalid_key_id"),
        ("alg", "x", "unsupported_algorithm"),
    ] {
        forgery = forgery.header(member, value);
        cases.push(Case::new(reason, forgery.sign(), reason));
    }
    cases.push(Case::new(
        "no client",
        forgery.without_header("client").sign(),
        "malformed_token",
    ));
    cases
}

#[test]
fn what_is_refused_by_a_local_check_never_causes_a_fetch() {
    let s = Scenario::new().start();
    let tables = [
        missing_and_large(&s),
        malformed_parts(&s),
        malformed_headers(&s),
        malformed_members(&s),
        untrusted_headers(&s),
        orders(&s),
    ];
    for cases in tables {
        s.assert_each_refused(cases);
    }
    assert_eq!(s.endpoint.requests(), []);
    s.assert_alive();
}
