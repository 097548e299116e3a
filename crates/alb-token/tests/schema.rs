//! What `docs/config.schema.json` says of each field comes from the parser: its name, type, bounds and choices, and whether
//! it is required. The parser is asked by giving it what is wrong, and listening to what it expected. `make schema` writes
//! that again. Words, patterns, examples and defaults are written by hand; a default that is not the parser's fails here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot read its own schema should fail loudly"
)]

use std::{env, fs};

#[path = "schema/sample.rs"]
mod sample;

use alb_authn::config::Config;
use sample::sample;
use serde_json::{Value, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.schema.json");

/// What the parser decides. Everything else in the schema is left as it stands.
const FACTS: [&str; 8] = [
    "type",
    "enum",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "required",
];

const RANGE: &str = " A duration in the range ";

#[test]
fn the_schema_is_what_the_parser_says() {
    let committed = fs::read_to_string(FILE).unwrap();
    let mut schema = serde_json::from_str(&committed).unwrap();
    write_place(&mut schema, "", "");
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
    if env::var_os("WRITE_SCHEMA").is_some() {
        fs::write(FILE, &generated).unwrap();
    } else {
        assert!(
            generated == committed,
            "docs/config.schema.json is not what the parser says: run `make schema`, and look at the difference"
        );
    }
}

/// Writes the facts of the value at `field` (a JSON pointer into the sample) into the schema's `place`.
fn write_place(schema: &mut Value, place: &str, field: &str) {
    let target = resolved(schema, place);
    match expected_of(field, &Value::Null).as_str() {
        "a string" => write_string(schema, &target, field),
        "true or false" => set_facts(schema, &target, &[("type", json!("boolean"))]),
        "a whole number" => write_integer(schema, &target, field),
        "a list" => write_list(schema, &target, field),
        "an object" if accepts_list(field) => write_object_or_list(schema, place, field),
        "an object" => write_object(schema, &target, field),
        duration => write_duration(schema, place, field, duration),
    }
    check_default(schema, place, field);
}

fn write_string(schema: &mut Value, target: &str, field: &str) {
    let mut facts = vec![("type", json!("string"))];
    let choices = problem(field, &json!("?")).and_then(|message| {
        let names = message.strip_prefix("expected one of ")?;
        Some(names.split(", ").map(str::to_owned).collect::<Vec<_>>())
    });
    if let Some(choices) = choices {
        facts.push(("enum", json!(choices)));
    }
    let empty_list = problem(field, &json!([])).unwrap();
    if !empty_list.ends_with("found a list") {
        facts = vec![("type", json!(["string", "array"]))];
        facts.extend(length_of(&empty_list));
    }
    set_facts(schema, target, &facts);
}

fn write_integer(schema: &mut Value, target: &str, field: &str) {
    let range = expected_of(field, &json!(-1));
    let (least, most) = range
        .strip_prefix("a whole number from ")
        .and_then(|range| range.split_once(" to "))
        .unwrap();
    let number = |text: &str| json!(text.parse::<u64>().unwrap());
    let facts = [
        ("type", json!("integer")),
        ("minimum", number(least)),
        ("maximum", number(most)),
    ];
    set_facts(schema, target, &facts);
}

fn write_duration(schema: &mut Value, place: &str, field: &str, expected: &str) {
    let range = expected
        .strip_prefix("a duration from ")
        .and_then(|rest| rest.split_once(" such as "))
        .unwrap_or_else(|| panic!("{field}: the parser expected {expected}"))
        .0
        .replace(" to ", "..");
    let node = schema.pointer_mut(place).unwrap();
    node["$ref"] = json!("#/$defs/duration");
    let words = node["description"].as_str().unwrap_or_default();
    let words = words.split(RANGE).next().unwrap_or_default();
    node["description"] = json!(format!("{words}{RANGE}{range}."));
}

fn write_list(schema: &mut Value, target: &str, field: &str) {
    let mut facts = vec![("type", json!("array"))];
    facts.extend(
        problem(field, &json!([]))
            .iter()
            .flat_map(|message| length_of(message)),
    );
    let item = sample().pointer(&format!("{field}/0")).unwrap().clone();
    if rejects_duplicates(field, &item) {
        facts.push(("uniqueItems", json!(true)));
    }
    set_facts(schema, target, &facts);
    write_place(schema, &format!("{target}/items"), &format!("{field}/0"));
}

fn rejects_duplicates(field: &str, item: &Value) -> bool {
    let second = format!("{}[1]", path(field));
    let is_duplicate = |(path, message): &(String, String)| {
        path.starts_with(&second) && message.starts_with("expected no ")
    };
    let twice = problems(&with(field, &json!([item, item])));
    twice.iter().any(is_duplicate)
}

fn accepts_list(field: &str) -> bool {
    let message = problem(field, &json!([])).unwrap_or_default();
    !message.ends_with("found a list")
}

/// `anyOf` an object, and a list of such objects. The sample holds the object alone.
fn write_object_or_list(schema: &mut Value, place: &str, field: &str) {
    let list = format!("{place}/anyOf/1");
    let mut facts = vec![("type", json!("array"))];
    facts.extend(length_of(&problem(field, &json!([])).unwrap()));
    if rejects_duplicates(field, sample().pointer(field).unwrap()) {
        facts.push(("uniqueItems", json!(true)));
    }
    set_facts(schema, &list, &facts);
    let object = resolved(schema, &format!("{place}/anyOf/0"));
    assert_eq!(object, resolved(schema, &format!("{list}/items")));
    write_object(schema, &object, field);
}

/// `minItems` and `maxItems`, from what the parser says of an empty list.
fn length_of(message: &str) -> Vec<(&'static str, Value)> {
    let numbers: Vec<u64> = message
        .split(' ')
        .filter_map(|word| word.parse().ok())
        .collect();
    ["minItems", "maxItems"]
        .into_iter()
        .zip(numbers.into_iter().map(|number| json!(number)))
        .collect()
}

fn write_object(schema: &mut Value, target: &str, field: &str) {
    let unknown = problem(&format!("{field}/?"), &Value::Null).unwrap();
    let names: Vec<&str> = unknown
        .strip_prefix("unknown field; expected one of ")
        .unwrap()
        .split(", ")
        .collect();
    let node = schema.pointer_mut(target).unwrap();
    node["additionalProperties"] = json!(false);
    let properties = node["properties"].as_object_mut().unwrap();
    properties.retain(|name, _| names.contains(&name.as_str()));
    for name in &names {
        let words = json!({"title": "", "description": ""});
        properties.entry(*name).or_insert(words);
    }
    let names: Vec<String> = properties.keys().cloned().collect();
    let required: Vec<&String> = names
        .iter()
        .filter(|name| is_required(&format!("{field}/{name}")))
        .collect();
    let mut facts = vec![("type", json!("object"))];
    if !required.is_empty() {
        facts.push(("required", json!(required)));
    }
    set_facts(schema, target, &facts);
    for name in names {
        write_place(
            schema,
            &format!("{target}/properties/{name}"),
            &format!("{field}/{name}"),
        );
    }
}

fn is_required(field: &str) -> bool {
    let absent = problems(&without(field));
    absent.contains(&(path(field), "required, but absent".to_owned()))
}

/// Sets these facts and removes the others.
fn set_facts(schema: &mut Value, target: &str, facts: &[(&str, Value)]) {
    let node = schema.pointer_mut(target).unwrap().as_object_mut().unwrap();
    node.retain(|name, _| {
        !FACTS.contains(&name.as_str()) || facts.iter().any(|(fact, _)| fact == name)
    });
    for (name, value) in facts {
        node.insert((*name).to_owned(), value.clone());
    }
}

/// A stated default must be the parser's; flags, numbers, choices and durations must state theirs.
fn check_default(schema: &Value, place: &str, field: &str) {
    if field.is_empty() || field.ends_with("/0") || is_required(field) {
        return;
    }
    let node = &schema.pointer(place).unwrap();
    let target = schema.pointer(&resolved(schema, place)).unwrap();
    let kind = &target["type"];
    let states_its_default = *kind == "boolean"
        || *kind == "integer"
        || target["enum"].is_array()
        || node["$ref"] == "#/$defs/duration";
    let Some(default) = node.get("default") else {
        assert!(
            !states_its_default,
            "{}: the schema has no default",
            path(field)
        );
        return;
    };
    let absent = parsed(&without(field));
    assert!(
        parsed(&with(field, default)) == absent,
        "{}: {default} is not the parser's default",
        path(field)
    );
    let mut choices = target["enum"].as_array().cloned().unwrap_or_default();
    if *kind == "boolean" {
        choices = vec![json!(true), json!(false)];
    }
    let mut others = choices
        .iter()
        .map(|choice| with(field, choice))
        .chain([sample()]);
    // A choice that is an error here is another one than the default too.
    assert!(
        others.any(|other| !problems(&other).is_empty() || parsed(&other) != absent),
        "{}: no value makes a difference",
        path(field)
    );
}

/// The place that a chain of `$ref` ends at.
fn resolved(schema: &Value, place: &str) -> String {
    let reference = schema
        .pointer(place)
        .unwrap_or_else(|| panic!("the schema has no {place}"))
        .get("$ref");
    match reference.and_then(Value::as_str) {
        Some(reference) => resolved(schema, reference.strip_prefix('#').unwrap()),
        None => place.to_owned(),
    }
}

fn with(field: &str, value: &Value) -> Value {
    let mut config = sample();
    if field.is_empty() {
        return value.clone();
    }
    let (parent, name) = field.rsplit_once('/').unwrap();
    match config.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
        Value::Object(members) => {
            members.insert(name.to_owned(), value.clone());
        }
        other => panic!("{parent} is {other}"),
    }
    config
}

