//! YAML as the JSON that it stands for.

use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

/// The documents of a file. kubectl skips empty ones, and so do we.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let documents = YamlLoader::load_from_str(text).unwrap();
    let documents = documents.iter().map(to_json);
    documents.filter(|document| !document.is_null()).collect()
}

fn to_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => json!(value),
        Yaml::Integer(value) => json!(value),
        Yaml::Real(text) => json!(text.parse::<f64>().unwrap()),
        Yaml::String(text) => json!(text),
        Yaml::Array(items) => items.iter().map(to_json).collect(),
        Yaml::Hash(members) => members
            .iter()
            .map(|(key, value)| (key.as_str().unwrap().to_owned(), to_json(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Yaml::Alias(_) | Yaml::BadValue => panic!("{yaml:?}"),
    }
}
