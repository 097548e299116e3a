//! The documents say what the code does: the same reasons, fields, defaults, ranges and metrics.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read a document should fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};

use alb_authn::config::Config;
use alb_authn::keys::FetchFailure;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::report::{Counter, Gauge, KEY_FETCH_MS};
use serde_json::{Value, json};

mod yaml;

const CONFIGURATION: &str = include_str!("../docs/configuration.md");
const REJECTIONS: &str = include_str!("../docs/rejections.md");
const SCHEMA: &str = include_str!("../docs/config.schema.json");

// Markdown

/// The rows of all tables whose first column is headed `heading`, as cells.
fn rows<'a>(markdown: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let mut rows = Vec::new();
    let mut wanted = None;
    for line in markdown.lines() {
        let Some(line) = line
            .strip_prefix("| ")
            .and_then(|line| line.strip_suffix(" |"))
        else {
            if !line.starts_with("|-") {
                wanted = None;
            }
            continue;
        };
        let cells: Vec<&str> = line.split(" | ").collect();
        match wanted {
            None => wanted = Some(cells[0] == heading),
            Some(true) => rows.push(cells),
            Some(false) => {}
        }
    }
    rows
}

fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

/// What stands between the fences of blocks in `language`.
fn blocks<'a>(markdown: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let blocks = markdown.split(&fence).skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

// The schema

/// A field of the configuration, as the schema has it.
struct Field {
    schema: Value,
    is_required: bool,
}

/// Every field by its path. A list of objects that stands in two places is followed in the first only.
fn fields() -> BTreeMap<String, Field> {
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
fn resolve(schema: &Value, field: &Value) -> Value {
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
    field
}

/// A field's type as the documents call it.
fn type_name(field: &Value) -> String {
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

// docs/configuration.md

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
            let choice = format!("`{}`", choice.as_str().unwrap());
            assert!(range.contains(&choice), "{path}: {range} lacks {choice}");
        }
        assert!(!meaning.is_empty(), "{path}");
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

// The schema and the code

fn smallest() -> Value {
    json!({"loadBalancers": [{
        "arn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/0",
        "issuers": ["*"],
        "clientIds": ["*"],
    }]})
}

fn parse(configuration: &Value) -> Result<Config, String> {
    Config::parse(configuration.to_string().as_bytes()).map_err(|problems| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })
}

/// Puts a value into the smallest configuration, at a path without lists.
fn with(path: &str, value: &Value) -> Value {
    let mut configuration = smallest();
    let place = path
        .split('.')
        .fold(&mut configuration, |object, name| &mut object[name]);
    *place = value.clone();
    configuration
}

#[test]
fn the_defaults_are_the_codes() {
    let smallest = format!("{:?}", parse(&smallest()).unwrap());
    for (path, field) in fields() {
        let Some(default) = field.schema.get("default").filter(|_| !path.contains('[')) else {
            continue;
        };
        let explicit = parse(&with(&path, default)).unwrap();
        assert_eq!(format!("{explicit:?}"), smallest, "{path}: {default}");
    }
}

#[test]
fn the_defaults_of_list_entries_are_the_codes() {
    let entry = |extra: Value| {
        let mut configuration = smallest();
        let mut mapping = json!({"header": "x-user", "claim": "email"});
        mapping
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        configuration["outputClaimToHeaders"] = json!([mapping]);
        format!("{:?}", parse(&configuration).unwrap())
    };
    let fields = fields();
    for name in ["prefix", "lowercase", "required"] {
        let default = &fields[&format!("outputClaimToHeaders[].{name}")].schema["default"];
        assert_eq!(entry(json!({name: default})), entry(json!({})), "{name}");
    }
    let mut explicit = smallest();
    explicit["loadBalancers"][0]["requiredClaims"] =
        fields["loadBalancers[].requiredClaims"].schema["default"].clone();
    let implicit = parse(&smallest()).unwrap();
    assert_eq!(
        format!("{:?}", parse(&explicit).unwrap()),
        format!("{implicit:?}")
    );
}

/// `5m` → 300000; the documents' own spelling, which the parser is asked about.
fn milliseconds(duration: &str) -> u64 {
    let unit = duration.find(|c: char| !c.is_ascii_digit()).unwrap();
    let (number, unit) = duration.split_at(unit);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => panic!("unit {other}"),
    };
    number.parse::<u64>().unwrap().saturating_mul(factor)
}

#[test]
fn the_ranges_are_the_codes_to_the_last_unit() {
    for row in rows(CONFIGURATION, "Field") {
        let (path, kind, range) = (code(row[0]).unwrap(), row[1], row[3]);
        let read = |text: &str| match kind {
            "duration" => milliseconds(text),
            _ => text.parse().unwrap(),
        };
        let takes = |number: u64| {
            let value = match kind {
                "duration" => json!(format!("{number}ms")),
                _ => json!(number),
            };
            parse(&with(path, &value)).is_ok()
        };
        if !["duration", "integer"].contains(&kind) {
            continue;
        }
        let (least, most) = range.split_once("..").unwrap();
        let (least, most) = (read(least), read(most));
        assert!(takes(least) && takes(most), "{path}: {range}");
        assert!(!takes(most.saturating_add(1)), "{path}: beyond {range}");
        if let Some(below) = least.checked_sub(1) {
            assert!(!takes(below), "{path}: below {range}");
        }
    }
}

