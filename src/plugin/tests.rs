use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::keys::FetchFailure;
use crate::reason::{Reason, Rejection};
use crate::report::Counter;
use crate::testing::{at, config_with, header, payload, public_key, request, sign, token};
use crate::timer::Timer;
use crate::verify::WasmBackend;

mod access_token;

fn plugin(config: Value) -> Plugin {
    let mut plugin = Plugin::new(config_with(config), Box::new(WasmBackend), "wasm", at(0));
    let _ = events(&mut plugin);
    plugin
}

fn events(plugin: &mut Plugin) -> Vec<Event> {
    std::iter::from_fn(|| plugin.poll_event()).collect()
}

/// By how much the gauge of waiting requests has moved.
fn waiting_moved(plugin: &mut Plugin) -> i64 {
    let changes = events(plugin).into_iter().map(|event| match event {
        Event::Move(Gauge::WaitingRequests, change) => change,
        _ => 0,
    });
    changes.sum()
}

fn arrive(plugin: &mut Plugin, stream: u32, token: &str, seconds: i64) -> Option<Reason> {
    let pairs = request(&[("x-amzn-oidc-data", token)]);
    let decision =
        plugin.handle_request_headers(StreamId(stream), &Headers::new(&pairs), at(seconds));
    decision.map(|decision| decision.reason)
}

fn decisions(plugin: &mut Plugin, seconds: i64) -> Vec<(u32, Reason)> {
    std::iter::from_fn(|| plugin.poll_decision(at(seconds)))
        .map(|(s, d)| (s.0, d.reason))
        .collect()
}

fn serve(plugin: &mut Plugin, number: u8, seconds: i64) {
    let order = plugin.poll_fetch(at(seconds)).unwrap();
    plugin.handle_fetch_result(
        order.attempt,
        AttemptResult::Key(public_key(number)),
        at(seconds),
    );
}

#[test]
fn a_cold_request_waits_for_its_key_and_goes_on() {
    let mut plugin = plugin(json!({}));
    assert_eq!(arrive(&mut plugin, 7, &token(), 0), None);
    assert_eq!(
        events(&mut plugin),
        [Event::Move(Gauge::WaitingRequests, 1)]
    );
    let order = plugin.poll_fetch(at(0)).unwrap();
    assert_eq!(
        (
            order.cluster.as_str(),
            order.authority.as_str(),
            order.path.as_str()
        ),
        (
            "outbound|443||public-keys.auth.elb.us-west-2.amazonaws.com",
            "public-keys.auth.elb.us-west-2.amazonaws.com",
            "/c2f80c8b-c05c-4068-af14-17299f7896b1",
        )
    );
    assert_eq!(plugin.poll_fetch(at(0)), None);
    plugin.handle_fetch_result(order.attempt, AttemptResult::Key(public_key(1)), at(1));
    assert_eq!(decisions(&mut plugin, 1), [(7, Reason::Ok)]);
    assert_eq!(
        events(&mut plugin),
        [
            Event::Count(Counter::KeyFetchOk),
            Event::KeyFetchMs(1000),
            Event::Move(Gauge::Keys, 1),
            Event::Move(Gauge::WaitingRequests, -1),
            Event::Count(Counter::TokenCacheMiss),
            Event::Count(Counter::Requests(Reason::Ok)),
        ]
    );
    assert_eq!(arrive(&mut plugin, 8, &token(), 2), Some(Reason::Ok));
    let again = [
        Event::Count(Counter::TokenCacheHit),
        Event::Count(Counter::Requests(Reason::Ok)),
    ];
    assert_eq!(events(&mut plugin), again);
}

#[test]
fn what_a_local_check_refuses_is_never_fetched_for() {
    let mut plugin = plugin(json!({}));
    for (name, value) in [
        ("alg", "none"),
        ("kid", "x"),
        ("signer", "x"),
        ("iss", "x"),
        ("client", "x"),
    ] {
        let mut header = header();
        header[name] = json!(value);
        let reason = arrive(&mut plugin, 1, &sign(&header, &payload()), 0);
        assert!(matches!(reason, Some(Reason::Rejected(_))), "{name}");
    }
    assert!(arrive(&mut plugin, 1, &token(), 1000).is_some(), "expired");
    assert_eq!(
        (plugin.poll_fetch(at(1000)), plugin.poll_wakeup()),
        (None, None)
    );
}

