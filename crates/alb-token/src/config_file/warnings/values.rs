//! Texts that claims are compared with: `keep` and `anyOf`.

use super::{Warning, claim_name};
use crate::config_file::value::Value;

/// The warnings about the two lists that `holder` may have; `above` is the path to them.
pub(super) fn warnings(above: &str, holder: &Value) -> Vec<Warning> {
    let lists = [
        ("outputClaimToHeaders", "keep"),
        ("requiredClaims", "anyOf"),
    ];
    let mut found = Vec::new();
    for (list, field) in lists {
        let entries = holder.member(list).map_or(&[][..], Value::items);
        for (i, entry) in entries.iter().enumerate() {
            let path = format!("{above}{list}[{i}].{field}");
            let texts = entry.member(field).map_or(&[][..], Value::items);
            for (k, text) in texts.iter().enumerate() {
                let why = text.as_str().and_then(|text| why_wrong(entry, text));
                found.extend(why.map(|message| (format!("{path}[{k}]"), message.to_owned())));
            }
        }
    }
    found
}

fn why_wrong(entry: &Value, text: &str) -> Option<&'static str> {
    let suffix = text.strip_prefix('*').unwrap_or_default();
    if claim_name(entry) == Some("email") && !suffix.is_empty() && !suffix.contains('@') {
        return Some(
            "expected *@DOMAIN: without @ it also accepts addresses of other domains that end alike",
        );
    }
    let is_list = entry.member("format").and_then(Value::as_str) == Some("list");
    (is_list && text.contains('=')).then_some(
        "looks like part of a distinguished name: format list splits a string at its commas, so CN=ml,OU=X becomes \
         CN=ml and OU=X, and another unit's CN=ml is the same; expected format string for a single name",
    )
}
