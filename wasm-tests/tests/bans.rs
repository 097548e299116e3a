//! A key endpoint that answers 403 for a key in use: a firewall before it does so for every key, S3 for one that is gone.

use std::thread;
use std::time::Duration;

use alb_fixtures::mint::KeyPair;
use serde_json::json;
use wasm_tests::{Answer, KID, Running, Scenario, TokenBuilder, USER, assert_refused};

const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// `refreshInterval` is a minute at least; a failed refresh is tried again after 30 s at most.
const PATIENCE: u32 = 120_000 / 100;

fn scenario() -> Running {
    Scenario::new()
        .config(json!({"publicKeys": {"refreshInterval": "1m", "negativeTtl": "1s"}}))
        .start()
}

/// The user goes on, request after request, until `is_over`; each is served.
#[track_caller]
fn user_is_served_until(s: &Running, what: &str, is_over: impl Fn() -> bool) {
    for _ in 0..PATIENCE {
        let response = s.get("/").token(&s.token()).send();
        assert_eq!(response.reason(), "", "logged out before {what}");
        assert_eq!(response.echo().values("kubeflow-userid"), [USER]);
        if is_over() {
            return;
        }
        // A refresh starts with a request: these are the user's.
        thread::sleep(POLL_INTERVAL);
    }
    panic!("never came true: {what}");
}

fn good_with(s: &Running, key: &KeyPair) -> String {
    TokenBuilder::new(&s.load_balancer, key).sign()
}

/// Over a minute, the shortest `refreshInterval`; `make test-slow` runs it.
#[test]
#[ignore = "takes over a minute"]
fn a_firewall_that_forbids_every_key_logs_nobody_out() {
    let s = scenario();
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.set(KID, Answer::Status(403));
    let refreshes = || s.endpoint.count(KID) - 1;
    user_is_served_until(&s, "four refreshes were forbidden", || refreshes() >= 4);
    s.endpoint.serve_key(&s.key);
    let before = refreshes();
    user_is_served_until(&s, "a refresh works again", || refreshes() > before);
    s.assert_alive();
}

/// The same, though a new key is forbidden too, and then the endpoint answers 200 for another key: now 403 means
/// that this one is gone.
#[test]
#[ignore = "takes over a minute"]
fn a_key_that_alone_is_forbidden_is_gone() {
    let s = scenario();
    let rotated = KeyPair::generate("00000000-0000-4000-8000-000000000403");
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.set(KID, Answer::Status(403));
    s.endpoint.set(rotated.kid(), Answer::Status(403));
    let refreshes = || s.endpoint.count(KID) - 1;
    user_is_served_until(&s, "a refresh was forbidden", || refreshes() >= 1);
    let new = s.get("/").token(&good_with(&s, &rotated)).send();
    assert_refused(&new, "unknown_key", "a new key that is forbidden");
    user_is_served_until(&s, "two more were forbidden", || refreshes() >= 3);

    s.endpoint.serve_key(&rotated);
    wasm_tests::eventually("the new key is served", || {
        s.get("/").token(&good_with(&s, &rotated)).send().try_echo()
    });
    wasm_tests::eventually("the old key is gone", || {
        (s.get("/").token(&s.token()).send().reason() == "unknown_key").then_some(())
    });
    let new = s.get("/").token(&good_with(&s, &rotated)).send().echo();
    assert_eq!(new.values("kubeflow-userid"), [USER]);
}

/// 404 and 410 say what they mean, whatever the endpoint says of other keys.
#[test]
#[ignore = "takes over a minute"]
fn a_key_that_is_not_found_twice_is_gone() {
    let s = scenario();
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.set(KID, Answer::Status(404));
    let refreshes = || s.endpoint.count(KID) - 1;
    user_is_served_until(&s, "a refresh found nothing", || refreshes() >= 1);
    wasm_tests::eventually("the key is gone", || {
        (s.get("/").token(&s.token()).send().reason() == "unknown_key").then_some(())
    });
    assert!(refreshes() >= 2, "one answer is not enough");
}
