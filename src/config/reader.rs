//! Typed reading of JSON that knows where it is: each problem is named by the field's path, and
//! reading goes on after it, so that a tool can show all problems at once.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::json::Json;
use super::problem::{Problem, Problems};

/// A value and its place. The reading methods return `None` after they noted a problem.
#[derive(Clone)]
pub(super) struct Node<'a> {
    path: String,
    json: &'a Json,
    problems: &'a Problems,
}

impl<'a> Node<'a> {
    pub(super) fn root(json: &'a Json, problems: &'a Problems) -> Self {
        Self {
            path: String::new(),
            json,
            problems,
        }
    }

    fn child(&self, path: String, json: &'a Json) -> Self {
        Self {
            path,
            json,
            problems: self.problems,
        }
    }

    pub(super) fn problem<T>(&self, message: impl Into<String>) -> Option<T> {
        self.note(message.into());
        None
    }

    // The generic functions of this file are many in the module, so what they share is kept out of them.
    #[inline(never)]
    fn note(&self, message: String) {
        let path = if self.path.is_empty() {
            "pluginConfig"
        } else {
            &self.path
        };
        self.problems.push(Problem::new(path, message));
    }

    /// A problem of a field below this one that need not be there.
    pub(super) fn problem_at<T>(&self, below: &str, message: impl Into<String>) -> Option<T> {
        self.note_at(below, message.into());
        None
    }

    #[inline(never)]
    fn note_at(&self, below: &str, message: String) {
        let path = format!("{}.{below}", self.path);
        self.problems.push(Problem::new(path, message));
    }

    fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        self.note_wrong_type(expected);
        None
    }

    #[inline(never)]
    fn note_wrong_type(&self, expected: &str) {
        self.note(format!("expected {expected}, found {}", self.json.kind()));
    }

    #[inline(never)]
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.json {
            Json::String(text) => Some(text),
            _ => self.wrong_type("a string"),
        }
    }

    pub(super) fn text_that(&self, expected: &str, is: impl Fn(&str) -> bool) -> Option<String> {
        self.checked_text(expected, &is)
    }

    #[inline(never)]
    fn checked_text(&self, expected: &str, is: &dyn Fn(&str) -> bool) -> Option<String> {
        let text = self.text()?;
        if is(text) {
            Some(text.to_owned())
        } else {
            self.problem(format!("expected {expected}"))
        }
    }

    #[inline(never)]
    pub(super) fn boolean(&self) -> Option<bool> {
        match self.json {
            Json::Bool(value) => Some(*value),
            _ => self.wrong_type("true or false"),
        }
    }

    #[inline(never)]
    pub(super) fn integer(&self, range: RangeInclusive<usize>) -> Option<usize> {
        let Json::Number(number) = self.json else {
            return self.wrong_type("a whole number");
        };
        #[expect(
            clippy::as_conversions,
            reason = "the cast saturates, and the range says the rest"
        )]
        let whole = (number.fract() == 0.0 && *number >= 0.0).then_some(*number as usize);
        match whole {
            Some(value) if range.contains(&value) => Some(value),
            _ => self.problem(format!(
                "expected a whole number from {} to {}",
                range.start(),
                range.end()
            )),
        }
    }

    #[inline(never)]
    pub(super) fn duration(&self, range: RangeInclusive<&'static str>) -> Option<Duration> {
        let expected = format!(
            "a duration from {} to {} such as 500ms, 5s, 10m, 1h",
            range.start(),
            range.end()
        );
        let Json::String(text) = self.json else {
            return self.wrong_type(&expected);
        };
        let (lowest, highest) = (parse_duration(range.start()), parse_duration(range.end()));
        match parse_duration(text) {
            Some(value) if Some(value) >= lowest && Some(value) <= highest => Some(value),
            _ => self.problem(format!("expected {expected}")),
        }
    }

    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let (_, choice) = choices.get(self.position_in(&names)?)?;
        Some(*choice)
    }

    #[inline(never)]
    fn position_in(&self, names: &[&str]) -> Option<usize> {
        let text = self.text()?;
        let position = names.iter().position(|name| *name == text);
        if position.is_none() {
            self.note(format!("expected one of {}", names.join(", ")));
        }
        position
    }

    #[inline(never)]
    pub(super) fn items(&self) -> Option<Vec<Node<'a>>> {
        let Json::Array(items) = self.json else {
            return self.wrong_type("a list");
        };
        let numbered = items.iter().enumerate();
        Some(
            numbered
                .map(|(i, item)| self.child(format!("{}[{i}]", self.path), item))
                .collect(),
        )
    }

    /// A list with `length` items, each read by `read`; of two items with the same `identity` the
    /// later is a problem.
    pub(super) fn list<T, K: PartialEq>(
        &self,
        length: RangeInclusive<usize>,
        identity: impl Fn(&T) -> K,
        read: impl Fn(&Node<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let nodes = self.items()?;
        if !length.contains(&nodes.len()) {
            return self.problem(match (*length.start(), *length.end()) {
                (least, usize::MAX) => format!("expected at least {least} item(s)"),
                (least, most) => format!("expected {least} to {most} items"),
            });
        }
        let mut values: Vec<T> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let Some(value) = read(&node) else { continue };
            if values
                .iter()
                .any(|earlier| identity(earlier) == identity(&value))
            {
                node.problem::<()>("expected no duplicate of an earlier entry");
            }
            values.push(value);
        }
        Some(values)
    }

    #[inline(never)]
    pub(super) fn object(&self) -> Option<Object<'a>> {
        let Json::Object(members) = self.json else {
            return self.wrong_type("an object");
        };
        Some(Object {
            node: self.clone(),
            members,
            known: Vec::new(),
        })
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.json, Json::Array(_))
    }
}

