//! JSON values as they were written: members in order, duplicates kept, values as their signed text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON value whose members and elements are not read yet.
///
/// Tokens and key sets are read as this one type. It accepts every kind of value, because `serde`'s message for a wrong
/// kind would bring all that prints floating-point numbers into the module.
enum Value<'a> {
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<&'a RawValue>),
    Object(Members<'a>),
    NullOrBool,
}

/// The elements of a JSON list; `None` for anything else.
pub(crate) fn list(text: &str) -> Option<Vec<&RawValue>> {
    match serde_json::from_str(text) {
        Ok(Value::List(items)) => Some(items),
        _ => None,
    }
}

/// A JSON number as a double; `None` for anything else.
pub(crate) fn number(text: &str) -> Option<f64> {
    match serde_json::from_str(text) {
        Ok(Value::Number(number)) => Some(number),
        _ => None,
    }
}

/// A JSON string's text, borrowed unless it has escapes; `None` if it is no string, or no Unicode (a lone surrogate).
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    // `serde_json` has already checked the value: without an escape it is the text between the quotes.
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    match serde_json::from_str(raw.get()) {
        Ok(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// A member's name, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// An object's members.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads one object in UTF-8; `None` for anything else.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        match serde_json::from_str(std::str::from_utf8(json).ok()?) {
            Ok(Value::Object(members)) => Some(members),
            _ => None,
        }
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

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::NullOrBool)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Value::NullOrBool)
    }

    #[expect(
        clippy::as_conversions,
        reason = "there is no other conversion to a double"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Value::Number(value as f64))
    }

    #[expect(
        clippy::as_conversions,
        reason = "there is no other conversion to a double"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // As many as a protected header has; a payload has a few more.
        let mut members = Vec::with_capacity(8);
        while let Some((Name(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Value::Object(Members(members)))
    }
}
