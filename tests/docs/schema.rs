//! `docs/config.schema.json`, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub(crate) const SCHEMA: &str = include_str!("../../docs/config.schema.json");

/// A field of the configuration, as the schema has it.
pub(crate) struct Field {
    pub(crate) schema: Value,
    pub(crate) is_required: bool,
}

/// Every field by its path. A list of objects that stands in two places is followed in the first only.
pub(crate) fn fields() -> BTreeMap<String, Field> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut fields = BTreeMap::new();
    let mut places = vec![(String::new(), schema.clone())];
    let mut followed = BTreeSet::new();
    while !places.is_empty() {
        let mut deeper = Vec::new();
        for (path, object) in places {
            let required = object["required"].as_array().cloned().unwrap_or_default();
            for (name, field) in object["properties"].as_object().into_iter().flatten() {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let resolved = resolve(&schema, field);
                let items = resolve(&schema, &resolved["items"]);
                for (path, object) in [(path.clone(), &resolved), (format!("{path}[]"), &items)] {
                    let place = object["properties"].to_string();
                    if object["properties"].is_object() && followed.insert(place) {
                        deeper.push((path, object.clone()));
                    }
                }
                let is_required = required.contains(&json!(name));
                fields.insert(
                    path,
                    Field {
                        schema: resolved,
                        is_required,
                    },
                );
            }
        }
        places = deeper;
    }
    fields
}

/// The schema with what its `$ref`s bring; its own members stand first.
pub(crate) fn resolve(schema: &Value, field: &Value) -> Value {
    let mut field = field.clone();
    while let Some(reference) = field["$ref"].as_str().map(str::to_owned) {
        let target = schema
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap();
        let mut merged = target.as_object().unwrap().clone();
        field.as_object_mut().unwrap().remove("$ref");
        merged.extend(field.as_object().unwrap().clone());
        field = merged.into();
    }
    if field["anyOf"][0]["$ref"].is_string() {
        return one_or_several(schema, field);
    }
    field
}

/// An object, or a list of such objects: the object's members, and both types.
fn one_or_several(schema: &Value, field: Value) -> Value {
    let mut merged = resolve(schema, &field["anyOf"][0]);
    let types = json!([merged["type"], field["anyOf"][1]["type"]]);
    let own = field.as_object().unwrap().clone();
    merged.as_object_mut().unwrap().extend(own);
    merged["type"] = types;
    merged
}

/// A field's type as the documents call it.
pub(crate) fn type_name(field: &Value) -> String {
    let name = |t: &str| match t {
        "array" => "list".to_owned(),
        "string" if field["pattern"] == "^[0-9]+(ms|s|m|h)$" => "duration".to_owned(),
        other => other.to_owned(),
    };
    match &field["type"] {
        Value::String(t) => name(t),
        Value::Array(types) => {
            let names: Vec<String> = types.iter().map(|t| name(t.as_str().unwrap())).collect();
            names.join(" or ")
        }
        other => panic!("no type: {other}"),
    }
}

#[test]
fn every_field_has_a_title_and_a_description() {
    for (path, field) in fields() {
        for member in ["title", "description"] {
            let text = field.schema[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{path}: no {member}");
        }
    }
}

#[test]
fn the_examples_in_the_schema_are_good_values() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut places = vec![&schema];
    while let Some(place) = places.pop() {
        for example in place["examples"].as_array().into_iter().flatten() {
            let mut alone = place.clone();
            alone["$defs"] = schema["$defs"].clone();
            assert!(
                jsonschema::is_valid(&alone, example),
                "{example} is no {}",
                place["title"]
            );
        }
        match place {
            Value::Object(members) => places.extend(members.values().filter(|v| v.is_object())),
            other => panic!("{other}"),
        }
    }
}
