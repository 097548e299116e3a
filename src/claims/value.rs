//! What one entry of `outputClaimToHeaders` makes of its claim.
//!
//! Whatever is written must be read back as it was meant, by anybody who splits the header at its separator, trims the
//! elements, or decodes them. A text that could pass for another element, for another entry's user, or for one of
//! Kubernetes' own names is unusable.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::elements::{Element, Elements};
use crate::config::{ClaimToHeader, Encoding, HeaderEntry, HeaderPolicy, SYSTEM_PREFIX};
use crate::pattern::Pattern;

/// The most elements of one header.
const MAX_ELEMENTS: usize = 1000;

/// The longest value of one header, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// What an entry ends in, but for the email rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The header's value, and how many elements were left out of it.
    Value(Rc<str>, usize),
    /// Nothing is there, or nothing is left after `keep`.
    Absent,
    /// Something is there, but nothing usable is left: so many elements.
    Unusable(usize),
}

/// Writes the elements that may be written.
pub(super) fn write(elements: Elements<'_>, policy: &HeaderPolicy, entry: &HeaderEntry) -> Written {
    let mapping = &entry.mapping;
    let kept = keep(elements.all, mapping);
    if kept.is_empty() {
        return Written::Absent;
    }
    let count = kept.len();
    if count > MAX_ELEMENTS {
        return Written::Unusable(count);
    }
    let writer = Writer {
        policy,
        entry,
        is_element: !elements.is_single || mapping.keep.is_some() || policy.strings_are_elements,
    };
    let mut written: Vec<String> = Vec::with_capacity(count);
    let mut seen = HashSet::new();
    let mut left_out = 0_usize;
    for element in kept {
        match writer.write(element) {
            None => left_out = left_out.saturating_add(1),
            // One element, the frequent case, is not compared with others.
            Some(text) if count == 1 || seen.insert(text.clone()) => written.push(text),
            Some(_) => {}
        }
    }
    let has_too_many = policy.takes_one_value && written.len() > 1;
    let joined = match written.as_mut_slice() {
        [one] => std::mem::take(one),
        several => several.join(policy.separator.encode_utf8(&mut [0; 4])),
    };
    let is_anothers = count > 1 && writer.spells_longer_prefix(&joined);
    if joined.is_empty() || has_too_many || is_anothers || joined.len() > MAX_BYTES {
        return Written::Unusable(count);
    }
    Written::Value(Rc::from(joined), left_out)
}

/// The elements that `keep` names, compared as they came; a fixed `value` takes their place.
fn keep<'a>(elements: Vec<Element<'a>>, mapping: &'a ClaimToHeader) -> Vec<Element<'a>> {
    let Some(patterns) = &mapping.keep else {
        return elements;
    };
    let matches = |text: &str| patterns.iter().any(|pattern| pattern.matches(text, false));
    // A lone star keeps what can't be used, too: something is there, so no weaker claim may replace it.
    let keeps_all = patterns.contains(&Pattern::Any);
    let mut kept: Vec<Element<'a>> = elements
        .into_iter()
        .filter(|element| keeps_all || element.as_ref().is_some_and(|text| matches(text)))
        .collect();
    let is_usable = |element: &Element<'_>| element.as_ref().is_some_and(|text| !text.is_empty());
    if let Some(value) = &mapping.value
        && kept.iter().any(is_usable)
    {
        kept = vec![Some(Cow::Borrowed(value.as_str()))];
    }
    kept
}

struct Writer<'a> {
    policy: &'a HeaderPolicy,
    entry: &'a HeaderEntry,
    /// Whether each text is one element of a list.
    is_element: bool,
}

