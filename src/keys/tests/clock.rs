//! A clock that is set back.

use super::*;

/// The clock is an hour ahead, and set right after `prepare`; less than ten seconds later all must be well.
fn set_back(prepare: impl FnOnce(&mut Bench)) -> Bench {
    let mut bench = Bench::new(json!({"maxWait": "3s", "fetchTimeout": "1s"}));
    bench.seconds(3600);
    prepare(&mut bench);
    bench.now = at(0);
    bench
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_an_endpoint_blocked() {
    for result in [BROKEN, NOT_FOUND] {
        let mut bench = set_back(|bench| {
            assert_eq!(bench.acquire(key(1)), Lookup::Pending);
            let attempt = bench.fetch();
            bench.answer(attempt, result);
            assert_eq!(bench.answers().len(), 1);
            assert!(matches!(bench.acquire(key(1)), Lookup::Rejected(_)));
        });
        bench.hold(key(1), 1);
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_put_a_retry_off() {
    let mut bench = set_back(|bench| {
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
        let attempt = bench.fetch();
        bench.answer(attempt, RESET);
        assert_eq!(bench.fetches(), []);
    });
    assert_eq!(bench.fetches().len(), 1);
}

#[test]
fn a_clock_that_is_set_back_ends_waits_and_attempts_without_an_answer() {
    let mut bench = set_back(|bench| {
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
        bench.fetch();
    });
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.answers(), [(1, Err(Rejection::KeyUnavailable))]);
    assert_eq!(bench.fetches(), [], "the retry has its pause");
    bench.pass(RETRY_AFTER);
    bench.fetch();
}

#[test]
fn a_clock_that_is_set_back_a_little_ends_nothing() {
    let mut bench = Bench::new(json!({"maxWait": "3s"}));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let attempt = bench.fetch();
    bench.now = at(-2);
    bench.store.handle_timeout(bench.now);
    assert_eq!(bench.answers(), []);
    bench.answer(attempt, good(1));
    assert_eq!(bench.answers(), [(1, Ok(Rc::new(public_key(1))))]);
}

#[test]
fn a_key_from_before_the_clock_was_set_back_is_fetched_again() {
    let mut bench = Bench::new(json!({}));
    bench.hold(key(1), 1);
    bench.now = at(-2 * 3600);
    assert!(bench.is_ready(key(1)), "it serves on");
    bench.fetch();
    bench.now = at(-25 * 3600);
    assert!(!bench.is_ready(key(1)), "nobody knows how old it is");
}
