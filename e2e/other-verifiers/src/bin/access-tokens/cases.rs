//! Tokens that the issuer signed: good ones, other users' and clients', and such with odd claims.

use alb_fixtures::access_token::UserPool;
use alb_fixtures::example::CLIENT;
use serde_json::{Value, json};

use crate::{AUDIENCE, Cases, Provider, change, forgery, text};

pub(crate) fn good(cases: &mut Cases) {
    cases.add_claims("good", json!({}));
    // Each length modulo 3, which decides about the padding.
    for length in 1..4 {
        cases.add_claims("good", json!({ "scope": "x".repeat(length) }));
    }
    cases.add_claims(
        "good, groups",
        json!({ "cognito:groups": ["ml", "Ünïcode ✓", "a,b"] }),
    );
    cases.add_claims("good, groups", json!({ "cognito:groups": [] }));
    cases.add_claims("good, groups", json!({ "cognito:groups": "ml" }));
    cases.add_claims(
        "good, nested claims",
        json!({ "realm_access": { "roles": [1, { "a": null }] } }),
    );
    cases.add_claims("good, azp", json!({ "azp": CLIENT }));
    cases.add_claims("good, nbf", json!({ "nbf": cases.now }));
    cases.add_header("good, typ", json!({ "typ": "JWT" }));
    cases.add_header("good, typ", json!({ "typ": "at+jwt" }));
    let (header, payload) = (text(&cases.header()), text(&cases.claims()));
    cases.add_texts(
        "good, iss with escaped slashes",
        &header,
        &payload.replace('/', "\\/"),
    );
    cases.add_texts(
        "good, spaces between members",
        &format!(" {header} "),
        &payload.replace(',', " ,\n"),
    );
    let id_key = cases.provider.pool().id_key;
    cases.add_header("the other key's kid", json!({ "kid": id_key.kid() }));
}

/// Whose the token is.
pub(crate) fn owners(cases: &mut Cases) {
    cases.add_claims("another user", json!({ "sub": "another" }));
    cases.add_claims("sub is absent", json!({ "sub": null }));
    cases.add_claims("sub of a wrong type", json!({ "sub": 7 }));
    cases.add_claims("another issuer", json!({ "iss": "https://evil.example" }));
    let pool = cases.provider.pool().issuer;
    for issuer in [format!("{pool}/"), pool.to_uppercase(), format!("{pool}2")] {
        cases.add_claims("another issuer", json!({ "iss": issuer }));
    }
    cases.add_claims("iss is absent", json!({ "iss": null }));
    cases.add_claims("iss is a list", json!({ "iss": [pool] }));
    cases.add_claims("another azp", json!({ "azp": "client-2" }));
    cases.add_claims("azp of a wrong type", json!({ "azp": [CLIENT] }));
    cases.add_claims("another client_id", json!({ "client_id": "client-2" }));
    cases.add_claims(
        "client_id of a wrong type",
        json!({ "client_id": [CLIENT] }),
    );
    cases.add_claims("another cid", json!({ "cid": "client-2" }));
    match cases.provider {
        Provider::Cognito => {
            cases.add_claims("no claim names a client", json!({ "client_id": null }));
            cases.add_claims(
                "aud in place of client_id",
                json!({ "client_id": null, "aud": CLIENT }),
            );
        }
        Provider::Oidc => audiences(cases),
    }
}

fn audiences(cases: &mut Cases) {
    cases.add_claims("good, no azp", json!({ "azp": null }));
    cases.add_claims(
        "good, several audiences",
        json!({ "aud": ["account", AUDIENCE] }),
    );
    for audience in [json!("account"), json!([]), json!(["account"]), json!(null)] {
        cases.add_claims("another audience", json!({ "aud": audience }));
    }
    cases.add_claims("aud of a wrong type", json!({ "aud": { AUDIENCE: 1 } }));
    cases.add_claims("aud with other types", json!({ "aud": [7, AUDIENCE] }));
}

/// What kind of token it is, its times, and its form as JSON.
pub(crate) fn claims(cases: &mut Cases) {
    let now = cases.now;
    cases.add_claims("token_use is id", json!({ "token_use": "id" }));
    cases.add_claims(
        "token_use of a wrong type",
        json!({ "token_use": ["access"] }),
    );
    cases.add_claims("typ is ID", json!({ "typ": "ID" }));
    if let Provider::Cognito = cases.provider {
        cases.add_claims("token_use is absent", json!({ "token_use": null }));
        let pool = UserPool {
            id_key: cases.key(),
            ..cases.provider.pool()
        };
        let id_token = pool.id_token(crate::SUB, &["ml"], now);
        cases.add("an ID token", &id_token);
    }
    for (family, exp) in [
        ("expired", json!(now)),
        ("expired", json!(now - 3600)),
        ("expired", json!(0)),
        ("expired", json!(-1)),
        ("exp has a fraction", json!(1e10 + 0.5)),
        ("exp is large", json!(9_007_199_254_740_993_i64)),
        ("exp is large", json!(i64::MAX)),
        ("exp is large", json!(1e19)),
        ("exp is large", json!(1e300)),
        ("exp is a string", json!((now + 3600).to_string())),
        ("exp is absent", Value::Null),
        ("exp of a wrong type", json!([now + 3600])),
        ("exp of a wrong type", json!(true)),
    ] {
        cases.add_claims(family, json!({ "exp": exp }));
    }
    cases.add_claims("nbf in the future", json!({ "nbf": now + 1800 }));
    cases.add_claims("nbf of a wrong type", json!({ "nbf": now.to_string() }));
    cases.add_claims("iat in the future", json!({ "iat": now + 1800 }));
    cases.add_claims("iat of a wrong type", json!({ "iat": now.to_string() }));
    texts(cases);
}

/// Payloads that no `Value` can be.
fn texts(cases: &mut Cases) {
    let header = text(&cases.header());
    let payload = text(&cases.claims());
    let open = payload.trim_end_matches('}');
    for (family, more) in [
        ("duplicate sub, the last another's", r#""sub":"another""#),
        (
            "duplicate client, the last another's",
            r#""client_id":"x","azp":"x""#,
        ),
        ("duplicate exp, the last over", r#""exp":1"#),
        (
            "duplicate iss, the last another's",
            r#""\u0069ss":"https://evil.example""#,
        ),
    ] {
        cases.add_texts(family, &header, &format!("{open},{more}}}"));
    }
    let mut others = cases.claims();
    change(&mut others, json!({ "sub": "another" }));
    let (others, own) = (text(&others), format!(r#""sub":"{}""#, crate::SUB));
    let last = format!("{},{own}}}", others.trim_end_matches('}'));
    cases.add_texts("duplicate sub, the last the user's", &header, &last);
    for (family, payload) in [
        (
            "exp beyond a double",
            payload.replacen(r#""exp":"#, r#""exp":1e999,"x":"#, 1),
        ),
        (
            "payload with a byte order mark",
            format!("\u{feff}{payload}"),
        ),
        ("payload with junk behind it", format!("{payload}x")),
    ] {
        cases.add_texts(family, &header, &payload);
    }
    for payload in ["", "null", "[]", "7", "\"x\"", "{", "{}"] {
        cases.add_texts("payload is no object with claims", &header, payload);
    }
    let key = cases.key();
    let token = forgery::rs256_of_bytes(
        &key,
        header.as_bytes(),
        &[open.as_bytes(), b",\"x\":\"\xff\"}"].concat(),
    );
    cases.add("payload is no UTF-8", &token);
}