impl Writer<'_> {
    /// An element as it is written, own prefix included; `None` if it is unusable.
    fn write(&self, element: Element<'_>) -> Option<String> {
        let mapping = &self.entry.mapping;
        let stripped = strip(&element?, mapping)?;
        if !is_safe(&stripped) {
            return None;
        }
        // `partner:` inside a value could pass for the prefix itself, or for two of them.
        if !mapping.prefix.is_empty() && stripped.contains(&mapping.prefix) {
            return None;
        }
        let written = match mapping.encoding {
            Encoding::None => self.with_prefix(stripped),
            Encoding::Percent => {
                let encoded = percent_encoded(&stripped);
                // As an application reads it, that decodes.
                if self.names_somebody_else(&self.with_prefix(stripped)) {
                    return None;
                }
                self.with_prefix(encoded)
            }
        };
        // Policies match elements, so none may look like two. Its prefix counts, too: of `o=a,admins` the second
        // half would be read as the group `admins`.
        if self.is_element && written.contains(self.policy.separator) {
            return None;
        }
        // Next to an encoded entry, `system%3Amasters` of one that is not encoded is decoded, too.
        let passes_decoded = self.policy.readers_decode
            && mapping.encoding == Encoding::None
            && self.names_somebody_else(&percent_decoded(&written));
        (!self.names_somebody_else(&written) && !passes_decoded).then_some(written)
    }

    fn with_prefix(&self, text: String) -> String {
        let prefix = &self.entry.mapping.prefix;
        if prefix.is_empty() {
            text
        } else {
            [prefix.as_str(), &text].concat()
        }
    }

    /// Whether the text, as a reader of the header sees it, begins like another entry's value or like one of
    /// Kubernetes' own names, at its start or after a separator. A prefix may hold separators itself
    /// (`o=partner,uid=`), so what follows each one is looked at whole.
    fn names_somebody_else(&self, text: &str) -> bool {
        let own = &self.entry.mapping.prefix;
        let foreign = &self.entry.foreign_prefixes;
        let reserves_system = self.policy.reserves_system;
        if foreign.is_empty() && !reserves_system {
            return false;
        }
        self.starts(text).any(|tail| {
            // Only the start has our own prefix, and so every prefix that our own begins with.
            let is_first = tail.len() == text.len();
            let is_foreign = |other: &String| {
                tail.starts_with(other.as_str()) && !(is_first && own.starts_with(other.as_str()))
            };
            foreign.iter().any(is_foreign) || reserves_system && tail.starts_with(SYSTEM_PREFIX)
        })
    }

    /// Whether several elements together begin like another entry's value: a prefix that holds the separator
    /// (`o=partner,uid=`) can be spelled by two of them.
    fn spells_longer_prefix(&self, joined: &str) -> bool {
        let mut foreign = self.entry.foreign_prefixes.iter();
        foreign.any(|other| {
            let spells = |tail: &str| tail.starts_with(other.as_str());
            other.contains(self.policy.separator) && self.starts(joined).any(spells)
        })
    }

    /// The text from its start, and from each separator on, without leading whitespace. One pass: a run of
    /// whitespace is not looked at again from each of its characters.
    fn starts<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let separator = self.policy.separator;
        let mut is_start = true;
        text.char_indices().filter_map(move |(at, c)| {
            let begins = is_start && !c.is_whitespace();
            is_start = c == separator || is_start && !begins;
            begins.then(|| text.get(at..)).flatten()
        })
    }
}

/// Without `stripPrefix` and `stripSuffix`; `None` if the text lacks one. In lower case if so configured.
fn strip(text: &str, mapping: &ClaimToHeader) -> Option<String> {
    let equal = |a: &str, b: &str| {
        if mapping.lowercase {
            a.eq_ignore_ascii_case(b)
        } else {
            a == b
        }
    };
    let (start, rest) = text.split_at_checked(mapping.strip_prefix.len())?;
    let end = rest.len().checked_sub(mapping.strip_suffix.len())?;
    let (inner, suffix) = rest.split_at_checked(end)?;
    let fits = equal(start, &mapping.strip_prefix) && equal(suffix, &mapping.strip_suffix);
    fits.then(|| {
        if mapping.lowercase {
            inner.to_ascii_lowercase()
        } else {
            inner.to_owned()
        }
    })
}

/// Can the text be in a header and be read back the same? Control characters split headers; whitespace at
/// the ends is trimmed on the way (RFC 9110 section 5.5), so ` admin` would arrive as `admin`.
fn is_safe(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// RFC 3986 section 2.1, with upper-case digits; unreserved characters (section 2.3) and `@` stay.
fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |number: u8| {
        let digit = DIGITS.get(usize::from(number)).copied();
        char::from(digit.unwrap_or(b'0'))
    };
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', digit(byte.wrapping_shr(4)), digit(byte & 0x0f)]);
        }
    }
    encoded
}

/// The text as a reader decodes it; what is no escape stays.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match escaped(after).filter(|_| *byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped(after: &[u8]) -> Option<u8> {
    let digits = after
        .get(..2)
        .filter(|d| d.iter().all(u8::is_ascii_hexdigit))?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
