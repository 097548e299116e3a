//! How an access token is signed: RS256 with the key that it names, and nothing else.

use alb_fixtures::mint::{KeyPair, encode};
use alb_fixtures::rsa::{Scheme, TestKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use wasm_tests::Scenario;

const BAD: &str = "invalid_access_token";

fn pem(spki: &[u8]) -> String {
    let text = STANDARD.encode(spki);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let body = lines.join("\n");
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

#[test]
fn only_rs256_over_the_received_bytes_verifies() {
    let s = Scenario::new().access_token().groups().start();
    let b = || s.access_token_builder();
    let token = s.access_token();
    let parts: Vec<_> = token.split('.').collect();
    let (header, payload) = (parts[0], parts[1]);
    let good = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64url");
    let with = |bytes: &[u8]| format!("{header}.{payload}.{}", encode(bytes, false));
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        with(&bytes)
    };
    let spki = s.pool.access_key.spki_der();
    let pem = pem(&spki);
    let hs256 = |secret: &[u8]| b().sign_hs256(secret);
    let hs256_as_rs256 = |secret: &[u8]| {
        let (header, payload) = (b().header_text(), b().payload_text());
        let (header, payload) = (header.as_bytes(), payload.as_bytes());
        alb_fixtures::access_token::sign_hs256(secret, header, payload)
    };
    let none = b().header("alg", "none").sign();
    let unsigned = none
        .rsplit_once('.')
        .map(|(signed, _)| format!("{signed}."));
    let changed = b().groups(&["admins"]).sign();
    let changed_payload = changed.split('.').nth(1).unwrap_or_default();
    let es256 = KeyPair::generate(s.pool.access_key.kid());
    let es256_signed = |alg: &str| {
        let token = b().header("alg", alg);
        let (header, payload) = (token.header_text(), token.payload_text());
        es256.sign_parts(header.as_bytes(), payload.as_bytes(), false)
    };
    let cases = vec![
        ("good", with(&good), ""),
        ("PSS", b().scheme(Scheme::PssSha256).sign(), BAD),
        (
            "PSS that says so",
            b().header("alg", "PS256").scheme(Scheme::PssSha256).sign(),
            BAD,
        ),
        ("SHA-384", b().scheme(Scheme::Pkcs1Sha384).sign(), BAD),
        ("SHA-512", b().scheme(Scheme::Pkcs1Sha512).sign(), BAD),
        (
            "another key",
            b().signed_by(&TestKey::Rsa2048C.signer()).sign(),
            BAD,
        ),
        (
            "the ID token's key",
            b().signed_by(&s.pool.id_key).sign(),
            BAD,
        ),
        (
            "a longer key",
            b().signed_by(&TestKey::Rsa4096.signer()).sign(),
            BAD,
        ),
        ("HS256, PEM", hs256(pem.as_bytes()), BAD),
        ("HS256, DER", hs256(&spki), BAD),
        ("HS256, modulus", hs256(&s.pool.access_key.modulus()), BAD),
        (
            "HS256, JWK",
            hs256(s.pool.access_key.jwk().to_string().as_bytes()),
            BAD,
        ),
        ("HS256 under RS256's name", hs256_as_rs256(&spki), BAD),
        ("none", unsigned.unwrap_or_default(), BAD),
        ("none with a signature", none, BAD),
        ("ES256", es256_signed("ES256"), BAD),
        ("ES256 under RS256's name", es256_signed("RS256"), BAD),
        ("the first byte changed", flipped(0), BAD),
        ("the last byte changed", flipped(255), BAD),
        ("a byte short", with(&good[..255]), BAD),
        ("without its first byte", with(&good[1..]), BAD),
        (
            "a zero in front",
            with(&[&[0], good.as_slice()].concat()),
            BAD,
        ),
        ("a byte more", with(&[good.as_slice(), &[0]].concat()), BAD),
        ("zeros", with(&[0; 256]), BAD),
        ("one", with(&[[0; 255].as_slice(), &[1]].concat()), BAD),
        ("ones", with(&[0xff; 256]), BAD),
        ("the modulus", with(&s.pool.access_key.modulus()), BAD),
        (
            "another payload",
            format!("{header}.{changed_payload}.{}", encode(&good, false)),
            BAD,
        ),
    ];
    s.assert_access_tokens(&s.token(), &cases);
    s.assert_alive();
}
