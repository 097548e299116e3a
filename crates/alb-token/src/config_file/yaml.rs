//! YAML documents as [`Value`]s.
//!
//! Anchors, aliases and merge keys (`<<`) are taken, as kubectl takes them. What a small file could use
//! to ask for much memory has a limit: nesting, and the size that aliases grow to.

use std::collections::HashMap;

use yaml_rust2::Event;
use yaml_rust2::parser::{Parser, Tag};
use yaml_rust2::scanner::{Marker, TScalarStyle};

use super::scalar;
use super::value::Value;

/// Deeper nesting than in any manifest; the filter's JSON reader ends at 128.
const MAX_DEPTH: usize = 100;

/// Text and nodes, aliases expanded and anchors counted again: some 32 MB of memory.
const MAX_WEIGHT: usize = 32 * 1024 * 1024;

/// A node's own share of [`MAX_WEIGHT`].
const NODE_WEIGHT: usize = 32;

/// The file's documents, or one sentence that says what is wrong and where.
pub(super) fn parse(text: &str) -> Result<Vec<Value>, String> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    loop {
        let (event, mark) = parser
            .next_token()
            .map_err(|error| at(*error.marker(), error.info()))?;
        if event == Event::StreamEnd {
            return Ok(builder.documents);
        }
        builder.take(event).map_err(|error| at(mark, &error))?;
    }
}

fn at(mark: Marker, message: &str) -> String {
    format!("line {}, column {}: {message}", mark.line(), mark.col() + 1)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Value>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Value, usize)>,
    weight: usize,
}

/// A list or an object whose end has not come yet.
struct Open {
    anchor: usize,
    /// The builder's weight before it.
    weight: usize,
    what: OpenKind,
}

enum OpenKind {
    List(Vec<Value>),
    Map {
        members: Vec<(String, Value)>,
        merged: Vec<Value>,
        key: Option<Key>,
    },
}

enum Key {
    Name(String),
    Merge,
}

/// A node that is complete.
struct Node {
    value: Value,
    /// Its text where it is a scalar, as it may be a key.
    scalar: Option<(String, bool)>,
}

impl Builder {
    fn take(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::DocumentStart => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let start = self.weight;
                self.grow(NODE_WEIGHT + text.len())?;
                let is_plain = style == TScalarStyle::Plain;
                let value = scalar_value(&text, is_plain, tag.as_ref())?;
                let scalar = Some((text, is_plain && tag.is_none()));
                self.place(Node { value, scalar }, anchor, start)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(anchor, tag.as_ref(), "seq", OpenKind::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                let map = OpenKind::Map {
                    members: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.open(anchor, tag.as_ref(), "map", map)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => self.expand(anchor)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn grow(&mut self, weight: usize) -> Result<(), String> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > MAX_WEIGHT {
            return Err("the file is too large once its aliases are expanded".to_owned());
        }
        Ok(())
    }

    fn open(
        &mut self,
        anchor: usize,
        tag: Option<&Tag>,
        expected: &str,
        what: OpenKind,
    ) -> Result<(), String> {
        if tag.is_some_and(|tag| standard(tag) != Some(expected)) {
            return Err("tags other than YAML's own can't be used here".to_owned());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        let weight = self.weight;
        self.open.push(Open {
            anchor,
            weight,
            what,
        });
        self.grow(NODE_WEIGHT)
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.what {
            OpenKind::List(items) => Value::List(items),
            OpenKind::Map {
                members, merged, ..
            } => Value::Map(merge(members, merged)?),
        };
        let node = Node {
            value,
            scalar: None,
        };
        self.place(node, open.anchor, open.weight)
    }

    fn expand(&mut self, anchor: usize) -> Result<(), String> {
        let known = self.anchors.get(&anchor);
        let (value, weight) = known.ok_or("the alias stands inside what it names")?;
        // Looked at before it is copied: nine lines of aliases can name a thousand million nodes.
        if self.weight.saturating_add(*weight) > MAX_WEIGHT {
            return self.grow(MAX_WEIGHT);
        }
        let value = value.clone();
        let start = self.weight;
        self.weight += weight;
        let scalar = value.as_str().map(|text| (text.to_owned(), false));
        self.place(Node { value, scalar }, 0, start)
    }

    /// Puts a complete node where it belongs, and keeps it for aliases where it has an anchor.
    fn place(&mut self, node: Node, anchor: usize, start: usize) -> Result<(), String> {
        if anchor > 0 {
            let weight = self.weight.saturating_sub(start);
            self.grow(weight)?;
            self.anchors.insert(anchor, (node.value.clone(), weight));
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            None => self.documents.push(node.value),
            Some(OpenKind::List(items)) => items.push(node.value),
            Some(OpenKind::Map {
                members,
                merged,
                key,
            }) => match key.take() {
                None => *key = Some(key_of(node)?),
                Some(Key::Name(name)) => members.push((name, node.value)),
                Some(Key::Merge) => merged.push(node.value),
            },
        }
        Ok(())
    }
}

/// A member's name: kubectl makes strings of numbers and booleans.
fn key_of(node: Node) -> Result<Key, String> {
    match (node.value, node.scalar) {
        (_, Some((text, true))) if text == "<<" => Ok(Key::Merge),
        (Value::String(name), Some(_)) => Ok(Key::Name(name)),
        (Value::Bool(value), Some(_)) => Ok(Key::Name(value.to_string())),
        (Value::Number(number), Some(_)) => Ok(Key::Name(number)),
        _ => Err("expected a field's name: a string".to_owned()),
    }
}

/// Adds what `<<` names: own members win, then those that are named first.
fn merge(
    mut members: Vec<(String, Value)>,
    merged: Vec<Value>,
) -> Result<Vec<(String, Value)>, String> {
    for source in merged {
        let sources = match source {
            Value::List(sources) => sources,
            source => vec![source],
        };
        for source in sources {
            let Value::Map(more) = source else {
                return Err("expected an object, or a list of objects, after <<".to_owned());
            };
            for (name, value) in more {
                if !members.iter().any(|(own, _)| *own == name) {
                    members.push((name, value));
                }
            }
        }
    }
    Ok(members)
}

fn scalar_value(text: &str, is_plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let resolved = || {
        scalar::resolve(text).ok_or_else(|| "JSON has no infinite numbers, and no NaN".to_owned())
    };
    let Some(tag) = tag else {
        return if is_plain {
            resolved()
        } else {
            Ok(Value::String(text.to_owned()))
        };
    };
    match (standard(tag), resolved()?) {
        (Some("str"), _) => Ok(Value::String(text.to_owned())),
        (Some("bool"), value @ Value::Bool(_))
        | (Some("int" | "float"), value @ Value::Number(_))
        | (Some("null"), value @ Value::Null) => Ok(value),
        _ => Err("a tag that YAML does not have, or that its value does not fit".to_owned()),
    }
}

/// The name of one of YAML's own tags (`!!str`); `!` alone makes a string.
fn standard(tag: &Tag) -> Option<&str> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:", name) => Some(name),
        ("", "!") | ("!", "") => Some("str"),
        _ => None,
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
