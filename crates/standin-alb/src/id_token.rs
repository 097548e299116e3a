//! The ID token's claims. It comes straight from the token endpoint, by TLS that names the provider,
//! which stands for the signature (OpenID Connect Core section 3.1.3.7, item 6): a load balancer isn't
//! told where the provider's keys are, and needs only the token and userinfo endpoints.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::error::AuthError;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Refuses an ID token of another issuer, for another client, or of the past.
pub(crate) fn check(token: &str, issuer: &str, client_id: &str, now: i64) -> Result<(), AuthError> {
    let claims = parse(token).ok_or(AuthError::InvalidIdToken)?;
    let for_us = match &claims.aud {
        Audience::One(client) => client == client_id,
        Audience::Several(clients) => clients.iter().any(|client| client == client_id),
    };
    let party_is_us = claims.azp.is_none_or(|party| party == client_id);
    if claims.iss == issuer && for_us && party_is_us && now < claims.exp {
        Ok(())
    } else {
        Err(AuthError::InvalidIdToken)
    }
}

fn parse(token: &str) -> Option<Claims> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else {
        return None;
    };
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn token(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn must_be_this_provider_s_for_this_client_and_in_time() {
        let good = json!({"iss": "https://idp", "aud": "us", "exp": 100});
        let with = |member: &str, value: Value| {
            let mut claims = good.clone();
            claims[member] = value;
            token(&claims)
        };
        for (token, expected) in [
            (token(&good), Ok(())),
            (with("aud", json!(["them", "us"])), Ok(())),
            (with("azp", json!("us")), Ok(())),
            (
                with("iss", json!("https://other")),
                Err(AuthError::InvalidIdToken),
            ),
            (with("aud", json!("them")), Err(AuthError::InvalidIdToken)),
            (with("azp", json!("them")), Err(AuthError::InvalidIdToken)),
            (with("exp", json!(99)), Err(AuthError::InvalidIdToken)),
            ("nonsense".into(), Err(AuthError::InvalidIdToken)),
            ("a.!.c".into(), Err(AuthError::InvalidIdToken)),
        ] {
            assert_eq!(check(&token, "https://idp", "us", 99), expected, "{token}");
        }
    }
}
