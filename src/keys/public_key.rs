//! One P-256 public key in PEM, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::token_kind::Algorithm;

/// The longest answer that is looked at, in bytes. A P-256 key in PEM has 178; a longer answer is not
/// one, and copying it into the VM would only help the sender.
pub const MAX_PEM_BYTES: usize = 8 * 1024;

/// The encapsulation boundaries of RFC 7468 section 13.
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// What DER puts before the 65 bytes of a P-256 point (RFC 5480 section 2): DER has one spelling for it, so
/// there is nothing to parse. SEQUENCE of 89 bytes { SEQUENCE { id-ecPublicKey, secp256r1 }, BIT STRING of 66
/// bytes, none of its bits unused }.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT_BYTES: usize = 65;

/// A point on P-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
    point: VerifyingKey,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5480) of an uncompressed point in PEM (RFC 7468) with nothing but
    /// whitespace around it; `None` for other curves, points that are not on the curve, several keys, certificates,
    /// or more than [`MAX_PEM_BYTES`].
    pub fn from_pem(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_PEM_BYTES {
            return None;
        }
        let text = std::str::from_utf8(body).ok()?.trim();
        let lines = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
        let base64: String = lines.split_ascii_whitespace().collect();
        let spki = STANDARD.decode(base64).ok()?;
        let point = spki.strip_prefix(&SPKI_PREFIX)?;
        if point.len() != POINT_BYTES {
            return None;
        }
        let point = VerifyingKey::from_sec1_bytes(point).ok()?;
        Some(Self {
            algorithm: Algorithm::Es256,
            spki,
            point,
        })
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The point, for p256.
    pub fn point(&self) -> &VerifyingKey {
        &self.point
    }

    /// Reads R‖S (RFC 7518 section 3.4). `None` for any other length, or if one is not in 1..n: zeros are the
    /// "psychic signatures" of CVE-2022-21449.
    pub fn read_signature(&self, bytes: &[u8]) -> Option<Signature> {
        Signature::from_slice(bytes).ok()
    }

    /// Whether `signature` over `message` verifies, by p256's arithmetic.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let hash = Sha256::digest(message);
        self.point.verify_prehash(&hash, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjPHY1j9umvc8nZEswOzs+lPpLKLn\n\
        qCBqvyZGJfBlXapmtGiqYEwpIqh/lZdkr4wDii7CP1DzIUSHONbc+jufiQ==\n\
        -----END PUBLIC KEY-----\n";
    const P384: &str = "-----BEGIN PUBLIC KEY-----\n\
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEC1uWSXj2czCDwMTLWV5BFmwxdM6PX9p+\n\
        Pk9Yf9rIf374m5XP1U8q79dBhLSIuaojsvOT39UUcPJROSD1FqYLued0rXiooIii\n\
        1D3jaW6pmGVJFhodzC31cy5sfOYotrzF\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn one_key_is_taken_whatever_the_line_ends() {
        let key = PublicKey::from_pem(PEM.as_bytes()).unwrap();
        assert_eq!(key.spki().len(), 91);
        let crlf = format!("\r\n{}\r\n", PEM.replace('\n', "\r\n"));
        for same in [PEM.trim_end(), &crlf] {
            assert_eq!(PublicKey::from_pem(same.as_bytes()), Some(key.clone()));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let longest = format!("{PEM}{}", " ".repeat(MAX_PEM_BYTES - PEM.len()));
        assert!(PublicKey::from_pem(longest.as_bytes()).is_some());
        let two = format!("{PEM}{PEM}");
        let too_long = format!("{longest} ");
        let off_curve = PEM.replace("AEjPHY", "AEjPHZ");
        let private = PEM.replace("PUBLIC", "PRIVATE");
        let preamble = format!("hello\n{PEM}");
        let bad: [&[u8]; 10] = [
            b"",
            b"\xff",
            b"<html>403</html>",
            BEGIN.as_bytes(),
            P384.as_bytes(),
            two.as_bytes(),
            too_long.as_bytes(),
            off_curve.as_bytes(),
            private.as_bytes(),
            preamble.as_bytes(),
        ];
        for body in bad {
            assert_eq!(
                PublicKey::from_pem(body),
                None,
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
    }
}
