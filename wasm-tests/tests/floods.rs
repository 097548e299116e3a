//! Floods of invented key ids: few of them are asked for, and users of a real key are served.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alb_fixtures::mint::{KeyPair, encode};
use serde_json::{Value, json};
use wasm_tests::{
    Answer, Crowd, KID, Request, Response, Running, Scenario, TokenBuilder, Transport, USER,
    eventually,
};

/// Streams of one attacker's connection, each with a key id of its own.
const STREAMS: usize = 1_000;

fn scenario(public_keys: Value) -> Running {
    Scenario::new()
        .config(json!({"publicKeys": public_keys}))
        .log_level("error")
        .connection_manager(json!({
            "http2_protocol_options": {"allow_connect": true, "max_concurrent_streams": 2_000},
        }))
        .start()
}

/// Numbers that were never used before, for key ids that nobody ever had.
#[derive(Default)]
struct Invented(AtomicUsize);

impl Invented {
    fn requests(&self, s: &Running, count: usize) -> Vec<Request> {
        let first = self.0.fetch_add(count, Ordering::Relaxed);
        let kid = |number| format!("{number:08x}-0000-4000-8000-00000000f100");
        (first..first + count)
            .map(|number| unsigned(s, &kid(number)))
            .collect()
    }
}

/// A request whose token names this key id; nobody will get to its signature.
fn unsigned(s: &Running, kid: &str) -> Request {
    let forgery = s.token_builder().header("kid", kid);
    let (header, payload) = (forgery.header_text(), forgery.payload_text());
    let parts = [header.as_bytes(), payload.as_bytes(), &[1; 64]];
    s.get("/flood")
        .token(&parts.map(|part| encode(part, true)).join("."))
}

fn assert_none_passed(responses: &[Response]) {
    for response in responses {
        let reason = response.reason();
        let expected = ["unknown_key", "key_unavailable", "overloaded"];
        assert!(expected.contains(&reason.as_str()), "{response:?}");
    }
}

/// Attackers who send a crowd after the other, each from a connection of its own, while `act` runs.
fn amid_flood(s: &Running, attackers: usize, act: impl FnOnce()) {
    let (invented, is_over) = (Invented::default(), AtomicBool::new(false));
    let attack = || {
        while !is_over.load(Ordering::Relaxed) {
            let crowd = Crowd::start(Transport::Streams, &invented.requests(s, STREAMS));
            assert_none_passed(&crowd.finish());
        }
    };
    thread::scope(|scope| {
        for _ in 0..attackers {
            scope.spawn(attack);
        }
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = acted {
            std::panic::resume_unwind(panic);
        }
    });
}

fn new_key(s: &Running, number: u32) -> KeyPair {
    let key = KeyPair::generate(format!("{number:08x}-0000-4000-8000-00000000600d"));
    s.endpoint.serve_key(&key);
    key
}

fn good(s: &Running, key: &KeyPair) -> Request {
    s.get("/good")
        .token(&TokenBuilder::new(&s.load_balancer, key).sign())
}

/// At most ten at once, and then two a second.
#[test]
fn invented_key_ids_cause_few_fetches() {
    let s = scenario(json!({"maxPendingFetches": 64, "maxWait": "500ms"}));
    let started = Instant::now();
    amid_flood(&s, 1, || {
        eventually("the flood has lasted", || {
            (started.elapsed() > Duration::from_secs(6)).then_some(())
        });
    });
    let fetches = s.endpoint.requests().len();
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap_or(usize::MAX);
    // One more for a second that is not over, and one for the clock.
    let most = 10 + 2 * (seconds + 1) + 1;
    assert!(fetches <= most, "{fetches} fetches in {seconds} s");
    assert!(fetches >= 10 + 6, "{fetches} fetches in {seconds} s");
    s.assert_alive();
}

/// `maxPendingFetches` is the bucket's size if it is smaller.
#[test]
fn no_more_fetches_at_once_than_may_be_pending() {
    let s = scenario(json!({"maxPendingFetches": 3, "maxWait": "1s"}));
    let started = Instant::now();
    let crowd = Crowd::start(Transport::Streams, &Invented::default().requests(&s, 200));
    assert_none_passed(&crowd.finish());
    let fetches = s.endpoint.requests().len();
    let seconds = usize::try_from(started.elapsed().as_secs()).unwrap_or(usize::MAX);
    assert!(fetches >= 3, "{fetches}");
    assert!(
        fetches <= 3 + 2 * (seconds + 1) + 1,
        "{fetches} in {seconds} s"
    );
}

