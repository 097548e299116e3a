//! Access tokens as the default load balancer's user pool, or an attacker, would write them.

use alb_fixtures::access_token::{self, UserPool, protected_header};
use alb_fixtures::mint::unix_now;
use alb_fixtures::rsa::{RsaSigner, Scheme};
use serde_json::{Map, Value};

use crate::alb::SUB;

/// Where the default user pool's key set is, as [`KeyEndpoint`](crate::KeyEndpoint) names it.
pub const KEY_SET: &str = "us-west-2_EXAMPLE/.well-known/jwks.json";
/// The groups of [`USER`](crate::USER).
pub const GROUPS: [&str; 2] = ["kubeflow-users", "ml-eu"];

/// A valid access token that a test can modify.
#[derive(Clone)]
pub struct AccessTokenBuilder {
    header: Map<String, Value>,
    payload: Map<String, Value>,
    key: RsaSigner,
    scheme: Scheme,
}

impl AccessTokenBuilder {
    /// A valid access token of `pool` for [`USER`](crate::USER) and [`GROUPS`]: `client_id`, `sub` and `iss` are those of
    /// the default load balancer's tokens.
    pub fn new(pool: &UserPool) -> Self {
        Self {
            header: protected_header(pool.access_key.kid()),
            payload: pool.access_claims(SUB, &GROUPS, unix_now()),
            key: pool.access_key.clone(),
            scheme: Scheme::Pkcs1Sha256,
        }
    }

    /// With this member in the protected header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Without that member in the protected header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// With this claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload.insert(name.to_owned(), value.into());
        self
    }

    /// Without that claim.
    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.payload.remove(name);
        self
    }

    /// With these groups.
    #[must_use]
    pub fn groups(self, groups: &[&str]) -> Self {
        self.claim("cognito:groups", groups)
    }

    /// Ending at `exp` (Unix seconds).
    #[must_use]
    pub fn expiring_at(self, exp: i64) -> Self {
        self.claim("exp", exp)
    }

    /// Signed with another key; the key id stays.
    #[must_use]
    pub fn signed_by(mut self, key: &RsaSigner) -> Self {
        self.key = key.clone();
        self
    }

    /// Signed in another way; `alg` stays.
    #[must_use]
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The protected header's JSON text.
    pub fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }

    /// The payload's JSON text.
    pub fn payload_text(&self) -> String {
        Value::Object(self.payload.clone()).to_string()
    }

    /// The token.
    pub fn sign(&self) -> String {
        self.sign_bytes(
            self.header_text().as_bytes(),
            self.payload_text().as_bytes(),
        )
    }

    /// A token of these two texts in place of its own, whatever they hold.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        self.key.sign_parts(self.scheme, header, payload)
    }

    /// The token with HS256 under `secret`, and an `alg` that says so.
    pub fn sign_hs256(&self, secret: &[u8]) -> String {
        let token = self.clone().header("alg", "HS256");
        let (header, payload) = (token.header_text(), token.payload_text());
        access_token::sign_hs256(secret, header.as_bytes(), payload.as_bytes())
    }
}