#[test]
fn a_request_that_leaves_loses_nothing_for_the_others() {
    let mut plugin = plugin(json!({}));
    for stream in 1..=3 {
        assert_eq!(arrive(&mut plugin, stream, &token(), 0), None);
    }
    plugin.handle_stream_end(StreamId(1));
    serve(&mut plugin, 1, 0);
    plugin.handle_stream_end(StreamId(2));
    assert_eq!(
        decisions(&mut plugin, 0),
        [(3, Reason::Ok)],
        "2 left before it was told"
    );
    assert_eq!(waiting_moved(&mut plugin), 0);
}

#[test]
fn a_changed_key_forgets_what_the_old_one_verified() {
    let mut plugin =
        plugin(json!({ "publicKeys": { "refreshInterval": "1m" }, "clockSkew": "5m" }));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    serve(&mut plugin, 1, 0);
    assert_eq!(decisions(&mut plugin, 0), [(1, Reason::Ok)]);
    assert_eq!(arrive(&mut plugin, 2, &token(), 60), Some(Reason::Ok));
    serve(&mut plugin, 2, 60);
    let _ = events(&mut plugin);
    let refused = Reason::Rejected(Rejection::InvalidSignature);
    assert_eq!(arrive(&mut plugin, 3, &token(), 61), Some(refused));
    assert!(events(&mut plugin).contains(&Event::Count(Counter::TokenCacheMiss)));
}

#[test]
fn a_new_configuration_keeps_public_keys_and_judges_tokens_anew() {
    let mut old = plugin(json!({}));
    assert_eq!(arrive(&mut old, 1, &token(), 0), None);
    serve(&mut old, 1, 0);
    assert_eq!(decisions(&mut old, 0), [(1, Reason::Ok)]);
    let required = json!([{ "claim": "tenant", "anyOf": ["blue"] }]);
    let mut new = plugin(json!({ "requiredClaims": required }));
    new.take_over(&mut old);
    let refused = Reason::Rejected(Rejection::ClaimMismatch);
    assert_eq!(
        arrive(&mut new, 1, &token(), 0),
        Some(refused),
        "without a fetch, without the old cache"
    );
}

#[test]
fn a_configuration_that_is_taken_over_caches_nothing_any_more() {
    let mut old = plugin(json!({}));
    assert_eq!(arrive(&mut old, 1, &token(), 0), None);
    serve(&mut old, 1, 0);
    assert_eq!(decisions(&mut old, 0), [(1, Reason::Ok)]);
    plugin(json!({})).take_over(&mut old);
    let _ = events(&mut old);
    for stream in 2..=3 {
        assert_eq!(arrive(&mut old, stream, &token(), 1), Some(Reason::Ok));
        let ok = [Event::Count(Counter::Requests(Reason::Ok))];
        assert_eq!(events(&mut old), ok, "neither a hit nor a miss");
    }
}

#[test]
fn many_requests_are_decided_in_batches_and_the_gauge_follows() {
    let mut plugin = plugin(json!({}));
    for stream in 1..=70 {
        assert_eq!(arrive(&mut plugin, stream, &token(), 0), None);
    }
    serve(&mut plugin, 1, 0);
    assert_eq!(decisions(&mut plugin, 0).len(), 32);
    assert!(plugin.poll_wakeup().is_some_and(|due| due <= at(0)));
    for expected in [32, 6, 0] {
        plugin.handle_timeout(at(0));
        assert_eq!(decisions(&mut plugin, 0).len(), expected);
    }
    let moves = events(&mut plugin)
        .into_iter()
        .filter_map(|event| match event {
            Event::Move(Gauge::WaitingRequests, change) => Some(change),
            _ => None,
        });
    assert_eq!(moves.sum::<i64>(), 0);
}

