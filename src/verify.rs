//! The signature: what turns a token into proof.
//!
//! ES256 is ECDSA on P-256 with SHA-256; the signature is R‖S, 32 bytes each (RFC 7518 section 3.4).

mod known_answer;
mod token_cache;

use p256::ecdsa::Signature;
use p256::ecdsa::signature::Verifier as _;

pub use known_answer::answers_correctly;
pub use token_cache::{AcceptedToken, TokenCache};

use crate::keys::PublicKey;
use crate::reason::Rejection;
use crate::token::{JudgedHeader, PrecheckedToken};

/// Who computes ECDSA. `signature` has R and S in 1..n, which p256 checked while reading it: zeros are
/// the "psychic signatures" of CVE-2022-21449.
pub trait Es256 {
    /// Whether `signature` over `message` verifies with `key`. Trouble of any kind is `false`.
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;
}

/// p256, inside Wasm (or natively).
#[derive(Clone, Copy, Debug)]
pub struct P256;

impl Es256 for P256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        key.point().verify(message, signature).is_ok()
    }
}

/// A token whose signature was verified with the key that it names. Only [`verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedToken(PrecheckedToken);

impl VerifiedToken {
    /// The decoded payload, as the load balancer signed it.
    pub fn payload(&self) -> &[u8] {
        self.0.token().unverified_payload()
    }

    /// The whole token as it was received, and its protected header.
    pub fn into_raw(self) -> (Box<[u8]>, JudgedHeader) {
        self.0.into_raw()
    }

    /// The protected header: the load balancer that signed, the key that verified.
    pub fn header(&self) -> &JudgedHeader {
        self.0.header()
    }
}

/// Checks the signature over the bytes as they were received. Errors:
/// [`Rejection::InvalidSignature`], also for a signature that is not 64 bytes long.
pub fn verify(
    token: PrecheckedToken,
    key: &PublicKey,
    es256: &dyn Es256,
) -> Result<VerifiedToken, Rejection> {
    let (message, signature) = (token.token().signing_input(), token.token().signature());
    if is_signature(signature, message, key, es256) {
        Ok(VerifiedToken(token))
    } else {
        Err(Rejection::InvalidSignature)
    }
}

/// Whether these bytes are the key's signature over `message`: R‖S, 64 bytes, both in 1..n.
pub fn is_signature(signature: &[u8], message: &[u8], key: &PublicKey, es256: &dyn Es256) -> bool {
    Signature::from_slice(signature).is_ok_and(|signature| es256.verify(key, message, &signature))
}
