//! Signatures by Envoy's foreign function `verify_signature` (BoringSSL; Envoy 1.30 and later).
//!
//! Source: Envoy, source/extensions/common/wasm/foreign.cc and api `ext/verify_signature.proto`.

use super::hostcalls;
use crate::config::BackendChoice;
use crate::keys::{PublicKey, Signature};
use crate::verify::{SignatureBackend, WasmBackend, answers_correctly};
use crate::wire;

/// Envoy computes signatures.
struct HostBackend;

impl SignatureBackend for HostBackend {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let signature = signature.to_der();
        let fields = [
            key.algorithm().hash().as_bytes(),
            key.spki(),
            signature.as_bytes(),
            message,
        ];
        // The response's field 1, a bool: only an explicit true counts.
        hostcalls::call_foreign_function("verify_signature", &wire::protobuf(&fields))
            .is_ok_and(|response| response == [0x08, 0x01])
    }
}

/// The backend to use and its name for the log; `None` if the host is asked for and fails its
/// known-answer test.
pub(super) fn choose(choice: BackendChoice) -> Option<(Box<dyn SignatureBackend>, &'static str)> {
    let wasm: (Box<dyn SignatureBackend>, _) = (Box::new(WasmBackend), "wasm");
    match choice {
        BackendChoice::Wasm => Some(wasm),
        _ if answers_correctly(&HostBackend) => Some((Box::new(HostBackend), "host")),
        BackendChoice::Auto => Some(wasm),
        BackendChoice::Host => None,
    }
}
