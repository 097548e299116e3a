//! Paths that mean the same to every server.
//!
//! What looks public to us may be something else to the upstream (`/public/..;/admin`,
//! `/static/%2e%2e/`), so a path that any server could read in two ways matches nothing.

/// A path, or the start of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathRule {
    /// The whole path.
    Exact(String),
    /// A path that starts so; ends with `/`.
    Prefix(String),
}

impl PathRule {
    /// The path, or its start.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(text) | Self::Prefix(text) => text,
        }
    }

    /// Whether the rule covers this plain path; the comparison is byte by byte.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
        }
    }
}

/// Starts with `/`, has no query, and means the same to every server. URL parsers drop tabs
/// (`/static/.<TAB>./admin`), servers decode once or twice, fold `\` to `/`, cut at `;`, and normalize to NFKC.
pub fn is_plain_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|b| b.is_ascii_graphic())
        && !path.contains(['\\', ';', '?', '#'])
        && !path.contains("//")
        && !path.split('/').any(is_dot_segment)
        && decoded_escapes(path).is_some_and(|text| !text.chars().any(is_ambiguous))
}

/// `.`, `..`, or dots among escaped spaces, which some servers trim.
fn is_dot_segment(segment: &str) -> bool {
    segment.contains('.') && segment.replace("%20", "").bytes().all(|b| b == b'.')
}

/// What the escapes of a path stand for, the rest left out; `None` if a `%` starts no escape, or the decoded path
/// is no UTF-8.
fn decoded_escapes(path: &str) -> Option<String> {
    let mut escaped = Vec::new();
    let mut whole = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            whole.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let decoded = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        rest = after;
        whole.push(decoded);
        escaped.push(decoded);
    }
    std::str::from_utf8(&whole).ok()?;
    String::from_utf8(escaped).ok()
}

/// Delimiters, control characters, and what NFKC turns into a delimiter or looks like one.
fn is_ambiguous(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '.' | '/'
                | '\\'
                | ';'
                | '%'
                | '?'
                | '#'
                | '\u{37e}'
                | '\u{2024}'..='\u{2026}'
                | '\u{2044}'
                | '\u{2047}'..='\u{2049}'
                | '\u{2100}'
                | '\u{2101}'
                | '\u{2105}'
                | '\u{2106}'
                | '\u{2215}'
                | '\u{2216}'
                | '\u{2488}'..='\u{249b}'
                | '\u{33c2}'
                | '\u{33c7}'
                | '\u{33d8}'
                | '\u{fe14}'
                | '\u{fe16}'
                | '\u{fe19}'
                | '\u{fe30}'
                | '\u{fe52}'
                | '\u{fe54}'
                | '\u{fe56}'
                | '\u{fe5f}'
                | '\u{fe68}'
                | '\u{fe6a}'
                | '\u{ff03}'
                | '\u{ff05}'
                | '\u{ff0e}'
                | '\u{ff0f}'
                | '\u{ff1b}'
                | '\u{ff1f}'
                | '\u{ff3c}'
                | '\u{1f100}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What NFKC turns into a delimiter, and look-alikes: first and last code point.
    const LOOKALIKES: [(u32, u32); 30] = [
        (0x037e, 0x037e),
        (0x2024, 0x2026),
        (0x2044, 0x2044),
        (0x2047, 0x2049),
        (0x2100, 0x2101),
        (0x2105, 0x2106),
        (0x2215, 0x2215),
        (0x2216, 0x2216),
        (0x2488, 0x249b),
        (0x33c2, 0x33c2),
        (0x33c7, 0x33c7),
        (0x33d8, 0x33d8),
        (0xfe14, 0xfe14),
        (0xfe16, 0xfe16),
        (0xfe19, 0xfe19),
        (0xfe30, 0xfe30),
        (0xfe52, 0xfe52),
        (0xfe54, 0xfe54),
        (0xfe56, 0xfe56),
        (0xfe5f, 0xfe5f),
        (0xfe68, 0xfe68),
        (0xfe6a, 0xfe6a),
        (0xff03, 0xff03),
        (0xff05, 0xff05),
        (0xff0e, 0xff0e),
        (0xff0f, 0xff0f),
        (0xff1b, 0xff1b),
        (0xff1f, 0xff1f),
        (0xff3c, 0xff3c),
        (0x1f100, 0x1f100),
    ];

    fn is_listed(c: char) -> bool {
        let code = u32::from(c);
        code < 0x20
            || (0x7f..=0x9f).contains(&code)
            || "./\\;%?#".contains(c)
            || LOOKALIKES
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&code))
    }

    #[test]
    fn an_escape_makes_a_path_ambiguous_exactly_if_it_is_listed() {
        for c in '\0'..='\u{2ffff}' {
            let bytes = c.to_string().into_bytes();
            let escape: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            let plain = is_plain_path(&format!("/a{escape}b"));
            assert_eq!(plain, !is_listed(c), "U+{:04X}", u32::from(c));
        }
    }
}
