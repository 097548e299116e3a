//! What the invariants share besides the core's own fixture: tokens with a signature that costs nothing.

use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::{PublicKey, RsaPublicKey};
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
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use p256::ecdsa::Signature;
use serde_json::{Value, json};

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

/// Something that is there one time in four.
#[derive(Clone, Copy, Debug)]
pub struct Rarely<T>(pub Option<T>);

impl<'a, T: Arbitrary<'a>> Arbitrary<'a> for Rarely<T> {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let is_there = input.ratio(1, 4)?;
        is_there.then(|| T::arbitrary(input)).transpose().map(Self)
    }
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

    /// Only the first 16 bytes: that a signature has the right length is the filter's to see.
    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        signature.starts_with(&toy_rs256(key.spki(), message))
    }
}

/// How each RS256 signature begins that [`Toy`] takes.
#[must_use]
pub fn toy_rs256(spki: &[u8], message: &[u8]) -> [u8; 16] {
    let mut start = [0; 16];
    start[..8].copy_from_slice(&fnv(spki).to_be_bytes());
    start[8..].copy_from_slice(&fnv(message).to_be_bytes());
    start
}

/// An access token that [`Toy`] takes, unpadded as identity providers write it.
#[must_use]
pub fn toy_access_token(header: &[u8], payload: &[u8], key: &RsaPublicKey) -> String {
    let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
    let input = format!("{header}.{payload}");
    let mut signature = toy_rs256(key.spki(), input.as_bytes()).to_vec();
    signature.resize(key.modulus_bytes(), 1);
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The modulus of the RSA key of a number: 2048 bits, odd.
#[must_use]
pub fn rsa_modulus(number: u8) -> Vec<u8> {
    let mut modulus = vec![number; 256];
    modulus[0] = 0x80 | number;
    modulus[255] = 0xa5;
    modulus
}

/// The RSA key of a number as the filter holds it.
///
/// # Panics
/// Never: the modulus is a sound one.
#[must_use]
pub fn rsa_key(kid: &str, number: u8) -> RsaPublicKey {
    RsaPublicKey::new(kid, &rsa_modulus(number), &[1, 0, 1]).expect("a sound modulus")
}

/// The same as its identity provider publishes it.
#[must_use]
pub fn jwk(kid: &str, number: u8) -> Value {
    let modulus = URL_SAFE_NO_PAD.encode(rsa_modulus(number));
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": modulus, "e": "AQAB" })
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
