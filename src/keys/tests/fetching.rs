//! Fetches: one for all requests, retries, back-off, and when an attempt ends.

use super::*;

#[test]
fn a_key_is_fetched_once_for_all_who_wait() {
    let mut bench = Bench::new(json!({}));
    for _ in 0..100 {
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    }
    let attempt = bench.fetch();
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    assert_eq!(bench.fetches(), []);
    bench.answer(attempt, good(1));
    let answers = bench.answers();
    assert_eq!(answers.len(), 101);
    assert!(
        answers
            .iter()
            .all(|(_, answer)| *answer == Ok(Rc::new(public_key(1))))
    );
    assert_eq!(
        (bench.store.waiting_count(), bench.store.key_count()),
        (0, 1)
    );
    assert!(bench.is_ready(key(1)));
    assert_eq!(bench.fetches(), []);
}

#[test]
fn a_fetch_goes_on_when_those_who_asked_are_gone() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let attempt = bench.fetch();
    bench.store.handle_cancelled(StreamId(1));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    bench.answer(attempt, good(1));
    assert_eq!(bench.answers(), [(2, Ok(Rc::new(public_key(1))))]);
}

#[test]
fn a_queued_key_that_nobody_waits_for_is_forgotten() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    bench.store.handle_cancelled(StreamId(1));
    assert_eq!(bench.fetches(), []);
    assert!(bench.store.entries.is_empty());
}

#[test]
fn no_such_key_is_believed_for_the_negative_ttl() {
    let mut bench = Bench::new(json!({ "negativeTtl": "5s" }));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    assert_eq!(bench.answers(), [(1, Err(Rejection::UnknownKey))]);
    bench.pass(MILLISECONDS(4999));
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Rejected(Rejection::UnknownKey)
    );
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    bench.fetch();
}

#[test]
fn a_failed_connection_is_tried_once_more_after_a_short_back_off() {
    for failure in [
        FetchFailure::Connection,
        FetchFailure::EndedAtOnce,
        FetchFailure::Status(500),
        FetchFailure::Status(503),
    ] {
        let mut bench = Bench::new(json!({}));
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
        let first = bench.fetch();
        bench.answer(first, AttemptResult::Failed(failure));
        assert_eq!((bench.fetches(), bench.answers()), (vec![], vec![]));
        assert_eq!(bench.store.poll_wakeup(), Some(bench.now.plus(RETRY_AFTER)));
        bench.pass(RETRY_AFTER);
        let second = bench.fetch();
        assert_ne!(first, second);
        bench.answer(second, good(1));
        assert_eq!(bench.answers(), [(1, Ok(Rc::new(public_key(1))))]);
    }
}

#[test]
fn an_answer_that_is_no_key_is_not_tried_again() {
    for failure in [
        FetchFailure::NotAKey,
        FetchFailure::Status(404 + 1),
        FetchFailure::NotDispatched,
    ] {
        let mut bench = Bench::new(json!({}));
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
        let attempt = bench.fetch();
        bench.answer(attempt, AttemptResult::Failed(failure));
        assert_eq!(bench.answers(), [(1, Err(Rejection::KeyUnavailable))]);
    }
}

#[test]
fn failures_back_off_from_one_second_to_thirty_whatever_the_traffic() {
    let mut bench = Bench::new(json!({}));
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
        let attempt = bench.fetch();
        bench.answer(attempt, BROKEN);
        let _ = bench.answers();
        bench.pass(MILLISECONDS(seconds * 1000 - 1));
        assert_eq!(
            bench.acquire(key(1)),
            Lookup::Rejected(Rejection::KeyUnavailable)
        );
        bench.pass(MILLISECONDS(1));
    }
    bench.hold(key(1), 1);
}

#[test]
fn a_retry_that_fails_too_ends_the_fetch() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let first = bench.fetch();
    bench.answer(first, RESET);
    bench.pass(RETRY_AFTER);
    let second = bench.fetch();
    bench.answer(second, RESET);
    assert_eq!(bench.answers(), [(1, Err(Rejection::KeyUnavailable))]);
    let outcome = bench.store.poll_outcome().unwrap();
    assert_eq!(
        (outcome.result, outcome.took),
        (Err(FetchFailure::Connection), RETRY_AFTER)
    );
}

#[test]
fn an_attempt_without_an_answer_ends_by_our_own_clock() {
    let mut bench = Bench::new(json!({ "fetchTimeout": "2s" }));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let first = bench.fetch();
    let deadline = MILLISECONDS(2000) + DEADLINE_GRACE;
    assert_eq!(bench.store.poll_wakeup(), Some(bench.now.plus(deadline)));
    bench.pass(deadline);
    bench.pass(RETRY_AFTER);
    let second = bench.fetch();
    bench.answer(first, good(2));
    assert_eq!(bench.answers(), [], "a late answer is another attempt's");
    bench.answer(second, good(1));
    assert_eq!(bench.answers(), [(1, Ok(Rc::new(public_key(1))))]);
}

#[test]
fn an_idle_store_wants_no_wakeup() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.store.poll_wakeup(), None);
    bench.hold(key(1), 1);
    assert_eq!(bench.store.poll_wakeup(), None);
}