/// The members of an object. `finish` must be called after the last read: it refuses the rest.
pub(super) struct Object<'a> {
    node: Node<'a>,
    members: &'a [(String, Json)],
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub(super) fn node(&self) -> &Node<'a> {
        &self.node
    }

    /// Whether the member is there, rightly or wrongly.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(key, _)| key == name)
    }

    fn member_path(&self, name: &str) -> String {
        if self.node.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.node.path)
        }
    }

    #[inline(never)]
    pub(super) fn optional(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.known.push(name);
        let (_, json) = self.members.iter().find(|(key, _)| key == name)?;
        Some(self.node.child(self.member_path(name), json))
    }

    /// Reads a member; returns `default` if it is absent (or wrong, which is noted).
    pub(super) fn or<T>(
        &mut self,
        name: &'static str,
        default: T,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> T {
        self.optional(name)
            .and_then(|node| read(&node))
            .unwrap_or(default)
    }

    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Node<'a>) -> Option<T>,
    ) -> Option<T> {
        match self.optional(name) {
            Some(node) => read(&node),
            None => {
                self.note_absent(name);
                None
            }
        }
    }

    #[inline(never)]
    fn note_absent(&self, name: &str) {
        let path = self.member_path(name);
        self.node
            .problems
            .push(Problem::new(path, "required, but absent"));
    }

    /// Notes members that are unknown or stand twice.
    #[inline(never)]
    pub(super) fn finish(self) {
        for (i, (name, _)) in self.members.iter().enumerate() {
            let message = if !self.known.contains(&name.as_str()) {
                format!("unknown field; expected one of {}", self.known.join(", "))
            } else if self
                .members
                .iter()
                .take(i)
                .any(|(earlier, _)| earlier == name)
            {
                "expected the field once".to_owned()
            } else {
                continue;
            };
            self.node
                .problems
                .push(Problem::new(self.member_path(&printable(name)), message));
        }
    }
}

/// A member's name may be anything, nothing too; a problem is one log line.
fn printable(name: &str) -> String {
    if name.is_empty() {
        return "\"\"".to_owned();
    }
    name.chars()
        .take(64)
        .flat_map(char::escape_default)
        .collect()
}

/// One integer and one unit (`ms`, `s`, `m`, `h`).
fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(
        number.parse::<u64>().ok()?.checked_mul(factor)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_without_a_name_is_named_too() {
        let paths = |json: &str| -> Vec<String> {
            let problems = crate::config::Config::parse(json.as_bytes()).unwrap_err();
            problems.iter().map(|p| p.path().to_owned()).collect()
        };
        assert_eq!(paths(r#"{"": 1}"#), ["loadBalancers", "\"\""]);
        let nested = r#"{"loadBalancers": [], "tokenCache": {"": 1}}"#;
        assert_eq!(paths(nested), ["loadBalancers", "tokenCache.\"\""]);
    }

    #[test]
    fn durations_are_one_integer_and_one_unit() {
        let cases = [
            ("500ms", Some(500)),
            ("5s", Some(5_000)),
            ("10m", Some(600_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("s", None),
            ("1.5s", None),
            ("-1s", None),
            ("+1s", None),
            ("1 s", None),
            ("1s ", None),
            ("1h30m", None),
            ("1d", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(
                parse_duration(text),
                milliseconds.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }
}
