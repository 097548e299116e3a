//! What an access token looks like, and when it ends.

use alb_fixtures::mint::{encode, unix_now};
use alb_fixtures::rsa::{Scheme, TestKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wasm_tests::{AccessTokenBuilder, CLIENT, Running, SUB, Scenario};

const BAD: &str = "invalid_access_token";
const EXPIRED: &str = "access_token_expired";

fn scenario() -> Running {
    Scenario::new().access_token().groups().start()
}

/// The three parts of a good token.
fn parts(s: &Running) -> [String; 3] {
    let token = s.access_token();
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("three parts")
}

#[test]
fn only_three_parts_of_canonical_base64url_hold() {
    let s = scenario();
    let [header, payload, signature] = parts(&s);
    let padded = |part: &str| encode(&URL_SAFE_NO_PAD.decode(part).expect("base64url"), true);
    let signed = |header: &str, payload: &str| {
        let input = format!("{header}.{payload}");
        let signature = s
            .pool
            .access_key
            .sign(Scheme::Pkcs1Sha256, input.as_bytes());
        format!("{input}.{}", encode(&signature, false))
    };
    // 256 bytes: the last character carries 4 bits that must be zero.
    let mut bits = signature.clone();
    let last = bits.pop().expect("a character");
    let next = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = next.find(last).expect("base64url");
    bits.push_str(&next[at + 1..at + 2]);
    let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(&signature).expect("base64url"));
    let standard = standard.replace('=', "");
    assert!(standard != signature, "a signature without + and /");
    let cases = vec![
        (
            "as Cognito writes it",
            format!("{header}.{payload}.{signature}"),
            "",
        ),
        ("padded", signed(&padded(&header), &padded(&payload)), ""),
        (
            "a padded signature",
            format!("{header}.{payload}.{}", padded(&signature)),
            "",
        ),
        (
            "another padding",
            format!("{header}.{payload}.{signature}="),
            BAD,
        ),
        (
            "too much padding",
            format!("{header}.{payload}.{signature}==="),
            BAD,
        ),
        (
            "standard base64",
            format!("{header}.{payload}.{standard}"),
            BAD,
        ),
        (
            "bits that are not zero",
            format!("{header}.{payload}.{bits}"),
            BAD,
        ),
        ("no signature", format!("{header}.{payload}."), BAD),
        ("no payload", format!("{header}..{signature}"), BAD),
        ("no header", format!(".{payload}.{signature}"), BAD),
        ("two parts", format!("{header}.{payload}"), BAD),
        (
            "four parts",
            format!("{header}.{payload}.{signature}.{signature}"),
            BAD,
        ),
        (
            "five parts (JWE)",
            format!("{header}.{payload}.{signature}.a.b"),
            BAD,
        ),
        (
            "with Bearer",
            format!("Bearer {header}.{payload}.{signature}"),
            BAD,
        ),
        (
            "whitespace inside",
            format!("{header}. {payload}.{signature}"),
            BAD,
        ),
        ("opaque, as Google's", "ya29.a0AfH6SMBx".to_owned(), BAD),
        ("just dots", "..".to_owned(), BAD),
        ("not ASCII", "é.é.é".to_owned(), BAD),
        ("a long row of dots", ".".repeat(10_000), BAD),
    ];
    s.assert_access_tokens(&s.token(), &cases);
    s.assert_alive();
}

