//! The dashboard: each panel has data when Envoy has traffic.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use prometheus_tests::{Prometheus, Sample, records, targets};
use serde_json::json;
use wasm_tests::{Answer, Running, Scenario, entry};

/// How long Prometheus may take on a busy machine until all is there.
const PATIENCE: Duration = Duration::from_secs(240);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const JOBS: [&str; 2] = ["envoy", "older-envoy"];
const UNKNOWN_KID: &str = "11111111-2222-3333-4444-555555555555";
const FAILING_KID: &str = "66666666-7777-8888-9999-000000000000";

/// A gateway with a second listener, which only observes.
fn gateway() -> Running {
    let observing = json!({"loadBalancers": [entry()], "mode": "observe"});
    let groups = json!({"header": "kubeflow-groups", "claim": "groups", "required": false});
    let mappings = json!([{"header": "kubeflow-userid", "claim": "email"}, groups]);
    let s = Scenario::new()
        .config(json!({"outputClaimToHeaders": mappings}))
        .plugin("observing", observing)
        .start();
    s.endpoint.set(FAILING_KID, Answer::Status(500));
    s
}

/// One request for each kind of verdict.
fn drive(s: &Running) {
    let token = s.token();
    let of_kid = |kid: &str| s.token_builder().header("kid", kid).sign();
    s.get("/").token(&token).send();
    s.get("/").token(&token).send();
    s.get("/").send();
    s.get("/")
        .token(&s.token_builder().expiring_at(1).sign())
        .send();
    s.get("/")
        .token(&s.token_with("email_verified", false))
        .send();
    s.get("/")
        .token(&s.token_with("groups", json!(["a,b"])))
        .send();
    s.get("/").token(&of_kid(UNKNOWN_KID)).send();
    s.get("/").token(&of_kid(FAILING_KID)).send();
    s.request_to(1, "GET", "/").send();
}

/// A query as Grafana sends it for one job, on the scale of this test.
fn filled_in(expr: &str, job: &str) -> String {
    let filled = expr
        .replace("$namespace", ".*")
        .replace("$job", job)
        .replace("[$__rate_interval:15s]", "[30s:1s]")
        .replace("[1h:30s]", "[30s:1s]")
        .replace("[$__rate_interval]", "[30s]");
    assert!(
        !filled.contains('$') || filled.contains("\"$1\""),
        "{filled}"
    );
    filled
}

/// Drives traffic until `query` answers with numbers only, at least one of them.
fn await_data(
    s: &Running,
    deadline: Instant,
    what: &str,
    query: impl Fn() -> Vec<Sample>,
) -> Vec<Sample> {
    loop {
        drive(s);
        let samples = query();
        if !samples.is_empty() && samples.iter().all(|sample| sample.value.is_finite()) {
            return samples;
        }
        assert!(Instant::now() < deadline, "{what} has no data: {samples:?}");
        thread::sleep(POLL_INTERVAL);
    }
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn each_query_of_each_panel_returns_data_under_both_names_of_the_metrics() {
    let s = gateway();
    let prometheus = Prometheus::start(s.admin_addr());
    let deadline = Instant::now() + PATIENCE;
    // Istio's own metric: a plain Envoy has none, and the panel shows the line beside it.
    let is_istios = |expr: &str| expr.contains("istio_requests_total");
    for target in targets().iter().filter(|target| !is_istios(&target.expr)) {
        for job in JOBS {
            let expr = filled_in(&target.expr, job);
            let what = format!("{:?} of {job}: {expr}", target.panel);
            let samples = await_data(&s, deadline, &what, || prometheus.query(&expr));
            for label in target.legend.split("{{").skip(1) {
                let label = label.split("}}").next().unwrap_or_default();
                let is_named = |sample: &Sample| sample.labels.contains_key(label);
                assert!(samples.iter().all(is_named), "{what}: no {label}");
            }
        }
    }
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn the_verdicts_of_the_traffic_are_the_ones_that_are_shown() {
    let s = gateway();
    let prometheus = Prometheus::start(s.admin_addr());
    let deadline = Instant::now() + PATIENCE;
    let shown = |panel: &str, label: &str, expected: &[&str]| {
        let target = targets().into_iter().find(|target| target.panel == panel);
        let expr = filled_in(&target.expect("the panel is there").expr, "envoy");
        let expected: BTreeSet<String> = expected.iter().map(|&name| name.to_owned()).collect();
        loop {
            drive(&s);
            let samples = prometheus.query(&expr).into_iter();
            let moving = samples.filter(|sample| sample.value > 0.0);
            let found: BTreeSet<String> = moving.map(|s| s.labels[label].clone()).collect();
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{panel}: {found:?}");
            thread::sleep(POLL_INTERVAL);
        }
    };
    let verdicts = [
        "key_unavailable",
        "missing_token",
        "ok",
        "token_expired",
        "unknown_key",
        "unverified_email",
    ];
    shown("Verdicts by reason", "reason", &verdicts);
    shown("Let pass in observe mode", "reason", &["missing_token"]);
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn the_rules_record_each_family_of_metrics() {
    let s = gateway();
    let prometheus = Prometheus::start(s.admin_addr());
    let deadline = Instant::now() + PATIENCE;
    let records = records();
    assert!(!records.is_empty());
    for record in records {
        let expr = record.expr.replace("[5m:30s]", "[30s:1s]");
        // Prometheus scrapes the two jobs at different times, so that one has data before the other.
        for job in JOBS {
            let is_of_job = |sample: &Sample| sample.labels["job"] == job;
            let of_job = || prometheus.query(&expr).into_iter().filter(is_of_job);
            let what = format!("{} of {job}", record.name);
            await_data(&s, deadline, &what, || of_job().collect());
        }
    }
}
