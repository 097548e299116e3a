//! Real tokens with their real keys (`vectors/real-tokens.json` names the source of each): what AWS
//! signed must verify here, over the bytes as they were received.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read a document should fail loudly"
)]

use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::PublicKey;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::request::{Effect, Request, decide_once};
use alb_authn::time::UnixTime;
use alb_authn::token::UnverifiedToken;
use alb_authn::token_cache::TokenCache;
use alb_authn::token_kind::ALB;
use alb_authn::verify::{SignatureBackend as _, WasmBackend};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    token: String,
    public_key_pem: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("vectors/real-tokens.json")).unwrap()
}

/// The load balancer, issuer and client of the first vector.
const CONFIG: &str = r#"{ "loadBalancers": [{
    "arn": "arn:aws:elasticloadbalancing:eu-central-1:197280958225:loadbalancer/app/ecs-with-cognito-lb/6284be65b827c598",
    "issuers": ["https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_MyRrOCHQw"],
    "clientIds": ["4fmvht22tjrgd7d3k3tghttct7"]
}]}"#;

/// `exp` of the first vector.
const EXP: i64 = 1_687_748_045;

/// Judges a token with the first vector's configuration and key.
fn judge(token: &str, now: UnixTime) -> (Reason, Option<String>) {
    let config = Config::parse(CONFIG.as_bytes()).unwrap();
    let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", token.as_bytes())];
    let decision =
        match Request::handle_headers(&Headers::new(&pairs), &config, &TokenCache::new(0), now) {
            Request::Decided(decision) => decision,
            Request::AwaitingKey(waiting) => {
                let key = PublicKey::from_pem(vectors()[0].public_key_pem.as_bytes()).unwrap();
                decide_once(waiting, Rc::new(key), &config, &WasmBackend, now).decision
            }
        };
    let user = match decision.effect {
        Effect::Forward { user, .. } => user,
        Effect::Respond(_) => None,
    };
    (decision.reason, user)
}

#[test]
fn a_real_token_gives_its_user_until_exp_and_the_skew() {
    let token = &vectors()[0].token;
    let last = UnixTime::from_millis((EXP + 30) * 1000 - 1);
    assert_eq!(
        judge(token, last),
        (Reason::Ok, Some("duke@sun.com".to_owned()))
    );
    let expired = (Reason::Rejected(Rejection::TokenExpired), None);
    assert_eq!(judge(token, UnixTime::from_secs(EXP + 30)), expired);
}

#[test]
fn a_real_token_without_its_padding_is_another_text_that_nobody_signed() {
    let token = vectors()[0].token.replace('=', "");
    let (reason, _) = judge(&token, UnixTime::from_secs(EXP - 60));
    assert_eq!(reason, Reason::Rejected(Rejection::InvalidSignature));
}

#[test]
fn the_other_vectors_signature_verifies_though_its_signer_is_no_arn() {
    let vector = &vectors()[1];
    let token = UnverifiedToken::parse(vector.token.as_bytes()).unwrap();
    assert_eq!(
        token.protected_header(&ALB).unwrap().signer,
        "arn:aws:elasticloadbalancing"
    );
    let key = PublicKey::from_pem(vector.public_key_pem.as_bytes()).unwrap();
    let signature = p256::ecdsa::Signature::from_slice(token.signature()).unwrap();
    assert!(WasmBackend.verify(&key, token.signing_input(), &signature));
    let (reason, _) = judge(&vector.token, UnixTime::from_secs(0));
    assert_eq!(reason, Reason::Rejected(Rejection::UntrustedSigner));
}

#[test]
fn every_truncation_is_refused_but_that_of_the_signatures_own_padding() {
    let token = &vectors()[0].token;
    let now = UnixTime::from_secs(EXP - 60);
    let accepted: Vec<usize> = (0..token.len())
        .filter(|length| judge(&token[..*length], now).0 == Reason::Ok)
        .collect();
    // The padding of the last part stands behind the signed bytes and the signature alike.
    assert_eq!(accepted, [token.trim_end_matches('=').len()]);
}

#[test]
fn every_bit_flip_of_a_real_token_is_refused() {
    let token = &vectors()[0].token;
    let now = UnixTime::from_secs(EXP - 60);
    let mut accepted = Vec::new();
    for index in 0..token.len() {
        // Header bytes above 0x7f are no UTF-8 here, and no base64url anywhere.
        for bit in 0..7 {
            let mut bytes = token.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let flipped = String::from_utf8(bytes).unwrap();
            if judge(&flipped, now).0 == Reason::Ok {
                accepted.push((index, bit));
            }
        }
    }
    assert_eq!(accepted, []);
}
