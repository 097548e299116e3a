//! Any bytes as a key endpoint's answer.

use alb_authn::keys::{AttemptResult, MAX_PEM_BYTES, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey as _;

/// What stands before the point in the SubjectPublicKeyInfo of P-256 (RFC 5480), and the mark of an
/// uncompressed point.
const SPKI_START: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let key = PublicKey::from_pem(data);
    let answer = AttemptResult::from_http(Some(200), data);
    assert_eq!(matches!(answer, AttemptResult::Key(_)), key.is_some());
    for status in [201, 204, 301, 403, 404, 410, 500] {
        assert!(matches!(
            AttemptResult::from_http(Some(status), data),
            AttemptResult::Failed(_)
        ));
    }
    let Some(key) = key else { return };
    assert!(data.len() <= MAX_PEM_BYTES);
    assert_eq!(key.spki().len(), 91);
    assert!(key.spki().starts_with(&SPKI_START));
    let mentions = |text: &[u8]| {
        data.windows(text.len())
            .filter(|part| *part == text)
            .count()
    };
    assert_eq!(mentions(b"-----BEGIN "), 1, "one block and nothing else");
    let canonical = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        wrapped(&STANDARD.encode(key.spki()))
    );
    let theirs = VerifyingKey::from_public_key_pem(&canonical);
    assert_eq!(theirs.as_ref().ok(), Some(key.point()), "p256's reader");
    assert_eq!(PublicKey::from_pem(canonical.as_bytes()), Some(key));
}

/// Lines of 64 characters, as RFC 7468 section 3 has it.
fn wrapped(text: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    lines.join("\n")
}
