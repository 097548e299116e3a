//! What the attacks share: a configuration, keys, and tokens with a signature that costs nothing.

use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::PublicKey;
use alb_authn::reason::Reason;
use alb_authn::request::{Decision, Request, decide_once};
use alb_authn::time::UnixTime;
use alb_authn::{
    token_cache::TokenCache,
    verify::{SignatureBackend, WasmBackend},
};
use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::{EncodePublicKey as _, LineEnding};
use serde_json::{Value, json};

/// A load balancer.
pub const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
/// Another one, of another region, so that it has a key endpoint of its own.
pub const OTHER_ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/other/0123456789abcdef";
/// An issuer.
pub const ISSUER: &str = "https://idp.example.com";
/// A client id.
pub const CLIENT: &str = "client-1";
/// A key id.
pub const KID: &str = "c2f80c8b-c05c-4068-af14-17299f7896b1";
/// Some day in Unix seconds.
pub const NOON: i64 = 1_700_000_000;

/// The steps that the bytes stand for, until they end or stand for none.
pub fn steps<'a, T: Arbitrary<'a> + 'a>(data: &'a [u8]) -> impl Iterator<Item = T> + 'a {
    let mut input = Unstructured::new(data);
    std::iter::from_fn(move || {
        if input.is_empty() {
            return None;
        }
        T::arbitrary(&mut input).ok()
    })
}

/// The time of `milliseconds` after noon.
#[must_use]
pub const fn after_noon(milliseconds: i64) -> UnixTime {
    UnixTime::from_millis(NOON * 1000 + milliseconds)
}

/// One load balancer, and `more` at the top level.
///
/// # Panics
/// Where that is no configuration.
#[must_use]
pub fn config(more: &Value) -> Config {
    let mut config = json!({
        "loadBalancers": [{ "arn": ARN, "issuers": [ISSUER], "clientIds": [CLIENT] }],
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        config[name] = value.clone();
    }
    match Config::parse(config.to_string().as_bytes()) {
        Ok(config) => config,
        Err(problems) => panic!("{problems:?}"),
    }
}

/// A key from a number, so that inputs mean the same each time.
///
/// # Panics
/// Never for the numbers 1 to 255.
#[must_use]
pub fn signing_key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).expect("a scalar in 1..n")
}

/// The public half of it in PEM.
///
/// # Panics
/// Never.
#[must_use]
pub fn pem(number: u8) -> String {
    let key = signing_key(number);
    key.verifying_key()
        .to_public_key_pem(LineEnding::LF)
        .expect("a point has an encoding")
}

/// Keys 1 to 3 as the filter holds them, made once: the fuzzers ask for them all the time.
///
/// # Panics
/// For other numbers.
#[must_use]
pub fn public_key(number: u8) -> PublicKey {
    thread_local! {
        static KEYS: Vec<PublicKey> = (1..=3)
            .filter_map(|number| PublicKey::from_pem(pem(number).as_bytes()))
            .collect();
    }
    KEYS.with(|keys| keys[usize::from(number) - 1].clone())
}

/// Judges a request to its end; `key` is what the endpoint serves.
#[must_use]
pub fn decide(
    pairs: &[(&[u8], &[u8])],
    config: &Config,
    key: &PublicKey,
    backend: &dyn SignatureBackend,
    now: UnixTime,
) -> Decision {
    match Request::handle_headers(&Headers::new(pairs), config, &TokenCache::new(0), now) {
        Request::Decided(decision) => decision,
        Request::AwaitingKey(request) => {
            decide_once(request, Rc::new(key.clone()), config, backend, now).decision
        }
    }
}

/// The reason that a token gets for key 1, by ECDSA.
#[must_use]
pub fn reason(token: &[u8], config: &Config, now: UnixTime) -> Reason {
    let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", token)];
    decide(&pairs, config, &public_key(1), &WasmBackend, now).reason
}

/// A good protected header, with two minutes to live.
#[must_use]
pub fn header() -> Value {
    json!({
        "typ": "JWT", "kid": KID, "alg": "ES256", "iss": ISSUER,
        "client": CLIENT, "signer": ARN, "exp": NOON + 120,
    })
}

/// A good payload.
#[must_use]
pub fn payload() -> Value {
    json!({
        "sub": "subject-1", "email": "alice@example.com", "email_verified": "true",
        "exp": NOON + 120, "iss": ISSUER,
    })
}

/// The three parts as a load balancer pads them.
#[must_use]
pub fn join(header: &[u8], payload: &[u8], signature: &[u8]) -> String {
    let parts = [header, payload, signature].map(|part| URL_SAFE.encode(part));
    parts.join(".")
}

/// A signature scheme for tests: R is the key's fingerprint, S the message's. It binds a token to both as
/// ECDSA does, a thousand times faster, so that the fuzzers reach what lies behind the signature.
#[derive(Clone, Copy, Debug)]
pub struct Toy;

impl SignatureBackend for Toy {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        *signature.to_bytes() == toy_signature(key, message)
    }
}

/// The one signature of a message that [`Toy`] takes.
#[must_use]
pub fn toy_signature(key: &PublicKey, message: &[u8]) -> [u8; 64] {
    let mut signature = [1; 64];
    signature[8..16].copy_from_slice(&fnv(key.spki()).to_be_bytes());
    signature[40..48].copy_from_slice(&fnv(message).to_be_bytes());
    signature
}

/// A token that [`Toy`] takes.
#[must_use]
pub fn toy_token(header: &[u8], payload: &[u8], key: &PublicKey) -> String {
    let input = format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(payload));
    let signature = toy_signature(key, input.as_bytes());
    format!("{input}.{}", URL_SAFE.encode(signature))
}

/// FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
