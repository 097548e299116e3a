//! Requests that wait for a key.

use std::time::{Duration, Instant};

use alb_fixtures::mint::{KeyPair, unix_now};
use serde_json::{Value, json};
use wasm_tests::{
    Answer, KID, Pending, Running, Scenario, TokenBuilder, USER, assert_refused, eventually,
};

/// A scenario whose key endpoint doesn't answer yet; an attempt may take a minute.
fn on_hold(public_keys: Value) -> Running {
    let mut members = json!({"fetchTimeout": "60s", "maxWait": "60s"});
    for (name, value) in public_keys.as_object().into_iter().flatten() {
        members[name] = value.clone();
    }
    let s = Scenario::new()
        .config(json!({"publicKeys": members}))
        .start();
    s.endpoint.set(KID, Answer::Hold);
    s
}

fn start_many(s: &Running, count: usize) -> Vec<Pending> {
    (0..count)
        .map(|_| s.get("/").token(&s.token()).start())
        .collect()
}

#[test]
fn a_hundred_requests_cause_one_fetch_though_the_first_client_is_gone() {
    let s = on_hold(json!({}));
    let first = s.get("/").token(&s.token()).start();
    s.await_metric("waiting_requests", 1);
    let others = start_many(&s, 99);
    s.await_metric("waiting_requests", 100);
    first.reset();
    s.await_metric("waiting_requests", 99);
    s.endpoint.serve_key(&s.key);
    for pending in others {
        assert_eq!(pending.finish().echo().values("kubeflow-userid"), [USER]);
    }
    assert_eq!(s.endpoint.count(KID), 1);
    assert_eq!(s.metric("requests.ok"), 99);
    assert_eq!(s.metric("waiting_requests"), 0);
}

#[test]
fn when_every_client_is_gone_the_key_still_arrives() {
    let s = on_hold(json!({}));
    for pending in start_many(&s, 20) {
        pending.reset();
    }
    s.await_metric("waiting_requests", 0);
    s.endpoint.serve_key(&s.key);
    s.await_metric("key_fetch.ok", 1);
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(s.endpoint.count(KID), 1);
}

#[test]
fn bodies_of_requests_that_wait_arrive_whole() {
    let s = on_hold(json!({}));
    let body = |n: usize| format!("{n:05}").repeat(10_000);
    let post = |n: usize| s.request("POST", "/").token(&s.token()).body(body(n));
    let waiting: Vec<_> = (0..30).map(|n| post(n).start()).collect();
    s.await_metric("waiting_requests", 30);
    s.endpoint.serve_key(&s.key);
    for (n, pending) in waiting.into_iter().enumerate() {
        let echo = pending.finish().echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
        assert!(echo.body == body(n), "the body of request {n} changed");
    }
}

#[test]
fn each_waiting_request_gets_its_own_verdict() {
    let s = on_hold(json!({}));
    let forged = s.token_builder().signed_by(&KeyPair::generate(KID)).sign();
    let cases = [
        (s.token(), ""),
        (forged, "invalid_signature"),
        (
            s.token_builder().without_claim("email").sign(),
            "missing_claim",
        ),
        (s.token_with("email_verified", "false"), "unverified_email"),
        (s.token(), ""),
    ];
    let waiting = cases.map(|(token, reason)| (s.get("/").token(&token).start(), reason));
    s.await_metric("waiting_requests", 5);
    s.endpoint.serve_key(&s.key);
    for (pending, reason) in waiting {
        let response = pending.finish();
        assert_eq!(response.reason(), reason);
        if reason.is_empty() {
            response.echo();
        } else {
            assert_refused(&response, reason, reason);
        }
    }
}

#[test]
fn a_key_that_is_not_there_refuses_all_who_waited() {
    let s = on_hold(json!({}));
    let waiting = start_many(&s, 20);
    s.await_metric("waiting_requests", 20);
    s.endpoint.set(KID, Answer::Status(404));
    for pending in waiting {
        assert_refused(&pending.finish(), "unknown_key", "waited");
    }
    assert_eq!(s.endpoint.count(KID), 1);
    assert_eq!(s.metric("requests.unknown_key"), 20);
}