#[test]
fn the_protected_header_chooses_nothing_but_a_key_of_the_set() {
    let s = scenario();
    let b = || s.access_token_builder();
    let kid = s.pool.access_key.kid().to_owned();
    let evil = TestKey::Rsa2048C.signer();
    let by_evil = || b().signed_by(&evil);
    let text = |header: &str| b().sign_bytes(header.as_bytes(), b().payload_text().as_bytes());
    let nested = format!(
        r#"{{"kid":"{kid}","alg":"RS256","x":{}"#,
        "[".repeat(10_000)
    );
    let members: String = (0..1_500).map(|n| format!(r#""{n}":1,"#)).collect();
    let members = format!(r#"{{{members}"alg":"RS256"}}"#);
    let mut cases = vec![
        ("typ JWT", b().header("typ", "JWT").sign(), ""),
        ("typ at+jwt", b().header("typ", "at+jwt").sign(), ""),
        ("jwk beside", b().header("jwk", evil.jwk()).sign(), ""),
        (
            "jwk of its signer",
            by_evil().header("jwk", evil.jwk()).sign(),
            BAD,
        ),
        (
            "jku",
            by_evil()
                .header("jku", "https://evil.example.com/k.json")
                .sign(),
            BAD,
        ),
        (
            "x5u",
            by_evil()
                .header("x5u", "https://evil.example.com/k.pem")
                .sign(),
            BAD,
        ),
        (
            "x5c",
            by_evil()
                .header("x5c", json!([STANDARD.encode(evil.spki_der())]))
                .sign(),
            BAD,
        ),
        (
            "jwk, its own kid",
            by_evil()
                .header("kid", evil.kid())
                .header("jwk", evil.jwk())
                .sign(),
            BAD,
        ),
        ("crit", b().header("crit", json!(["exp"])).sign(), BAD),
        ("an empty crit", b().header("crit", json!([])).sign(), BAD),
        ("crit null", b().header("crit", Value::Null).sign(), BAD),
        (
            "b64",
            b().header("b64", false)
                .header("crit", json!(["b64"]))
                .sign(),
            BAD,
        ),
        ("no kid", b().without_header("kid").sign(), BAD),
        ("kid null", b().header("kid", Value::Null).sign(), BAD),
        ("a number as kid", b().header("kid", 5).sign(), BAD),
        ("an empty kid", b().header("kid", "").sign(), BAD),
        ("a list as kid", b().header("kid", json!([kid])).sign(), BAD),
        (
            "a kid in lower case",
            b().header("kid", kid.to_lowercase()).sign(),
            BAD,
        ),
        (
            "the ID token's kid",
            b().header("kid", s.pool.id_key.kid()).sign(),
            BAD,
        ),
        ("no alg", b().without_header("alg").sign(), BAD),
        (
            "a list as alg",
            b().header("alg", json!(["RS256"])).sign(),
            BAD,
        ),
        (
            "two alg",
            text(&format!(r#"{{"alg":"RS256","kid":"{kid}","alg":"RS256"}}"#)),
            BAD,
        ),
        (
            "two kid",
            text(&format!(r#"{{"kid":"x","kid":"{kid}","alg":"RS256"}}"#)),
            BAD,
        ),
        (
            "two x",
            text(&format!(r#"{{"kid":"{kid}","alg":"RS256","x":1,"x":1}}"#)),
            BAD,
        ),
        (
            "an escaped duplicate",
            text(&format!(
                r#"{{"kid":"{kid}","alg":"RS256","\u0061lg":"none"}}"#
            )),
            BAD,
        ),
        ("a list", text("[]"), BAD),
        ("nested deeply", text(&nested), BAD),
        ("many members", text(&members), BAD),
        ("no JSON", text("{"), BAD),
        (
            "whitespace",
            text(&format!(
                " {{ \"kid\" : \"{kid}\" , \"alg\" : \"RS256\" }} "
            )),
            "",
        ),
    ];
    for alg in [
        "rs256", "RS256 ", "RS384", "RS512", "PS256", "ES256", "HS256", "none", "None", "EdDSA", "",
    ] {
        cases.push((alg, b().header("alg", alg).sign(), BAD));
    }
    s.assert_access_tokens(&s.token(), &cases);
    s.assert_alive();
}

#[test]
fn the_payload_is_an_object_and_no_id_token() {
    let s = scenario();
    let b = || s.access_token_builder();
    let payload = |bytes: &[u8]| b().sign_bytes(b().header_text().as_bytes(), bytes);
    let text = b().payload_text();
    let now = unix_now();
    let id_token = s.pool.id_token(SUB, &["admins"], now);
    let id_as_access = |s: &Running| {
        let token = AccessTokenBuilder::new(&s.pool).without_claim("client_id");
        token.claim("aud", CLIENT).claim("token_use", "id").sign()
    };
    s.assert_access_tokens(
        &s.token(),
        &[
            ("a list", payload(b"[]"), BAD),
            ("no JSON", payload(b"{"), BAD),
            (
                "not UTF-8",
                payload(&[text.as_bytes(), b"\xff"].concat()),
                BAD,
            ),
            ("text behind", payload(format!("{text} x").as_bytes()), BAD),
            ("the user's ID token", id_token, BAD),
            ("an ID token's claims", id_as_access(&s), BAD),
            ("token_use id", b().claim("token_use", "id").sign(), BAD),
            (
                "token_use in upper case",
                b().claim("token_use", "ACCESS").sign(),
                BAD,
            ),
            (
                "token_use null",
                b().claim("token_use", Value::Null).sign(),
                BAD,
            ),
            (
                "token_use in a list",
                b().claim("token_use", json!(["access"])).sign(),
                BAD,
            ),
            ("no token_use", b().without_claim("token_use").sign(), ""),
            ("typ ID", b().claim("typ", "ID").sign(), BAD),
            (
                "typ Bearer, as Keycloak",
                b().claim("typ", "Bearer").sign(),
                "",
            ),
            (
                "Dex's at_hash",
                b().claim("at_hash", "x").claim("name", "Ada").sign(),
                "",
            ),
        ],
    );
    s.assert_alive();
}

/// `clockSkew` is 30 s.
#[test]
fn its_times_are_judged_with_the_clock_skew() {
    let s = scenario();
    let b = || s.access_token_builder();
    let now = unix_now();
    let exp = |value: Value| b().claim("exp", value).sign();
    let nbf = |value: Value| b().claim("nbf", value).sign();
    s.assert_access_tokens(
        &s.token(),
        &[
            ("just expired, within skew", exp(json!(now - 5)), ""),
            ("expired", exp(json!(now - 31)), EXPIRED),
            ("long ago", exp(json!(0)), EXPIRED),
            ("before 1970", exp(json!(-1)), EXPIRED),
            ("very long ago", exp(json!(-1e300)), EXPIRED),
            ("a fraction", exp(json!(now as f64 + 600.5)), ""),
            ("a power of ten", exp(json!(1e12)), ""),
            ("never", exp(json!(1e300)), ""),
            ("no exp", b().without_claim("exp").sign(), BAD),
            ("exp null", exp(Value::Null), BAD),
            ("exp in a string", exp(json!((now + 600).to_string())), BAD),
            ("exp in a list", exp(json!([now + 600])), BAD),
            ("exp true", exp(json!(true)), BAD),
            ("nbf past", nbf(json!(now - 600)), ""),
            ("nbf soon, within skew", nbf(json!(now + 25)), ""),
            ("nbf later", nbf(json!(now + 600)), BAD),
            ("nbf never", nbf(json!(1e300)), BAD),
            ("nbf null", nbf(Value::Null), BAD),
            ("nbf in a string", nbf(json!((now - 600).to_string())), BAD),
            ("iat later", b().claim("iat", now + 600).sign(), ""),
        ],
    );
}

#[test]
fn what_is_cached_still_expires() {
    let s = Scenario::new()
        .access_token()
        .config(json!({"clockSkew": "0s"}))
        .groups()
        .start();
    let exp = unix_now() + 4;
    let access_token = s.access_token_builder().expiring_at(exp).sign();
    s.assert_access_tokens(&s.token(), &[("fresh", access_token.clone(), "")]);
    let hits = s.metric("token_cache.hit");
    assert!(hits >= 2, "{hits}");
    wasm_tests::eventually("it is old", || (unix_now() >= exp).then_some(()));
    s.assert_access_tokens(&s.token(), &[("old", access_token, EXPIRED)]);
}
