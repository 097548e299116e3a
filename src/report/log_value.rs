//! Values in log lines: what a sender wrote can't forge a line or a field.

use std::fmt::Write as _;

use crate::reason::MAX_LOG_VALUE;

/// The value with everything outside `[A-Za-z0-9:/._@+-]` as `%XX`, cut at 128 bytes (never inside a
/// `%XX`); `-` for an empty one.
pub(super) fn log_value(value: &[u8]) -> String {
    let mut text = String::new();
    for byte in value {
        let plain = byte.is_ascii_alphanumeric() || b":/._@+-".contains(byte);
        let length = if plain { 1 } else { 3 };
        if text.len().saturating_add(length) > MAX_LOG_VALUE {
            break;
        }
        if plain {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_forge_fields_or_lines() {
        assert_eq!(log_value(b""), "-");
        assert_eq!(log_value(b"aZ09:/._@+-"), "aZ09:/._@+-");
        assert_eq!(log_value(b"a reason=ok\n\xff%"), "a%20reason%3Dok%0A%FF%25");
    }

    #[test]
    fn values_end_at_128_bytes() {
        assert_eq!(log_value(&[b'a'; 129]), "a".repeat(128));
        assert_eq!(log_value(&[b' '; 64]), "%20".repeat(42));
    }
}
