//! `docs/operations.md`, the dashboard and the alerts.

use std::collections::BTreeSet;

use alb_authn::reason::{Reason, Rejection};
use alb_authn::report::{Counter, Gauge, KEY_FETCH_MS};
use serde_json::{Value, json};

use crate::markdown::{anchor, blocks, rows, section};
use crate::{OPERATIONS, yaml};

const MANIFEST: &str = include_str!("../../WasmPlugin.yaml");

const ALERTS: &str = include_str!("../../deploy/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../deploy/monitoring/alb-authn.json");

fn alerts() -> Vec<Value> {
    let rules = yaml::documents(ALERTS).remove(0)["spec"]["groups"].clone();
    let groups = rules.as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

#[test]
fn each_alert_has_a_section_and_links_to_it() {
    let alerts = alerts();
    assert!(!alerts.is_empty());
    for alert in &alerts {
        let name = alert["alert"].as_str().unwrap();
        let text = section(OPERATIONS, &format!("### {name}"));
        for part in ["**Means**", "**Likely cause", "Diagnose", "Fix"] {
            let is_said = text.to_lowercase().contains(&part.to_lowercase());
            assert!(is_said, "{name} has no {part}");
        }
        let link = alert["annotations"]["runbook_url"].as_str().unwrap();
        let expected = format!("docs/operations.md#{}", anchor(name));
        assert!(link.ends_with(&expected), "{name}: {link}");
        let severity = alert["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{name}");
    }
    let sections = OPERATIONS
        .lines()
        .filter_map(|line| line.strip_prefix("### "));
    let names = alerts.iter().map(|alert| alert["alert"].as_str().unwrap());
    assert_eq!(
        sections.collect::<BTreeSet<_>>(),
        names.collect::<BTreeSet<_>>()
    );
}

/// A policy elsewhere, or on a header that clients may write, would lock nobody out.
#[test]
fn the_policy_that_locks_a_user_out_denies_the_filters_header_at_its_gateway() {
    let text = section(OPERATIONS, "## Lock a user out at once");
    let policy = yaml::documents(blocks(text, "yaml")[0]).remove(0);
    let objects = yaml::documents(MANIFEST);
    let plugin = objects
        .iter()
        .find(|it| it["kind"] == "WasmPlugin")
        .unwrap();
    let header = &plugin["spec"]["pluginConfig"]["outputClaimToHeaders"][0]["header"];
    let key = format!("request.headers[{}]", header.as_str().unwrap());
    assert_eq!(policy["kind"], "AuthorizationPolicy");
    assert_eq!(
        policy["metadata"]["namespace"],
        plugin["metadata"]["namespace"]
    );
    let condition = json!({"key": key, "values": ["eve@example.com"]});
    let expected = json!({
        "selector": plugin["spec"]["selector"],
        "action": "DENY",
        "rules": [{"when": [condition]}],
    });
    assert_eq!(policy["spec"], expected);
}

#[test]
fn the_spike_of_each_refusal_has_a_first_thing_to_look_at() {
    let listed: BTreeSet<String> = rows(OPERATIONS, "Reason")
        .iter()
        .flat_map(|row| row[0].split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    let expected: BTreeSet<String> = Rejection::ALL
        .iter()
        .filter(|rejection| rejection.status() != 503)
        .map(|rejection| rejection.name().to_owned())
        .collect();
    assert_eq!(listed, expected);
}

/// The metrics as Prometheus sees them.
fn exported() -> BTreeSet<String> {
    let counters = Counter::all().into_iter().map(Counter::name);
    let gauges = Gauge::ALL.into_iter().map(|gauge| gauge.name().to_owned());
    let histogram = ["", "_bucket", "_sum", "_count"].map(|part| format!("{KEY_FETCH_MS}{part}"));
    let names = counters.chain(gauges).chain(histogram);
    names.map(|name| name.replace('.', "_")).collect()
}

/// The alternatives of a name pattern's end, such as `(a|b)`; others as they are.
fn alternatives(pattern: &str) -> Vec<String> {
    match pattern.split_once('(') {
        Some((start, rest)) => {
            let rest = rest.split(')').next().unwrap();
            rest.split('|').map(|end| format!("{start}{end}")).collect()
        }
        None => vec![pattern.to_owned()],
    }
}

#[test]
fn dashboard_and_alerts_name_metrics_that_exist() {
    let exported = exported();
    let mut found = 0_usize;
    for text in [ALERTS.to_owned(), DASHBOARD.replace("\\\"", "\"")] {
        for rest in text.split("(envoy_wasmcustom_)?").skip(1) {
            let pattern = rest.split('"').next().unwrap();
            for name in alternatives(pattern) {
                let start = name.split(".+").next().unwrap();
                let is_known = exported.iter().any(|metric| match name == start {
                    true => metric == start,
                    false => metric.starts_with(start),
                });
                assert!(is_known, "{name}");
                found = found.saturating_add(1);
            }
        }
    }
    assert!(found > 20, "{found}");
}

#[test]
fn the_shares_by_status_count_every_reason_once() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let shares = panels.filter(|panel| panel["title"] == "Refused, by status");
    let targets = shares.flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut listed = BTreeSet::new();
    for target in targets {
        let status = target["legendFormat"].as_str().unwrap();
        let (_, rest) = target["expr"]
            .as_str()
            .unwrap()
            .split_once("requests_(")
            .unwrap();
        for reason in rest.split(')').next().unwrap().split('|') {
            assert!(listed.insert((status.to_owned(), reason.to_owned())));
        }
    }
    let expected = Reason::all().filter_map(|reason| match reason {
        Reason::Rejected(rejection) => {
            Some((rejection.status().to_string(), rejection.name().to_owned()))
        }
        Reason::Ok | Reason::NoToken | Reason::Logout => None,
    });
    assert_eq!(listed, expected.collect());
}

#[test]
fn the_dashboard_is_laid_out_without_gaps_in_its_parts() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut ids = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        for x in place("x")..place("x").saturating_add(place("w")) {
            for y in place("y")..place("y").saturating_add(place("h")) {
                assert!(x < 24 && cells.insert((x, y)), "{title} lies on another");
            }
        }
        if panel["type"] != "row" {
            let text = panel["description"].as_str().unwrap_or_default();
            assert!(text.ends_with('.'), "{title} says nothing");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title}");
        }
    }
}
