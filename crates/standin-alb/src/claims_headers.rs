//! The three headers that tell the gateway who is logged in, signed anew for each request.

use alb_token::mint::{KeyPair, LoadBalancer, TOKEN_LIFETIME};
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde_json::Value;

use crate::session::Session;

/// Removes what the client sent in them.
pub fn remove(headers: &mut HeaderMap) {
    for name in [ACCESS_TOKEN, IDENTITY, DATA] {
        headers.remove(name);
    }
}

/// Writes them for a session's user. A value that can't stand in a header is left out.
pub fn write(headers: &mut HeaderMap, session: &Session, arn: &str, key: &KeyPair, now: i64) {
    let load_balancer = LoadBalancer {
        arn: arn.into(),
        issuer: session.issuer.clone(),
        client: session.client_id.clone(),
    };
    let exp = now.saturating_add_unsigned(TOKEN_LIFETIME.as_secs());
    let data = load_balancer.mint(key, &session.claims, exp);
    let sub = session.claims.get("sub").and_then(Value::as_str);
    for (name, value) in [
        (ACCESS_TOKEN, session.access_token.as_str()),
        (IDENTITY, sub.unwrap_or_default()),
        (DATA, &data),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
}

const DATA: &str = "x-amzn-oidc-data";
const IDENTITY: &str = "x-amzn-oidc-identity";
const ACCESS_TOKEN: &str = "x-amzn-oidc-accesstoken";
