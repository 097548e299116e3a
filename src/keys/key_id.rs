//! Key ids.

use std::fmt;

/// A `kid`: a UUID in the 8-4-4-4-12 form (RFC 9562 section 4), all lower or all upper case.
///
/// It becomes part of a URL path, so nothing but hexadecimal digits and `-` may ever be in it: a `kid`
/// like `../../bucket/key` would let the sender choose the key (CVE-2026-81829 was that in another
/// verifier).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 36]);

impl KeyId {
    /// Reads a key id; `None` for any other form.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 36] = text.as_bytes().try_into().ok()?;
        let in_form = bytes.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        let one_case =
            !(bytes.iter().any(u8::is_ascii_lowercase) && bytes.iter().any(u8::is_ascii_uppercase));
        (in_form && one_case).then_some(Self(bytes))
    }

    /// The text as it was received.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_ids_are_uuids_of_one_case() {
        for good in [
            "c2f80c8b-c05c-4068-af14-17299f7896b1",
            "C2F80C8B-C05C-4068-AF14-17299F7896B1",
            "00000000-0000-0000-0000-000000000000",
        ] {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "c2f80c8b-c05c-4068-af14-17299f7896b",
            "c2f80c8b-c05c-4068-af14-17299f7896b11",
            "C2f80c8b-c05c-4068-af14-17299f7896b1",
            "c2f80c8bc05c4068af1417299f7896b1",
            "c2f80c8b-c05c-4068-af1-417299f7896b1",
            "g2f80c8b-c05c-4068-af14-17299f7896b1",
            "{2f80c8b-c05c-4068-af14-17299f7896b}",
            "../../..-c05c-4068-af14-17299f7896b1",
            "c2f80c8b-c05c-4068-af14-17299f7896bé",
        ] {
            assert_eq!(KeyId::parse(bad), None, "{bad}");
        }
    }
}
