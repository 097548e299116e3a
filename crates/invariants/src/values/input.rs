//! Configurations and payloads from bytes: mostly good ones, of few words that matter.

use arbitrary::{Arbitrary, Result, Unstructured};
use serde_json::{Map, Value, json};

use crate::support::{ARN, CLIENT, ISSUER, NOON, OTHER_ARN};

/// How a claim becomes elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Whole,
    List,
    Spaces,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "string",
            Self::List => "list",
            Self::Spaces => "spaceSeparated",
        }
    }
}

/// An entry of `outputClaimToHeaders`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) header: &'static str,
    pub(super) claim: &'static str,
    pub(super) format: Format,
    pub(super) keep: Option<Vec<&'static str>>,
    pub(super) value: Option<&'static str>,
    pub(super) strip_prefix: &'static str,
    pub(super) strip_suffix: &'static str,
    pub(super) lowercase: bool,
    pub(super) percent: bool,
    pub(super) prefix: &'static str,
    pub(super) separator: char,
    pub(super) required: bool,
}

/// An entry of `requiredClaims`.
#[derive(Clone, Debug)]
pub(super) struct Requirement {
    pub(super) claim: &'static str,
    pub(super) format: Format,
    pub(super) any_of: Vec<&'static str>,
    pub(super) ignore_case: bool,
}

/// What is judged. The list of the load balancer that signed, and one of another.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) own: Vec<Entry>,
    pub(super) others: Vec<Entry>,
    pub(super) requirements: Vec<Requirement>,
    pub(super) email_verified: &'static str,
    pub(super) payload: Value,
}

const HEADERS: [&str; 5] = [
    "kubeflow-userid",
    "x-user",
    "kubeflow-groups",
    "x-role",
    "x-role",
];
const CLAIMS: [&str; 5] = ["a", "a", "b", "c", "email"];
const SEPARATORS: [char; 6] = [',', ',', ',', ';', '|', ' '];
const PREFIXES: [&str; 12] = [
    "", "", "", "", "p:", "p:q:", "partner:", "o=x,uid=", "sys", "a", "a;", "p: ",
];
const PATTERNS: [&str; 9] = [
    "*", "*", "a", "ml-*", "*@x.com", "admins", "p:*", "System:*", "1",
];
const VALUES: [&str; 5] = ["Admin", "Viewer", "a,b", "p:x", "x; p:y"];
const PIECES: [&str; 38] = [
    "a", "a", "b", "A", "ml-", "admins", "p:", "q:", "partner:", "system:", "sys", "tem:", ",",
    ",", ", ", ";", "; ", "|", " ", " ", "Okta_", "okta_", "@x.com", "@X.com", "é", "%", "%2C",
    "%70", "%3A", "o=x", "uid=", "1", "\n", "\u{2003}", "\u{85}", "[", "]", "\"",
];

impl Case {
    pub(super) fn read(u: &mut Unstructured<'_>) -> Result<Self> {
        let separators: [char; 5] = [
            *u.choose(&SEPARATORS)?,
            *u.choose(&SEPARATORS)?,
            *u.choose(&SEPARATORS)?,
            *u.choose(&SEPARATORS)?,
            ',',
        ];
        let own = list(u, &separators)?;
        let others = list(u, &separators)?;
        let mut case = Self {
            own,
            others,
            requirements: Vec::new(),
            email_verified: u.choose(&["required", "ifPresent", "ignored"])?,
            payload: payload(u)?,
        };
        if u.ratio(1, 4)? {
            case.requirements.push(requirement(u)?);
        }
        case.make_valid();
        Ok(case)
    }

    /// The entries of the whole configuration for a header.
    pub(super) fn entries_for<'a>(&'a self, header: &'a str) -> impl Iterator<Item = &'a Entry> {
        let all = self.own.iter().chain(&self.others);
        all.filter(move |entry| entry.header == header)
    }

    /// Most random entries break a rule for configurations, which is not what is tried here.
    fn make_valid(&mut self) {
        let users = [self.own[0].header, self.others[0].header, "kubeflow-userid"];
        let all: Vec<Entry> = self.own.iter().chain(&self.others).cloned().collect();
        for list in [&mut self.own, &mut self.others] {
            let first = list[0].header;
            for entry in list.iter_mut() {
                let mut same = all.iter().filter(|other| other.header == entry.header);
                let has_lists = same.any(|other| other.format != Format::Whole);
                if has_lists && entry.prefix.contains(entry.separator) {
                    entry.prefix = "";
                }
                if entry.header == first || entry.header == "kubeflow-userid" {
                    entry.value = None;
                    entry.required = true;
                } else if users.contains(&entry.header) {
                    entry.value = None;
                }
            }
        }
    }

