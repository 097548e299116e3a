//! The rules of values, written a second time: whole texts are searched at every position, where the filter walks
//! from separator to separator.

use alb_authn::reason::Rejection;
use serde_json::Value;

use super::input::{Case, Entry, Format, Requirement};

/// A header that has a value.
#[derive(Debug)]
pub(super) struct Filled<'a> {
    pub(super) entry: &'a Entry,
    pub(super) text: String,
    /// What the claim says, before encoding and without the prefix.
    pub(super) meant: Vec<String>,
    /// Whether each of these is one element of a list.
    pub(super) is_list: bool,
}

/// All headers.
#[derive(Debug)]
pub(super) struct Headers<'a> {
    pub(super) headers: Vec<Filled<'a>>,
    pub(super) left_out: usize,
}

enum Outcome<'a> {
    Value(Filled<'a>, usize),
    Absent,
    Withheld(Rejection, usize),
}

pub(super) fn compose(case: &Case) -> Result<Headers<'_>, Rejection> {
    let mut faults = Vec::new();
    let mut all = Headers {
        headers: Vec::new(),
        left_out: 0,
    };
    let mut done: Vec<&str> = Vec::new();
    for first in &case.own {
        if done.contains(&first.header) {
            continue;
        }
        done.push(first.header);
        let entries = || case.own.iter().filter(|e| e.header == first.header);
        let is_required = entries().any(|entry| entry.required);
        let outcomes = entries().map(|entry| outcome(case, entry, is_required));
        let decided = outcomes.into_iter().find(|o| !matches!(o, Outcome::Absent));
        match decided.unwrap_or(Outcome::Absent) {
            Outcome::Value(filled, left_out) => {
                all.left_out += left_out;
                all.headers.push(filled);
            }
            Outcome::Absent if is_required => faults.push(Rejection::MissingClaim),
            Outcome::Withheld(rejection, _) if is_required => faults.push(rejection),
            Outcome::Absent => {}
            Outcome::Withheld(_, left_out) => all.left_out += left_out,
        }
    }
    faults.extend(case.requirements.iter().filter_map(|r| fault(case, r)));
    let table = [
        Rejection::MissingClaim,
        Rejection::UnusableClaim,
        Rejection::ClaimMismatch,
        Rejection::UnverifiedEmail,
    ];
    match table.into_iter().find(|row| faults.contains(row)) {
        Some(first) => Err(first),
        None => Ok(all),
    }
}

fn fault(case: &Case, required: &Requirement) -> Option<Rejection> {
    let (elements, _) = elements(&case.payload[required.claim], required.format);
    let is_one = |text: &String| matches_any(text, &required.any_of, required.ignore_case);
    if !elements.iter().flatten().any(is_one) {
        return Some(Rejection::ClaimMismatch);
    }
    (!may_be_used(case, required.claim)).then_some(Rejection::UnverifiedEmail)
}

/// Only a verified e-mail address says who somebody is.
fn may_be_used(case: &Case, claim: &str) -> bool {
    let verified = &case.payload["email_verified"];
    claim != "email"
        || match case.email_verified {
            "ignored" => true,
            "ifPresent" if verified.is_null() => true,
            _ => verified == true || verified == "true",
        }
}

/// `None` for what is no text, and whether the claim is a list in any form.
fn elements(claim: &Value, format: Format) -> (Vec<Option<String>>, bool) {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    };
    let parts = |text: &str, separator: &str| {
        let parts = text.split(separator).map(|part| part.trim_matches(' '));
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| Some(part.to_owned())).collect()
    };
    match claim {
        Value::Null => (vec![], true),
        Value::Array(items) => (items.iter().map(scalar).collect(), true),
        Value::String(text) if text.is_empty() => (vec![], true),
        Value::String(text) if format == Format::Spaces => (parts(text, " "), true),
        Value::String(text) if format == Format::List => {
            if let Ok(Value::Array(items)) = serde_json::from_str(text) {
                return (items.iter().map(scalar).collect(), true);
            }
            let inner = text.trim_matches(' ');
            let is_enclosed = inner.len() > 1 && inner.starts_with('[') && inner.ends_with(']');
            let range = if is_enclosed {
                1..inner.len() - 1
            } else {
                0..inner.len()
            };
            (parts(&inner[range], ","), true)
        }
        other => (vec![scalar(other)], false),
    }
}

