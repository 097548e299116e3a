//! Every truncation and every bit flip of a good token, and properties over many tokens.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use alb_authn::config::Config;
use alb_authn::reason::{Reason, Rejection};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use invariants::support::{after_noon, config, header, payload, reason, signing_key};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::json;

/// With key 1.
struct Judge(Config);

impl Judge {
    fn new() -> Self {
        Self(config())
    }

    fn reason(&self, token: &[u8]) -> Reason {
        reason(token, &self.0, after_noon(0))
    }
}

/// A good token whose three parts have two, one and two padding characters.
fn token() -> String {
    let pad = |mut json: serde_json::Value, remainder: usize| {
        while json.to_string().len() % 3 != remainder {
            let more = json["x"].as_str().unwrap_or_default().to_owned() + "x";
            json["x"] = json!(more);
        }
        URL_SAFE.encode(json.to_string())
    };
    let input = format!("{}.{}", pad(header(), 1), pad(payload(), 2));
    let signature: Signature = signing_key(1).sign(input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE.encode(signature.to_bytes()));
    assert_eq!(
        token.matches("==.").count() + token.matches("=.").count(),
        3
    );
    token
}

/// Where the parts and their dots are.
fn part_of(token: &str, index: usize) -> usize {
    token[..index].matches('.').count()
}

fn rejection(reason: Reason) -> Rejection {
    match reason {
        Reason::Rejected(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_truncation_is_refused_as_malformed_or_as_another_signature() {
    let (judge, token) = (Judge::new(), token());
    assert_eq!(judge.reason(token.as_bytes()), Reason::Ok);
    let whole = token.trim_end_matches('=').len();
    let third = token.rfind('.').unwrap() + 1;
    for length in 0..token.len() {
        let reason = judge.reason(&token.as_bytes()[..length]);
        if length == whole {
            // The signature's own padding stands behind all that is signed.
            assert_eq!(reason, Reason::Ok);
        } else if length == 0 {
            assert_eq!(rejection(reason), Rejection::MissingToken);
        } else if length <= third {
            assert_eq!(rejection(reason), Rejection::MalformedToken, "{length}");
        } else {
            let family = [Rejection::MalformedToken, Rejection::InvalidSignature];
            assert!(family.contains(&rejection(reason)), "{length}: {reason:?}");
        }
        // From the front: the header is gone.
        if length > 0 {
            let reason = judge.reason(&token.as_bytes()[length..]);
            assert_eq!(
                rejection(reason),
                Rejection::MalformedToken,
                "{length} from the front"
            );
        }
    }
}

#[test]
fn every_bit_flip_is_refused_with_a_reason_of_its_part() {
    let (judge, token) = (Judge::new(), token());
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut bytes = token.clone().into_bytes();
            bytes[index] ^= 1 << bit;
            let rejection = rejection(judge.reason(&bytes));
            let expected = match part_of(&token, index) {
                // In the protected header each check may see it first.
                0 => rejection < Rejection::MissingClaim && rejection > Rejection::TokenTooLarge,
                _ => [Rejection::MalformedToken, Rejection::InvalidSignature].contains(&rejection),
            };
            assert!(expected, "{rejection} for bit {bit} of byte {index}");
        }
    }
}

#[test]
fn every_byte_put_in_or_taken_out_is_refused() {
    let (judge, token) = (Judge::new(), token());
    let padding = token.trim_end_matches('=').len();
    for index in 0..=token.len() {
        for byte in *b"A=.-_+/ \0\xff" {
            let mut bytes = token.clone().into_bytes();
            bytes.insert(index, byte);
            assert_ne!(judge.reason(&bytes), Reason::Ok, "{byte:#x} at {index}");
        }
        if index < token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes.remove(index);
            assert_ne!(
                judge.reason(&bytes),
                Reason::Ok,
                "without byte {index} of {padding}"
            );
        }
    }
}

#[test]
fn no_two_parts_of_different_tokens_make_a_third() {
    let judge = Judge::new();
    let sign = |user: &str| {
        let mut payload = payload();
        payload["email"] = json!(user);
        let encode = |json: &serde_json::Value| URL_SAFE.encode(json.to_string());
        let input = format!("{}.{}", encode(&header()), encode(&payload));
        let signature: Signature = signing_key(1).sign(input.as_bytes());
        [
            input.split_once('.').unwrap().0.to_owned(),
            encode(&payload),
            URL_SAFE.encode(signature.to_bytes()),
        ]
    };
    let (alice, bob) = (sign("alice@example.com"), sign("bob@example.com"));
    assert_eq!(judge.reason(bob.join(".").as_bytes()), Reason::Ok);
    for mixed in [
        [&alice[0], &bob[1], &alice[2]],
        [&alice[0], &alice[1], &bob[2]],
    ] {
        let token = mixed.map(String::as_str).join(".");
        assert_eq!(
            rejection(judge.reason(token.as_bytes())),
            Rejection::InvalidSignature
        );
    }
}
