//! Headers, signatures and encodings that no issuer writes.

use alb_fixtures::access_token::sign_hs256;
use alb_fixtures::mint::encode;
use alb_fixtures::rsa::{RsaSigner, Scheme};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Cases, change, other_key, text};

pub(crate) fn rs256(key: &RsaSigner, header: &str, payload: &str) -> String {
    rs256_of_bytes(key, header.as_bytes(), payload.as_bytes())
}

pub(crate) fn rs256_of_bytes(key: &RsaSigner, header: &[u8], payload: &[u8]) -> String {
    key.sign_parts(Scheme::Pkcs1Sha256, header, payload)
}

/// Members of the header, under the issuer's signature.
pub(crate) fn headers(cases: &mut Cases) {
    for alg in ["none", "HS256", "PS256", "ES256", "RS512", "rs256", ""] {
        cases.add_header("another alg", json!({ "alg": alg }));
    }
    cases.add_header("alg of a wrong type", json!({ "alg": ["RS256"] }));
    cases.add_header("alg is absent", json!({ "alg": null }));
    cases.add_header("an unknown kid", json!({ "kid": "unknown" }));
    cases.add_header("kid of a wrong type", json!({ "kid": 7 }));
    cases.add_header("kid is absent", json!({ "kid": null }));
    cases.add_header(
        "kid in base64url",
        json!({ "kid": crate::KID.replace('+', "-").replace('/', "_") }),
    );
    for crit in [json!(["b64"]), json!([]), json!(["exp"]), json!("x")] {
        cases.add_header("crit", json!({ "crit": crit }));
    }
    cases.add_header("b64 is false", json!({ "b64": false }));
    cases.add_header(
        "a key or its URL that is not looked at",
        json!({ "jwk": other_key().jwk() }),
    );
    cases.add_header(
        "a key or its URL that is not looked at",
        json!({ "jku": "https://evil.example/keys" }),
    );
    let (header, payload) = (text(&cases.header()), text(&cases.claims()));
    let open = header.trim_end_matches('}');
    for more in [
        r#""alg":"RS256""#,
        r#""\u006bid":"unknown""#,
        r#""x":1,"x":2"#,
    ] {
        cases.add_texts(
            "duplicate member in the header",
            &format!("{open},{more}}}"),
            &payload,
        );
    }
    for other in ["[]", "", "{}", "null"] {
        cases.add_texts("header is no object with members", other, &payload);
    }
    cases.add_texts(
        "header with a byte order mark",
        &format!("\u{feff}{header}"),
        &payload,
    );
    cases.add_texts(
        "header with junk behind it",
        &format!("{header}x"),
        &payload,
    );
}

/// Signatures that are not the issuer's, or not of RS256.
pub(crate) fn signatures(cases: &mut Cases) {
    let key = cases.key();
    let (header, payload) = (text(&cases.header()), text(&cases.claims()));
    cases.add(
        "signed by another key",
        &rs256(&other_key(), &header, &payload),
    );
    let with = |members: Value| {
        let mut header = cases.header();
        change(&mut header, members);
        text(&header)
    };
    let brought = with(json!({ "jwk": other_key().jwk(), "jku": "https://evil.example/keys" }));
    let labelled = |alg: &str| with(json!({ "alg": alg }));
    let [none, pss_label] = [labelled("none"), labelled("PS256")];
    let mut forged = vec![
        (
            "signed by a key that it brings along",
            rs256(&other_key(), &brought, &payload),
        ),
        (
            "PSS under RS256",
            key.sign_parts(Scheme::PssSha256, header.as_bytes(), payload.as_bytes()),
        ),
        (
            "PSS",
            key.sign_parts(Scheme::PssSha256, pss_label.as_bytes(), payload.as_bytes()),
        ),
        (
            "RS384 under RS256",
            key.sign_parts(Scheme::Pkcs1Sha384, header.as_bytes(), payload.as_bytes()),
        ),
        (
            "alg none without signature",
            format!(
                "{}.{}.",
                encode(none.as_bytes(), false),
                encode(payload.as_bytes(), false)
            ),
        ),
    ];
    let public = key.jwk();
    let secrets = [
        key.spki_der(),
        public.to_string().into_bytes(),
        key.modulus(),
    ];
    for secret in secrets {
        let token = sign_hs256(&secret, labelled("HS256").as_bytes(), payload.as_bytes());
        forged.push(("HS256 with the public key", token));
    }
    for (family, token) in forged {
        cases.add(family, &token);
    }
    let token = rs256(&key, &header, &payload);
    let parts: Vec<&str> = token.split('.').collect();
    let [head, _, tail] = parts[..] else { return };
    let mut richer = cases.claims();
    change(&mut richer, json!({ "cognito:groups": ["admins"] }));
    let richer = encode(text(&richer).as_bytes(), false);
    cases.add("changed payload", &format!("{head}.{richer}.{tail}"));
    let flipped = |index: usize| {
        let mut bytes = token.clone().into_bytes();
        bytes[index] ^= 1;
        String::from_utf8(bytes).ok()
    };
    for token in (0..token.len() - 1).step_by(7).filter_map(flipped) {
        cases.add("a bit flipped", &token);
    }
    for length in (1..token.len()).step_by(53) {
        cases.add("cut off", &token[..length]);
    }
}

