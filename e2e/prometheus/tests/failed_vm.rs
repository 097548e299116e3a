//! A plugin that traps, in real Envoy: the alerts for it rise. alb-authn itself never traps, so a module of a few lines
//! does, under the names of its metrics.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use prometheus_tests::{Prometheus, alert};
use support::Trapping;

const PATIENCE: Duration = Duration::from_secs(240);
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Sends requests until the alert's condition holds; its windows are shortened to this test's scale.
fn await_alert(name: &str, policy: &str) {
    let envoy = Trapping::start(policy);
    let prometheus = Prometheus::start(envoy.admin_addr());
    let scale = [
        ("[5m:30s]", "[20s:1s]"),
        ("[10m:30s]", "[20s:1s]"),
        ("[5m]", "[20s]"),
    ];
    let condition = scale
        .iter()
        .fold(alert(name), |expr, (long, short)| expr.replace(long, short));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = envoy.get("/").send();
        assert_eq!(answer.status, 503, "a failed VM fails closed");
        if !prometheus.query(&condition).is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{name} never rose: {condition}");
        thread::sleep(POLL_INTERVAL);
    }
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn a_vm_that_stays_failed_raises_its_alert() {
    await_alert("AlbAuthnVmFailed", "FAIL_CLOSED");
}

#[test]
#[ignore = "needs Prometheus: make test-dashboards"]
fn a_vm_that_is_replaced_raises_its_alert() {
    await_alert("AlbAuthnVmReloaded", "FAIL_RELOAD");
}
