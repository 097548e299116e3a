//! The key endpoint, well-behaved and otherwise.

use std::time::{Duration, Instant};

use alb_fixtures::mint::KeyPair;
use serde_json::{Value, json};
use wasm_tests::{
    Answer, KID, Running, Scenario, TokenBuilder, assert_refused, closed_port, entry_for,
    eventually, load_balancer,
};

const P384_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEQNBUHDOh2Xp1oO957TahGneLJLHbB0xE\n\
gpvyt3WAVnLgW02MOR1+8tNeqPVw7buiBjcsFJWxBrE616eRtS9PT4/+S3Vs5+F8\n\
mwk9QV/h2nMy58Y7p37qqCgn9O/8ME58\n\
-----END PUBLIC KEY-----\n";

const RSA_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuG68d1IEoMj0pGqxjnbB\n\
IFoJfZ1b9+SZny1QoN+hE4nnigPqFVI45LsN8p0WMlLp4qMrg7aL0HzXgz0wdzvv\n\
OwjVD4+y09veYyKeuBlaY40cpyFfSfZ+2mfJZawNd3nGWG/9TL44UHceoK61XgV2\n\
g9GjNMxyy5AzbpGEFKLXuuAmNRKL0L1/WUgo2hr3Agg9J9EdqpvG9ZekCMuk1CZL\n\
ry3trzcmfSbBVDjzt5lZo+9mvvFF1ndVU6Kg2s2SX1X9PYUhiuml1818fTLEBbhF\n\
elxjrq5DI1t1TRLofG6gXhVPkDjwXtuIkJQa5J6aYl03Jracq9mmhZJt+iZC4qgI\n\
jQIDAQAB\n\
-----END PUBLIC KEY-----\n";

fn kid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn send_with_kid(s: &Running, kid: &str) -> wasm_tests::Response {
    s.get("/")
        .token(&s.token_builder().header("kid", kid).sign())
        .send()
}

fn with_public_keys(members: Value) -> Scenario {
    Scenario::new().config(json!({"publicKeys": members}))
}

#[test]
fn no_such_key_is_believed_for_a_while() {
    let s = with_public_keys(json!({"negativeTtl": "10m"})).start();
    for status in [403, 404, 410] {
        let kid = kid(status.into());
        s.endpoint.set(&kid, Answer::Status(status));
        for attempt in 0..3 {
            let case = format!("{status}, attempt {attempt}");
            assert_refused(&send_with_kid(&s, &kid), "unknown_key", &case);
        }
        assert_eq!(s.endpoint.count(&kid), 1, "{status}");
    }
    assert_eq!(s.metric("key_fetch.not_found"), 3);
    assert_eq!(s.metric("keys"), 0);
}

#[test]
fn a_key_that_comes_into_being_is_found_once_the_answer_is_old() {
    let s = with_public_keys(json!({"negativeTtl": "1s"})).start();
    s.endpoint.set(KID, Answer::Status(404));
    let token = s.token();
    assert_refused(&s.get("/").token(&token).send(), "unknown_key", "at first");
    s.endpoint.serve_key(&s.key);
    eventually("the key is known", || {
        s.get("/").token(&token).send().try_echo()
    });
    assert_eq!(s.endpoint.count(KID), 2);
}

#[test]
fn an_unexpected_status_makes_the_key_unavailable() {
    let s = Scenario::new().start();
    // A server's fault is worth a second attempt, a client's is not.
    let cases = [
        (500, 2),
        (502, 2),
        (503, 2),
        (504, 2),
        (203, 1),
        (206, 1),
        (302, 1),
        (400, 1),
        (401, 1),
        (429, 1),
    ];
    for (status, fetches) in cases {
        let kid = kid(status.into());
        s.endpoint.set(&kid, Answer::Status(status));
        assert_refused(
            &send_with_kid(&s, &kid),
            "key_unavailable",
            &status.to_string(),
        );
        assert_eq!(s.endpoint.count(&kid), fetches, "{status}");
    }
    s.log_line(&["warning ", &kid(500)]);
    assert!(s.metric("key_fetch.failed") >= 10);
    s.assert_alive();
}

#[test]
fn an_answer_that_is_not_one_p256_key_is_none() {
    let s = Scenario::new().start();
    let pem = s.key.public_pem();
    let der_line = pem.lines().nth(1).unwrap_or_default();
    let cases: [(&str, Vec<u8>); 16] = [
        ("nothing", vec![]),
        ("HTML", b"<html><body>captive portal</body></html>".to_vec()),
        ("JSON", b"{\"keys\":[]}".to_vec()),
        ("bytes", (0..=255).collect()),
        ("10 MB", vec![b'x'; 10_000_000]),
        (
            "10 MB behind a key",
            [pem.as_bytes(), &vec![b'\n'; 10_000_000]].concat(),
        ),
        (
            "9 KB with a key",
            [pem.as_bytes(), &vec![b'\n'; 9_000]].concat(),
        ),
        ("a P-384 key", P384_KEY.into()),
        ("an RSA key", RSA_KEY.into()),
        ("two keys", format!("{pem}{pem}").into()),
        ("a private key", s.key.private_pem().into()),
        (
            "a certificate's label",
            pem.replace("PUBLIC KEY", "CERTIFICATE").into(),
        ),
        ("no end", pem.replace("-----END", "").into()),
        (
            "a broken line",
            pem.replace(der_line, &der_line[1..]).into(),
        ),
        ("a point off the curve", off_curve(&pem).into()),
        (
            "just base64",
            pem.lines()
                .filter(|l| !l.starts_with('-'))
                .collect::<String>()
                .into(),
        ),
    ];
    for (number, (name, body)) in cases.into_iter().enumerate() {
        let kid = kid(number);
        s.endpoint.set(&kid, Answer::Body(body));
        assert_refused(&send_with_kid(&s, &kid), "key_unavailable", name);
        assert_eq!(s.endpoint.count(&kid), 1, "{name}");
    }
    assert_eq!(s.metric("keys"), 0);
    s.assert_alive();
}

