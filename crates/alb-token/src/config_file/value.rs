//! What a file holds, before anybody asks what it means: members in order, duplicates kept, so that
//! they can be named.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value; numbers as JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The member of this name; of duplicates the last, as kubectl reads them.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        let members = self.members().iter().rev();
        members
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value)
            .find(|value| **value != Value::Null)
    }

    /// The members; none where it is no object.
    pub(crate) fn members(&self) -> &[(String, Value)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// The items; none where it is no list.
    pub(crate) fn items(&self) -> &[Value] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as JSON, duplicates included: the filter's own reading names them.
    pub(crate) fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    fn write_json(&self, json: &mut String) {
        match self {
            Self::Null => json.push_str("null"),
            Self::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => json.push_str(text),
            Self::String(text) => json.push_str(&quoted(text)),
            Self::List(items) => {
                let write = |json: &mut String, item: &Value| item.write_json(json);
                write_all(json, ['[', ']'], items, write);
            }
            Self::Map(members) => {
                let write = |json: &mut String, (name, value): &(String, Value)| {
                    json.push_str(&quoted(name));
                    json.push(':');
                    value.write_json(json);
                };
                write_all(json, ['{', '}'], members, write);
            }
        }
    }
}

fn write_all<T>(
    json: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    write: impl Fn(&mut String, &T),
) {
    json.push(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        write(json, item);
    }
    json.push(close);
}

/// A text in JSON's quotes; also a double-quoted YAML scalar.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(serde_json::Value::from(value).to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Value::Map(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_out_as_it_went_in_duplicates_included() {
        for json in [
            "null",
            r#"{"a":1,"a":[true,false,null],"b":{"c":"\u0001é\"\\"}}"#,
            "[-1,1.5,18446744073709551615]",
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(value.to_json(), json);
        }
    }

    #[test]
    fn null_is_absent_and_the_last_duplicate_counts() {
        let value: Value = serde_json::from_str(r#"{"a":1,"a":2,"b":null}"#).unwrap();
        assert_eq!(value.member("a"), Some(&Value::Number("2".into())));
        assert_eq!(value.member("b"), None);
    }
}
