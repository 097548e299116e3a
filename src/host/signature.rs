//! Signatures by Envoy's foreign function `verify_signature` (BoringSSL; Envoy 1.30 and later).
//!
//! Source: Envoy, source/extensions/common/wasm/foreign.cc and api `ext/verify_signature.proto`.

use super::hostcalls;
use crate::config::BackendChoice;
use crate::keys::{PublicKey, RsaPublicKey, Signature};
use crate::token_kind::Algorithm;
use crate::verify::{SignatureBackend, WasmBackend, answers_correctly, answers_rs256_correctly};
use crate::wire;

/// Envoy computes signatures.
struct HostBackend;

impl SignatureBackend for HostBackend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let signature = signature.to_der();
        ask_host(key.algorithm(), key.spki(), signature.as_bytes(), message)
    }

    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        ask_host(Algorithm::Rs256, key.spki(), signature, message)
    }
}

/// ES256 is computed here, and RS256 by Envoy: no package of this module has RSA.
struct MixedBackend;

impl SignatureBackend for MixedBackend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        WasmBackend.verify(key, message, signature)
    }

    fn verify_rs256(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        HostBackend.verify_rs256(key, message, signature)
    }
}

fn ask_host(algorithm: Algorithm, spki: &[u8], signature: &[u8], message: &[u8]) -> bool {
    let fields = [algorithm.hash().as_bytes(), spki, signature, message];
    // The response's field 1, a bool: only an explicit true counts.
    hostcalls::call_foreign_function("verify_signature", &wire::protobuf(&fields))
        .is_ok_and(|response| response == [0x08, 0x01])
}

/// Whether Envoy verifies RS256 as it should.
pub(super) fn has_rs256() -> bool {
    answers_rs256_correctly(&HostBackend)
}

/// The backend to use and its name for the log; `None` if the host is asked for and fails its
/// known-answer test.
pub(super) fn choose(choice: BackendChoice) -> Option<(Box<dyn SignatureBackend>, &'static str)> {
    let wasm: (Box<dyn SignatureBackend>, _) = (Box::new(MixedBackend), "wasm");
    match choice {
        BackendChoice::Wasm => Some(wasm),
        _ if answers_correctly(&HostBackend) => Some((Box::new(HostBackend), "host")),
        BackendChoice::Auto => Some(wasm),
        BackendChoice::Host => None,
    }
}
