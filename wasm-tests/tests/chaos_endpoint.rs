//! The key endpoint in trouble. Whatever it does: one answer for each request, nothing forged gets in, and
//! once it is well again so is the filter, within a second or two (the back-off after a failure).

use std::thread;
use std::time::Duration;

use alb_fixtures::mint::KeyPair;
use serde_json::{Value, json};
use wasm_tests::{
    Answer, DnsServer, KID, Pending, Running, Scenario, TokenBuilder, USER, assert_refused,
    closed_port, eventually,
};

/// Requests with a good token, and with a forged one, while the trouble lasts.
const GOOD: usize = 8;
const FORGED: usize = 4;

fn kid(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A key of its own for each trouble, so that all can be had at a time.
fn key(number: usize) -> KeyPair {
    KeyPair::generate(kid(number))
}

fn forged(s: &Running, key: &KeyPair) -> String {
    TokenBuilder::new(&s.load_balancer, key)
        .signed_by(&KeyPair::generate("another"))
        .sign()
}

fn good(s: &Running, key: &KeyPair) -> String {
    TokenBuilder::new(&s.load_balancer, key).sign()
}

/// Requests of both kinds under way, each on a connection that ends with its answer.
fn start_both(s: &Running, key: &KeyPair) -> (Vec<Pending>, Vec<Pending>) {
    let start = |token: String| s.get("/").token(&token).last().start();
    let good = (0..GOOD).map(|_| start(good(s, key))).collect();
    let forged = (0..FORGED).map(|_| start(forged(s, key))).collect();
    (good, forged)
}

#[track_caller]
fn answer_of(pending: Pending, trouble: &str) -> wasm_tests::Response {
    let answer = pending.only_answer();
    answer.unwrap_or_else(|| panic!("no answer: {trouble}"))
}

/// Awaits that a good request works again, and that a forged one gets its verdict: another worker may still
/// back off.
#[track_caller]
fn await_recovery(s: &Running, key: &KeyPair, trouble: &str) {
    let token = good(s, key);
    eventually(&format!("it is well again after: {trouble}"), || {
        s.get("/").token(&token).send().try_echo()
    });
    let forged = forged(s, key);
    eventually(
        &format!("a forged token is judged after: {trouble}"),
        || {
            let answer = s.get("/").token(&forged).send();
            (answer.reason() != "key_unavailable")
                .then(|| assert_refused(&answer, "invalid_signature", trouble))
        },
    );
}

/// While `trouble` lasts everything is refused for want of the key; then the key is served.
fn assert_survives(s: &Running, key: &KeyPair, name: &str, trouble: Answer) {
    s.endpoint.set(key.kid(), trouble);
    let (good, forged) = start_both(s, key);
    for pending in good.into_iter().chain(forged) {
        assert_refused(&answer_of(pending, name), "key_unavailable", name);
    }
    s.endpoint.serve_key(key);
    await_recovery(s, key, name);
}

fn with_public_keys(members: Value) -> Scenario {
    let mut public_keys =
        json!({"fetchTimeout": "300ms", "maxPendingFetches": 64, "maxWait": "20s"});
    for (name, value) in members.as_object().into_iter().flatten() {
        public_keys[name] = value.clone();
    }
    Scenario::new().config(json!({"publicKeys": public_keys}))
}

#[test]
fn no_trouble_lets_anything_in_or_outlasts_itself() {
    let s = with_public_keys(json!({})).workers(2).start();
    let pem = s.key.public_pem();
    let raw = |text: String| Answer::Raw(text.into_bytes());
    let long_header = format!("x-a: {}\r\n", "a".repeat(200_000));
    let troubles = [
        ("resets", Answer::Reset),
        ("hangs", Answer::Hold),
        (
            "trickles",
            Answer::Trickle(pem.clone().into(), Duration::from_millis(40)),
        ),
        (
            "is too late",
            Answer::Late(pem.clone().into(), Duration::from_millis(1_500)),
        ),
        ("500", Answer::Status(500)),
        ("503", Answer::Status(503)),
        (
            "a login page",
            Answer::Body(b"<html>log in first</html>".to_vec()),
        ),
        ("10 MB", Answer::Body(vec![b'x'; 10_000_000])),
        ("closes mid-body", Answer::CloseMidBody),
        ("stalls mid-body", Answer::StallMidBody),
        ("closes at once", raw(String::new())),
        ("no HTTP", raw("SSH-2.0-OpenSSH_9.9\r\n".to_owned())),
        ("only 100s", raw("HTTP/1.1 100 Continue\r\n\r\n".repeat(20))),
        (
            "two lengths",
            raw(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 9\r\n\r\n{pem}"
            )),
        ),
        (
            "broken chunks",
            raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        ),
        (
            "200 KB of headers",
            raw(format!("HTTP/1.1 200 OK\r\n{long_header}\r\n")),
        ),
        ("204", raw("HTTP/1.1 204 No Content\r\n\r\n".to_owned())),
    ];
    thread::scope(|scope| {
        for (number, (name, trouble)) in troubles.into_iter().enumerate() {
            let (s, key) = (&s, key(number));
            scope.spawn(move || assert_survives(s, &key, name, trouble));
        }
        // The load balancer's own key is not concerned.
        for _ in 0..50 {
            s.get("/").token(&s.token()).send().echo();
        }
    });
    s.await_metric("waiting_requests", 0);
    s.assert_alive();
}

