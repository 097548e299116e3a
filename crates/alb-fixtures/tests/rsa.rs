//! RSA keys sign, and stand in a key set, as an identity provider's do.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use alb_fixtures::rsa::{
    RsaSigner, Scheme, TestKey, key_set, rs256_verifies, rs256_verifies_with_jwk,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Each key, its size, and the id that OpenSSL gives it:
/// `openssl pkey -in FILE -pubout -outform DER | openssl dgst -sha256 -binary | base64`.
const KEYS: [(TestKey, usize, &str); 5] = [
    (
        TestKey::Rsa2048A,
        2048,
        "Mmr5pIcD89+fANFFPOACsxXoknfmw//Bf132U+/BCis=",
    ),
    (
        TestKey::Rsa2048B,
        2048,
        "nTZqJhD9IWHfdSdu1/6sBRINEP0+4LA8Zj30YDr02ZY=",
    ),
    (
        TestKey::Rsa2048C,
        2048,
        "mCkAJ/LMKXvs0RA6wO+kWks0V0bGxPSzdqhdHNUqEvE=",
    ),
    (
        TestKey::Rsa3072,
        3072,
        "WInGbb4jWzrD+4Qg0VEROXGoIVyrnGUhKZDL/l3E28w=",
    ),
    (
        TestKey::Rsa4096,
        4096,
        "of4j+q+wHImbHozfVEJ3l1j6Jin/nDECv7j+gojKt5c=",
    ),
];

#[test]
fn each_key_has_the_public_half_and_the_id_that_openssl_gives_it() {
    for (key, bits, kid) in KEYS {
        let signer = key.signer();
        assert_eq!(
            signer.kid(),
            kid,
            "{key:?}: of the whole SubjectPublicKeyInfo"
        );
        assert_eq!(signer.modulus().len() * 8, bits, "{key:?}");
        assert_eq!(signer.exponent(), [1, 0, 1], "{key:?}");
    }
}

#[test]
fn a_signature_verifies_over_its_own_text_with_its_own_key_only() {
    for (key, bits, _) in KEYS {
        let signer = key.signer();
        let signature = signer.sign(Scheme::Pkcs1Sha256, b"text");
        assert_eq!(signature.len() * 8, bits);
        assert!(rs256_verifies(&signer.spki_der(), b"text", &signature));
        assert!(!rs256_verifies(&signer.spki_der(), b"texT", &signature));
        assert!(!rs256_verifies(
            &signer.spki_der(),
            b"text",
            &signature[1..]
        ));
        for (other, _, _) in KEYS.into_iter().filter(|(other, _, _)| *other != key) {
            assert!(!rs256_verifies(
                &other.signer().spki_der(),
                b"text",
                &signature
            ));
        }
    }
}

#[test]
fn other_schemes_are_not_rs256() {
    let signer = TestKey::Rsa2048A.signer();
    for scheme in [Scheme::PssSha256, Scheme::Pkcs1Sha384, Scheme::Pkcs1Sha512] {
        let signature = signer.sign(scheme, b"text");
        assert!(
            !rs256_verifies(&signer.spki_der(), b"text", &signature),
            "{scheme:?}"
        );
    }
}

#[test]
fn what_is_no_key_verifies_nothing() {
    let signer = TestKey::Rsa2048A.signer();
    let signature = signer.sign(Scheme::Pkcs1Sha256, b"text");
    let spki = signer.spki_der();
    let junk_behind = [spki.as_slice(), b"junk"].concat();
    for not_a_key in [b"".as_slice(), b"key", &spki[24..], &junk_behind] {
        assert!(!rs256_verifies(not_a_key, b"text", &signature));
    }
}

#[test]
fn a_key_set_names_each_key_as_cognito_does() {
    let signers = [TestKey::Rsa2048A.signer(), TestKey::Rsa4096.signer()];
    let set: Value = serde_json::from_str(&key_set(&signers)).unwrap();
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for (jwk, signer) in keys.iter().zip(&signers) {
        let n = jwk["n"].as_str().unwrap();
        let signature = signer.sign(Scheme::Pkcs1Sha256, b"text");
        assert!(rs256_verifies_with_jwk(jwk, b"text", &signature));
        assert!(!rs256_verifies_with_jwk(jwk, b"texT", &signature));
        assert_eq!(URL_SAFE_NO_PAD.decode(n).unwrap(), signer.modulus());
        let kid = signer.kid();
        let expected = format!(
            r#"{{"alg":"RS256","e":"AQAB","kid":"{kid}","kty":"RSA","n":"{n}","use":"sig"}}"#
        );
        assert_eq!(jwk.to_string(), expected);
    }
}

#[test]
fn a_file_that_is_no_rsa_key_says_how_to_write_one() {
    let ec = alb_fixtures::mint::KeyPair::generate("").private_pem();
    for not_a_key in ["", "key", &ec] {
        let error = RsaSigner::from_pem("kid", not_a_key)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("`openssl genpkey -algorithm RSA` writes one"),
            "{error}"
        );
    }
}
