//! Clients that leave, stall, or ask for everything at once, while their requests wait for a key.

use std::thread;

use alb_fixtures::mint::KeyPair;
use serde_json::json;
use wasm_tests::{Answer, KID, Request, Running, Scenario, USER, assert_refused, eventually};

/// A scenario whose key endpoint does not answer yet.
fn on_hold(scenario: Scenario) -> Running {
    let limits = json!({"fetchTimeout": "60s", "maxWait": "60s", "maxWaitingRequests": 4096});
    let s = scenario.config(json!({"publicKeys": limits})).start();
    s.endpoint.set(KID, Answer::Hold);
    s
}

fn forged(s: &Running) -> String {
    s.token_builder().signed_by(&KeyPair::generate(KID)).sign()
}

#[test]
fn a_client_that_half_closes_leaves_nothing_behind() {
    let s = on_hold(Scenario::new());
    let waiting: Vec<_> = (0..20)
        .map(|_| s.get("/").token(&s.token()).start())
        .collect();
    s.await_metric("waiting_requests", 20);
    // Envoy ends an HTTP/1 request whose client sends no more.
    for pending in &waiting {
        pending.half_close();
    }
    s.await_metric("waiting_requests", 0);
    for pending in waiting {
        assert!(pending.only_answer().is_none());
    }
    s.endpoint.serve_key(&s.key);
    s.await_metric("key_fetch.ok", 1);
    s.get("/").token(&s.token()).send().echo();
    s.assert_accounted(1);
    s.assert_alive();
}

#[test]
fn a_body_that_arrives_before_and_after_the_key_is_whole() {
    let s = on_hold(Scenario::new());
    let post = |length: usize| {
        s.request("POST", "/")
            .token(&s.token())
            .header("content-length", &length.to_string())
            .last()
    };
    let mut first = post(300_000).start();
    let second = post(0).header("expect", "100-continue").start();
    first.write(&[b'a'; 100_000]);
    s.await_metric("waiting_requests", 2);
    first.write(&[b'b'; 100_000]);
    s.endpoint.serve_key(&s.key);
    s.await_metric("waiting_requests", 0);
    first.write(&[b'c'; 100_000]);
    let body = first.only_answer().expect("an answer").echo().body;
    let expected = ["a", "b", "c"]
        .map(|letter| letter.repeat(100_000))
        .concat();
    assert!(body == expected, "the body changed");
    assert!(second.is_answered() || second.only_answer().is_some());
    s.assert_accounted(2);
}

/// Bodies larger than Envoy's buffer wait in the client, not in Envoy's memory.
#[test]
fn large_bodies_of_waiting_requests_stay_with_their_clients() {
    let s = on_hold(Scenario::new());
    let body = "x".repeat(8_000_000);
    let posts = (0..8).map(|_| s.request("POST", "/").token(&s.token()).body(body.as_str()));
    let senders: Vec<_> = posts
        .map(|post| thread::spawn(move || post.send()))
        .collect();
    s.await_metric("waiting_requests", 8);
    s.endpoint.serve_key(&s.key);
    for sender in senders {
        let echo = sender.join().expect("an answer").echo();
        assert_eq!(echo.body.len(), body.len());
    }
    s.assert_accounted(8);
}

#[test]
fn hundreds_of_streams_of_one_connection_get_one_verdict_each() {
    const STREAMS: usize = 200;
    let s = on_hold(Scenario::new().workers(2));
    let sessions: Vec<_> = (0..4).map(|_| s.get("/").connect_http2()).collect();
    let (good, forged) = (s.token(), forged(&s));
    let mut waiting = Vec::new();
    for number in 0..STREAMS * sessions.len() {
        let session = &sessions[number % sessions.len()];
        let token = if number % 3 == 0 { &forged } else { &good };
        let request = s.request("POST", "/").token(token).body("x".repeat(1_000));
        waiting.push((session, number, session.start(&request)));
    }
    s.await_metric("waiting_requests", 800);
    let mut resets = 0_u64;
    let mut staying = Vec::new();
    for (session, number, exchange) in waiting {
        if number % 2 == 0 {
            exchange.reset();
            resets += 1;
        } else {
            staying.push((session, number, exchange));
        }
    }
    s.await_metric("waiting_requests", 800 - resets);
    s.endpoint.serve_key(&s.key);
    for (session, number, exchange) in staying {
        let response = session.finish(exchange).expect("an answer");
        if number % 3 == 0 {
            assert_refused(&response, "invalid_signature", "forged");
        } else {
            assert_eq!(response.echo().values("kubeflow-userid"), [USER]);
        }
    }
    s.assert_accounted(800 - resets);
    s.assert_alive();
}

#[test]
fn streams_that_are_reset_just_as_the_key_arrives_do_no_harm() {
    let s = on_hold(Scenario::new().workers(2));
    for round in 0..10 {
        let key = KeyPair::generate(format!("0000000{round}-0000-4000-8000-000000000000"));
        s.endpoint.set(key.kid(), Answer::Hold);
        let session = s.get("/").connect_http2();
        let token = wasm_tests::TokenBuilder::new(&s.load_balancer, &key).sign();
        let request = s.get("/").token(&token);
        let waiting: Vec<_> = (0..100).map(|_| session.start(&request)).collect();
        s.await_metric("waiting_requests", 100);
        let racing: Vec<_> = waiting
            .into_iter()
            .enumerate()
            .filter_map(|(number, exchange)| {
                if number == 50 {
                    s.endpoint.serve_key(&key);
                }
                if number % 2 == 0 {
                    exchange.reset();
                    return None;
                }
                Some(exchange)
            })
            .collect();
        for exchange in racing {
            session.finish(exchange).expect("an answer").echo();
        }
    }
    s.await_metric("waiting_requests", 0);
    s.endpoint.serve_key(&s.key);
    s.assert_alive();
}

/// A whole connection goes, with all that waits on it.
#[test]
fn a_connection_that_breaks_takes_only_its_own_streams_along() {
    let s = on_hold(Scenario::new());
    let staying = s.get("/").connect_http2();
    let request: Request = s.get("/").token(&s.token());
    let patient: Vec<_> = (0..20).map(|_| staying.start(&request)).collect();
    let leaving = s.get("/").connect_http2();
    let _gone: Vec<_> = (0..100).map(|_| leaving.start(&request)).collect();
    s.await_metric("waiting_requests", 120);
    drop(leaving);
    s.await_metric("waiting_requests", 20);
    s.endpoint.serve_key(&s.key);
    for exchange in patient {
        staying.finish(exchange).expect("an answer").echo();
    }
    s.assert_accounted(20);
}

#[test]
fn a_request_that_envoy_gives_up_on_gets_envoys_answer_alone() {
    let s = on_hold(Scenario::new().connection_manager(json!({"stream_idle_timeout": "0.5s"})));
    let post = || {
        s.request("POST", "/")
            .token(&s.token())
            .header("content-length", "10")
            .last()
    };
    let waiting: Vec<_> = (0..10).map(|_| post().start()).collect();
    s.await_metric("waiting_requests", 10);
    s.await_metric("waiting_requests", 0);
    s.endpoint.serve_key(&s.key);
    for pending in waiting {
        let response = pending.only_answer().expect("Envoy's answer");
        assert_eq!(response.status, 408);
    }
    eventually("the key is there", || {
        s.get("/").token(&s.token()).send().try_echo()
    });
    s.assert_alive();
}