/// The same bytes, written otherwise.
pub(crate) fn encodings(cases: &mut Cases) {
    let key = cases.key();
    let mut header = text(&cases.header());
    // Both parts end in two padding characters then.
    let pad = |text: &mut String| {
        while text.len() % 3 != 1 {
            text.push(' ');
        }
    };
    let mut payload = text(&cases.claims());
    pad(&mut header);
    pad(&mut payload);
    let token = rs256(&key, &header, &payload);
    let parts: Vec<&str> = token.split('.').collect();
    let [head, body, tail] = parts[..] else {
        return;
    };
    cases.add(
        "padding put on the signature",
        &format!("{head}.{body}.{tail}=="),
    );
    cases.add(
        "padding put on after signing",
        &format!("{head}==.{body}==.{tail}=="),
    );
    cases.add(
        "one padding character of two",
        &format!("{head}.{body}.{tail}="),
    );
    cases.add(
        "signed with padding",
        &signed_input(&key, &format!("{head}==.{body}==")),
    );
    cases.add(
        "signed with half its padding",
        &signed_input(&key, &format!("{head}=.{body}")),
    );
    let standard = STANDARD.encode(format!(
        "{}ÿ\"}}",
        payload.trim_end().trim_end_matches('}').to_owned() + ",\"x\":\"ÿ?>~"
    ));
    cases.add(
        "signed in standard base64",
        &signed_input(&key, &format!("{head}.{standard}")),
    );
    for space in [" ", "\n", "\t", "\r\n", "\0", "%3D", "A"] {
        for (family, input) in [
            (
                "junk in the header, signed",
                format!("{}{space}{}.{body}", &head[..8], &head[8..]),
            ),
            (
                "junk in the payload, signed",
                format!("{head}.{}{space}{}", &body[..8], &body[8..]),
            ),
        ] {
            cases.add(family, &signed_input(&key, &input));
        }
        cases.add(
            "junk in the signature",
            &format!("{head}.{body}.{}{space}{}", &tail[..8], &tail[8..]),
        );
        cases.add("junk around the token", &format!("{token}{space}"));
        cases.add("junk around the token", &format!("{space}{token}"));
    }
    trailing_bits(cases, head, body, tail);
    cases.add("dots", &token.replace('.', ".."));
    cases.add("five parts", &format!("{token}.{body}.{tail}"));
    cases.add("two parts", &format!("{head}.{body}"));
    cases.add("no signature", &format!("{head}.{body}."));
    cases.add("empty parts", "..");
    cases.add("empty parts", "...");
}

/// Of the last of 342 characters two bits count, so 15 others decode to the same bytes.
fn trailing_bits(cases: &mut Cases, head: &str, body: &str, tail: &str) {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let Some((stem, last)) = tail.split_at_checked(tail.len() - 1) else {
        return;
    };
    let position = alphabet.find(last).unwrap_or_default();
    let same = alphabet
        .chars()
        .skip(position / 16 * 16)
        .take(16)
        .filter(|c| !last.starts_with(*c));
    for other in same {
        cases.add(
            "trailing bits of the signature",
            &format!("{head}.{body}.{stem}{other}"),
        );
    }
}

fn signed_input(key: &RsaSigner, input: &str) -> String {
    let signature = key.sign(Scheme::Pkcs1Sha256, input.as_bytes());
    format!("{input}.{}", encode(&signature, false))
}
