//! A claim's value → its elements.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::claim::Claim;
use crate::config::Format;
use crate::json;

/// One element: its text, or `None` for what is no string, number or boolean.
pub(super) type Element<'a> = Option<Cow<'a, str>>;

/// The elements of a value.
pub(super) struct Elements<'a> {
    pub(super) all: Vec<Element<'a>>,
    /// Whether the value is one string, number or boolean, and not a list in any form.
    pub(super) is_single: bool,
}

impl<'a> Elements<'a> {
    /// Nothing for what counts as absent: `null`, `""`, `[]`, and strings that hold separators only.
    pub(super) fn of(claim: Claim<'a>, format: Format) -> Self {
        match (claim, format) {
            (Claim::Null, _) => Self::list(Vec::new()),
            (Claim::List(items), _) => Self::list(items.into_iter().map(element).collect()),
            (Claim::Text(text), _) if text.is_empty() => Self::list(Vec::new()),
            (Claim::Text(text), Format::List) => Self::list(split_list(text)),
            (Claim::Text(text), Format::SpaceSeparated) => Self::list(split(text, ' ')),
            (claim, _) => Self {
                all: vec![claim.into_scalar()],
                is_single: true,
            },
        }
    }

    fn list(all: Vec<Element<'a>>) -> Self {
        Self {
            all,
            is_single: false,
        }
    }
}

fn element(raw: &RawValue) -> Element<'_> {
    Claim::read(raw).into_scalar()
}

/// A string that is a JSON list is one. Any other is split at commas, without one pair of brackets around it:
/// Cognito writes SAML's multi-valued attributes as `[a, b]`.
fn split_list(text: Cow<'_, str>) -> Vec<Element<'_>> {
    if let Some(items) = json::list(&text) {
        let owned = |item: &RawValue| element(item).map(|text| Cow::Owned(text.into_owned()));
        return items.into_iter().map(owned).collect();
    }
    let trimmed = text.trim_matches(' ');
    let inner = trimmed
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => split(Cow::Owned(inner.to_owned()), ','),
        None => split(text, ','),
    }
}

/// The parts between separators, trimmed of spaces; empty ones are dropped.
fn split(text: Cow<'_, str>, separator: char) -> Vec<Element<'_>> {
    let trim = |part: &str| part.trim_matches(' ').to_owned();
    text.split(separator)
        .map(trim)
        .filter(|part| !part.is_empty())
        .map(|part| Some(Cow::Owned(part)))
        .collect()
}
