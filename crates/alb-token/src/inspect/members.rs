//! The members of a JSON object, duplicates kept, values as they were written.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    /// `None` for anything but a JSON object in UTF-8.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        // Checked first: raw values are not looked into, and may hold any bytes.
        let text = std::str::from_utf8(json).ok()?;
        serde_json::from_str(text).ok()
    }

    /// The JSON text of a member; of duplicates the last.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let members = self.0.iter().rev();
        members
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.get())
            .next()
    }

    /// Every member, the last of duplicates only.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_last = |(i, (name, _)): &(usize, &(String, Box<RawValue>))| {
            let mut later = self.0.iter().skip(i.saturating_add(1));
            !later.any(|(other, _)| other == name)
        };
        let members = self.0.iter().enumerate().filter(is_last);
        members.map(|(_, (name, value))| (name.as_str(), value.get()))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// A JSON number as the filter's core reads claims: as a double.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let raw = self.raw(name)?;
        let is_number = raw.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        is_number.then(|| raw.parse().ok()).flatten()
    }

    /// Names that stand more than once.
    pub(super) fn duplicates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let pairs = names.iter().zip(names.iter().skip(1));
        let mut twice: Vec<&str> = pairs.filter(|(a, b)| a == b).map(|(a, _)| *a).collect();
        twice.dedup();
        twice
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
