//! The two files that are proven: what each holds.

use serde_json::Value;

#[path = "../../../tests/yaml/mod.rs"]
mod yaml;

const ALERTS: &str = include_str!("../../../deploy/monitoring/alerts.yaml");
const DASHBOARD: &str = include_str!("../../../deploy/monitoring/alb-authn.json");

/// A query of a panel.
pub struct Target {
    /// The panel's title.
    pub panel: String,
    /// PromQL with Grafana's variables in it.
    pub expr: String,
    /// How a series is called, with labels in `{{}}`.
    pub legend: String,
}

/// Every query of the dashboard.
pub fn targets() -> Vec<Target> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("the dashboard is JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let targets_of = |panel: &Value| {
        let title = text(&panel["title"]);
        let targets = panel["targets"].as_array().cloned().unwrap_or_default();
        let target = move |target: Value| Target {
            panel: title.clone(),
            expr: text(&target["expr"]),
            legend: text(&target["legendFormat"]),
        };
        targets.into_iter().map(target)
    };
    let panels = dashboard["panels"].as_array().expect("panels");
    panels.iter().flat_map(targets_of).collect()
}

/// A recording rule.
pub struct Record {
    /// The series that it makes.
    pub name: String,
    /// From what.
    pub expr: String,
}

/// Every recording rule.
pub fn records() -> Vec<Record> {
    let record = |rule: &Value| {
        Some(Record {
            name: rule["record"].as_str()?.to_owned(),
            expr: rule["expr"].as_str()?.to_owned(),
        })
    };
    each_rule().iter().filter_map(record).collect()
}

/// The condition of an alert.
pub fn alert(name: &str) -> String {
    let rules = each_rule();
    let rule = rules.iter().find(|rule| rule["alert"] == name);
    let expr = rule.and_then(|rule| rule["expr"].as_str());
    expr.expect("the alert is there").to_owned()
}

/// The rules of all groups.
pub fn each_rule() -> Vec<Value> {
    let rules = rules();
    let groups = rules["groups"].as_array().into_iter().flatten();
    groups
        .flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default())
        .collect()
}

/// The rules as Prometheus itself reads them: `spec` of the operator's object.
pub fn rules() -> Value {
    let object = yaml::documents(ALERTS).remove(0);
    assert_eq!(object["kind"], "PrometheusRule");
    object["spec"].clone()
}
