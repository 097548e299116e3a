//! `docs/configuration.md`, the schema and the parser.

use alb_authn::config::Config;
use serde_json::{Value, json};

use crate::markdown::{blocks, code, rows};
use crate::schema::fields;
use crate::{CONFIGURATION, GROUPS, yaml};

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
    let of_mappings = fields.iter().filter_map(|(path, field)| {
        let name = path.strip_prefix("outputClaimToHeaders[].")?;
        Some((name, field.schema.get("default")?))
    });
    let of_mappings: Vec<_> = of_mappings.collect();
    assert!(of_mappings.len() >= 9, "{of_mappings:?}");
    for (name, default) in of_mappings {
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
    let examples = [CONFIGURATION, GROUPS].map(|document| blocks(document, "yaml"));
    let mut checked = 0_usize;
    for example in examples.into_iter().flatten() {
        let documents = yaml::documents(example).into_iter();
        // Kubernetes' objects have a kind.
        for mut configuration in documents.filter(|document| document.get("kind").is_none()) {
            if configuration.get("loadBalancers").is_none() {
                configuration["loadBalancers"] = smallest()["loadBalancers"].clone();
            }
            if let Err(problems) = parse(&configuration) {
                panic!("{problems}:\n{example}");
            }
            checked = checked.saturating_add(1);
        }
    }
    assert!(checked >= 16, "{checked} examples");
}

#[test]
fn the_policies_of_the_groups_page_read_headers_that_its_configurations_set() {
    let examples = blocks(GROUPS, "yaml").into_iter();
    let (policies, others): (Vec<Value>, Vec<Value>) = examples
        .flat_map(yaml::documents)
        .partition(|document| document["kind"] == "AuthorizationPolicy");
    let set: Vec<String> = others
        .iter()
        .filter_map(|configuration| configuration["outputClaimToHeaders"].as_array())
        .flatten()
        .map(|entry| format!("request.headers[{}]", entry["header"].as_str().unwrap()))
        .collect();
    let conditions = policies.iter().flat_map(|policy| {
        let rules = policy["spec"]["rules"].as_array().unwrap().iter();
        rules.flat_map(|rule| rule["when"].as_array().into_iter().flatten())
    });
    let keys = conditions.map(|condition| condition["key"].as_str().unwrap());
    let headers: Vec<&str> = keys
        .filter(|key| key.starts_with("request.headers"))
        .collect();
    assert!(!headers.is_empty());
    for key in headers {
        assert!(set.iter().any(|header| header == key), "{key}");
    }
}