fn without(field: &str) -> Value {
    let mut config = sample();
    let (parent, name) = field.rsplit_once('/').unwrap();
    let members = config.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    members.shift_remove(name);
    config
}

/// What a good configuration comes to.
fn parsed(config: &Value) -> String {
    let config = Config::parse(config.to_string().as_bytes());
    format!(
        "{:?}",
        config.unwrap_or_else(|problems| panic!("{problems:?}"))
    )
}

/// The paths and messages that the parser has for a configuration.
fn problems(config: &Value) -> Vec<(String, String)> {
    let problems = Config::parse(config.to_string().as_bytes())
        .err()
        .unwrap_or_default();
    let pairs = problems
        .iter()
        .map(|p| (p.path().to_owned(), p.message().to_owned()));
    pairs.collect()
}

/// What the parser says of this value in this field.
fn problem(field: &str, value: &Value) -> Option<String> {
    let place = path(field);
    let mut all = problems(&with(field, value)).into_iter();
    all.find(|(path, _)| *path == place)
        .map(|(_, message)| message)
}

/// What the parser expected in place of this value.
fn expected_of(field: &str, value: &Value) -> String {
    let message =
        problem(field, value).unwrap_or_else(|| panic!("{field}: the parser takes {value}"));
    let expected = message.strip_prefix("expected ").unwrap_or(&message);
    expected
        .split(", found ")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The field's path as the parser writes it: `loadBalancers[0].arn`.
fn path(field: &str) -> String {
    if field.is_empty() {
        return "pluginConfig".to_owned();
    }
    let steps = field
        .split('/')
        .skip(1)
        .map(|step| match step.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!(".{step}"),
        });
    steps.collect::<String>().trim_start_matches('.').to_owned()
}
