//! The alerts, by Prometheus's own checker and on invented series.

use prometheus_tests::{each_rule, promtool, rules};
use wasm_tests::Folder;

const CASES: &str = include_str!("../../../deploy/monitoring/alerts.test.yaml");

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn promtool_finds_no_fault_in_the_rules() {
    let folder = Folder::new();
    let file = folder.write("rules.json", &rules().to_string());
    let answer = promtool(&["check", "rules", &file.to_string_lossy()]);
    assert!(answer.is_ok_and(|text| text.contains("SUCCESS")));
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn each_alert_rises_for_its_cause_and_for_nothing_else() {
    let folder = Folder::new();
    folder.write("rules.json", &rules().to_string());
    let cases = folder.write("alerts.test.yaml", CASES);
    if let Err(message) = promtool(&["test", "rules", &cases.to_string_lossy()]) {
        panic!("{message}");
    }
}

#[test]
fn each_alert_has_a_case_that_raises_it_and_one_that_must_not() {
    let rules = each_rule();
    for alert in rules.iter().filter_map(|rule| rule["alert"].as_str()) {
        let quiet = format!("{{alertname: {alert}, eval_time: 2h, exp_alerts: []}}");
        assert!(
            CASES.contains(&quiet),
            "{alert} is not among the healthy gateway's"
        );
        let raised = format!("alertname: {alert}\n");
        let raised = CASES.split(&raised).skip(1).any(|rest| {
            let case = rest.split("- alertname").next().unwrap_or_default();
            case.contains("exp_labels")
        });
        assert!(raised, "no case raises {alert}");
    }
}
