//! What is read of a key set.

use alb_fixtures::rsa::{RsaSigner, TestKey, key_set};

use super::*;

fn rsa(key: TestKey, kid: &str) -> RsaSigner {
    key.signer().named(kid)
}

/// One key with these members in place of its own; `null` removes one.
fn set_with(changes: Value) -> String {
    let mut jwk = rsa(TestKey::Rsa2048A, "a").jwk();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    json!({ "keys": [jwk] }).to_string()
}

fn kids(body: &str) -> Option<Vec<String>> {
    let set = KeySet::parse(body.as_bytes())?;
    Some(
        set.into_keys()
            .iter()
            .map(|key| key.kid().to_owned())
            .collect(),
    )
}

#[test]
fn keys_for_rs256_signatures_are_used_and_others_skipped() {
    let n = rsa(TestKey::Rsa2048A, "a").jwk()["n"]
        .as_str()
        .unwrap()
        .to_owned();
    let cases = [
        ("as Cognito writes it", json!({}), true),
        (
            "without use and alg",
            json!({ "use": null, "alg": null }),
            true,
        ),
        (
            "with more members",
            json!({ "x5c": ["MII"], "x5t": "x", "key_ops": ["verify"] }),
            true,
        ),
        ("a padded exponent", json!({ "e": "AQAB====" }), false),
        (
            "zeros in front of the exponent",
            json!({ "e": "AAEAAQ==" }),
            true,
        ),
        ("a padded modulus", json!({ "n": format!("{n}==") }), true),
        ("for encryption", json!({ "use": "enc" }), false),
        ("a use of another type", json!({ "use": ["sig"] }), false),
        ("RS384", json!({ "alg": "RS384" }), false),
        ("PS256", json!({ "alg": "PS256" }), false),
        ("EC", json!({ "kty": "EC" }), false),
        ("oct", json!({ "kty": "oct", "k": "AAAA" }), false),
        ("no kty", json!({ "kty": null }), false),
        ("no kid", json!({ "kid": null }), false),
        ("an empty kid", json!({ "kid": "" }), false),
        (
            "a kid of 256 characters",
            json!({ "kid": "é".repeat(256) }),
            true,
        ),
        (
            "a kid of 257 characters",
            json!({ "kid": "k".repeat(257) }),
            false,
        ),
        (
            "a kid with a control character",
            json!({ "kid": "a\nb" }),
            false,
        ),
        ("exponent 3", json!({ "e": "Aw" }), false),
        ("a short modulus", json!({ "n": &n[..340] }), false),
        ("no modulus", json!({ "n": null }), false),
        (
            "standard base64",
            json!({ "n": n.replace(['-', '_'], "+") }),
            false,
        ),
    ];
    for (case, changes, is_usable) in cases {
        assert_eq!(kids(&set_with(changes)).is_some(), is_usable, "{case}");
    }
    for key in [TestKey::Rsa3072, TestKey::Rsa4096] {
        assert_eq!(kids(&key_set(&[rsa(key, "b")])), Some(vec!["b".to_owned()]));
    }
}

#[test]
fn one_bad_key_does_not_spoil_a_set() {
    let good = rsa(TestKey::Rsa2048A, "a").jwk();
    let body = json!({ "keys": [{ "kty": "EC" }, 7, "x", null, good] }).to_string();
    assert_eq!(kids(&body), Some(vec!["a".to_owned()]));
}

#[test]
fn a_key_id_of_two_keys_counts_for_nothing_and_the_same_key_twice_once() {
    let (a, b) = (rsa(TestKey::Rsa2048A, "a"), rsa(TestKey::Rsa2048B, "b"));
    let twin = rsa(TestKey::Rsa2048C, "a");
    let set = |keys: &[&RsaSigner]| {
        let keys: Vec<RsaSigner> = keys.iter().map(|key| (*key).clone()).collect();
        kids(&key_set(&keys))
    };
    assert_eq!(
        set(&[&a, &b, &a]),
        Some(vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(set(&[&a, &b, &twin]), Some(vec!["b".to_owned()]));
    assert_eq!(set(&[&a, &twin]), None);
}

#[test]
fn the_first_thirty_two_usable_keys_count() {
    let usable = (1..=33).map(|n| rsa(TestKey::Rsa2048A, &n.to_string()).jwk());
    let mut keys: Vec<Value> = vec![json!({ "kty": "EC" })];
    keys.extend(usable);
    let found = kids(&json!({ "keys": keys }).to_string()).unwrap();
    assert_eq!((found.len(), found.last().unwrap().as_str()), (32, "32"));
}

#[test]
fn what_is_no_key_set_is_none() {
    let good = set_with(json!({}));
    let longest = format!("{good}{}", " ".repeat(MAX_KEY_SET_BYTES - good.len()));
    assert!(KeySet::parse(longest.as_bytes()).is_some());
    let bad = [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":[]}"#.to_owned(),
        format!("{good}x"),
        format!("{longest} "),
        "[".repeat(60_000),
    ];
    for body in bad {
        assert_eq!(
            KeySet::parse(body.as_bytes()),
            None,
            "{}",
            &body[..body.len().min(40)]
        );
    }
    assert_eq!(KeySet::parse(b"{\"keys\":[\xff]}"), None);
}

#[test]
fn a_key_that_stands_in_the_next_set_keeps_its_identity() {
    let parse = |keys: &[RsaSigner]| KeySet::parse(key_set(keys).as_bytes()).unwrap();
    let (a, b, c) = (
        rsa(TestKey::Rsa2048A, "a"),
        rsa(TestKey::Rsa2048B, "b"),
        rsa(TestKey::Rsa2048C, "a"),
    );
    let earlier = parse(&[a.clone(), b.clone()]);
    let kept = Rc::clone(earlier.find("b").unwrap());
    let gone = Rc::clone(earlier.find("a").unwrap());
    let mut next = parse(&[c, b]);
    let dropped = next.replace(earlier);
    assert!(Rc::ptr_eq(next.find("b").unwrap(), &kept));
    assert!(matches!(dropped.as_slice(), [only] if Rc::ptr_eq(only, &gone)));
    assert_ne!(next.find("a"), Some(&gone));
}
