//! Minted tokens have the form of a load balancer's.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use alb_fixtures::example::ARN;
use alb_fixtures::mint::{KeyPair, LoadBalancer, encode, uuid_of};
use alb_fixtures::signed_token::Token;
use p256::SecretKey;
use p256::pkcs8::LineEnding;
use serde_json::{Map, Value, json};

const KID: &str = "1b2c3d4e-0000-4000-8000-000000000001";

fn load_balancer() -> LoadBalancer {
    LoadBalancer {
        arn: ARN.into(),
        issuer: "https://idp.example.com".into(),
        client: "client-1".into(),
    }
}

fn claims() -> Map<String, Value> {
    json!({"sub": "s", "email": "alice@example.com"})
        .as_object()
        .unwrap()
        .clone()
}

#[test]
fn a_token_verifies_with_its_own_public_key_only() {
    let key = KeyPair::generate(KID);
    let token = Token::decode(&load_balancer().mint(&key, &claims(), 1_700_000_120));

    assert!(token.verifies_with(&key.public_pem()));
    assert!(!token.verifies_with(&KeyPair::generate(KID).public_pem()));
}

#[test]
fn header_and_payload_have_the_load_balancers_members_in_its_order() {
    let token = load_balancer().mint(&KeyPair::generate(KID), &claims(), 1_700_000_120);
    let token = Token::decode(&token);

    assert_eq!(
        token.header.to_string(),
        format!(
            r#"{{"typ":"JWT","kid":"{KID}","alg":"ES256","iss":"https://idp.example.com","client":"client-1","signer":"{ARN}","exp":1700000120}}"#
        )
    );
    assert_eq!(
        token.payload.to_string(),
        r#"{"sub":"s","email":"alice@example.com","exp":1700000120,"iss":"https://idp.example.com"}"#
    );
}

#[test]
fn each_part_is_padded_on_its_own_unless_told_otherwise() {
    for (bytes, padded, unpadded) in [
        (&b"a"[..], "YQ==", "YQ"),
        (b"ab", "YWI=", "YWI"),
        (b"abc", "YWJj", "YWJj"),
        (b"\xfb\xff", "-_8=", "-_8"),
    ] {
        assert_eq!(encode(bytes, true), padded);
        assert_eq!(encode(bytes, false), unpadded);
    }

    let key = KeyPair::generate(KID);
    let padded = load_balancer().mint_padded(&key, &claims(), 1, true);
    let unpadded = load_balancer().mint_padded(&key, &claims(), 1, false);
    assert!(padded.ends_with("=="), "88 characters of signature");
    assert!(padded.split('.').all(|part| part.len() % 4 == 0));
    assert!(!unpadded.contains('='));
}

#[test]
fn two_tokens_of_one_moment_differ() {
    let key = KeyPair::generate(KID);
    let mint = || load_balancer().mint(&key, &claims(), 1_700_000_120);

    assert_ne!(mint(), mint());
}

#[test]
fn a_thumbprint_kid_is_a_uuid_that_stays_with_the_key() {
    let key = KeyPair::generate("").named_by_thumbprint();
    let read_again = KeyPair::from_pem("", &key.private_pem()).unwrap();

    assert_eq!(read_again.named_by_thumbprint().kid(), key.kid());
    assert_ne!(KeyPair::generate("").named_by_thumbprint().kid(), key.kid());
    // SHA-256 of nothing starts e3b0c442 98fc1c14 9afbf4c8 996fb924.
    assert_eq!(uuid_of(""), "e3b0c442-98fc-8c14-9afb-f4c8996fb924");
}

#[test]
fn keys_are_read_in_both_forms_that_openssl_writes() {
    let key = KeyPair::generate(KID);
    let public = key.public_pem();
    let secret = SecretKey::from_pem(&key.private_pem()).unwrap();
    let sec1 = secret.to_sec1_pem(LineEnding::LF).unwrap().to_string();
    let with_curve = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{sec1}"
    );

    for pem in [key.private_pem(), sec1, with_curve] {
        assert_eq!(KeyPair::from_pem(KID, &pem).unwrap().public_pem(), public);
    }
    let error = KeyPair::from_pem(KID, &public).err().unwrap().to_string();
    assert!(error.contains("`alb-token keygen` writes one"), "{error}");
}