fn matches_any(text: &str, patterns: &[&str], ignore_case: bool) -> bool {
    let fold = |text: &str| {
        if ignore_case {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    };
    let text = fold(text);
    patterns.iter().map(|pattern| fold(pattern)).any(|pattern| {
        let (start, end) = match pattern.split_once('*') {
            Some(("", "")) => return !text.is_empty(),
            Some(ends) => ends,
            None => return text == pattern,
        };
        text.starts_with(start) && text.ends_with(end)
    })
}

fn outcome<'a>(case: &'a Case, entry: &'a Entry, is_required: bool) -> Outcome<'a> {
    let (mut elements, is_list) = elements(&case.payload[entry.claim], entry.format);
    if let Some(patterns) = &entry.keep {
        let is_kept = |text: &String| matches_any(text, patterns, false);
        // A lone star keeps whatever is there, usable or not.
        let keeps_all = patterns.contains(&"*");
        elements.retain(|element| keeps_all || element.as_ref().is_some_and(is_kept));
    }
    if elements.is_empty() {
        return Outcome::Absent;
    }
    let has_text = elements.iter().flatten().any(|text| !text.is_empty());
    if let Some(value) = entry.value.filter(|_| has_text) {
        elements = vec![Some(value.to_owned())];
    }
    let count = elements.len();
    let mut same_header = case.entries_for(entry.header);
    let is_list = is_list
        || entry.keep.is_some()
        || entry.header == "kubeflow-groups"
        || same_header.any(|other| other.format != Format::Whole);
    let meant = elements.iter().map(|element| {
        let text = stripped(element.as_ref()?, entry)?;
        is_usable(case, entry, &text, is_list).then_some(text)
    });
    let mut meant: Vec<String> = meant.flatten().collect();
    let left_out = count - meant.len();
    let mut seen: Vec<String> = Vec::new();
    meant.retain(|text| {
        let is_new = !seen.contains(text);
        seen.push(text.clone());
        is_new
    });
    let texts: Vec<String> = meant.iter().map(|text| written(entry, text)).collect();
    let text = texts.join(&entry.separator.to_string());
    // The user's header of any list.
    let mut firsts = [case.own.first(), case.others.first()]
        .into_iter()
        .flatten();
    let names_user =
        entry.header == "kubeflow-userid" || firsts.any(|first| first.header == entry.header);
    if meant.is_empty() || names_user && meant.len() > 1 {
        return Outcome::Withheld(Rejection::UnusableClaim, count);
    }
    if meant.len() > 1 && spells_another(case, entry, &text) {
        return Outcome::Withheld(Rejection::UnusableClaim, count);
    }
    if is_required && left_out > 0 {
        return Outcome::Withheld(Rejection::UnusableClaim, left_out);
    }
    if !may_be_used(case, entry.claim) {
        return Outcome::Withheld(Rejection::UnverifiedEmail, 0);
    }
    let filled = Filled {
        entry,
        text,
        meant,
        is_list,
    };
    Outcome::Value(filled, left_out)
}

fn stripped(text: &str, entry: &Entry) -> Option<String> {
    if entry.value.is_some() {
        return Some(text.to_owned());
    }
    let (own, start, end) = if entry.lowercase {
        let [own, start, end] =
            [text, entry.strip_prefix, entry.strip_suffix].map(str::to_ascii_lowercase);
        (own, start, end)
    } else {
        let [own, start, end] = [text, entry.strip_prefix, entry.strip_suffix].map(str::to_owned);
        (own, start, end)
    };
    let rest = own.strip_prefix(start.as_str())?;
    rest.strip_suffix(end.as_str()).map(str::to_owned)
}

fn written(entry: &Entry, text: &str) -> String {
    let encoded = if entry.percent {
        let stays = |c: char| c.is_ascii_alphanumeric() || "-._~@".contains(c);
        let encode = |c: char| {
            let bytes = c.to_string().into_bytes();
            let escapes = bytes.iter().map(|byte| format!("%{byte:02X}"));
            if stays(c) {
                c.to_string()
            } else {
                escapes.collect()
            }
        };
        text.chars().map(encode).collect()
    } else {
        text.to_owned()
    };
    format!("{}{encoded}", entry.prefix)
}

fn is_usable(case: &Case, entry: &Entry, text: &str, is_list: bool) -> bool {
    let is_sound = !text.is_empty()
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.contains(char::is_control);
    let holds_prefix = !entry.prefix.is_empty() && text.contains(entry.prefix);
    let written = written(entry, text);
    let decoded = format!("{}{text}", entry.prefix);
    let holds_separator = is_list && written.contains(entry.separator);
    let mut readings = vec![&written, &decoded];
    let read_decoded = super::readers::decoded(&written);
    if is_decoded(case, entry) {
        readings.push(&read_decoded);
    }
    let mut readings = readings.into_iter();
    let passes_for_another = readings.any(|text| is_anothers(case, entry, text));
    let is_bad = holds_prefix || holds_separator || passes_for_another;
    is_sound && !is_bad
}

/// Every position at which a reader of the header may think that an element begins.
pub(super) fn beginnings(text: &str, separator: char) -> impl Iterator<Item = usize> {
    let positions = text.char_indices().map(|(at, _)| at);
    positions.filter(move |at| {
        let before = &text[..*at];
        let mut back = before.chars().rev().take_while(|c| c.is_whitespace());
        let skipped = before.trim_end();
        *at == 0
            || skipped.is_empty()
            || skipped.ends_with(separator)
            || back.any(|blank| blank == separator)
    })
}

/// Does an element of the text begin like a name of Kubernetes' own, or like a value of another entry?
fn is_anothers(case: &Case, entry: &Entry, text: &str) -> bool {
    beginnings(text, entry.separator).any(|at| {
        let tail = &text[at..];
        let others = case.entries_for(entry.header).map(|other| other.prefix);
        let mut foreign = others.filter(|prefix| !prefix.is_empty() && *prefix != entry.prefix);
        reserves_system(case, entry.header) && tail.starts_with("system:")
            || foreign.any(|prefix| {
                tail.starts_with(prefix) && (at > 0 || !entry.prefix.starts_with(prefix))
            })
    })
}

/// Do several elements spell another entry's prefix, which holds the separator?
fn spells_another(case: &Case, entry: &Entry, joined: &str) -> bool {
    beginnings(joined, entry.separator).any(|at| {
        let others = case.entries_for(entry.header).map(|other| other.prefix);
        let mut long = others.filter(|prefix| prefix.contains(entry.separator));
        long.any(|prefix| joined[at..].starts_with(prefix))
    })
}

/// A reader of a header that some entry encodes decodes all of it.
pub(super) fn is_decoded(case: &Case, entry: &Entry) -> bool {
    let mut all = case.entries_for(entry.header);
    !entry.percent && all.any(|other| other.percent)
}

pub(super) fn reserves_system(case: &Case, header: &str) -> bool {
    let users = [case.own[0].header, case.others[0].header];
    header == "kubeflow-userid" || header == "kubeflow-groups" || users.contains(&header)
}
