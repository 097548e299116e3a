//! The load balancer that the tests trust by default, and tokens as it, or an attacker, would write them.

pub use alb_fixtures::example::{ARN, CLIENT, ISSUER, KID, load_balancer};
use alb_fixtures::mint::{KeyPair, LoadBalancer, unix_now};
use serde_json::{Map, Value, json};

/// The e-mail of the user of most tests.
pub const USER: &str = "ada@example.com";

/// The default load balancer's entry in `loadBalancers`; keys come from the cluster `keys`.
pub fn entry() -> Value {
    entry_for(&load_balancer())
}

/// The entry of any load balancer whose keys come from the cluster `keys`.
pub fn entry_for(load_balancer: &LoadBalancer) -> Value {
    json!({
        "arn": load_balancer.arn,
        "issuers": [load_balancer.issuer],
        "clientIds": [load_balancer.client],
        "keyEndpoint": {"cluster": "keys"},
    })
}

/// The `sub` of [`USER`].
pub const SUB: &str = "23d498b2-3031-70d2-8a15-49dd886a087b";

/// The claims of [`USER`], as Cognito writes them.
pub fn claims() -> Map<String, Value> {
    let claims = json!({
        "sub": SUB,
        "email_verified": "true",
        "email": USER,
        "username": "ada",
    });
    object(claims)
}

/// A valid token that a test can modify.
#[derive(Clone)]
pub struct TokenBuilder {
    header: Map<String, Value>,
    payload: Map<String, Value>,
    key: KeyPair,
    padded: bool,
}

impl TokenBuilder {
    /// A valid token of `load_balancer`, signed with `key`.
    pub fn new(load_balancer: &LoadBalancer, key: &KeyPair) -> Self {
        let exp = unix_now() + 120;
        Self {
            header: load_balancer.protected_header(key.kid(), exp),
            payload: load_balancer.payload(&claims(), exp),
            key: key.clone(),
            padded: true,
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

    /// With this claim in the payload.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload.insert(name.to_owned(), value.into());
        self
    }

    /// Without that claim in the payload.
    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.payload.remove(name);
        self
    }

    /// Ending at `exp` (Unix seconds), by header and payload.
    #[must_use]
    pub fn expiring_at(self, exp: i64) -> Self {
        self.header("exp", exp).claim("exp", exp)
    }

    /// Signed with another key; the key id stays.
    #[must_use]
    pub fn signed_by(mut self, key: &KeyPair) -> Self {
        self.key = key.clone();
        self
    }

    /// In RFC 7515's base64url, without padding.
    #[must_use]
    pub fn unpadded(mut self) -> Self {
        self.padded = false;
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
        self.key.sign_parts(header, payload, self.padded)
    }
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no JSON object: {other}"),
    }
}
