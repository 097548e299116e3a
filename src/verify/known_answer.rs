//! A known-answer test for a signature backend, before it is trusted with logins.
//!
//! Envoys built on other TLS libraries may lack `verify_signature` or behave otherwise. A backend that
//! says yes to everything is as broken as one that says no, so both answers are asked for.

use super::SignatureBackend;
use crate::keys::PublicKey;

/// RFC 7515 appendix A.3.1: the key, the signing input, and R‖S.
const KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n\
    6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n\
    -----END PUBLIC KEY-----\n";
const MESSAGE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const SIGNATURE: [u8; 64] = [
    14, 209, 33, 83, 121, 99, 108, 72, 60, 47, 127, 21, 88, 7, 212, 2, 163, 178, 40, 3, 58, 249,
    124, 126, 23, 129, 154, 195, 22, 158, 166, 101, 197, 10, 7, 211, 140, 60, 112, 229, 216, 241,
    45, 175, 8, 74, 84, 128, 166, 101, 144, 197, 242, 147, 80, 154, 143, 63, 127, 138, 131, 163,
    84, 213,
];

/// The point of the real ALB key of smallrye-jwt's test: a sound key that did not sign the message.
const OTHER_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjPHY1j9umvc8nZEswOzs+lPpLKLn\n\
    qCBqvyZGJfBlXapmtGiqYEwpIqh/lZdkr4wDii7CP1DzIUSHONbc+jufiQ==\n\
    -----END PUBLIC KEY-----\n";

/// Whether the backend says yes to the good vector and no to each bad one.
pub fn answers_correctly(backend: &dyn SignatureBackend) -> bool {
    let keys = (
        PublicKey::from_pem(KEY.as_bytes()),
        PublicKey::from_pem(OTHER_KEY.as_bytes()),
    );
    let (Some(key), Some(other_key)) = keys else {
        return false;
    };
    // R and S swapped: both still in range, so that it is the backend that has to say no.
    let mut swapped = SIGNATURE;
    swapped.rotate_left(32);
    let signatures = (key.read_signature(&SIGNATURE), key.read_signature(&swapped));
    let (Some(good), Some(bad)) = signatures else {
        return false;
    };
    backend.verify(&key, MESSAGE, &good)
        && !backend.verify(&key, MESSAGE, &bad)
        && !backend.verify(&key, MESSAGE.split_at(1).1, &good)
        && !backend.verify(&other_key, MESSAGE, &good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Signature;
    use crate::verify::WasmBackend;

    struct Always(bool);

    impl SignatureBackend for Always {
        fn verify(&self, _: &PublicKey, _: &[u8], _: &Signature) -> bool {
            self.0
        }
    }

    #[test]
    fn only_a_backend_that_tells_good_from_bad_passes() {
        assert!(answers_correctly(&WasmBackend));
        assert!(!answers_correctly(&Always(true)));
        assert!(!answers_correctly(&Always(false)));
    }
}
