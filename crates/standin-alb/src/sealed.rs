//! What the load balancer hands to browsers and wants back as it was: encrypted and authenticated, in
//! base64. The key is the process's own, so that another load balancer's texts can't be opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// Seals and opens.
pub(crate) struct Sealer(XChaCha20Poly1305);

/// What a text is for: one kind can't stand in for another.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The session cookie.
    Session,
    /// The `state` parameter of the authorization request.
    State,
}

impl Sealer {
    /// With a key of its own.
    pub(crate) fn new() -> Self {
        Self(XChaCha20Poly1305::new(&random::<32>().into()))
    }

    pub(crate) fn seal(&self, purpose: Purpose, plain: &[u8]) -> String {
        // 192 random bits: no two are ever equal.
        let nonce = random::<NONCE_BYTES>();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), purpose.payload(plain))
            .expect("a text far below the cipher's limit");
        STANDARD.encode([&nonce[..], &sealed].concat())
    }

    /// `None` for whatever this process didn't seal for this purpose.
    pub(crate) fn open(&self, purpose: Purpose, text: &str) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.0
            .decrypt(&XNonce::from(*nonce), purpose.payload(sealed))
            .ok()
    }
}

impl Purpose {
    fn payload(self, msg: &[u8]) -> Payload<'_, '_> {
        let aad: &[u8] = match self {
            Self::Session => b"session",
            Self::State => b"state",
        };
        Payload { msg, aad }
    }
}

/// Bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

const NONCE_BYTES: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_what_it_sealed_for_the_same_purpose() {
        let (ours, theirs) = (Sealer::new(), Sealer::new());
        let text = ours.seal(Purpose::Session, b"alice");
        assert_eq!(ours.open(Purpose::Session, &text), Some(b"alice".to_vec()));
        assert_eq!(ours.open(Purpose::State, &text), None);
        assert_eq!(theirs.open(Purpose::Session, &text), None);
    }

    #[test]
    fn opens_nothing_that_was_changed() {
        let sealer = Sealer::new();
        let text = sealer.seal(Purpose::State, b"alice");
        let mut bytes = STANDARD.decode(&text).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            assert_eq!(sealer.open(Purpose::State, &STANDARD.encode(&bytes)), None);
            bytes[index] ^= 1;
        }
        assert_eq!(sealer.open(Purpose::State, ""), None);
        assert_eq!(sealer.open(Purpose::State, "%41"), None);
    }
}
