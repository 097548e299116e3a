//! Every row of `config_cases.json` through the parser and through the JSON Schema: both must say
//! what the row says, and the parser must name the right field. Rows that only the parser can judge
//! are marked so, and the mark is checked too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot read its table should fail loudly"
)]

use alb_authn::config::Config;
use serde_json::{Value, json};

/// The smallest good configuration; the rows change it.
fn smallest() -> Value {
    json!({"loadBalancers": [{
        "arn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188",
        "issuers": ["https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE"],
        "clientIds": ["3n4b5urk1ft4fl3mg5e62d9ado"],
    }]})
}

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../docs/config.schema.json")).unwrap();
    assert!(
        jsonschema::meta::is_valid(&schema),
        "the schema is no JSON Schema"
    );
    jsonschema::draft202012::new(&schema).unwrap()
}

/// One row that is no heading.
struct Case {
    name: String,
    /// What the filter gets.
    bytes: Vec<u8>,
    /// The path that the first problem names; `None` where the configuration is good.
    problem: Option<String>,
    /// Whether the schema can find what is wrong.
    schema_agrees: bool,
}

impl Case {
    fn read(row: &Value) -> Option<Self> {
        let row = row.as_object().unwrap();
        if row.contains_key("//") {
            return None;
        }
        let text = |name: &str| row.get(name).and_then(Value::as_str);
        let name = text("name").unwrap().to_owned();
        let known = [
            "name", "set", "unset", "config", "raw", "valid", "path", "schema",
        ]
        .as_slice();
        assert!(
            row.keys().all(|key| known.contains(&key.as_str())),
            "{name}: unknown column"
        );
        let problem = text("path").map(str::to_owned);
        assert_eq!(
            row["valid"],
            json!(problem.is_none()),
            "{name}: `path` goes with `valid: false`"
        );
        let schema_agrees = match text("schema") {
            None | Some("agrees") => true,
            Some("cannot say") => false,
            Some(other) => panic!("{name}: schema: {other}"),
        };
        let bytes = match text("raw") {
            Some(raw) => raw.as_bytes().to_vec(),
            None => configuration(row).to_string().into_bytes(),
        };
        Some(Self {
            name,
            bytes,
            problem,
            schema_agrees,
        })
    }
}

fn configuration(row: &serde_json::Map<String, Value>) -> Value {
    if let Some(whole) = row.get("config") {
        return whole.clone();
    }
    let mut configuration = smallest();
    for (path, value) in row
        .get("set")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        *at(&mut configuration, path) = value.clone();
    }
    for path in row
        .get("unset")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (parent, name) = path.as_str().unwrap().rsplit_once('.').unwrap();
        at(&mut configuration, parent)
            .as_object_mut()
            .unwrap()
            .remove(name)
            .unwrap();
    }
    configuration
}

/// The place that a path such as `loadBalancers[0].arn` names; objects on the way are made.
fn at<'a>(root: &'a mut Value, path: &str) -> &'a mut Value {
    let steps = path.replace('[', ".").replace(']', "");
    steps.split('.').fold(root, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().unwrap()).unwrap(),
        Value::Object(members) => members.entry(step).or_insert_with(|| json!({})),
        other => panic!("{path}: no member {step} in {other}"),
    })
}

/// What is wrong with the row's verdict by the parser, if anything.
fn judge_parser(case: &Case) -> Option<String> {
    match (Config::parse(&case.bytes), &case.problem) {
        (Ok(_), None) => None,
        (Ok(_), Some(path)) => Some(format!("the parser takes it; expected a problem of {path}")),
        (Err(problems), None) => Some(format!("the parser refuses it: {}", problems.first()?)),
        (Err(problems), Some(path)) => {
            let Some(first) = problems.first() else {
                return Some("the parser refuses it without a problem".to_owned());
            };
            if first.path() != path {
                return Some(format!(
                    "the parser says `{first}`; expected a problem of {path}"
                ));
            }
            let line = first.to_string();
            let says_what =
                first.message().contains("expected") || first.message().contains("required");
            (!says_what
                || line != format!("{path}: {}", first.message())
                || line.contains(char::is_control))
            .then(|| format!("not one line that says what was expected: {line:?}"))
        }
    }
}

/// What is wrong with the row's verdict by the schema, if anything.
fn judge_schema(schema: &jsonschema::Validator, case: &Case) -> Option<String> {
    // Of two members of one name serde_json keeps the last; a schema never sees the first.
    let Ok(json) = serde_json::from_slice(&case.bytes) else {
        return case
            .schema_agrees
            .then(|| "no JSON, so the schema cannot say anything".to_owned());
    };
    let takes_it = schema.is_valid(&json);
    match (case.schema_agrees, &case.problem) {
        (true, None) if !takes_it => {
            let errors: Vec<String> = schema
                .iter_errors(&json)
                .map(|e| format!("{}: {e}", e.instance_path()))
                .collect();
            Some(format!("the schema refuses it: {}", errors.join("; ")))
        }
        (true, Some(path)) if takes_it => {
            Some(format!("the schema takes it; expected an error at {path}"))
        }
        (false, _) if !takes_it => {
            Some("the schema refuses it, so it can say it: drop the mark".to_owned())
        }
        _ => None,
    }
}

#[test]
fn parser_and_schema_judge_every_configuration_alike() {
    let schema = schema();
    let rows: Vec<Value> = serde_json::from_str(include_str!("config_cases.json")).unwrap();
    let cases: Vec<Case> = rows.iter().filter_map(Case::read).collect();
    let wrong: Vec<String> = cases
        .iter()
        .flat_map(|case| {
            let verdicts = [judge_parser(case), judge_schema(&schema, case)];
            verdicts
                .into_iter()
                .flatten()
                .map(|verdict| format!("{}: {verdict}", case.name))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

/// The path of the first problem of bytes that no JSON file can hold.
fn first_path(bytes: &[u8]) -> String {
    Config::parse(bytes)
        .unwrap_err()
        .first()
        .unwrap()
        .path()
        .to_owned()
}

#[test]
fn bytes_that_are_no_utf_8_are_refused() {
    assert_eq!(first_path(b"\xff"), "pluginConfig");
    assert_eq!(first_path(b"{\"loadBalancers\xff\":[]}"), "pluginConfig");
}

#[test]
fn deep_nesting_is_refused_without_a_trap() {
    for depth in [100, 1_000, 100_000] {
        let nested = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        Config::parse(nested.as_bytes()).unwrap_err();
        let unknown = format!("{{\"deep\":{nested}}}");
        Config::parse(unknown.as_bytes()).unwrap_err();
    }
}

#[test]
fn an_unknown_name_cannot_forge_a_log_line() {
    let mut configuration = smallest();
    configuration["a\nb\u{1b}[0m\u{202e}"] = json!(1);
    let problems = Config::parse(configuration.to_string().as_bytes()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        lines.iter().all(|line| !line.contains(char::is_control)),
        "{lines:?}"
    );
}

#[test]
fn every_problem_is_found_in_one_go() {
    let mut configuration = smallest();
    for (path, value) in [
        ("mode", json!("off")),
        ("clockSkew", json!("1d")),
        ("loadBalancers[0].arn", json!("x")),
        ("foo", json!(1)),
    ] {
        *at(&mut configuration, path) = value;
    }
    let problems = Config::parse(configuration.to_string().as_bytes()).unwrap_err();
    let mut paths: Vec<&str> = problems.iter().map(|problem| problem.path()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["clockSkew", "foo", "loadBalancers[0].arn", "mode"]);
}
