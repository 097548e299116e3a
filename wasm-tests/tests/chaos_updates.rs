//! New configurations, and the end of old ones, while requests wait for a key.

use serde_json::{Value, json};
use wasm_tests::{Answer, KID, Pending, Running, Scenario, USER, assert_refused, eventually};

fn patient(scenario: Scenario) -> Running {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "60s"});
    let s = scenario.config(json!({"publicKeys": limits})).start();
    s.endpoint.set(KID, Answer::Hold);
    s
}

fn mapping_to(header: &str) -> Value {
    json!({"outputClaimToHeaders": [{"header": header, "claim": "email"}]})
}

fn start(s: &Running, count: usize) -> Vec<Pending> {
    let request = || s.get("/").token(&s.token()).last();
    (0..count).map(|_| request().start()).collect()
}

/// Requests wait under each of several configurations; each is judged by its own.
fn assert_each_generation_is_answered(mut s: Running) {
    let mut waiting = Vec::new();
    for generation in 0..5 {
        let header = format!("x-user-{generation}");
        assert!(s.reload(mapping_to(&header)));
        let before = waiting.len();
        // Until the new configuration is in force requests may still go to the last one.
        eventually("the new configuration judges", || {
            let forged = s.get("/").header(&header, "x").token("x").send();
            (forged.reason() == "malformed_token").then_some(())
        });
        waiting.extend(start(&s, 10));
        s.await_metric(
            "waiting_requests",
            (before + 10).try_into().unwrap_or_default(),
        );
    }
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        let echo = pending.only_answer().expect("an answer").echo();
        let users = (0..5).flat_map(|n| echo.values(&format!("x-user-{n}")).into_iter());
        let users: Vec<String> = users.map(str::to_owned).collect();
        assert!(
            users == [USER] || echo.values("kubeflow-userid") == [USER],
            "{echo:?}"
        );
    }
    s.await_metric("waiting_requests", 0);
    s.get("/").token(&s.token()).send().echo();
}

#[test]
fn requests_outwait_replaced_listeners() {
    assert_each_generation_is_answered(patient(Scenario::new().reloadable()));
}

#[test]
fn requests_outwait_replaced_filters() {
    assert_each_generation_is_answered(patient(Scenario::new().discovered()));
}

#[test]
fn a_bad_filter_configuration_is_refused_while_requests_wait() {
    let mut s = patient(Scenario::new().discovered());
    let waiting = start(&s, 10);
    s.await_metric("waiting_requests", 10);
    assert!(
        !s.reload(json!({"mode": "off"})),
        "Envoy took a bad configuration"
    );
    s.log_line(&["mode: "]);
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        pending.only_answer().expect("an answer").echo();
    }
    s.assert_alive();
}

/// A listener whose drain time is over closes its connections, waiting requests and all.
#[test]
fn what_drains_for_too_long_ends_and_what_is_new_works() {
    let mut s = patient(Scenario::new().reloadable().drain_seconds(1).workers(2));
    let waiting = start(&s, 20);
    s.await_metric("waiting_requests", 20);
    assert!(s.reload(mapping_to("x-new")));
    s.await_metric("waiting_requests", 0);
    for pending in waiting {
        assert!(
            pending.only_answer().is_none(),
            "an answer though nobody had the key"
        );
    }
    s.endpoint.serve_key(&s.key);
    let echo = eventually("the new configuration works", || {
        s.get("/").token(&s.token()).send().try_echo()
    });
    assert_eq!(echo.values("x-new"), [USER]);
    s.assert_alive();
}

#[test]
fn a_listener_that_is_taken_away_answers_those_who_wait() {
    let s = patient(Scenario::new().reloadable());
    let waiting = start(&s, 20);
    s.await_metric("waiting_requests", 20);
    s.remove_listeners();
    eventually("the listener drains", || {
        let draining = s.stat("listener_manager.total_listeners_draining");
        (draining == Some(1)).then_some(())
    });
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        let echo = pending.only_answer().expect("an answer").echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
    }
    s.assert_accounted(20);
}

#[test]
fn a_drain_by_the_admin_answers_those_who_wait() {
    let s = patient(Scenario::new());
    let waiting = start(&s, 20);
    s.await_metric("waiting_requests", 20);
    s.admin_post("/drain_listeners?graceful");
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        pending.only_answer().expect("an answer").echo();
    }
    s.assert_accounted(20);
}

#[test]
fn envoy_ends_in_order_while_requests_wait() {
    for workers in [1, 2] {
        let s = patient(Scenario::new().workers(workers));
        let waiting = start(&s, 20);
        s.await_metric("waiting_requests", 20);
        let (status, log) = s.quit();
        assert!(status.success(), "{status}: {log}");
        for trace in ["Caught", "panicked", "Uncaught", "assert failure"] {
            assert!(!log.contains(trace), "Envoy's log says {trace:?}: {log}");
        }
        for pending in waiting {
            assert!(
                pending.only_answer().is_none(),
                "an answer though nobody had the key"
            );
        }
    }
}

/// The key comes to a configuration that nobody uses any more.
#[test]
fn a_fetch_that_outlives_its_configuration_harms_nobody() {
    let mut s = patient(Scenario::new().reloadable().drain_seconds(1));
    for round in 0..5 {
        for pending in start(&s, 5) {
            pending.reset();
        }
        assert!(s.reload(mapping_to(&format!("x-{round}"))));
    }
    s.await_metric("waiting_requests", 0);
    s.endpoint.serve_key(&s.key);
    let token = s.token();
    eventually("the newest configuration works", || {
        s.get("/").token(&token).send().try_echo()
    });
    assert_refused(&s.get("/").token("x").send(), "malformed_token", "alive");
    s.assert_alive();
}
