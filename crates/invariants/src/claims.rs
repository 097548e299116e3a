//! Any bytes as a payload that a load balancer signed: users write what stands in it.

use std::thread::LocalKey;

use alb_authn::claims::read_user_claims;
use alb_authn::config::Config;
use alb_authn::identity::{AccessEvaluation, Identity, compose};
use alb_authn::reason::Rejection;
use alb_authn::token::{UnverifiedToken, check_locally};
use alb_authn::token_kind::ALB;
use alb_authn::verify::verify;
use serde_json::{Value, json};

use crate::support::{
    ISSUER, NOON, Toy, after_noon, config, config_with, header, public_key, toy_token,
};

thread_local! {
    static DEFAULT: Config = config();
    static MAPPED: Config = config_with(json!({
        "emailVerified": "ifPresent",
        "requiredClaims": [{ "claim": "tenant.name", "anyOf": ["blue", "1", "true"] }],
        "outputClaimToHeaders": [
            { "header": "x-user", "claim": "name", "prefix": "p:", "lowercase": true },
            { "header": "x-groups", "claim": ["realm", "roles"], "prefix": "p:", "format": "list",
                "required": false },
        ],
    }));
}

/// The first byte chooses a configuration; the rest is the payload.
///
/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let Some((choice, payload)) = data.split_first() else {
        return;
    };
    if choice % 2 == 0 {
        let ours = judge(&DEFAULT, payload);
        check_values(&ours, "");
        if let Ok(value) = serde_json::from_slice::<Value>(payload) {
            let user = ours.map(|identity| identity.user().unwrap_or_default().to_owned());
            let expected = expected(&value);
            // A number keeps the form in which it was signed, which the other reader does not know.
            let compare = |user: String| {
                if has_number(&value["email"]) {
                    String::new()
                } else {
                    user
                }
            };
            assert_eq!(user.map(compare), expected.map(compare), "{value}");
        } else if let Ok(text) = std::str::from_utf8(payload) {
            // What serde_json's value can't hold (1e999, 200 levels) may pass, nonsense may not.
            assert!(ours.is_err() || text.trim_ascii().starts_with('{'));
        } else {
            assert_eq!(ours.err(), Some(Rejection::MalformedToken));
        }
    } else {
        check_values(&judge(&MAPPED, payload), "p:");
    }
}

fn has_number(claim: &Value) -> bool {
    let items = claim.as_array().map_or(&[][..], Vec::as_slice);
    claim.is_number() || items.iter().any(Value::is_number)
}

fn judge(config: &'static LocalKey<Config>, payload: &[u8]) -> Result<Identity, Rejection> {
    let key = public_key(1);
    let raw = toy_token(header().to_string().as_bytes(), payload, &key);
    let Ok(token) = UnverifiedToken::parse(raw.as_bytes()) else {
        assert!(payload.is_empty(), "only an empty part is no base64url");
        return Err(Rejection::MalformedToken);
    };
    let token = config
        .with(|config| check_locally(token, &ALB, config, after_noon(0)))
        .map_err(|refused| refused.rejection)?;
    let token = verify(token, &key, &Toy)?;
    let clock = alb_authn::time::Clock {
        now: after_noon(0),
        skew: std::time::Duration::ZERO,
    };
    let claims = read_user_claims(&token, clock)?;
    compose(&token.header().signer, &claims, AccessEvaluation::NotRead)
        .map_err(|rejected| rejected.rejection)
}

/// Every value arrives as it was set, splits no header, and holds its prefix once, in front of each element.
fn check_values(identity: &Result<Identity, Rejection>, prefix: &str) {
    let headers = identity.iter().flat_map(Identity::headers);
    let elements = headers.flat_map(|(name, value)| {
        // A user's name may hold commas.
        let separator = if name.as_str() == "x-groups" {
            ','
        } else {
            '\n'
        };
        value.split(separator).map(move |element| (name, element))
    });
    for (name, value) in elements {
        let own = value.strip_prefix(prefix);
        let own = own.unwrap_or_else(|| panic!("{name:?}: no prefix in {value:?}"));
        assert!(!own.is_empty() && own.trim() == own, "{value:?}");
        assert!(!value.chars().any(char::is_control), "{value:?}");
        assert!(prefix.is_empty() || !own.contains(prefix), "{value:?}");
        assert!(!value.starts_with("system:") && !value.contains(",system:"));
    }
}

/// The default configuration's rules: the user's verified e-mail address.
fn expected(payload: &Value) -> Result<String, Rejection> {
    let claims = payload.as_object().ok_or(Rejection::MalformedToken)?;
    let exp = match claims.get("exp") {
        None => None,
        Some(exp) => Some(exp.as_f64().ok_or(Rejection::MalformedToken)?),
    };
    if claims.get("iss").is_some_and(|iss| iss != ISSUER) {
        return Err(Rejection::WrongIssuer);
    }
    #[expect(clippy::cast_precision_loss, reason = "a time of our days is exact")]
    if exp.is_some_and(|exp| (exp * 1000.0).trunc() <= (NOON * 1000) as f64) {
        return Err(Rejection::TokenExpired);
    }
    let email = match claims.get("email") {
        None | Some(Value::Null) => return Err(Rejection::MissingClaim),
        Some(Value::Array(items)) if items.is_empty() => return Err(Rejection::MissingClaim),
        Some(Value::Array(items)) => the_one(items).ok_or(Rejection::UnusableClaim)?,
        Some(Value::Object(_)) => return Err(Rejection::UnusableClaim),
        Some(Value::String(text)) if text.is_empty() => return Err(Rejection::MissingClaim),
        Some(Value::String(text)) => text.clone(),
        Some(scalar) => scalar.to_string(),
    };
    if email.is_empty() || email.trim() != email || email.chars().any(char::is_control) {
        return Err(Rejection::UnusableClaim);
    }
    let mut starts = email.split(',').map(str::trim_start);
    if starts.any(|start| start.starts_with("system:")) {
        return Err(Rejection::UnusableClaim);
    }
    is_verified(claims)
        .then_some(email)
        .ok_or(Rejection::UnverifiedEmail)
}

/// A user has one name: all items are one text.
fn the_one(items: &[Value]) -> Option<String> {
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
        _ => None,
    };
    let first = text(items.first()?)?;
    let is_same = |item: &Value| text(item).as_ref() == Some(&first);
    (!first.contains(',') && items.iter().all(is_same)).then_some(first)
}

fn is_verified(claims: &serde_json::Map<String, Value>) -> bool {
    let verified = claims.get("email_verified");
    verified.is_some_and(|value| value == &json!(true) || value == &json!("true"))
}