/// A gateway with many keys that starts cold: what brings a key doesn't count.
#[test]
fn fetches_that_bring_a_key_are_not_limited_in_rate() {
    let s = scenario(json!({"maxPendingFetches": 8}));
    let keys: Vec<_> = (0..60).map(|number| new_key(&s, number)).collect();
    let requests: Vec<_> = keys.iter().map(|key| good(&s, key)).collect();
    let started = Instant::now();
    for response in Crowd::start(Transport::Streams, &requests).finish() {
        assert_eq!(response.echo().values("kubeflow-userid"), [USER]);
    }
    // At two a second it would take 25 s, more than a request may wait.
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// The users of a new key arrive while the attacker's streams wait, and there is room for all.
#[test]
fn a_new_key_is_served_amid_a_flood() {
    let s = scenario(json!({}));
    s.get("/").token(&s.token()).send().echo();
    amid_flood(&s, 1, || {
        eventually("the flood has come", || {
            (s.metric("waiting_requests") > 500).then_some(())
        });
        for number in 0..3 {
            let key = new_key(&s, number);
            let users: Vec<_> = (0..5).map(|_| good(&s, &key).start()).collect();
            for user in users {
                assert_eq!(user.finish().echo().values("kubeflow-userid"), [USER]);
            }
            s.get("/").token(&s.token()).send().echo();
        }
    });
    assert_eq!(s.endpoint.count(KID), 1);
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

/// The attacker's streams alone are more than may wait. Users try again, as browsers and their owners do.
#[test]
fn a_new_key_is_served_though_the_waiting_room_is_full() {
    let s = scenario(json!({"maxWaitingRequests": 200}));
    s.get("/").token(&s.token()).send().echo();
    amid_flood(&s, 2, || {
        eventually("the waiting room is full", || {
            (s.metric("requests.overloaded") > 0).then_some(())
        });
        for number in 0..3 {
            let key = new_key(&s, number);
            eventually("a user of the new key is served", || {
                let users: Vec<_> = (0..5).map(|_| good(&s, &key).start()).collect();
                let responses = users.into_iter().map(wasm_tests::Pending::finish);
                let served = responses.filter(|response| response.try_echo().is_some());
                (served.count() > 0).then_some(())
            });
            good(&s, &key).send().echo();
            s.get("/").token(&s.token()).send().echo();
        }
    });
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

/// A newcomer takes the place of the longest-waiting request of the key that fewest wait for.
#[test]
fn a_full_waiting_room_takes_a_newcomer_of_another_key() {
    let s = scenario(json!({"maxWaitingRequests": 5, "maxWait": "60s", "fetchTimeout": "60s"}));
    let keys: Vec<_> = (0..3).map(|number| new_key(&s, number)).collect();
    for key in &keys {
        s.endpoint.set(key.kid(), Answer::Hold);
    }
    let mut waiting = 0;
    let mut wait = |key: &KeyPair| {
        let pending = good(&s, key).start();
        waiting += 1;
        s.await_metric("waiting_requests", waiting);
        pending
    };
    // Three for the first key, two for the second: the room is full.
    let first: Vec<_> = (0..3).map(|_| wait(&keys[0])).collect();
    let (oldest, younger) = (wait(&keys[1]), wait(&keys[1]));
    let newcomer = good(&s, &keys[2]).start();
    assert_eq!(oldest.finish().reason(), "overloaded");
    assert!(!younger.is_answered() && !newcomer.is_answered());
    s.await_metric("waiting_requests", 5);
    for key in &keys {
        s.endpoint.serve_key(key);
    }
    for pending in first.into_iter().chain([younger, newcomer]) {
        assert_eq!(pending.finish().echo().values("kubeflow-userid"), [USER]);
    }
    s.await_metric("waiting_requests", 0);
    assert_eq!(s.metric("requests.overloaded"), 1);
    s.assert_alive();
}
