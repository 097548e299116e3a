//! ES256 by Envoy's foreign function `verify_signature` (BoringSSL; Envoy 1.30 and later).
//!
//! Source: Envoy, source/extensions/common/wasm/foreign.cc and api `ext/verify_signature.proto`.

use p256::ecdsa::Signature;

use super::hostcalls;
use crate::config::SignatureBackend;
use crate::keys::PublicKey;
use crate::verify::{Es256, P256, answers_correctly};

/// Envoy computes.
struct HostEs256;

impl Es256 for HostEs256 {
    fn verify(&self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let mut arguments = Vec::with_capacity(message.len().saturating_add(256));
        put_field(&mut arguments, 1, b"sha256");
        put_field(&mut arguments, 2, key.spki());
        put_field(&mut arguments, 3, signature.to_der().as_bytes());
        put_field(&mut arguments, 4, message);
        // The answer's field 1, a bool: only an explicit true counts.
        hostcalls::call_foreign_function("verify_signature", &arguments)
            .is_ok_and(|answer| answer == [0x08, 0x01])
    }
}

/// A protobuf field of bytes: tag, length as a varint, bytes.
fn put_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push(number.wrapping_shl(3) | LENGTH_DELIMITED);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(0x80 | u8::try_from(length & 0x7f).unwrap_or_default());
        length = length.wrapping_shr(7);
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(bytes);
}

/// The backend to use and its name for the log; `None` where the host is asked for and fails its
/// known-answer test.
pub(super) fn choose(backend: SignatureBackend) -> Option<(Box<dyn Es256>, &'static str)> {
    let wasm: (Box<dyn Es256>, _) = (Box::new(P256), "wasm");
    match backend {
        SignatureBackend::Wasm => Some(wasm),
        _ if answers_correctly(&HostEs256) => Some((Box::new(HostEs256), "host")),
        SignatureBackend::Auto => Some(wasm),
        SignatureBackend::Host => None,
    }
}
