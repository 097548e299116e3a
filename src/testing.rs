//! A configuration, keys, tokens and a clock that stands still, for the core's unit tests and, behind the
//! feature `testing`, for other crates' tests. Nothing here is part of the module.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test may panic"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

use crate::config::Config;
use crate::keys::PublicKey;
use crate::time::UnixTime;

/// A load balancer.
pub const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
/// The issuer of its identity provider.
pub const ISSUER: &str = "https://idp.example.com";
/// Its client id at the identity provider.
pub const CLIENT: &str = "client-1";
/// The id of its key.
pub const KID: &str = "c2f80c8b-c05c-4068-af14-17299f7896b1";

/// Noon of some day, in Unix seconds.
pub const NOON: i64 = 1_700_000_000;

/// The time of `seconds` after noon.
pub const fn at(seconds: i64) -> UnixTime {
    UnixTime::from_secs(NOON + seconds)
}

/// One load balancer, and `more` next to it at the top level.
pub fn config_with(more: Value) -> Config {
    let mut config = json!({
        "loadBalancers": [{ "arn": ARN, "issuers": [ISSUER], "clientIds": [CLIENT] }],
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    Config::parse(config.to_string().as_bytes()).unwrap()
}

/// One load balancer, and every default.
pub fn config() -> Config {
    config_with(json!({}))
}

/// A key from a number, so that tests are the same each time.
pub fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

/// The public half of a key in PEM.
pub fn pem(key: &SigningKey) -> String {
    key.verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .unwrap()
}

/// The public half of the key of a number, as the filter holds it.
pub fn public_key(number: u8) -> PublicKey {
    PublicKey::from_pem(pem(&signing_key(number)).as_bytes()).unwrap()
}

/// A good protected header; `exp` two minutes after noon.
pub fn header() -> Value {
    json!({
        "typ": "JWT", "kid": KID, "alg": "ES256", "iss": ISSUER,
        "client": CLIENT, "signer": ARN, "exp": NOON + 120,
    })
}

/// A good payload.
pub fn payload() -> Value {
    json!({
        "sub": "subject-1", "email": "alice@example.com", "email_verified": "true",
        "exp": NOON + 120, "iss": ISSUER,
    })
}

/// Signs with key 1.
pub fn sign(header: &Value, payload: &Value) -> String {
    sign_bytes(
        header.to_string().as_bytes(),
        payload.to_string().as_bytes(),
    )
}

/// Signs any bytes with key 1.
pub fn sign_bytes(header: &[u8], payload: &[u8]) -> String {
    let signing_input = format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(payload));
    let signature: Signature = signing_key(1).sign(signing_input.as_bytes());
    format!("{signing_input}.{}", URL_SAFE.encode(signature.to_bytes()))
}

/// A good token.
pub fn token() -> String {
    sign(&header(), &payload())
}

/// A GET of `/` with these headers besides.
pub fn request<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a [u8], &'a [u8])> {
    let mut pairs = vec![
        (":method", "GET"),
        (":path", "/"),
        (":authority", "kubeflow.example.com"),
    ];
    for (name, value) in more {
        match pairs
            .iter_mut()
            .find(|(own, _)| own == name && name.starts_with(':'))
        {
            Some(pseudo) => pseudo.1 = value,
            None => pairs.push((name, value)),
        }
    }
    pairs
        .into_iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect()
}
