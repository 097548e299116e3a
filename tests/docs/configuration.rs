//! `docs/configuration.md` and the schema.

use serde_json::Value;

use crate::CONFIGURATION;
use crate::markdown::{code, rows};
use crate::schema::{fields, type_name};

#[test]
fn every_field_of_the_schema_is_described_once_and_none_else() {
    let described: Vec<String> = rows(CONFIGURATION, "Field")
        .iter()
        .map(|row| code(row[0]).unwrap().to_owned())
        .collect();
    let mut sorted = described.clone();
    sorted.sort();
    assert_eq!(sorted, fields().into_keys().collect::<Vec<_>>());
}

#[test]
fn types_defaults_and_ranges_are_the_schemas() {
    let fields = fields();
    for row in rows(CONFIGURATION, "Field") {
        let [path, kind, default, range, meaning] = row[..] else {
            panic!("five columns: {row:?}")
        };
        let field = &fields[code(path).unwrap()];
        let schema = &field.schema;
        assert_eq!(kind, type_name(schema), "{path}");
        match schema.get("default") {
            Some(value) => {
                let documented: Value = serde_json::from_str(code(default).unwrap()).unwrap();
                assert_eq!(documented, *value, "{path}");
            }
            None => {
                assert_eq!(
                    default == "required",
                    field.is_required,
                    "{path}: {default}"
                );
                // A bare word or two; code would be a default that the schema lacks.
                assert_eq!(code(default), None, "{path}: {default}");
            }
        }
        match kind {
            "integer" => assert_eq!(
                range,
                format!("{}..{}", schema["minimum"], schema["maximum"]),
                "{path}"
            ),
            "duration" => assert!(
                schema["description"]
                    .as_str()
                    .unwrap()
                    .ends_with(&format!(" in the range {range}.")),
                "{path}: {range}"
            ),
            "list" => {
                let expected = match (schema.get("minItems"), schema.get("maxItems")) {
                    (Some(least), Some(most)) => format!("{least}..{most} entries"),
                    (Some(_), None) => "1 or more".to_owned(),
                    _ => String::new(),
                };
                let is_said = range.starts_with(&expected) || range.starts_with("as `");
                assert!(is_said, "{path}: {range}, not {expected}");
            }
            _ => {}
        }
        for choice in schema["enum"].as_array().into_iter().flatten() {
            // Unescaped, a bar would begin the next column.
            let choice = format!("`{}`", choice.as_str().unwrap().replace('|', "\\|"));
            assert!(range.contains(&choice), "{path}: {range} lacks {choice}");
        }
        assert!(!meaning.is_empty(), "{path}");
    }
}