#[test]
fn the_examples_are_good_configurations() {
    let examples = blocks(CONFIGURATION, "yaml");
    let mut checked = 0_usize;
    for example in examples {
        for mut configuration in yaml::documents(example) {
            if configuration.get("loadBalancers").is_none() {
                configuration["loadBalancers"] = smallest()["loadBalancers"].clone();
            }
            if let Err(problems) = parse(&configuration) {
                panic!("{problems}:\n{example}");
            }
            checked = checked.saturating_add(1);
        }
    }
    assert!(checked >= 4, "{checked} examples");
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

// docs/rejections.md

#[test]
fn the_table_of_reasons_is_the_codes() {
    let documented: Vec<(String, String, String)> = rows(REJECTIONS, "Reason")
        .iter()
        .map(|row| {
            (
                code(row[0]).unwrap().to_owned(),
                row[1].to_owned(),
                row[2].to_owned(),
            )
        })
        .collect();
    let expected: Vec<(String, String, String)> = Reason::ALL
        .iter()
        .map(|reason| {
            let (status, message) = match reason {
                Reason::Ok | Reason::NoToken => ("–".to_owned(), "–"),
                Reason::Logout => ("302, 200".to_owned(), "–"),
                Reason::Rejected(rejection) => {
                    (rejection.status().to_string(), rejection.message())
                }
            };
            (reason.name().to_owned(), status, message.to_owned())
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn every_reason_has_a_section_under_its_status() {
    let mut status = None;
    let mut sections = Vec::new();
    for line in REJECTIONS.lines() {
        if let Some(name) = line.strip_prefix("### ").and_then(code) {
            sections.push((name.to_owned(), status));
        } else if let Some(heading) = line.strip_prefix("## ") {
            let number = heading
                .rsplit_once('(')
                .and_then(|(_, rest)| rest.strip_suffix(')'));
            status = number.map(|text| text.parse::<u16>().unwrap());
        }
    }
    let expected: Vec<(String, Option<u16>)> = Reason::ALL
        .iter()
        .map(|reason| (reason.name().to_owned(), reason.status()))
        .collect();
    assert_eq!(sections, expected);
}

#[test]
fn every_refusal_says_what_to_check_with_a_command() {
    for rejection in Rejection::ALL {
        let heading = format!("\n### `{rejection}`\n");
        let section = REJECTIONS.split(&heading).nth(1).unwrap();
        let section = section
            .split("\n## ")
            .next()
            .unwrap()
            .split("\n### ")
            .next()
            .unwrap();
        assert!(!blocks(section, "sh").is_empty(), "{rejection}");
    }
}

#[test]
fn the_causes_of_a_failed_fetch_are_the_codes() {
    let documented: BTreeSet<String> = rows(REJECTIONS, "Cause")
        .iter()
        .map(|row| code(row[0]).unwrap().to_owned())
        .collect();
    let expected: BTreeSet<String> = [
        FetchFailure::NotFound(404),
        FetchFailure::Connection,
        FetchFailure::Timeout,
        FetchFailure::Status(500),
        FetchFailure::NotAKey,
        FetchFailure::NotDispatched,
        FetchFailure::EndedAtOnce,
    ]
    .iter()
    .map(|failure| failure.to_string().split(' ').next().unwrap().to_owned())
    .collect();
    assert_eq!(documented, expected);
}

#[test]
fn a_name_in_code_that_looks_like_a_reason_or_field_is_one() {
    let fields = fields();
    let known: BTreeSet<&str> = fields
        .keys()
        .flat_map(|path| path.split(['.', '[']))
        .chain(Reason::ALL.iter().map(|reason| reason.name()))
        .collect();
    for (document, text) in [
        ("configuration.md", CONFIGURATION),
        ("rejections.md", REJECTIONS),
    ] {
        for name in text.split('`').skip(1).step_by(2) {
            // `publicKeys.maxWait`: a path whose every step must be a field.
            let root = name.split(['.', '[']).next().unwrap();
            if fields.contains_key(root)
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || ".[]".contains(c))
            {
                let steps = name.split(['.', '[', ']']).filter(|step| !step.is_empty());
                let unknown: Vec<&str> = steps.filter(|step| !known.contains(step)).collect();
                assert!(unknown.is_empty(), "{document}: `{name}`");
            }
        }
    }
}

// Links and metrics

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (document, text) in [
        ("configuration.md", CONFIGURATION),
        ("rejections.md", REJECTIONS),
    ] {
        for rest in text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap();
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = docs.join(if file.is_empty() { document } else { file });
            let linked = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{target}: {e}"));
            let mut headings = linked.lines().filter(|line| line.starts_with('#'));
            let is_there =
                headings.any(|line| anchor(line.trim_start_matches('#').trim()) == heading);
            assert!(heading.is_empty() || is_there, "{document}: {target}");
        }
    }
}

#[test]
fn the_metrics_that_the_documents_name_exist() {
    let metrics: BTreeSet<String> = Counter::all()
        .into_iter()
        .map(Counter::name)
        .chain(Gauge::ALL.into_iter().map(|gauge| gauge.name().to_owned()))
        .chain(
            [
                KEY_FETCH_MS,
                "alb_authn.requests.<reason>",
                "alb_authn.observed.<reason>",
            ]
            .map(str::to_owned),
        )
        // Not metrics, but the names in Envoy's filter state.
        .chain(["alb_authn.reason", "alb_authn.user"].map(str::to_owned))
        .collect();
    let mut found = 0_usize;
    for (document, text) in [
        ("configuration.md", CONFIGURATION),
        ("rejections.md", REJECTIONS),
    ] {
        for (start, _) in text.match_indices("alb_authn.") {
            let rest = text.split_at(start).1;
            let is_of_a_name = |c: char| c.is_ascii_lowercase() || "._<>".contains(c);
            let name = rest
                .split(|c| !is_of_a_name(c))
                .next()
                .unwrap()
                .trim_end_matches('.');
            assert!(metrics.contains(name), "{document}: {name}");
            found = found.saturating_add(1);
        }
    }
    assert!(found > 5, "{found}");
}
