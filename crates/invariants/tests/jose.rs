//! RFC 7515, and the corners of JOSE in which other verifiers have been beaten.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use alb_authn::keys::PublicKey;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::token::UnverifiedToken;
use alb_authn::verify::{WasmBackend, is_signature};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use invariants::support::{after_noon, config, header, join, payload, reason, signing_key};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

/// RFC 7515 appendix A.3: the token and the JWK's point as SubjectPublicKeyInfo.
const RFC7515_A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const RFC7515_A3_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const RFC7515_A3_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/// SubjectPublicKeyInfo up to the coordinates (RFC 5480).
const SPKI_START: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE";

fn rfc7515_key() -> PublicKey {
    let mut spki = STANDARD.decode(SPKI_START).unwrap();
    spki.extend(URL_SAFE_NO_PAD.decode(RFC7515_A3_X).unwrap());
    spki.extend(URL_SAFE_NO_PAD.decode(RFC7515_A3_Y).unwrap());
    let body = STANDARD.encode(spki);
    let (first, second) = body.split_at(64);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n");
    PublicKey::from_pem(pem.as_bytes()).unwrap()
}

#[test]
fn the_es256_example_of_rfc_7515_verifies() {
    let token = UnverifiedToken::parse(RFC7515_A3.as_bytes()).unwrap();
    let verdict =
        |message: &[u8]| is_signature(token.signature(), message, &rfc7515_key(), &WasmBackend);
    assert!(verdict(token.signing_input()));
    assert!(!verdict(&token.signing_input()[1..]));
}

#[test]
fn the_example_of_rfc_7515_is_still_no_load_balancers_token() {
    assert_eq!(
        judge(RFC7515_A3),
        Reason::Rejected(Rejection::MalformedToken)
    );
}

/// Judges a token with key 1.
fn judge(token: &str) -> Reason {
    reason(token.as_bytes(), &config(), after_noon(0))
}

fn signature(input: &str) -> Signature {
    signing_key(1).sign(input.as_bytes())
}

/// The signing input of a good token as a load balancer pads it.
fn input() -> String {
    input_of(&header())
}

fn input_of(header: &Value) -> String {
    let encode = |json: &Value| URL_SAFE.encode(json.to_string());
    format!("{}.{}", encode(header), encode(&payload()))
}

fn with_signature(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE.encode(signature))
}

const INVALID: Reason = Reason::Rejected(Rejection::InvalidSignature);
const MALFORMED: Reason = Reason::Rejected(Rejection::MalformedToken);
const UNSUPPORTED: Reason = Reason::Rejected(Rejection::UnsupportedAlgorithm);

#[test]
fn the_token_that_is_spoiled_below_is_good() {
    let input = input();
    assert_eq!(
        judge(&with_signature(&input, &signature(&input).to_bytes())),
        Reason::Ok
    );
}

#[test]
fn a_stripped_signature_is_refused() {
    let input = input();
    assert_eq!(judge(&input), MALFORMED);
    assert_eq!(judge(&format!("{input}.")), MALFORMED);
    assert_eq!(judge(&format!("{input}.=")), MALFORMED);
    let none = input_of(&changed("alg", json!("none")));
    assert_eq!(judge(&format!("{none}.")), MALFORMED);
    assert_eq!(judge(&with_signature(&none, &[0; 64])), UNSUPPORTED);
}

fn changed(name: &str, value: Value) -> Value {
    let mut header = header();
    header[name] = value;
    header
}

#[test]
fn no_algorithm_but_es256_is_taken_however_it_is_written() {
    for alg in [
        "none",
        "None",
        "nOnE",
        "NONE",
        "",
        "HS256",
        "HS384",
        "RS256",
        "PS256",
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "es256",
        "Es256",
        " ES256",
        "ES256 ",
        "ES256\0",
        "ES256,none",
        "ЕS256",
    ] {
        let input = input_of(&changed("alg", json!(alg)));
        let token = with_signature(&input, &signature(&input).to_bytes());
        assert_eq!(judge(&token), UNSUPPORTED, "{alg:?}");
    }
    for alg in [
        json!(["ES256"]),
        json!({"ES256": true}),
        json!(null),
        json!(256),
    ] {
        let input = input_of(&changed("alg", alg));
        let token = with_signature(&input, &signature(&input).to_bytes());
        assert_eq!(judge(&token), MALFORMED, "{input}");
    }
}

#[test]
fn a_public_key_is_no_hmac_secret() {
    // RFC 8725 section 2.1: the MAC of the token under the bytes of the public key.
    let input = input_of(&changed("alg", json!("HS256")));
    assert_eq!(judge(&with_signature(&input, &[7; 32])), UNSUPPORTED);
}

#[test]
fn keys_that_the_token_brings_along_are_not_looked_at() {
    // CVE-2018-0114: a `jwk` in the header as the key to verify with.
    let own = json!({ "kty": "EC", "crv": "P-256", "x": RFC7515_A3_X, "y": RFC7515_A3_Y });
    for (name, value) in [
        ("jwk", own),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("x5c", json!(["MIIB"])),
    ] {
        let input = input_of(&changed(name, value));
        let evil: Signature = signing_key(2).sign(input.as_bytes());
        assert_eq!(
            judge(&with_signature(&input, &evil.to_bytes())),
            INVALID,
            "{name}"
        );
    }
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    for value in [json!(["b64"]), json!([]), json!(null), json!("exp")] {
        let mut header = changed("crit", value);
        header["b64"] = json!(false);
        let input = input_of(&header);
        let token = with_signature(&input, &signature(&input).to_bytes());
        assert_eq!(judge(&token), UNSUPPORTED, "{header}");
    }
}

