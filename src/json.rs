//! JSON objects as they were written: members in order, duplicates kept, values as their signed text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON string, borrowed unless it holds escapes.
#[derive(Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'a> Text<'a> {
    /// The value's text; `None` if it is no string, or no Unicode (a lone surrogate).
    pub(crate) fn of(raw: &'a RawValue) -> Option<Cow<'a, str>> {
        let text = raw.get();
        let inner = text.strip_prefix('"')?.strip_suffix('"')?;
        // `serde_json` has already checked the value: without an escape it is the text between the quotes.
        if inner.contains('\\') {
            serde_json::from_str(text).ok().map(|Text(text)| text)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }
}

/// An object's members.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads one object in UTF-8; `None` for anything else.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
    }

    /// The value of a member; of duplicates the last one's.
    pub(crate) fn last(&self, name: &str) -> Option<&'a RawValue> {
        let mut from_the_end = self.0.iter().rev();
        let (_, value) = from_the_end.find(|(own, _)| own == name)?;
        Some(value)
    }

    /// Whether a name stands twice.
    pub(crate) fn has_duplicates(&self) -> bool {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // As many as a protected header has; a payload has a few more.
        let mut members = Vec::with_capacity(8);
        while let Some((Text(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}
