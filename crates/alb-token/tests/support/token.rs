//! The load balancer's token, taken apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde_json::Value;

/// See the module.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) header: Value,
    pub(crate) header_text: String,
    pub(crate) payload: Value,
    signing_input: String,
    signature: Vec<u8>,
}

impl Token {
    /// Decodes a token as the load balancer writes it: padded, three parts.
    pub(crate) fn decode(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            panic!("three parts: {token}");
        };
        let text = |part: &str| String::from_utf8(URL_SAFE.decode(part).unwrap()).unwrap();
        Self {
            header: serde_json::from_str(&text(header)).unwrap(),
            header_text: text(header),
            payload: serde_json::from_str(&text(payload)).unwrap(),
            signing_input: format!("{header}.{payload}"),
            signature: URL_SAFE.decode(signature).unwrap(),
        }
    }

    pub(crate) fn kid(&self) -> &str {
        self.header["kid"].as_str().unwrap()
    }

    pub(crate) fn verifies_with(&self, public_pem: &str) -> bool {
        let key = VerifyingKey::from_public_key_pem(public_pem).unwrap();
        let signature = Signature::from_slice(&self.signature).unwrap();
        key.verify(self.signing_input.as_bytes(), &signature)
            .is_ok()
    }
}
