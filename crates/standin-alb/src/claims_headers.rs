//! The three headers that tell the gateway who is logged in, signed again for each request.

use alb_fixtures::mint::{KeyPair, LoadBalancer, TOKEN_LIFETIME};
use alb_fixtures::oidc_headers::OidcHeaders;
use hyper::HeaderMap;
use serde_json::Value;

use crate::session::Session;

/// Writes them for a session's user.
pub fn write(headers: &mut HeaderMap, session: &Session, arn: &str, key: &KeyPair, now: i64) {
    let load_balancer = LoadBalancer {
        arn: arn.into(),
        issuer: session.issuer.clone(),
        client: session.client_id.clone(),
    };
    let exp = now.saturating_add_unsigned(TOKEN_LIFETIME.as_secs());
    let data = load_balancer.mint(key, &session.claims, exp);
    let sub = session.claims.get("sub").and_then(Value::as_str);
    let headers_of_user = OidcHeaders {
        data: &data,
        identity: sub.unwrap_or_default(),
        access_token: &session.access_token,
    };
    headers_of_user.write(headers);
}
