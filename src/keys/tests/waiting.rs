//! Waiting requests: how long, how many, and which key gets the next free slot.

use super::*;

#[test]
fn a_request_waits_no_longer_than_max_wait() {
    let mut bench = Bench::new(json!({ "maxWait": "1s" }));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let attempt = bench.fetch();
    bench.pass(MILLISECONDS(999));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.answers(), [(1, Err(Rejection::KeyUnavailable))]);
    bench.answer(attempt, good(1));
    assert_eq!(bench.answers(), [(2, Ok(Rc::new(public_key(1))))]);
}

#[test]
fn waiting_is_bounded_by_number_and_by_bytes() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 3 }));
    for _ in 0..3 {
        assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    }
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Rejected(Rejection::Overloaded)
    );
    bench.store.handle_cancelled(StreamId(2));
    assert_eq!(bench.acquire(key(2)), Lookup::Pending);

    let mut store = store(json!({ "maxWaitingRequests": 16_384 }), 1);
    let size = MAX_WAITING_BYTES / 4;
    let mut acquire = |stream, bytes| store.acquire(key(1), StreamId(stream), bytes, at(0));
    for stream in 0..4 {
        assert_eq!(acquire(stream, size), Lookup::Pending);
    }
    assert_eq!(acquire(9, 1), Lookup::Rejected(Rejection::Overloaded));
}

#[test]
fn a_held_key_serves_even_when_waiting_is_full() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 1 }));
    bench.hold(key(1), 1);
    assert_eq!(bench.acquire(key(2)), Lookup::Pending);
    assert_eq!(
        bench.acquire(key(2)),
        Lookup::Rejected(Rejection::Overloaded)
    );
    assert!(bench.is_ready(key(1)));
}

#[test]
fn a_free_slot_goes_to_the_key_that_most_wait_for() {
    let mut bench = Bench::new(json!({ "maxPendingFetches": 2 }));
    for number in 1..=10 {
        assert_eq!(bench.acquire(key(number)), Lookup::Pending);
    }
    let first: Vec<AttemptId> = bench.fetches();
    assert_eq!(
        first.iter().map(|a| a.target).collect::<Vec<_>>(),
        [key(1).into(), key(2).into()],
        "the oldest"
    );
    for _ in 0..2 {
        assert_eq!(bench.acquire(key(7)), Lookup::Pending);
    }
    for (attempt, next) in first.into_iter().zip([key(7), key(3)]) {
        bench.answer(attempt, NOT_FOUND);
        bench.pass(MILLISECONDS(500));
        assert_eq!(bench.fetch().target, next.into());
    }
}

#[test]
fn slots_are_counted_by_endpoint_and_refreshes_do_not_count() {
    let mut store = store(json!({ "maxPendingFetches": 1 }), 2);
    let acquire =
        |store: &mut KeyStore, stream, key, now| store.acquire(key, StreamId(stream), 1, now);
    assert_eq!(acquire(&mut store, 1, key_at(0, 1), at(0)), Lookup::Pending);
    assert_eq!(acquire(&mut store, 2, key_at(1, 1), at(0)), Lookup::Pending);
    assert_eq!(acquire(&mut store, 3, key_at(0, 2), at(0)), Lookup::Pending);
    let dispatched: Vec<AttemptId> = std::iter::from_fn(|| store.poll_fetch(at(0))).collect();
    assert_eq!(
        dispatched.iter().map(|a| a.target).collect::<Vec<_>>(),
        [key_at(0, 1).into(), key_at(1, 1).into()]
    );
    store.handle_result(dispatched[0], good(1), at(0));
    let slow = store.poll_fetch(at(0)).unwrap();
    assert_eq!(slow.target, key_at(0, 2).into());
    assert!(matches!(
        acquire(&mut store, 4, key_at(0, 1), at(3600)),
        Lookup::Ready(_)
    ));
    assert_eq!(
        store.poll_fetch(at(3600)).map(|a| a.target),
        Some(key_at(0, 1).into())
    );
}
