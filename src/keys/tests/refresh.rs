//! Keys in use: refreshes, staleness, and answers "no such key".

use super::*;

#[test]
fn a_key_in_use_is_refreshed_in_the_background() {
    let mut bench = Bench::new(json!({ "refreshInterval": "1h" }));
    bench.hold(key(1), 1);
    bench.pass(MILLISECONDS(3_599_999));
    assert!(bench.is_ready(key(1)));
    assert_eq!(bench.fetches(), []);
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.fetches(), [], "only when it is used");
    assert!(bench.is_ready(key(1)) && bench.is_ready(key(1)));
    let attempt = bench.fetch();
    assert!(bench.is_ready(key(1)));
    bench.answer(attempt, good(1));
    assert!(bench.is_ready(key(1)) && bench.fetches().is_empty());
    assert_eq!(
        bench.store.poll_evicted(),
        None,
        "the same bytes are the same key"
    );
}

#[test]
fn other_bytes_under_a_key_id_replace_the_key() {
    let mut bench = Bench::new(json!({}));
    bench.hold(key(1), 1);
    bench.prove(key(1));
    bench.seconds(3600);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, good(2));
    assert_eq!(bench.acquire(key(1)), Lookup::Ready(Rc::new(public_key(2))));
    assert_eq!(bench.store.poll_evicted(), Some(Rc::new(public_key(1))));
    assert_eq!(bench.store.key_count(), 1);
}

#[test]
fn a_key_is_used_while_the_endpoint_fails_until_max_stale() {
    let mut bench = Bench::new(json!({ "refreshInterval": "1h", "maxStale": "2h" }));
    bench.hold(key(1), 1);
    bench.seconds(3600);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, BROKEN);
    assert!(bench.is_ready(key(1)));
    assert_eq!(bench.fetches(), [], "the failure blocks the next refresh");
    bench.seconds(1);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, BROKEN);
    bench.pass(MILLISECONDS(3_598_999));
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, BROKEN);
    bench.pass(MILLISECONDS(1));
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Rejected(Rejection::KeyUnavailable)
    );
    bench.seconds(30);
    bench.hold(key(1), 1);
}

#[test]
fn with_no_max_stale_a_key_still_lives_for_the_refresh_interval() {
    let mut bench = Bench::new(json!({ "refreshInterval": "1m", "maxStale": "0s" }));
    bench.hold(key(1), 1);
    bench.pass(MILLISECONDS(59_999));
    assert!(bench.is_ready(key(1)));
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    bench.fetch();
}

#[test]
fn requests_that_come_after_max_stale_wait_for_the_refresh_under_way() {
    let mut bench = Bench::new(json!({ "refreshInterval": "1h", "maxStale": "1h" }));
    bench.hold(key(1), 1);
    bench.store.limits.max_stale = Duration::from_secs(3601);
    bench.seconds(3600);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.seconds(1);
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    assert_eq!(bench.fetches(), []);
    bench.answer(attempt, good(1));
    assert_eq!(bench.answers().len(), 1);
}

/// A key that verified a token and is due for a refresh.
fn proven_and_due() -> Bench {
    let mut bench = Bench::new(json!({ "negativeTtl": "5s" }));
    bench.hold(key(1), 1);
    bench.prove(key(1));
    bench.seconds(3600);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    assert!(bench.is_ready(key(1)), "one stray answer logs nobody out");
    bench
}

#[test]
fn two_answers_no_such_key_drop_a_proven_key() {
    let mut bench = proven_and_due();
    bench.pass(MILLISECONDS(4999));
    assert!(bench.is_ready(key(1)));
    assert_eq!(
        bench.fetches(),
        [],
        "the second at least negativeTtl after the first"
    );
    bench.pass(MILLISECONDS(1));
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Rejected(Rejection::UnknownKey)
    );
    assert_eq!(bench.store.poll_evicted(), Some(Rc::new(public_key(1))));
    assert_eq!(bench.store.key_count(), 0);
}

#[test]
fn a_good_answer_between_forgives_the_first_no_such_key() {
    let mut bench = proven_and_due();
    for result in [good(1), NOT_FOUND] {
        bench.seconds(3600);
        assert!(bench.is_ready(key(1)));
        let attempt = bench.fetch();
        bench.answer(attempt, result);
        assert!(bench.is_ready(key(1)));
    }
}

#[test]
fn one_answer_no_such_key_drops_a_key_that_never_verified_a_token() {
    let mut bench = Bench::new(json!({}));
    bench.hold(key(1), 1);
    bench.seconds(3600);
    assert!(bench.is_ready(key(1)));
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Rejected(Rejection::UnknownKey)
    );
}
