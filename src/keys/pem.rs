//! One P-256 public key in PEM, and nothing else.

use p256::ecdsa::VerifyingKey;
use p256::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

/// The longest answer that is looked at, in bytes. A P-256 key in PEM has 178; a longer answer is not
/// one, and copying it into the VM would only help whoever sends it.
pub const MAX_PEM_BYTES: usize = 8 * 1024;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";

/// A point on P-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    point: VerifyingKey,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo (RFC 5480) in PEM (RFC 7468) with nothing but blanks around it;
    /// `None` for other curves, several keys, certificates, or more than [`MAX_PEM_BYTES`].
    pub fn from_pem(body: &[u8]) -> Option<Self> {
        if body.len() > MAX_PEM_BYTES {
            return None;
        }
        let text = std::str::from_utf8(body).ok()?.trim();
        if !text.starts_with(BEGIN) {
            return None;
        }
        let point = VerifyingKey::from_public_key_pem(text).ok()?;
        // Encoded anew, so that both signature backends work on the same, canonical bytes.
        let spki = point.to_public_key_der().ok()?.into_vec();
        Some(Self { spki, point })
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The point, for p256.
    pub fn point(&self) -> &VerifyingKey {
        &self.point
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
