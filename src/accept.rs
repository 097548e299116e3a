//! Which form of a rejection the client prefers.
//!
//! Source: RFC 9110, sections 5.6 (lists, parameters, quoted strings), 12.4.2 (weights), and 12.5.1 (`accept`).

use crate::headers::Headers;

/// A weight in thousandths.
type Quality = u16;

/// How exactly a range names a media type: its form, then its number of parameters.
type Specificity = (u8, usize);

/// Whether `accept` gives `text/html` a higher quality than `application/json`, as a browser's navigation does.
/// Ties, no `accept` and an unreadable one mean JSON; so does gRPC, whose clients read no body.
pub fn prefers_html(headers: &Headers<'_>) -> bool {
    !is_grpc(headers) && html_outweighs_json(headers).unwrap_or(false)
}

fn is_grpc(headers: &Headers<'_>) -> bool {
    const PREFIX: &[u8] = b"application/grpc";
    headers.all("content-type").any(|value| {
        let start = value.get(..PREFIX.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    })
}

/// `None` if a part of an `accept` is unreadable: what the client prefers is then unknown.
fn html_outweighs_json(headers: &Headers<'_>) -> Option<bool> {
    // What programs send, when they send any: all types are equal.
    if headers.all("accept").all(|value| value == b"*/*") {
        return Some(false);
    }
    let mut html = Preference::new(b"text", b"html");
    let mut json = Preference::new(b"application", b"json");
    for value in headers.all("accept") {
        for element in split_unquoted(value, b',') {
            let element = element?.trim_ascii();
            if element.is_empty() {
                continue;
            }
            let range = Range::parse(element)?;
            html.consider(&range);
            json.consider(&range);
        }
    }
    Some(html.quality() > json.quality())
}

/// What the ranges seen so far say of one media type.
struct Preference {
    main: &'static [u8],
    sub: &'static [u8],
    best: Option<(Specificity, Quality)>,
}

impl Preference {
    const fn new(main: &'static [u8], sub: &'static [u8]) -> Self {
        Self {
            main,
            sub,
            best: None,
        }
    }

    /// The most specific range counts; of two equal ones the higher quality.
    fn consider(&mut self, range: &Range<'_>) {
        if let Some(specificity) = range.specificity_for(self.main, self.sub) {
            self.best = self.best.max(Some((specificity, range.quality)));
        }
    }

    /// A type that no range matches is not acceptable.
    fn quality(&self) -> Quality {
        self.best.map_or(0, |(_, quality)| quality)
    }
}

/// A media range with its weight.
struct Range<'a> {
    main: &'a [u8],
    sub: &'a [u8],
    quality: Quality,
    parameters: usize,
    /// Whether all parameters are true of our responses. Both forms are UTF-8, and have no other parameter.
    is_ours: bool,
}

impl<'a> Range<'a> {
    fn parse(element: &'a [u8]) -> Option<Self> {
        let mut parts = split_unquoted(element, b';');
        let mut names = parts.next()??.trim_ascii().splitn(2, |byte| *byte == b'/');
        let (main, sub) = (names.next()?, names.next()?);
        if !is_token(main) || !is_token(sub) || (main == b"*" && sub != b"*") {
            return None;
        }
        let mut quality = None;
        let mut range = Self {
            main,
            sub,
            quality: 1000,
            parameters: 0,
            is_ours: true,
        };
        for part in parts {
            let part = part?.trim_ascii();
            if part.is_empty() {
                continue;
            }
            let (name, value) = parameter(part)?;
            if name.eq_ignore_ascii_case(b"q") {
                // Two weights contradict each other.
                if quality.replace(parse_quality(value)?).is_some() {
                    return None;
                }
            } else {
                range.parameters = range.parameters.saturating_add(1);
                range.is_ours &= is_utf8_charset(name, value);
            }
        }
        range.quality = quality.unwrap_or(range.quality);
        Some(range)
    }

    /// `None` if the range does not match the media type.
    fn specificity_for(&self, main: &[u8], sub: &[u8]) -> Option<Specificity> {
        let form = if self.main == b"*" {
            0
        } else if !self.main.eq_ignore_ascii_case(main) {
            return None;
        } else if self.sub == b"*" {
            1
        } else if self.sub.eq_ignore_ascii_case(sub) {
            2
        } else {
            return None;
        };
        self.is_ours.then_some((form, self.parameters))
    }
}

fn is_utf8_charset(name: &[u8], value: &[u8]) -> bool {
    let is_utf8 = [&b"utf-8"[..], b"\"utf-8\""]
        .iter()
        .any(|utf8| value.eq_ignore_ascii_case(utf8));
    name.eq_ignore_ascii_case(b"charset") && is_utf8
}

/// `name=value`, the value a token or a quoted string. The whole quoted string is one, because the text was split
/// outside of quotes; its end is checked here.
fn parameter(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut halves = text.splitn(2, |byte| *byte == b'=');
    let (name, value) = (halves.next()?, halves.next()?);
    let is_readable = is_token(name) && (is_token(value) || is_quoted_string(value));
    is_readable.then_some((name, value))
}

/// From 0 to 1 with at most three decimals.
fn parse_quality(text: &[u8]) -> Option<Quality> {
    let (whole, rest) = text.split_first()?;
    let digits = match rest.split_first() {
        None => rest,
        Some((b'.', digits)) if digits.len() <= 3 => digits,
        Some(_) => return None,
    };
    if !matches!(whole, b'0' | b'1') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = [whole].into_iter().chain(digits).chain(b"000").take(4);
    let thousandths = padded.fold(0_u16, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(u16::from(digit.saturating_sub(b'0')))
    });
    (thousandths <= 1000).then_some(thousandths)
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    let is_token_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !text.is_empty() && text.iter().all(is_token_byte)
}

/// RFC 9110, section 5.6.4: closed by its second bare quote, with no control character in it.
fn is_quoted_string(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")) else {
        return false;
    };
    let mut is_escaped = false;
    for byte in inner {
        if byte.is_ascii_control() && *byte != b'\t' || *byte == b'"' && !is_escaped {
            return false;
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    !is_escaped
}

/// The parts between separators that no quoted string contains; `None`, as the last, for a quote left open.
fn split_unquoted(text: &[u8], separator: u8) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let (mut is_quoted, mut is_escaped) = (false, false);
        for (position, byte) in text.iter().enumerate() {
            if *byte == separator && !is_quoted {
                let (part, after) = text.split_at_checked(position)?;
                rest = after.split_first().map(|(_, after)| after);
                return Some(Some(part));
            }
            is_quoted ^= *byte == b'"' && !is_escaped;
            is_escaped = is_quoted && *byte == b'\\' && !is_escaped;
        }
        Some((!is_quoted).then_some(text))
    })
}

#[cfg(test)]
mod tests;
