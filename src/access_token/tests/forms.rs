//! The form of an access token: its parts, its protected header, its signature.

use alb_fixtures::access_token::sign_hs256;
use alb_fixtures::rsa::{RsaSigner, Scheme, TestKey};

use super::*;

fn with_header(key: &RsaSigner, scheme: Scheme, header: &str) -> String {
    let payload = Value::Object(claims()).to_string();
    key.sign_parts(scheme, header.as_bytes(), payload.as_bytes())
}

#[test]
fn texts_are_compared_after_their_escapes_are_read() {
    let payload = Value::Object(claims()).to_string();
    let escaped = payload.replace("https://", "https:\\/\\/");
    assert_ne!(payload, escaped);
    let key = pool().access_key;
    let header = json!({ "kid": key.kid(), "alg": "RS256" }).to_string();
    let token = key.sign_parts(Scheme::Pkcs1Sha256, header.as_bytes(), escaped.as_bytes());
    assert_eq!(judge(json!({}), &token), Ok(()));
}

#[test]
fn only_rs256_with_a_key_of_the_set_is_accepted() {
    let key = pool().access_key;
    let kid = key.kid();
    let header = |more: &str| format!(r#"{{"kid":"{kid}","alg":"RS256"{more}}}"#);
    let signed = |scheme, header: &str| with_header(&key, scheme, header);
    let payload = Value::Object(claims()).to_string();
    let good = signed(Scheme::Pkcs1Sha256, &header(""));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let hs256 = format!(r#"{{"kid":"{kid}","alg":"HS256"}}"#);
    let stranger = TestKey::Rsa2048C.signer();
    let cases = [
        ("PSS", signed(Scheme::PssSha256, &header(""))),
        (
            "RS384 under RS256",
            signed(Scheme::Pkcs1Sha384, &header("")),
        ),
        (
            "labelled PS256",
            signed(Scheme::Pkcs1Sha256, &header("").replace("RS256", "PS256")),
        ),
        (
            "labelled ES256",
            signed(Scheme::Pkcs1Sha256, &header("").replace("RS256", "ES256")),
        ),
        (
            "labelled rs256",
            signed(Scheme::Pkcs1Sha256, &header("").replace("RS256", "rs256")),
        ),
        (
            "none",
            signed(Scheme::Pkcs1Sha256, &header("").replace("RS256", "none")),
        ),
        (
            "HS256 with the public key as secret",
            sign_hs256(&key.spki_der(), hs256.as_bytes(), payload.as_bytes()),
        ),
        ("no signature", format!("{input}.")),
        (
            "a short signature",
            format!("{input}.{}", &signature[..340]),
        ),
        ("a long signature", format!("{input}.{signature}AAAA")),
        (
            "another key's signature",
            with_header(&stranger, Scheme::Pkcs1Sha256, &header("")),
        ),
        (
            "a key in the header",
            with_header(
                &stranger,
                Scheme::Pkcs1Sha256,
                &header(&format!(r#","jwk":{}"#, stranger.jwk())),
            ),
        ),
        (
            "crit",
            signed(Scheme::Pkcs1Sha256, &header(r#","crit":["exp"]"#)),
        ),
        (
            "two algorithms",
            signed(Scheme::Pkcs1Sha256, &header(r#","alg":"RS256""#)),
        ),
        (
            "no key id",
            signed(Scheme::Pkcs1Sha256, r#"{"alg":"RS256"}"#),
        ),
        (
            "a key id that is a number",
            signed(Scheme::Pkcs1Sha256, r#"{"alg":"RS256","kid":1}"#),
        ),
        (
            "an empty key id",
            signed(Scheme::Pkcs1Sha256, r#"{"alg":"RS256","kid":""}"#),
        ),
        ("two parts", input.to_owned()),
        ("four parts", format!("{good}.AAAA")),
        ("five parts, as JWE", format!("{good}.AAAA.AAAA")),
        ("another padding", good.replace('.', "=.")),
        ("no token", "opaque".to_owned()),
    ];
    assert_eq!(judge(json!({}), &good), Ok(()));
    for (case, token) in cases {
        assert_eq!(judge(json!({}), &token), INVALID, "{case}");
    }
    let unknown = signed(Scheme::Pkcs1Sha256, &header("").replace(kid, "other"));
    assert_eq!(judge(json!({}), &unknown), Err(Rejection::UnknownKey));
}

#[test]
fn each_byte_of_a_token_counts() {
    let token = pool().access_token(SUB, &[], NOON - 60);
    let config = config(json!({}));
    for position in (0..token.len()).step_by(7) {
        let mut changed = token.clone().into_bytes();
        changed[position] = if changed[position] == b'A' {
            b'B'
        } else {
            b'A'
        };
        let changed = String::from_utf8(changed).unwrap();
        let judged = judge_with(&config, &changed, config.clock(at(0)));
        assert!(judged.is_err(), "byte {position}");
    }
}
