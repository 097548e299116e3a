//! One claim's value, as the JSON text that was signed.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json;

/// A claim's value; numbers as they were written.
pub(crate) enum Claim<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<&'a RawValue>),
    /// An object, or a string that is no Unicode (a lone surrogate).
    Other,
}

impl<'a> Claim<'a> {
    pub(crate) fn read(raw: &'a RawValue) -> Self {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => json::text(raw).map_or(Self::Other, Self::Text),
            Some(b'[') => json::list(text).map_or(Self::Other, Self::List),
            Some(b'{') | None => Self::Other,
            Some(_) => Self::Number(text),
        }
    }

    pub(crate) fn into_string(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// A string as it is, numbers and booleans as JSON text; `None` for anything else.
    pub(crate) fn into_scalar(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Bool(true) => Some(Cow::Borrowed("true")),
            Self::Bool(false) => Some(Cow::Borrowed("false")),
            Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::Text(text) => Some(text),
            Self::Null | Self::List(_) | Self::Other => None,
        }
    }
}
