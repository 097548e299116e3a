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
