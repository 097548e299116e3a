//! Signatures without an Envoy.

use alb_authn::keys::{PublicKey, RsaPublicKey, Signature};
use alb_authn::verify::{SignatureBackend, WasmBackend};
use alb_fixtures::rsa::rs256_verifies;

/// ES256 as the module computes it, and RS256, which the module leaves to Envoy.
pub(super) struct NativeBackend;

impl SignatureBackend for NativeBackend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        WasmBackend.verify(key, message, signature)
    }

    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        rs256_verifies(key.spki(), message, signature)
    }
}

#[cfg(test)]
mod tests {
    use alb_authn::verify::{answers_correctly, answers_rs256_correctly};

    use super::NativeBackend;

    #[test]
    fn it_gives_the_known_answers_that_the_filter_asks_envoy_for() {
        assert!(answers_correctly(&NativeBackend));
        assert!(answers_rs256_correctly(&NativeBackend));
    }
}