#[test]
fn no_request_waits_longer_than_the_limit() {
    let s = on_hold(json!({"maxWait": "700ms"}));
    let start = Instant::now();
    let response = s.get("/").token(&s.token()).send();
    let waited = start.elapsed();
    assert_refused(&response, "key_unavailable", "maxWait");
    assert!(waited >= Duration::from_millis(650), "{waited:?}");
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    assert_eq!(s.metric("waiting_requests"), 0);
    s.endpoint.serve_key(&s.key);
    s.await_metric("key_fetch.ok", 1);
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(
        s.endpoint.count(KID),
        1,
        "the fetch went on without waiters"
    );
}

#[test]
fn a_full_waiting_room_is_overloaded() {
    let s = on_hold(json!({"maxWaitingRequests": 3}));
    let waiting = start_many(&s, 3);
    s.await_metric("waiting_requests", 3);
    assert_refused(
        &s.get("/").token(&s.token()).send(),
        "overloaded",
        "the fourth",
    );
    assert_refused(
        &s.get("/").token("x").send(),
        "malformed_token",
        "needs no key",
    );
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        pending.finish().echo();
    }
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(s.metric("requests.overloaded"), 1);
}

#[test]
fn waiting_tokens_fill_no_more_than_their_memory() {
    let s = Scenario::new()
        .config(json!({
            "maxTokenBytes": 65536,
            "publicKeys": {"fetchTimeout": "60s", "maxWait": "60s"},
        }))
        .start();
    s.endpoint.set(KID, Answer::Hold);
    let token = s.token_with("filler", "x".repeat(48_000));
    let fit = 32 * 1024 * 1024 / token.len();
    let mut waiting: Vec<_> = (0..fit).map(|_| s.get("/").token(&token).start()).collect();
    let admitted = u64::try_from(fit).unwrap_or_default();
    eventually("the memory is full", || {
        let settled = s.metric("waiting_requests") + s.metric("requests.overloaded");
        (settled >= admitted).then_some(())
    });
    waiting.extend((0..40).map(|_| s.get("/").token(&token).start()));
    eventually("the others are refused", || {
        (s.metric("requests.overloaded") > 0).then_some(())
    });
    assert!(s.metric("waiting_requests") <= admitted);
    s.endpoint.serve_key(&s.key);
    let responses = waiting.into_iter().map(Pending::finish);
    let (passed, refused): (Vec<_>, Vec<_>) = responses.partition(|r| r.status == 200);
    assert!(passed.len() <= fit, "{} of {fit}", passed.len());
    // What else is kept of each request may count too.
    assert!(passed.len() > fit * 9 / 10, "{} of {fit}", passed.len());
    assert!(
        refused
            .iter()
            .all(|response| response.reason() == "overloaded")
    );
    s.assert_alive();
}

#[test]
fn a_slot_that_gets_free_goes_to_the_key_that_most_wait_for() {
    let s = on_hold(json!({"maxPendingFetches": 1}));
    let rare = KeyPair::generate("00000000-0000-4000-8000-000000000001");
    let wanted = KeyPair::generate("00000000-0000-4000-8000-000000000002");
    s.endpoint.serve_key(&rare);
    s.endpoint.serve_key(&wanted);
    let request = |key: &KeyPair| {
        s.get("/")
            .token(&TokenBuilder::new(&s.load_balancer, key).sign())
    };
    let mut waiting = vec![request(&s.key).start()];
    eventually("the slot is taken", || {
        (s.endpoint.count(KID) == 1).then_some(())
    });
    waiting.push(request(&rare).start());
    s.await_metric("waiting_requests", 2);
    waiting.extend((0..3).map(|_| request(&wanted).start()));
    s.await_metric("waiting_requests", 5);
    assert_eq!(s.endpoint.requests().len(), 1);
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        pending.finish().echo();
    }
    let kids = [KID, wanted.kid(), rare.kid()];
    let expected = kids.map(|kid| format!("GET /{kid} HTTP/1.1"));
    let lines: Vec<_> = s.endpoint.requests().into_iter().map(|r| r.line).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_token_that_expires_while_it_waits_is_expired() {
    let s = Scenario::new()
        .config(json!({
            "clockSkew": "0s",
            "publicKeys": {"fetchTimeout": "60s", "maxWait": "60s"},
        }))
        .start();
    s.endpoint.set(KID, Answer::Hold);
    let exp = unix_now() + 2;
    let pending = s
        .get("/")
        .token(&s.token_builder().expiring_at(exp).sign())
        .start();
    s.await_metric("waiting_requests", 1);
    eventually("the token is old", || (unix_now() > exp).then_some(()));
    s.endpoint.serve_key(&s.key);
    assert_refused(&pending.finish(), "token_expired", "waited");
}