    pub(super) fn config(&self) -> Value {
        let entries = |list: &[Entry]| list.iter().map(Entry::to_json).collect::<Vec<_>>();
        let requirements = self.requirements.iter().map(|required| {
            json!({ "claim": required.claim, "format": required.format.name(),
                "anyOf": required.any_of, "ignoreCase": required.ignore_case })
        });
        let balancer = |arn: &str, list: &[Entry]| {
            json!({ "arn": arn, "issuers": [ISSUER], "clientIds": [CLIENT],
                "outputClaimToHeaders": entries(list) })
        };
        json!({
            "loadBalancers": [balancer(ARN, &self.own), balancer(OTHER_ARN, &self.others)],
            "outputClaimToHeaders": entries(&self.own[..1]),
            "requiredClaims": requirements.collect::<Vec<_>>(),
            "emailVerified": self.email_verified,
        })
    }
}

impl Entry {
    fn to_json(&self) -> Value {
        let mut entry = json!({
            "header": self.header,
            "claim": self.claim,
            "format": self.format.name(),
            "separator": self.separator.to_string(),
            "required": self.required,
        });
        if let Some(keep) = &self.keep {
            entry["keep"] = json!(keep);
        }
        if let Some(value) = self.value {
            entry["value"] = json!(value);
            return entry;
        }
        entry["stripPrefix"] = json!(self.strip_prefix);
        entry["stripSuffix"] = json!(self.strip_suffix);
        entry["lowercase"] = json!(self.lowercase);
        entry["encoding"] = json!(if self.percent { "percent" } else { "none" });
        entry["prefix"] = json!(self.prefix);
        entry
    }
}

fn list(u: &mut Unstructured<'_>, separators: &[char; 5]) -> Result<Vec<Entry>> {
    let count = u.int_in_range(1..=4)?;
    (0..count).map(|_| entry(u, separators)).collect()
}

fn entry(u: &mut Unstructured<'_>, separators: &[char; 5]) -> Result<Entry> {
    let header = *u.choose(&HEADERS)?;
    let place = HEADERS.iter().position(|known| *known == header);
    let keep = if u.ratio(1, 4)? {
        Some(patterns(u)?)
    } else {
        None
    };
    let value = if keep.is_some() && u.arbitrary()? {
        Some(*u.choose(&VALUES)?)
    } else {
        None
    };
    let is_written = value.is_none();
    let mut seldom = |words: &'static [&'static str]| -> Result<&'static str> {
        let is_plain = !is_written || u.ratio(3, 4)?;
        if is_plain {
            Ok("")
        } else {
            Ok(*u.choose(words)?)
        }
    };
    let strip_prefix = seldom(&["Okta_", "p:", "é"])?;
    let strip_suffix = seldom(&["@x.com", "a", ","])?;
    Ok(Entry {
        header,
        claim: u.choose(&CLAIMS)?,
        format: format(u)?,
        keep,
        value,
        strip_prefix,
        strip_suffix,
        lowercase: is_written && u.ratio(1, 4)?,
        percent: is_written && u.ratio(1, 3)?,
        prefix: if is_written { u.choose(&PREFIXES)? } else { "" },
        separator: separators[place.unwrap_or_default()],
        required: u.ratio(1, 4)?,
    })
}

fn format(u: &mut Unstructured<'_>) -> Result<Format> {
    let formats = [Format::Whole, Format::Whole, Format::List, Format::Spaces];
    u.choose(&formats).copied()
}

fn patterns(u: &mut Unstructured<'_>) -> Result<Vec<&'static str>> {
    let mut chosen = vec![*u.choose(&PATTERNS)?, *u.choose(&PATTERNS)?];
    chosen.dedup();
    Ok(chosen)
}

fn requirement(u: &mut Unstructured<'_>) -> Result<Requirement> {
    Ok(Requirement {
        claim: u.choose(&CLAIMS)?,
        format: format(u)?,
        any_of: patterns(u)?,
        ignore_case: u.arbitrary()?,
    })
}

fn payload(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut claims = Map::new();
    claims.insert("exp".into(), json!(NOON + 120));
    for name in ["a", "b", "c", "email"] {
        if u.ratio(5, 6)? {
            claims.insert(name.into(), claim(u)?);
        }
    }
    let verified = [json!(true), json!("true"), json!(false), json!("TRUE")];
    if u.ratio(3, 4)? {
        claims.insert("email_verified".into(), u.choose(&verified)?.clone());
    }
    Ok(claims.into())
}

fn claim(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=9)? {
        0..=3 => json!(text(u)?),
        4..=6 => items(u)?,
        // A list as a string, as Cognito writes a SAML attribute, or as JSON text.
        7 => json!(format!("[{}, {}]", text(u)?, text(u)?)),
        8 => json!(items(u)?.to_string()),
        _ => item(u)?,
    })
}

fn items(u: &mut Unstructured<'_>) -> Result<Value> {
    let count = u.int_in_range(0..=4)?;
    let items: Result<Vec<Value>> = (0..count).map(|_| item(u)).collect();
    Ok(items?.into())
}

fn item(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=11)? {
        0 => Value::Null,
        1 => json!({}),
        2 => json!(bool::arbitrary(u)?),
        3 => json!(i16::arbitrary(u)?),
        _ => json!(text(u)?),
    })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let count = u.int_in_range(0..=4)?;
    (0..count).map(|_| u.choose(&PIECES).copied()).collect()
}
