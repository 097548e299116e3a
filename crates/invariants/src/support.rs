//! What the invariants share besides the core's own fixture: tokens with a signature that costs nothing.

use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::PublicKey;
use alb_authn::reason::Reason;
use alb_authn::request::{Decision, Request, decide_once};
use alb_authn::testing;
pub use alb_authn::testing::{
    ARN, CLIENT, ISSUER, KID, NOON, config, config_with, header, payload, pem, signing_key,
};
use alb_authn::time::UnixTime;
use alb_authn::{
    token_cache::TokenCache,
    verify::{SignatureBackend, WasmBackend},
};
use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use p256::ecdsa::Signature;

/// A load balancer of another region than [`ARN`]'s, so that it has a key endpoint of its own.
pub const OTHER_ARN: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/other/0123456789abcdef";

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

/// Keys 1 to 3 as the filter holds them, made once: the fuzzers ask for them all the time.
///
/// # Panics
/// For other numbers.
#[must_use]
pub fn public_key(number: u8) -> PublicKey {
    thread_local! {
        static KEYS: Vec<PublicKey> = (1..=3)
            .map(testing::public_key)
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
