//! Access tokens as Cognito writes them, which the load balancer passes on in `x-amzn-oidc-accesstoken`.
//!
//! Sources: the Cognito guide ("Understanding the access token" and "Verifying JSON web tokens") for the members, their
//! order and the key set; published real tokens and key sets for the form of `kid` and for RFC 7515's unpadded base64url.

use ring::hmac;
use serde_json::{Map, Value, json};

use crate::mint::{encode, uuid_of};
use crate::rsa::{RsaSigner, Scheme, TestKey, key_set};

/// How long an access token lives: Cognito's default, in seconds.
pub const ACCESS_TOKEN_LIFETIME: i64 = 3600;

/// A user pool, or an issuer that looks like one: who signs, and for which app client.
#[derive(Clone)]
pub struct UserPool {
    /// `iss` of its tokens.
    pub issuer: String,
    /// The app client: `client_id` of access tokens, `aud` of ID tokens.
    pub client: String,
    /// Signs access tokens.
    pub access_key: RsaSigner,
    /// Signs ID tokens; it is in the same key set.
    pub id_key: RsaSigner,
}

impl UserPool {
    /// A pool that signs with the keys that everybody can read.
    pub fn new(issuer: impl Into<String>, client: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            client: client.into(),
            access_key: TestKey::Rsa2048A.signer(),
            id_key: TestKey::Rsa2048B.signer(),
        }
    }

    /// The key set that the pool publishes, as JSON: both keys, as Cognito has two.
    pub fn key_set(&self) -> String {
        key_set(&[self.id_key.clone(), self.access_key.clone()])
    }

    /// The path of the key set at the issuer's host.
    pub fn key_set_path(&self) -> String {
        let rest = self.issuer.splitn(4, '/').nth(3).unwrap_or_default();
        let pool = rest.trim_end_matches('/');
        let folder = if pool.is_empty() { "" } else { "/" };
        format!("{folder}{pool}/.well-known/jwks.json")
    }

    /// A user's access token of `iat` (Unix seconds): the same text each time it is called with the same values, as the
    /// load balancer passes on one access token for as long as it lives.
    pub fn access_token(&self, sub: &str, groups: &[&str], iat: i64) -> String {
        let claims = self.access_claims(sub, groups, iat);
        sign(&self.access_key, &claims)
    }

    /// The claims of [`UserPool::access_token`]. `cognito:groups` is absent for a user without groups.
    pub fn access_claims(&self, sub: &str, groups: &[&str], iat: i64) -> Map<String, Value> {
        let id_of = |what: &str| uuid_of(&format!("{what} {} {sub} {iat}", self.client));
        let mut claims = Map::new();
        claims.insert("sub".into(), sub.into());
        if !groups.is_empty() {
            claims.insert("cognito:groups".into(), groups.into());
        }
        claims.extend(object(json!({
            "iss": self.issuer,
            "version": 2,
            "client_id": self.client,
            "origin_jti": id_of("origin_jti"),
            "event_id": id_of("event_id"),
            "token_use": "access",
            "scope": "openid profile email",
            "auth_time": iat,
            "exp": iat.saturating_add(ACCESS_TOKEN_LIFETIME),
            "iat": iat,
            "jti": id_of("jti"),
            "username": sub,
        })));
        claims
    }

    /// The same user's ID token, signed by the pool's other key: it is no access token.
    pub fn id_token(&self, sub: &str, groups: &[&str], iat: i64) -> String {
        let mut claims = self.access_claims(sub, groups, iat);
        for absent in ["version", "client_id", "scope", "username"] {
            claims.shift_remove(absent);
        }
        claims.insert("aud".into(), self.client.clone().into());
        claims.insert("token_use".into(), "id".into());
        claims.insert("cognito:username".into(), sub.into());
        sign(&self.id_key, &claims)
    }
}

/// The protected header as Cognito writes it: these two members, in this order.
pub fn protected_header(kid: &str) -> Map<String, Value> {
    object(json!({"kid": kid, "alg": "RS256"}))
}

/// A token of these claims in Cognito's form, signed by `key`.
pub fn sign(key: &RsaSigner, claims: &Map<String, Value>) -> String {
    let header = Value::Object(protected_header(key.kid())).to_string();
    let payload = Value::Object(claims.clone()).to_string();
    key.sign_parts(Scheme::Pkcs1Sha256, header.as_bytes(), payload.as_bytes())
}

/// A token of two JSON texts with HS256 under `secret`: how an attacker abuses a public key if `alg` chooses the algorithm.
pub fn sign_hs256(secret: &[u8], protected_header: &[u8], payload: &[u8]) -> String {
    let input = format!(
        "{}.{}",
        encode(protected_header, false),
        encode(payload, false)
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, input.as_bytes());
    format!("{input}.{}", encode(tag.as_ref(), false))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
