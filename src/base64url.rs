//! base64url (RFC 4648 section 5) with canonical padding or none.
//!
//! One value has one text here, up to its padding: what is lenient lets a signed token be changed
//! without breaking its signature check elsewhere (PyJWT's GHSA-hxm8-2xgr-2p9m), and gives caches
//! several keys for one token.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

/// Decodes a part that is not empty; `None` for wrong characters, wrong padding, or non-zero trailing
/// bits.
pub(crate) fn decode(part: &[u8]) -> Option<Vec<u8>> {
    if part.is_empty() {
        return None;
    }
    let engine = if part.ends_with(b"=") {
        &URL_SAFE
    } else {
        &URL_SAFE_NO_PAD
    };
    engine.decode(part).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_is_decoded_with_and_without_padding() {
        for (text, bytes) in [
            ("YQ==", "a"),
            ("YQ", "a"),
            ("YWI=", "ab"),
            ("YWI", "ab"),
            ("YWJj", "abc"),
        ] {
            assert_eq!(
                decode(text.as_bytes()).as_deref(),
                Some(bytes.as_bytes()),
                "{text}"
            );
        }
        assert_eq!(decode(b"-_-_"), Some(vec![0xfb, 0xff, 0xbf]));
    }

    #[test]
    fn everything_else_is_refused() {
        let bad = [
            "", "=", "==", "====", "Y", "Y===", "YQ=", "YQ===", "YWI==", "YWJj=", "YWJj====",
            "YR==", "YR", "YWJ", "YWJ=", "+/+/", "YQ ==", "YQ==\n", " YQ==", "Y=Q=", "=YQ=",
            "YQ==YQ==", "é",
        ];
        for text in bad {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