#[test]
fn a_late_answer_within_its_time_is_good() {
    let s = with_public_keys(json!({"fetchTimeout": "10s"})).start();
    let late = Answer::Late(s.key.public_pem().into(), Duration::from_millis(700));
    s.endpoint.set(KID, late);
    let (good, forged) = start_both(&s, &s.key);
    for pending in good {
        let echo = answer_of(pending, "late").echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
    }
    for pending in forged {
        assert_refused(&answer_of(pending, "late"), "invalid_signature", "late");
    }
    s.assert_accounted((GOOD + FORGED).try_into().unwrap_or_default());
    assert_eq!(s.endpoint.count(KID), 1);
}

#[test]
fn keys_at_hand_outlive_an_endpoint_that_vanishes() {
    let s = with_public_keys(json!({})).start();
    let rotated = key(1);
    s.endpoint.serve_key(&rotated);
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.vanish();
    for _ in 0..20 {
        s.get("/").token(&s.token()).send().echo();
    }
    let (pending, forged) = start_both(&s, &rotated);
    for pending in pending.into_iter().chain(forged) {
        assert_refused(&answer_of(pending, "gone"), "key_unavailable", "gone");
    }
    s.endpoint.come_back();
    await_recovery(&s, &rotated, "vanished");
    assert_eq!(s.endpoint.count(KID), 1);
    s.assert_alive();
}

/// Over a minute, the shortest `refreshInterval`; `make test-slow` runs it.
#[test]
#[ignore = "takes over a minute"]
fn a_key_goes_stale_and_is_refreshed_when_the_endpoint_returns() {
    let s = with_public_keys(json!({"refreshInterval": "1m", "maxStale": "24h"})).start();
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.vanish();
    let refreshes = || s.metric("key_fetch.failed");
    let started = std::time::Instant::now();
    while refreshes() == 0 {
        assert!(started.elapsed() < Duration::from_secs(120), "no refresh");
        s.get("/").token(&s.token()).send().echo();
        thread::sleep(Duration::from_millis(100));
    }
    // The key changes while nobody is there; the old one goes with the first answer.
    let replaced = KeyPair::generate(KID);
    s.endpoint.serve_key(&replaced);
    s.get("/").token(&s.token()).send().echo();
    s.endpoint.come_back();
    let new = TokenBuilder::new(&s.load_balancer, &replaced).sign();
    let old = s.token();
    // A request asks for the refresh and is still judged by the cached key.
    eventually("the changed key counts", || {
        s.get("/").token(&old).send();
        s.get("/").token(&new).send().try_echo()
    });
    assert_refused(
        &s.get("/").token(&old).send(),
        "invalid_signature",
        "the old key",
    );
    s.get("/").token(&new).send().echo();
}

