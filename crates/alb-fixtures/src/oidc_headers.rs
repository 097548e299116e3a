//! The three headers in which a load balancer tells the gateway who is logged in (the ALB guide,
//! "Authenticate users using an Application Load Balancer").

use hyper::HeaderMap;
use hyper::header::HeaderValue;

/// The user's claims, in a token that the load balancer signs.
pub const DATA: &str = "x-amzn-oidc-data";
/// The user's `sub`, in plain text.
pub const IDENTITY: &str = "x-amzn-oidc-identity";
/// The identity provider's access token, in plain text.
pub const ACCESS_TOKEN: &str = "x-amzn-oidc-accesstoken";

/// Their values for one user.
#[derive(Debug)]
pub struct OidcHeaders<'a> {
    /// The token.
    pub data: &'a str,
    /// The user's `sub`.
    pub identity: &'a str,
    /// The access token.
    pub access_token: &'a str,
}

impl OidcHeaders<'_> {
    /// Writes them in place of what is there. A value that no header can hold is left out.
    pub fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            (ACCESS_TOKEN, self.access_token),
            (IDENTITY, self.identity),
            (DATA, self.data),
        ] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Removes what the client sent in them.
pub fn remove(headers: &mut HeaderMap) {
    for name in [ACCESS_TOKEN, IDENTITY, DATA] {
        headers.remove(name);
    }
}
