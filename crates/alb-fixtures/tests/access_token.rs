//! Access tokens and ID tokens have Cognito's form.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use alb_fixtures::access_token::{ACCESS_TOKEN_LIFETIME, UserPool, sign_hs256};
use alb_fixtures::example::{CLIENT, ISSUER, user_pool};
use alb_fixtures::rsa::{RsaSigner, rs256_verifies};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

const SUB: &str = "23d498b2-3031-70d2-8a15-49dd886a087b";
const IAT: i64 = 1_700_000_000;

fn parts(token: &str) -> (String, Value, Vec<u8>, String) {
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let header = String::from_utf8(decode(header)).unwrap();
    let payload = serde_json::from_slice(&decode(payload)).unwrap();
    (header, payload, decode(signature), input.to_owned())
}

fn is_signed_by(token: &str, key: &RsaSigner) -> bool {
    let (_, _, signature, input) = parts(token);
    rs256_verifies(&key.spki_der(), input.as_bytes(), &signature)
}

#[test]
fn an_access_token_has_cognitos_members_and_its_pools_signature() {
    let pool = user_pool();
    let token = pool.access_token(SUB, &["admins", "ml-eu"], IAT);
    let (header, payload, _, _) = parts(&token);

    let kid = pool.access_key.kid();
    assert_eq!(header, format!(r#"{{"kid":"{kid}","alg":"RS256"}}"#));
    let (jti, origin, event) = (
        &payload["jti"],
        &payload["origin_jti"],
        &payload["event_id"],
    );
    assert!(jti != origin && origin != event && event != jti);
    let expected = json!({
        "sub": SUB,
        "cognito:groups": ["admins", "ml-eu"],
        "iss": ISSUER,
        "version": 2,
        "client_id": CLIENT,
        "origin_jti": origin,
        "event_id": event,
        "token_use": "access",
        "scope": "openid profile email",
        "auth_time": IAT,
        "exp": IAT + ACCESS_TOKEN_LIFETIME,
        "iat": IAT,
        "jti": jti,
        "username": SUB,
    });
    assert_eq!(payload, expected);
    assert!(is_signed_by(&token, &pool.access_key));
    assert!(!is_signed_by(&token, &pool.id_key));
}

#[test]
fn a_user_without_groups_has_no_such_claim() {
    let (_, payload, _, _) = parts(&user_pool().access_token(SUB, &[], IAT));
    assert_eq!(payload.get("cognito:groups"), None);
}

#[test]
fn an_access_token_stays_the_same_and_differs_for_each_user_and_moment() {
    let pool = user_pool();
    let token = |sub, iat| pool.access_token(sub, &["admins"], iat);
    assert_eq!(token(SUB, IAT), token(SUB, IAT));
    assert_ne!(token(SUB, IAT), token(SUB, IAT + 1));
    assert_ne!(token(SUB, IAT), token("another", IAT));
}

#[test]
fn an_id_token_is_signed_by_the_sets_other_key_and_says_what_it_is() {
    let pool = user_pool();
    let token = pool.id_token(SUB, &["admins"], IAT);
    let (_, payload, _, _) = parts(&token);
    assert_eq!(
        (&payload["token_use"], &payload["aud"]),
        (&json!("id"), &json!(CLIENT))
    );
    assert_eq!(payload.get("client_id"), None);
    assert!(is_signed_by(&token, &pool.id_key));

    let set: Value = serde_json::from_str(&pool.key_set()).unwrap();
    let kids: Vec<&Value> = set["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kid"])
        .collect();
    assert_eq!(kids, [pool.id_key.kid(), pool.access_key.kid()]);
}

#[test]
fn the_key_set_is_where_the_issuer_publishes_it() {
    let path = |issuer: &str| UserPool::new(issuer, CLIENT).key_set_path();
    assert_eq!(path(ISSUER), "/us-west-2_EXAMPLE/.well-known/jwks.json");
    assert_eq!(path("https://idp.example.com"), "/.well-known/jwks.json");
    assert_eq!(path("https://idp.example.com/"), "/.well-known/jwks.json");
    assert_eq!(
        path("https://idp.example.com/a/b"),
        "/a/b/.well-known/jwks.json"
    );
}

#[test]
fn hs256_is_what_rfc_7515_shows() {
    // RFC 7515, appendix A.1.
    let secret = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .unwrap();
    let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
    let payload =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    let token = sign_hs256(&secret, header.as_bytes(), payload.as_bytes());
    assert!(
        token.ends_with(".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        "{token}"
    );
}
