//! Requests that need the key set: cold, hanging, rotated, taken over.

use super::*;

#[test]
fn a_cold_request_waits_for_its_key_and_then_for_the_key_set() {
    let mut plugin = plugin_with(json!({}));
    assert_eq!(send(&mut plugin, 7, Some(&good()), 0), None);
    serve(&mut plugin, 1, 0);
    assert!(ends(&mut plugin, 0).is_empty() && plugin.is_waiting(StreamId(7)));
    plugin.handle_timeout(at(0));
    serve_set(&mut plugin, &pool(), 0);
    assert_eq!(ends(&mut plugin, 0), [(7, with_groups().unwrap())]);
    assert!(!plugin.is_waiting(StreamId(7)));
    assert_eq!(counted(&mut plugin), [AccessTokenOutcome::Ok]);
    assert_eq!(plugin.poll_wakeup(), None);
}

#[test]
fn a_key_that_the_set_no_longer_has_takes_its_tokens_with_it() {
    let mut plugin = warm(json!({ "publicKeys": { "refreshInterval": "1m" }, "clockSkew": "5m" }));
    assert_eq!(send(&mut plugin, 2, Some(&good()), 0), with_groups());
    assert_eq!(send(&mut plugin, 2, Some(&good()), 60), with_groups());
    let mut rotated = pool();
    rotated.access_key = alb_fixtures::rsa::TestKey::Rsa2048C.signer();
    for _ in 0..2 {
        let order = plugin.poll_fetch(at(60)).unwrap();
        let body = match order.path.as_str() {
            "/keys" => rotated.key_set(),
            _ => crate::testing::pem(&crate::testing::signing_key(1)),
        };
        let result = order.attempt.read(Some(200), body.as_bytes());
        plugin.handle_fetch_result(order.attempt, result, at(60));
    }
    assert_eq!(
        send(&mut plugin, 3, Some(&good()), 60),
        None,
        "its key may have come"
    );
    let lookup = plugin.poll_fetch(at(60)).unwrap();
    let result = lookup.attempt.read(Some(200), rotated.key_set().as_bytes());
    plugin.handle_fetch_result(lookup.attempt, result, at(60));
    assert_eq!(ends(&mut plugin, 60), [(3, NO_GROUPS.unwrap())]);
}

#[test]
fn a_key_set_that_hangs_rejects_nobody_who_can_do_without_it() {
    for (config, expected) in [
        (json!({}), NO_GROUPS),
        (required_groups(), rejected(Rejection::KeyUnavailable)),
    ] {
        let mut plugin = plugin_with(config);
        assert_eq!(send(&mut plugin, 2, Some(&good()), 0), None);
        serve(&mut plugin, 1, 0);
        assert!(ends(&mut plugin, 0).is_empty());
        let _hangs = plugin.poll_fetch(at(0)).unwrap();
        plugin.handle_timeout(at(4));
        assert!(ends(&mut plugin, 4).is_empty());
        plugin.handle_timeout(at(10));
        assert_eq!(
            ends(&mut plugin, 10),
            [(2, expected.unwrap())],
            "maxWait is over"
        );
    }
}

#[test]
fn a_full_room_rejects_nobody_who_can_do_without_the_key_set() {
    for (mut config, expected) in [
        (json!({}), NO_GROUPS),
        (required_groups(), rejected(Rejection::Overloaded)),
    ] {
        config["publicKeys"] = json!({ "maxWaitingRequests": 1 });
        let mut plugin = plugin_with(config);
        assert_eq!(send(&mut plugin, 1, None, 0), None);
        serve(&mut plugin, 1, 0);
        let _ = ends(&mut plugin, 0);
        assert_eq!(send(&mut plugin, 2, Some(&good()), 0), None);
        assert_eq!(send(&mut plugin, 3, Some(&good()), 0), expected);
    }
}

#[test]
fn a_user_whose_token_expires_while_it_waits_for_the_key_set_is_rejected() {
    let mut plugin = plugin_with(json!({ "publicKeys": { "maxWait": "60s" }, "clockSkew": "0s" }));
    let mut header = header();
    header["exp"] = json!(NOON + 20);
    let token = sign(&header, &payload());
    let good = good();
    let pairs = request(&[
        ("x-amzn-oidc-data", &token),
        ("x-amzn-oidc-accesstoken", &good),
    ]);
    let decision = plugin.handle_request_headers(StreamId(2), &Headers::new(&pairs), at(0));
    assert_eq!(decision, None);
    serve(&mut plugin, 1, 0);
    assert!(ends(&mut plugin, 0).is_empty());
    serve_set(&mut plugin, &pool(), 20);
    assert_eq!(
        ends(&mut plugin, 20),
        [(2, rejected(Rejection::TokenExpired).unwrap())]
    );
}

#[test]
fn a_request_that_leaves_while_it_waits_for_the_key_set_is_forgotten() {
    let mut plugin = plugin_with(json!({}));
    for stream in [2, 3] {
        assert_eq!(send(&mut plugin, stream, Some(&good()), 0), None);
    }
    serve(&mut plugin, 1, 0);
    assert!(ends(&mut plugin, 0).is_empty());
    plugin.handle_stream_end(StreamId(2));
    serve_set(&mut plugin, &pool(), 0);
    assert_eq!(ends(&mut plugin, 0), [(3, with_groups().unwrap())]);
    assert_eq!(waiting_moved(&mut plugin), 0);
}

#[test]
fn a_new_configuration_takes_over_the_key_set_and_no_token() {
    let mut earlier = warm(json!({}));
    assert_eq!(send(&mut earlier, 2, Some(&good()), 0), with_groups());
    let mut next = plugin_with(json!({}));
    next.take_over(&mut earlier);
    next.handle_timeout(at(0));
    assert_eq!(next.poll_fetch(at(0)), None);
    assert_eq!(send(&mut next, 3, Some(&good()), 0), with_groups());
    let misses = events(&mut next);
    let misses = misses
        .iter()
        .filter(|e| **e == Event::Count(Counter::TokenCacheMiss));
    assert_eq!(misses.count(), 2, "both tokens are verified again");
}

#[test]
fn a_users_token_whose_key_goes_while_it_waits_is_not_cached() {
    let mut plugin = plugin_with(json!({ "publicKeys": { "maxKeys": 1 } }));
    assert_eq!(send(&mut plugin, 2, Some(&good()), 0), None);
    serve(&mut plugin, 1, 0);
    assert!(ends(&mut plugin, 0).is_empty());
    let set = plugin.poll_fetch(at(0)).unwrap().attempt;
    let mut other = header();
    other["kid"] = json!("00000000-0000-0000-0000-000000000000");
    assert_eq!(arrive(&mut plugin, 3, &sign(&other, &payload()), 0), None);
    serve(&mut plugin, 1, 0);
    let _ = ends(&mut plugin, 0);
    plugin.handle_fetch_result(set, set.read(Some(200), pool().key_set().as_bytes()), at(0));
    assert!(ends(&mut plugin, 0).contains(&(2, with_groups().unwrap())));
    let _ = events(&mut plugin);
    assert_eq!(
        send(&mut plugin, 4, Some(&good()), 0),
        None,
        "its key is fetched again"
    );
    serve(&mut plugin, 1, 0);
    assert_eq!(ends(&mut plugin, 0), [(4, with_groups().unwrap())]);
    let events = events(&mut plugin);
    assert!(
        events.contains(&Event::Count(Counter::TokenCacheMiss)),
        "the user's token"
    );
}
