//! The signature: what turns a token into proof.
//!
//! ES256 is ECDSA on P-256 with SHA-256; the signature is R‖S, 32 bytes each (RFC 7518 section 3.4). What depends on the
//! algorithm is in [`PublicKey`].

mod known_answer;

pub use known_answer::{answers_correctly, answers_rs256_correctly};

use crate::keys::{PublicKey, RsaPublicKey, Signature};
use crate::reason::Rejection;
use crate::token::{CheckedHeader, CheckedToken};

/// Who computes signatures: Envoy, or this module.
pub trait SignatureBackend {
    /// Whether `signature` over `message` verifies with `key`. R and S are in 1..n. Trouble of any kind is `false`.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;

    /// The same for RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2.2). `signature` is as long as the modulus. A
    /// backend without it accepts nothing.
    fn verify_rs256(&self, _key: &RsaPublicKey, _message: &[u8], _signature: &[u8]) -> bool {
        false
    }
}

/// This module itself, in Wasm (or natively): p256.
#[derive(Clone, Copy, Debug)]
pub struct WasmBackend;

impl SignatureBackend for WasmBackend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        key.verifies(message, signature)
    }
}

/// A token whose signature was verified with the key that it names. Only [`verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedToken(CheckedToken);

impl VerifiedToken {
    /// The decoded payload, as the load balancer signed it.
    pub fn payload(&self) -> &[u8] {
        self.0.token().unverified_payload()
    }

    /// The whole token as it was received, and its protected header.
    pub fn into_raw(self) -> (Box<[u8]>, CheckedHeader) {
        self.0.into_raw()
    }

    /// The protected header: the load balancer that signed, the key that verified.
    pub fn header(&self) -> &CheckedHeader {
        self.0.header()
    }
}

/// Checks the signature over the bytes as they were received.
///
/// # Errors
/// [`Rejection::InvalidSignature`], also for a signature that is not 64 bytes long.
pub fn verify(
    token: CheckedToken,
    key: &PublicKey,
    backend: &dyn SignatureBackend,
) -> Result<VerifiedToken, Rejection> {
    let (message, signature) = (token.token().signing_input(), token.token().signature());
    // The kind of token says which algorithm it is, never the key (RFC 8725 section 3.1).
    let is_of_kind = key.algorithm() == token.header().signer.arn.kind().algorithm;
    if is_of_kind && is_signature(signature, message, key, backend) {
        Ok(VerifiedToken(token))
    } else {
        Err(Rejection::InvalidSignature)
    }
}

/// Whether these bytes are the key's signature over `message`: R‖S, of the key's length, both in 1..n.
pub fn is_signature(
    signature: &[u8],
    message: &[u8],
    key: &PublicKey,
    backend: &dyn SignatureBackend,
) -> bool {
    key.read_signature(signature)
        .is_some_and(|signature| backend.verify(key, message, &signature))
}