#[test]
fn a_configuration_that_ends_takes_its_gauges_back() {
    let mut plugin = plugin(json!({}));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    serve(&mut plugin, 1, 0);
    plugin.handle_end();
    plugin.handle_stream_end(StreamId(1));
    let sum = |events: &[Event], wanted: Gauge| -> i64 {
        let moves = events.iter().filter_map(|event| match event {
            Event::Move(gauge, change) if *gauge == wanted => Some(*change),
            _ => None,
        });
        moves.sum()
    };
    let events = events(&mut plugin);
    assert_eq!(
        (
            sum(&events, Gauge::Keys),
            sum(&events, Gauge::WaitingRequests)
        ),
        (0, 0)
    );
}

#[test]
fn a_configuration_that_ends_forgets_the_tokens_that_it_accepted() {
    let mut plugin = plugin(json!({}));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    serve(&mut plugin, 1, 0);
    assert_eq!(decisions(&mut plugin, 0), [(1, Reason::Ok)]);
    assert_eq!(arrive(&mut plugin, 2, &token(), 0), Some(Reason::Ok));
    assert!(events(&mut plugin).contains(&Event::Count(Counter::TokenCacheHit)));
    plugin.handle_end();
    assert_eq!(arrive(&mut plugin, 3, &token(), 0), Some(Reason::Ok));
    assert!(!events(&mut plugin).contains(&Event::Count(Counter::TokenCacheHit)));
}

#[test]
fn in_observe_mode_a_request_waits_half_a_second_at_most() {
    let mut plugin = plugin(json!({ "mode": "observe" }));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    let half = UnixTime::from_millis(at(0).as_millis() + 500);
    let _ = plugin.poll_fetch(at(0));
    assert_eq!(plugin.poll_wakeup(), Some(half));
    plugin.handle_timeout(half);
    let (stream, decision) = plugin.poll_decision(half).unwrap();
    assert_eq!(
        (stream, decision.reason),
        (StreamId(1), Reason::Rejected(Rejection::KeyUnavailable))
    );
    assert!(matches!(
        decision.effect,
        crate::request::Effect::Forward { user: None, .. }
    ));
}

#[test]
fn a_clock_that_is_set_back_lets_nobody_wait_longer_than_the_next_ticks() {
    let mut plugin = plugin(json!({ "publicKeys": { "maxWait": "3s" } }));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    let attempt = plugin.poll_fetch(at(0)).unwrap().attempt;
    // No answer comes, and an hour is lost; from here on only Envoy's own clock goes right.
    let mut now = at(-3600);
    let mut passed = Duration::ZERO;
    while plugin.is_waiting(StreamId(1)) {
        let period = Timer::default().set_for(plugin.poll_wakeup(), now).unwrap();
        passed += period;
        now = now.plus(period);
        plugin.handle_timeout(now);
        let _ = plugin.poll_decision(now);
    }
    assert!(passed <= Duration::from_secs(5), "{passed:?}");
    plugin.handle_fetch_result(attempt, AttemptResult::Key(public_key(1)), now);
    assert_eq!(
        plugin.poll_decision(now),
        None,
        "the late answer is nobody's"
    );
}

#[test]
fn a_failure_to_dispatch_decides_requests_and_that_makes_events() {
    let mut plugin = plugin(json!({}));
    assert_eq!(arrive(&mut plugin, 1, &token(), 0), None);
    let attempt = plugin.poll_fetch(at(0)).unwrap().attempt;
    let failure = AttemptResult::Failed(FetchFailure::NotDispatched);
    plugin.handle_fetch_result(attempt, failure, at(0));
    let _ = events(&mut plugin);
    let refused = Reason::Rejected(Rejection::KeyUnavailable);
    assert_eq!(decisions(&mut plugin, 0), [(1, refused)]);
    assert!(events(&mut plugin).contains(&Event::Count(Counter::Requests(refused))));
}
