//! Readers of a header: applications that split it at its separator, trim the parts, or decode them.

use super::input::Case;
use super::model::{Filled, beginnings, is_decoded, reserves_system};

/// # Panics
/// If some reader finds what is not meant.
pub(super) fn check(case: &Case, filled: &Filled<'_>) {
    let (entry, text) = (filled.entry, filled.text.as_str());
    assert!(!text.is_empty() && text.trim() == text, "{filled:?}");
    assert!(!text.contains(char::is_control), "{filled:?}");
    let decoded = decoded(text);
    for reading in [text, decoded.as_str()] {
        if entry.percent || is_decoded(case, entry) || reading == text {
            check_names(case, filled, reading);
        }
    }
    let whole = vec![text];
    let parts = if filled.is_list {
        text.split(entry.separator).collect()
    } else {
        whole
    };
    let read = parts.iter().map(|part| {
        let own = part.trim().strip_prefix(entry.prefix.trim_end());
        let own = own.unwrap_or_else(|| panic!("{part:?} without its prefix: {filled:?}"));
        if entry.percent {
            self::decoded(own)
        } else {
            own.to_owned()
        }
    });
    let meant: Vec<&str> = filled.meant.iter().map(String::as_str).collect();
    let read: Vec<String> = read.map(|part| part.trim().to_owned()).collect();
    assert_eq!(read, meant, "{filled:?}");
}

/// No element begins like a value of an entry with another prefix, or like one of Kubernetes' own names.
fn check_names(case: &Case, filled: &Filled<'_>, text: &str) {
    let entry = filled.entry;
    for at in beginnings(text, entry.separator) {
        let tail = &text[at..];
        let is_system = reserves_system(case, entry.header) && tail.starts_with("system:");
        assert!(!is_system, "{tail:?} of {filled:?}");
        // At its own start an element has its own prefix, and so what that begins with.
        let rest = tail.strip_prefix(entry.prefix).unwrap_or(tail);
        let mut foreign = case.entries_for(entry.header).map(|other| other.prefix);
        let found = foreign.find(|prefix| {
            let is_within_own = rest.len() < tail.len() && entry.prefix.starts_with(prefix);
            !prefix.is_empty() && tail.starts_with(prefix) && !is_within_own
        });
        assert_eq!(found, None, "in {filled:?}");
    }
}

pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let escape = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escape {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part[2..].bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
