//! A known-answer test for a signature backend, before it is trusted with logins.
//!
//! Envoys built on other TLS libraries may lack `verify_signature` or behave otherwise. A backend that
//! says yes to everything is as broken as one that says no, so both answers are asked for.

use super::SignatureBackend;
use crate::base64url;
use crate::keys::{PublicKey, RsaPublicKey};

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

/// RFC 7515 appendix A.2.1: the modulus, the signing input, and the signature.
const RSA_MODULUS: &str = "\
    ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql\
    L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs\
    LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud\
    F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\
    ";
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];
const RSA_MESSAGE: &[u8] = b"eyJhbGciOiJSUzI1NiJ9\
    .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const RS256_SIGNATURE: &str = "\
    cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG\
    bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
    0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6\
    LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw\
    ";

/// The same key's signature over the same input in the other padding, RSASSA-PSS (RFC 8017 section 8.1).
const PSS_SIGNATURE: &str = "\
    MU9ALXkE_fbNI8CYkrfVwZ2Gv-yrbI-ixhplUV174OI4phcjIsAlRXchsZpbtGj8HY3ZZkV-RNnB052eQyhx3SyPlEcN3dwQ\
    uZ-RPnWW8dMLxpbWif94XUBN4AhZwOIJnyCzjRY6U8K1cuPimZ-HIUyId5R-IPiQgsXVCDEoT-65ZIUhiq_MHPtXs4kT95dL\
    SGSMeq_8OjXVOKcw3HuhDesbt9gapS6t-BkhiyvWqd38PR48FKYqW4fvTqh_D7JxdGelR4Ja719T9YyWifYNsP5w2CXRoLl6\
    8n7HQxKx0wjc8SxvIbAHK4DMgGzF6cBI3EX7uSPPQtuObRB12fT-gg\
    ";

/// Whether the backend says yes to RFC 7515's RS256 example, and no to a changed text, another padding, a short
/// signature and another key.
pub fn answers_rs256_correctly(backend: &dyn SignatureBackend) -> bool {
    let decoded = [RSA_MODULUS, RS256_SIGNATURE, PSS_SIGNATURE]
        .map(|text| base64url::decode(text.as_bytes()).unwrap_or_default());
    let [modulus, good, pss] = decoded;
    let Some(key) = RsaPublicKey::new("known-answer", &modulus, &RSA_EXPONENT) else {
        return false;
    };
    let mut other_modulus = modulus.clone();
    if let Some(last) = other_modulus.last_mut() {
        *last ^= 2;
    }
    let Some(other_key) = RsaPublicKey::new("known-answer", &other_modulus, &RSA_EXPONENT) else {
        return false;
    };
    let short = good.split_last().map_or(&[][..], |(_, rest)| rest);
    backend.verify_rs256(&key, RSA_MESSAGE, &good)
        && !backend.verify_rs256(&key, RSA_MESSAGE.split_at(1).1, &good)
        && !backend.verify_rs256(&key, RSA_MESSAGE, &pss)
        && !backend.verify_rs256(&key, RSA_MESSAGE, short)
        && !backend.verify_rs256(&other_key, RSA_MESSAGE, &good)
}

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

        fn verify_rs256(&self, _: &RsaPublicKey, _: &[u8], _: &[u8]) -> bool {
            self.0
        }
    }

    #[test]
    fn only_a_backend_that_tells_good_from_bad_passes() {
        assert!(answers_correctly(&WasmBackend));
        assert!(!answers_correctly(&Always(true)));
        assert!(!answers_correctly(&Always(false)));
        assert!(!answers_rs256_correctly(&Always(true)));
        assert!(!answers_rs256_correctly(&Always(false)));
        assert!(!answers_rs256_correctly(&WasmBackend));
    }
}