/// The key with another last character of its point's `y`.
fn off_curve(pem: &str) -> String {
    let before_end = pem.find("==\n").expect("91 bytes need two =") - 2;
    let old = &pem[before_end..=before_end];
    let new = if old == "A" { "B" } else { "A" };
    format!("{}{new}{}", &pem[..before_end], &pem[before_end + 1..])
}

#[test]
fn a_key_may_have_other_line_ends_and_eight_kilobytes() {
    let s = Scenario::new().start();
    let pem = s.key.public_pem();
    let bodies = [
        pem.trim_end().to_owned(),
        pem.replace('\n', "\r\n"),
        format!("{pem}{}", "\n".repeat(8 * 1024 - pem.len())),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let kid = kid(number);
        s.endpoint.set(&kid, Answer::Body(body.into()));
        send_with_kid(&s, &kid).echo();
    }
}

#[test]
fn a_broken_connection_is_tried_twice() {
    let s = with_public_keys(json!({"fetchTimeout": "300ms"})).start();
    let cases = [
        Answer::Reset,
        Answer::CloseMidBody,
        Answer::StallMidBody,
        Answer::Hold,
    ];
    for (number, answer) in cases.into_iter().enumerate() {
        let kid = kid(number);
        let case = format!("{answer:?}");
        s.endpoint.set(&kid, answer);
        assert_refused(&send_with_kid(&s, &kid), "key_unavailable", &case);
        assert_eq!(s.endpoint.count(&kid), 2, "{case}");
    }
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

#[test]
fn a_second_attempt_that_works_is_enough() {
    let s = with_public_keys(json!({"fetchTimeout": "500ms"})).start();
    s.endpoint.set(KID, Answer::Hold);
    let pending = s.get("/").token(&s.token()).start();
    eventually("the second attempt", || {
        (s.endpoint.count(KID) == 2).then_some(())
    });
    s.endpoint.serve_key(&s.key);
    pending.finish().echo();
    assert_eq!(s.endpoint.count(KID), 2);
}

#[test]
fn where_nothing_listens_or_no_cluster_is_the_key_is_unavailable() {
    let elsewhere = |name: &str, cluster: &str| {
        let mut load_balancer = load_balancer();
        load_balancer.arn = load_balancer.arn.replace("kubeflow", name);
        let mut entry = entry_for(&load_balancer);
        entry["keyEndpoint"] = json!({"cluster": cluster});
        (load_balancer, entry)
    };
    let (refusing, first) = elsewhere("refusing", "refusing");
    let (nowhere, second) = elsewhere("nowhere", "no-such-cluster");
    let s = Scenario::new()
        .config(json!({"loadBalancers": [wasm_tests::entry(), first, second]}))
        .cluster("refusing", closed_port())
        .start();
    for load_balancer in [refusing, nowhere] {
        let token = TokenBuilder::new(&load_balancer, &s.key).sign();
        let response = s.get("/").token(&token).send();
        assert_refused(&response, "key_unavailable", &load_balancer.arn);
    }
    s.assert_alive();
}

#[test]
fn after_a_failure_the_endpoint_is_spared_and_then_recovers() {
    let s = Scenario::new().start();
    s.endpoint.set(KID, Answer::Status(500));
    let token = s.token();
    assert_refused(
        &s.get("/").token(&token).send(),
        "key_unavailable",
        "at first",
    );
    let failed = Instant::now();
    assert_eq!(s.endpoint.count(KID), 2);
    s.endpoint.serve_key(&s.key);
    let mut during_back_off = s.endpoint.count(KID);
    eventually("the endpoint recovers", || {
        let echo = s.get("/").token(&token).send().try_echo();
        let fetches = s.endpoint.count(KID);
        if failed.elapsed() < Duration::from_millis(500) {
            during_back_off = fetches;
        }
        echo
    });
    assert_eq!(during_back_off, 2);
    assert_eq!(s.endpoint.count(KID), 3);
}

#[test]
fn keys_that_never_verified_a_token_leave_first() {
    let s = with_public_keys(json!({"maxKeys": 2})).start();
    s.get("/").token(&s.token()).send().echo();
    for number in 0..5 {
        let other = KeyPair::generate(kid(number));
        s.endpoint.serve_key(&other);
        let token = s.token_builder().header("kid", other.kid()).sign();
        assert_refused(
            &s.get("/").token(&token).send(),
            "invalid_signature",
            "another key",
        );
    }
    assert!(s.metric("keys") <= 2);
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(s.endpoint.count(KID), 1, "the proven key stayed");
    let rotated = KeyPair::generate(kid(9));
    s.endpoint.serve_key(&rotated);
    let token = TokenBuilder::new(&s.load_balancer, &rotated).sign();
    s.get("/").token(&token).send().echo();
    s.get("/").token(&s.token()).send().echo();
    assert_eq!(
        s.endpoint.count(KID),
        1,
        "a new key pushed out an unproven one"
    );
}
