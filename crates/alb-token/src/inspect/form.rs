//! Three parts in base64url: the form of a token, read leniently so that there is something to show, and
//! judged strictly.

use alb_authn::reason::Rejection;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use p256::ecdsa::Signature;

use super::Fault;

/// What could be decoded; empty where nothing could.
pub(super) struct Parts {
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) faults: Vec<Fault>,
}

/// `maxTokenBytes`: its default, and the most that it can be.
const DEFAULT_MAX_BYTES: usize = 16_384;
const LARGEST_MAX_BYTES: usize = 65_536;

pub(super) fn split(token: &[u8]) -> Parts {
    let mut faults = Vec::new();
    if token.is_empty() {
        let message = "There is no token.";
        faults.push(Fault::new(Rejection::MissingToken, message));
    } else {
        faults.extend(too_large(token.len()));
        faults.extend(pasted(token));
    }
    let texts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    if texts.len() != 3 && !token.is_empty() {
        faults.push(Fault::malformed(format!(
            "A token has three parts with dots between them; this has {}.",
            texts.len()
        )));
    }
    let mut decoded = ["header", "payload", "signature"]
        .into_iter()
        .zip(texts)
        .map(|(name, text)| {
            faults.extend(misspelt(name, text).filter(|_| !token.is_empty()));
            decode_leniently(text).unwrap_or_default()
        });
    let (header, payload) = (decoded.next(), decoded.next());
    let signature = decoded.next();
    drop(decoded);
    Parts {
        header: header.unwrap_or_default(),
        payload: payload.unwrap_or_default(),
        signature: signature.unwrap_or_default(),
        faults,
    }
}

fn too_large(length: usize) -> Option<Fault> {
    let limit = if length <= DEFAULT_MAX_BYTES {
        return None;
    } else if length <= LARGEST_MAX_BYTES {
        "maxTokenBytes is 16384 unless the configuration raises it"
    } else {
        "maxTokenBytes can be 65536 at most"
    };
    let message = format!("It is {length} bytes long; {limit}.");
    Some(Fault::new(Rejection::TokenTooLarge, message))
}

/// What people copy along with a token.
fn pasted(token: &[u8]) -> Option<Fault> {
    let starts = |prefix: &str| {
        let start = token.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    let what = ["Bearer ", "x-amzn-oidc-data:", "x-amzn-oidc-accesstoken:"]
        .into_iter()
        .find(|prefix| starts(prefix))?;
    let message = format!(
        "It starts with `{}`, which is no part of a token.",
        what.trim_end()
    );
    Some(Fault::malformed(message))
}

/// Why a part is not the one canonical text of its bytes.
fn misspelt(name: &str, text: &[u8]) -> Option<Fault> {
    let strict = if text.ends_with(b"=") {
        URL_SAFE
    } else {
        URL_SAFE_NO_PAD
    };
    let why = if text.is_empty() {
        "is empty".to_owned()
    } else if strict.decode(text).is_ok() {
        return None;
    } else if text.iter().any(|byte| b"+/".contains(byte)) {
        "holds + or /: standard base64, where base64url has - and _".to_owned()
    } else if text.iter().any(u8::is_ascii_whitespace) {
        "holds spaces or line ends".to_owned()
    } else if let Some(byte) = text.iter().find(|byte| !is_base64url(**byte)) {
        format!("holds the byte 0x{byte:02x}, which is no base64url")
    } else if URL_SAFE_NO_PAD
        .decode(text.trim_ascii_end().split(|b| *b == b'=').next()?)
        .is_ok()
    {
        "has wrong `=` padding: each part has exactly what it needs, or none at all".to_owned()
    } else {
        "is cut off, or was changed: its last character has bits that should be zero".to_owned()
    };
    Some(Fault::malformed(format!("The {name} {why}.")))
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_=".contains(&byte)
}

/// The bytes that a part probably means.
fn decode_leniently(text: &[u8]) -> Option<Vec<u8>> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone);
    let engine = GeneralPurpose::new(&alphabet::URL_SAFE, lenient);
    let spelt: Vec<u8> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=')
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        })
        .collect();
    engine.decode(spelt).ok()
}

/// Why this is no ES256 signature. Without any, other faults say so.
pub(super) fn bad_es256(signature: &[u8]) -> Option<Fault> {
    let message = if signature.is_empty() {
        return None;
    } else if signature.len() != 64 {
        format!(
            "The signature is {} bytes long; one of ES256 has 64.",
            signature.len()
        )
    } else if Signature::from_slice(signature).is_err() {
        "The signature's numbers are zero or too large.".to_owned()
    } else {
        return None;
    };
    Some(Fault::new(Rejection::InvalidSignature, message))
}
