//! A load balancer's token, taken apart for a test to look at.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde_json::Value;

/// The parts of a token. Its signature is not verified until a test asks.
#[derive(Debug)]
pub struct Token {
    /// The protected header.
    pub header: Value,
    /// The protected header as it was written.
    pub header_text: String,
    /// The claims.
    pub payload: Value,
    signing_input: String,
    signature: Vec<u8>,
}

impl Token {
    /// Decodes a token as the load balancer writes it: padded, three parts.
    ///
    /// # Panics
    /// If it is none.
    pub fn decode(token: &str) -> Self {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else {
            panic!("three parts: {token}");
        };
        let text =
            |part: &str| String::from_utf8(URL_SAFE.decode(part).expect(EXPECTED)).expect(EXPECTED);
        Self {
            header: serde_json::from_str(&text(header)).expect(EXPECTED),
            header_text: text(header),
            payload: serde_json::from_str(&text(payload)).expect(EXPECTED),
            signing_input: format!("{header}.{payload}"),
            signature: URL_SAFE.decode(signature).expect(EXPECTED),
        }
    }

    /// The key id.
    ///
    /// # Panics
    /// If there is none.
    pub fn kid(&self) -> &str {
        self.header["kid"].as_str().expect(EXPECTED)
    }

    /// Whether this key signed it.
    ///
    /// # Panics
    /// If the PEM holds no P-256 key.
    pub fn verifies_with(&self, public_pem: &str) -> bool {
        let key = VerifyingKey::from_public_key_pem(public_pem).expect(EXPECTED);
        let signature = Signature::from_slice(&self.signature).expect(EXPECTED);
        key.verify(self.signing_input.as_bytes(), &signature)
            .is_ok()
    }
}

const EXPECTED: &str = "a token as the load balancer writes it, and a key in PEM";