#[test]
fn psychic_signatures_are_refused() {
    // CVE-2022-21449: zeros, and their equals modulo the group's order.
    let n = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let p = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
    let hex = |text: &str| -> Vec<u8> {
        (0..32)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let (zero, order) = (vec![0; 32], hex(n));
    let mut above = order.clone();
    above[31] += 1;
    let input = input();
    let good = signature(&input).to_bytes();
    let (r, s) = good.split_at(32);
    let values = [zero, order, above, hex(p), vec![0xff; 32]];
    for bad in &values {
        for other in values.iter().map(Vec::as_slice).chain([r, s]) {
            for signature in [[bad, other].concat(), [other, bad].concat()] {
                assert_eq!(
                    judge(&with_signature(&input, &signature)),
                    INVALID,
                    "{signature:?}"
                );
            }
        }
    }
}

#[test]
fn a_signature_in_der_or_of_another_length_is_refused() {
    let input = input();
    let good = signature(&input);
    let raw = good.to_bytes().to_vec();
    let mut lengths: Vec<Vec<u8>> = vec![
        good.to_der().as_bytes().to_vec(),
        raw[..63].to_vec(),
        [&raw[..], &[0]].concat(),
        [&[0], &raw[..]].concat(),
        [&raw[..], &raw[..]].concat(),
        vec![0],
    ];
    // Each number with a sign byte in front, as DER would write it.
    lengths.push([&[0], &raw[..32], &[0], &raw[32..]].concat());
    for signature in lengths {
        assert_eq!(
            judge(&with_signature(&input, &signature)),
            INVALID,
            "{signature:?}"
        );
    }
}

#[test]
fn the_other_s_of_a_signature_makes_no_other_user() {
    // (R, n − S) verifies too, by ECDSA's design: it is the same user's token, and nothing is keyed by it.
    let input = input();
    let good = signature(&input);
    let (r, s) = good.split_scalars();
    let other = Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).unwrap();
    assert_ne!(good, other);
    assert_eq!(
        judge(&with_signature(&input, &other.to_bytes())),
        Reason::Ok
    );
}

#[test]
fn the_serializations_and_padding_that_nobody_signed_are_refused() {
    let (header, payload) = (header().to_string(), payload().to_string());
    let input = input();
    let signature = signature(&input).to_bytes();
    let text = with_signature(&input, &signature);
    let unpadded = [header.as_bytes(), payload.as_bytes(), &signature]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    if unpadded != text.trim_end_matches('=') {
        assert_eq!(judge(&unpadded), INVALID, "other bytes were signed");
    }
    let json_form = json!({ "protected": URL_SAFE.encode(&header), "payload": URL_SAFE.encode(&payload),
        "signature": URL_SAFE.encode(signature) });
    let part = |n: usize| text.split('.').nth(n).unwrap().to_owned();
    for malformed in [
        json_form.to_string(),
        format!("{text}."),
        format!("{text}.x"),
        format!(".{text}"),
        format!("{text} "),
        format!("{text}\n"),
        format!("Bearer {text}"),
        format!("{text},{text}"),
        text.replace('.', ".."),
        text.replace('.', "%2E"),
        format!("{}=.{}.{}", part(0), part(1), part(2)),
        format!("{}.{}.{}=", part(0), part(1), part(2)),
        format!(
            "{}.{}.{}",
            part(0),
            part(1),
            part(2).trim_end_matches('=').to_owned() + "="
        ),
        format!("{}.{}.{}", part(0), part(1), STANDARD.encode([0xff; 64])),
        // An encrypted token (RFC 7516) has five parts.
        format!(
            "{}.{}.{}.{}.{}",
            part(0),
            part(1),
            part(2),
            part(1),
            part(2)
        ),
    ] {
        assert_eq!(judge(&malformed), MALFORMED, "{malformed}");
    }
}

#[test]
fn only_the_last_parts_own_padding_may_be_left_off() {
    let input = input();
    let text = with_signature(&input, &signature(&input).to_bytes());
    assert!(text.ends_with("=="));
    assert_eq!(judge(text.trim_end_matches('=')), Reason::Ok);
}

#[test]
fn a_token_without_any_padding_passes_where_that_is_what_was_signed() {
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let input = format!("{}.{}", encode(&header()), encode(&payload()));
    assert_eq!(
        judge(&with_signature(&input, &signature(&input).to_bytes())),
        Reason::Ok
    );
}

#[test]
fn trailing_bits_are_zero() {
    // The last character of two bytes carries two bits that decode to nothing: four texts, one value.
    let signature = [1_u8; 64];
    let good = join(
        header().to_string().as_bytes(),
        payload().to_string().as_bytes(),
        &signature,
    );
    assert_eq!(judge(&good), INVALID);
    let stem = good.strip_suffix("Q==").unwrap();
    for last in ["R==", "S==", "Z==", "f==", "R", "f"] {
        assert_eq!(judge(&format!("{stem}{last}")), MALFORMED, "{last}");
    }
}

#[test]
fn of_two_members_with_one_name_neither_counts() {
    let header = header().to_string();
    let more = header.strip_suffix('}').unwrap();
    for twice in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""al\u0067":"ES256""#,
        r#""kid":"x""#,
        r#""si\u0067ner":"x""#,
        r#""exp":9999999999"#,
        r#""\u0065xp":1"#,
        r#""typ":"JWT""#,
    ] {
        for json in [
            format!("{more},{twice}}}"),
            format!("{{{twice},{}", &header[1..]),
        ] {
            let input = format!("{}.{}", URL_SAFE.encode(&json), URL_SAFE.encode("{}"));
            let token = with_signature(&input, &signature(&input).to_bytes());
            assert_eq!(judge(&token), MALFORMED, "{json}");
        }
    }
}
