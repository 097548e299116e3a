//! Claims that hold several values, and the entry of `outputClaimToHeaders` that would write each to a header.

use serde_json::Value;

use super::Kind;
use super::members::Members;
use crate::config_file::quoted;

/// Lists of every token of their kind, which name no groups.
const NO_GROUPS: [&str; 2] = ["aud", "amr"];

/// A sentence for each claim that holds several values, and for those one level below (`realm_access.roles`).
pub(super) fn hints(claims: &Members, kind: Kind) -> Vec<String> {
    let mut found = Vec::new();
    let named = claims.all().filter(|(name, _)| !NO_GROUPS.contains(name));
    for (name, raw) in named.filter(|(name, _)| is_one_line(name)) {
        found.extend(hint(&quoted(name), name, raw, kind));
        if let Some(inner) = Members::parse(raw.as_bytes()) {
            for (below, raw) in inner.all().filter(|(below, _)| is_one_line(below)) {
                let path = format!("[{}, {}]", quoted(name), quoted(below));
                found.extend(hint(&path, below, raw, kind));
            }
        }
    }
    found
}

/// YAML ends a comment at each of these, and what follows would be configuration.
pub(super) fn is_one_line(name: &str) -> bool {
    let ends_line = |c: char| c.is_control() || ['\u{2028}', '\u{2029}'].contains(&c);
    !name.contains(ends_line)
}

/// `path` is the claim as a configuration names it.
fn hint(path: &str, name: &str, raw: &str, kind: Kind) -> Option<String> {
    let (form, format, elements) = match serde_json::from_str(raw).ok()? {
        Value::Array(items) => ("is a list", "list", scalars(&items)?),
        Value::String(text) if text.starts_with('[') && text.ends_with(']') => {
            ("is a list, written as a string", "list", listed(&text)?)
        }
        Value::String(text) if ["scope", "scp"].contains(&name) => {
            let scopes = text.split(' ').map(str::to_owned).collect();
            ("holds scopes", "spaceSeparated", scopes)
        }
        _ => return None,
    };
    if elements.is_empty() {
        return None;
    }
    let holds_comma = elements.iter().any(|element| element.contains(','));
    let separator = if holds_comma {
        ", separator: \";\""
    } else {
        ""
    };
    let source = match kind {
        Kind::User => "",
        Kind::Access => " source: accessToken,",
    };
    Some(format!(
        "The claim {path} {form}. To write it to a header: - {{header: kubeflow-groups, claim: {path},{source} \
         format: {format}{separator}, required: false}}"
    ))
}

/// The elements of a string such as `[a, b]`; `None` if it is a JSON list of something else than texts.
fn listed(text: &str) -> Option<Vec<String>> {
    if let Ok(items) = serde_json::from_str::<Vec<Value>>(text) {
        return scalars(&items);
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    let parts = inner.split(',').map(|part| part.trim_matches(' '));
    Some(
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

fn scalars(items: &[Value]) -> Option<Vec<String>> {
    let text = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    items.iter().map(text).collect()
}
