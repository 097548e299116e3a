//! Signs ALB-shaped tokens: ES256 over padded base64url, the load balancer's own claims in the
//! protected header, in the order that real tokens have.
//!
//! Sources: the ALB guide ("Authenticate users using an Application Load Balancer") for the members
//! and the padding; real tokens published by smallrye-jwt and golang-jwt for the order of the members
//! and for `exp` and `iss` at the end of the payload.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use p256::SecretKey;
use p256::ecdsa::signature::RandomizedSigner as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::Generate as _;
use p256::elliptic_curve::common::getrandom::SysRng;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// How long a token lives: 120 s, as seen on real tokens (the ALB guide does not say).
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(120);

/// A P-256 key pair and the key id under which its public half is served.
#[derive(Clone)]
pub struct KeyPair {
    kid: String,
    key: SigningKey,
}

/// Why a private key could not be read.
#[derive(Debug)]
pub struct InvalidPrivateKey(String);

impl std::fmt::Display for InvalidPrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(why) = self;
        write!(
            f,
            "not a P-256 private key in PEM, PKCS#8 or SEC1 ({why}); `alb-token keygen` writes one"
        )
    }
}

impl std::error::Error for InvalidPrivateKey {}

impl KeyPair {
    /// A fresh key from the operating system's randomness; `kid` is a UUID in lower case.
    pub fn generate(kid: impl Into<String>) -> Self {
        Self {
            kid: kid.into(),
            key: SigningKey::generate(),
        }
    }

    /// The key in a PEM text: PKCS#8 (`-----BEGIN PRIVATE KEY-----`), or SEC1 as `openssl ecparam -genkey` writes
    /// it (`-----BEGIN EC PRIVATE KEY-----`, often after a block with the curve's name).
    pub fn from_pem(kid: impl Into<String>, pem: &str) -> Result<Self, InvalidPrivateKey> {
        let start = pem.find("-----BEGIN EC PRIVATE KEY-----");
        let pem = pem.get(start.unwrap_or_default()..).unwrap_or_default();
        let key = SecretKey::from_pem(pem).map_err(|e| InvalidPrivateKey(e.to_string()))?;
        Ok(Self {
            kid: kid.into(),
            key: key.into(),
        })
    }

    /// The same key under a key id made from its public half: always the same id for one key,
    /// never the same for two. It is a UUID of the SHA-256 of the public key's PEM, see [`uuid_of`].
    #[must_use]
    pub fn named_by_thumbprint(self) -> Self {
        let kid = uuid_of(&self.public_pem());
        Self { kid, ..self }
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as the key endpoint serves it: SubjectPublicKeyInfo in PEM.
    pub fn public_pem(&self) -> String {
        self.key
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .expect("a P-256 point always has an SPKI encoding")
    }

    /// The private key in PKCS#8 PEM.
    pub fn private_pem(&self) -> String {
        self.key
            .to_pkcs8_pem(LineEnding::LF)
            .expect("a P-256 scalar always has a PKCS#8 encoding")
            .to_string()
    }

    /// The raw 64-byte R‖S signature over `message` (RFC 7518 section 3.4). It differs each time,
    /// so that two tokens of one second are two tokens to a cache of verified ones.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self
            .key
            .try_sign_with_rng(&mut SysRng, message)
            .expect("the operating system gives randomness");
        signature.to_bytes().into()
    }

    /// Signs two JSON texts, whatever they hold; `padded` as the ALB does it.
    pub fn sign_parts(&self, protected_header: &[u8], payload: &[u8], padded: bool) -> String {
        let signing_input = format!(
            "{}.{}",
            encode(protected_header, padded),
            encode(payload, padded)
        );
        let signature = self.sign(signing_input.as_bytes());
        format!("{signing_input}.{}", encode(&signature, padded))
    }
}

/// base64url with `=` padding (the ALB's form) or without (RFC 7515's).
pub fn encode(bytes: &[u8], padded: bool) -> String {
    if padded {
        URL_SAFE.encode(bytes)
    } else {
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// A UUID that stands for `text`: the first 16 bytes of its SHA-256, as RFC 9562's version 8.
pub fn uuid_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    );
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// Seconds since 1970 by this machine's clock.
pub fn unix_now() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

/// What a load balancer writes into the tokens of one listener rule.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// The ARN: `signer` of the protected header.
    pub arn: String,
    /// The IdP's issuer: `iss`, in the protected header and at the end of the payload.
    pub issuer: String,
    /// The IdP's client id: `client` of the protected header.
    pub client: String,
}

impl LoadBalancer {
    /// The protected header of a token, members in the ALB's order; `exp` in Unix seconds.
    pub fn protected_header(&self, kid: &str, exp: i64) -> Map<String, Value> {
        object(json!({
            "typ": "JWT",
            "kid": kid,
            "alg": "ES256",
            "iss": self.issuer,
            "client": self.client,
            "signer": self.arn,
            "exp": exp,
        }))
    }

    /// The payload: the user's claims, then `exp` and `iss` as the ALB appends them.
    pub fn payload(&self, claims: &Map<String, Value>, exp: i64) -> Map<String, Value> {
        let mut payload = claims.clone();
        payload.insert("exp".into(), exp.into());
        payload.insert("iss".into(), self.issuer.clone().into());
        payload
    }

    /// A token for `claims` that ends at `exp` (Unix seconds), padded as the ALB's are.
    pub fn mint(&self, key: &KeyPair, claims: &Map<String, Value>, exp: i64) -> String {
        self.mint_padded(key, claims, exp, true)
    }

    /// As [`mint`](Self::mint); `padded` says whether the three parts end in `=` where they need it.
    pub fn mint_padded(
        &self,
        key: &KeyPair,
        claims: &Map<String, Value>,
        exp: i64,
        padded: bool,
    ) -> String {
        let header = Value::Object(self.protected_header(key.kid(), exp)).to_string();
        let payload = Value::Object(self.payload(claims, exp)).to_string();
        key.sign_parts(header.as_bytes(), payload.as_bytes(), padded)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