#[test]
fn a_key_that_changes_takes_what_it_verified_along() {
    let s = with_public_keys(json!({"maxKeys": 1})).start();
    let old = s.token();
    for _ in 0..2 {
        s.get("/").token(&old).send().echo();
    }
    let changed = KeyPair::generate(KID);
    s.endpoint.serve_key(&changed);
    let other = key(1);
    s.endpoint.serve_key(&other);
    s.get("/").token(&good(&s, &other)).send().echo();
    assert_refused(
        &s.get("/").token(&old).send(),
        "invalid_signature",
        "from the cache",
    );
    s.get("/").token(&good(&s, &changed)).send().echo();
}

#[test]
fn a_host_name_that_does_not_resolve_is_no_key() {
    let dns = DnsServer::start();
    let endpoint = wasm_tests::KeyEndpoint::start();
    let resolver = json!({"socket_address": {
        "address": "127.0.0.1", "port_value": dns.addr().port(), "protocol": "UDP",
    }});
    let host = json!({"socket_address": {
        "address": "public-keys.auth.elb.us-west-2.amazonaws.com", "port_value": endpoint.addr().port(),
    }});
    let s = with_public_keys(json!({}))
        .cluster_members(
            "keys",
            json!({
                "type": "STRICT_DNS",
                "wait_for_warm_on_init": false,
                "dns_lookup_family": "V4_ONLY",
                "dns_refresh_rate": "0.2s",
                "dns_failure_refresh_rate": {"base_interval": "0.2s", "max_interval": "0.2s"},
                "typed_dns_resolver_config": {
                    "name": "envoy.network.dns_resolver.cares",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                        "resolvers": [resolver],
                        "dns_resolver_options": {"no_default_search_domain": true},
                    },
                },
                "load_assignment": {"cluster_name": "keys", "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": host}},
                ]}]},
            }),
        )
        .start();
    endpoint.serve_key(&s.key);
    let (pending, forged) = start_both(&s, &s.key);
    for pending in pending.into_iter().chain(forged) {
        assert_refused(&answer_of(pending, "DNS"), "key_unavailable", "DNS");
    }
    s.log_line(&["warning ", "ended_at_once"]);
    dns.set_up(true);
    await_recovery(&s, &s.key, "DNS");
    s.assert_alive();
}

#[test]
fn an_open_circuit_breaker_is_no_key() {
    let s = with_public_keys(json!({"fetchTimeout": "60s", "maxWait": "60s"}))
        .cluster_members(
            "keys",
            json!({"circuit_breakers": {"thresholds": [
                {"max_connections": 1, "max_pending_requests": 1, "max_requests": 1},
            ]}}),
        )
        .start();
    // One call is under way, one is pending: Envoy takes no third.
    let busy = [KID.to_owned(), kid(1)].map(|kid| {
        s.endpoint.set(&kid, Answer::Hold);
        s.get("/")
            .token(&s.token_builder().header("kid", kid).sign())
            .start()
    });
    eventually("a call is under way, and one is pending", || {
        let stat = |name: &str| s.stat(&format!("cluster.keys.{name}"));
        let is_full = (
            stat("upstream_rq_active"),
            stat("upstream_rq_pending_active"),
        );
        (is_full == (Some(1), Some(1))).then_some(())
    });
    let other = key(2);
    s.endpoint.serve_key(&other);
    let (pending, forged) = start_both(&s, &other);
    for pending in pending.into_iter().chain(forged) {
        assert_refused(&answer_of(pending, "breaker"), "key_unavailable", "breaker");
    }
    s.endpoint.serve_key(&s.key);
    s.endpoint.set(&kid(1), Answer::Status(404));
    let [first, second] = busy;
    first.finish().echo();
    assert_refused(&second.finish(), "unknown_key", "pending");
    await_recovery(&s, &other, "breaker");
    s.assert_alive();
}

#[test]
fn a_port_where_nobody_listens_is_no_key() {
    let s = with_public_keys(json!({}))
        .cluster("nobody", closed_port())
        .load_balancer(json!({"keyEndpoint": {"cluster": "nobody"}}))
        .start();
    let (pending, forged) = start_both(&s, &s.key);
    for pending in pending.into_iter().chain(forged) {
        assert_refused(&answer_of(pending, "refuses"), "key_unavailable", "refuses");
    }
    s.assert_accounted((GOOD + FORGED).try_into().unwrap_or_default());
}
