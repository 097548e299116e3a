//! Bursts, floods of invented key ids, and endpoints that answer for somebody else.

use super::*;

fn acquire_all(bench: &mut Bench, numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        assert_eq!(bench.acquire(key(number)), Lookup::Pending, "{number}");
    }
}

fn streams(answers: &[(u32, KeyAnswer)]) -> Vec<u32> {
    answers.iter().map(|(stream, _)| *stream).collect()
}

#[test]
fn one_callback_answers_one_batch_and_a_tick_each_further_one() {
    let mut bench = Bench::new(json!({}));
    acquire_all(&mut bench, std::iter::repeat_n(1, BATCH * 3));
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    let mut answered = bench.batch();
    assert_eq!(answered.len(), BATCH);
    assert_eq!(bench.batch(), [], "not twice in one callback");
    bench.now = bench.now.plus(MILLISECONDS(1));
    assert!(
        bench
            .store
            .poll_wakeup()
            .is_some_and(|due| due <= at(-3600)),
        "at once, whatever the clock says"
    );
    assert_eq!(bench.store.waiting_count(), BATCH * 2);
    for _ in 0..2 {
        bench.pass(MILLISECONDS(1));
        answered.extend(bench.batch());
    }
    assert_eq!(streams(&answered), (1..=96).collect::<Vec<_>>());
    assert_eq!(bench.store.poll_wakeup(), None);
    assert_eq!(bench.store.waiting_count(), 0);
}

#[test]
fn fetches_that_cannot_be_dispatched_share_the_batch_of_their_callback() {
    let mut bench = Bench::new(json!({ "maxPendingFetches": 64 }));
    for number in 1..=10 {
        acquire_all(&mut bench, std::iter::repeat_n(number, 10));
    }
    bench.pass(MILLISECONDS(1));
    while let Some(attempt) = bench.store.poll_fetch(bench.now) {
        let failure = FetchFailure::NotDispatched;
        bench
            .store
            .handle_dispatch_failure(attempt, failure, bench.now);
    }
    assert_eq!(bench.batch().len(), BATCH);
}

#[test]
fn waits_that_end_in_one_tick_are_answered_in_batches() {
    let mut bench = Bench::new(json!({ "maxWait": "10s" }));
    acquire_all(&mut bench, 1..=100);
    bench.seconds(10);
    assert_eq!(bench.batch().len(), BATCH);
    assert_eq!(bench.answers().len(), 100 - BATCH);
}

#[test]
fn a_request_that_goes_before_it_is_resumed_is_forgotten() {
    let mut bench = Bench::new(json!({}));
    acquire_all(&mut bench, std::iter::repeat_n(1, BATCH + 1));
    let attempt = bench.fetch();
    bench.answer(attempt, good(1));
    bench.store.handle_cancelled(StreamId(1));
    bench.store.handle_cancelled(StreamId(33));
    assert_eq!(bench.store.waiting_count(), BATCH - 1);
    assert_eq!(streams(&bench.batch()), (2..=32).collect::<Vec<_>>());
    assert_eq!(bench.store.poll_wakeup(), None);
}

#[test]
fn answered_requests_count_as_held_until_they_are_resumed() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 40 }));
    acquire_all(&mut bench, std::iter::repeat_n(1, 40));
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    let full = Lookup::Rejected(Rejection::Overloaded);
    assert_eq!(bench.acquire(key(2)), full);
    assert_eq!(bench.batch().len(), BATCH);
    assert_eq!(bench.acquire(key(2)), Lookup::Pending);
}

/// First fetches that are dispatched while `milliseconds` pass, and the endpoint knows none of the keys.
fn scanned(bench: &mut Bench, milliseconds: u64) -> usize {
    let mut count = 0;
    for _ in 0..milliseconds / 10 {
        for attempt in bench.fetches() {
            bench.answer(attempt, NOT_FOUND);
            count += 1;
        }
        let _ = bench.answers();
        bench.pass(MILLISECONDS(10));
    }
    count
}

#[test]
fn invented_key_ids_cost_ten_fetches_at_once_and_then_two_a_second() {
    for (limits, at_once) in [
        (json!({ "maxPendingFetches": 64 }), 10),
        (json!({ "maxPendingFetches": 3 }), 3),
    ] {
        let mut bench = Bench::new(limits);
        acquire_all(&mut bench, 1..=500);
        assert_eq!(scanned(&mut bench, 10), at_once);
        let steady = scanned(&mut bench, 9_000);
        assert!((17..=18).contains(&steady), "{steady}");
        bench.seconds(60);
        acquire_all(&mut bench, 1001..=1100);
        assert_eq!(
            scanned(&mut bench, 10),
            at_once,
            "a quiet minute fills the bucket"
        );
    }
}

#[test]
fn a_wakeup_comes_when_the_next_fetch_may_start() {
    let mut bench = Bench::new(json!({ "maxPendingFetches": 1 }));
    acquire_all(&mut bench, 1..=2);
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    let _ = bench.answers();
    assert_eq!(bench.fetches(), []);
    let due = bench.now.plus(MILLISECONDS(500));
    assert_eq!(bench.store.poll_wakeup(), Some(due));
    bench.pass(MILLISECONDS(500));
    assert_eq!(bench.fetch().target, key(2).into());
}

#[test]
fn fetches_that_bring_a_key_do_not_count_towards_the_rate() {
    let mut bench = Bench::new(json!({ "maxPendingFetches": 2 }));
    for number in 1..=60 {
        bench.hold(key(number), 1);
    }
}

#[test]
fn the_rate_of_one_endpoint_leaves_the_other_alone() {
    let mut bench = Bench {
        store: store(json!({ "maxPendingFetches": 1 }), 2),
        now: at(0),
        next_stream: 0,
    };
    acquire_all(&mut bench, 1..=3);
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    assert_eq!(bench.acquire(key_at(1, 1)), Lookup::Pending);
    assert_eq!(bench.fetch().target, key_at(1, 1).into());
}

#[test]
fn a_full_room_takes_a_newcomer_for_the_key_that_fewest_wait_for() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 4 }));
    acquire_all(&mut bench, [1, 1, 2, 3].into_iter());
    assert_eq!(
        bench.acquire(key(4)),
        Lookup::Pending,
        "in place of stream 3"
    );
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.batch(), [(3, Err(Rejection::Overloaded))]);
    assert_eq!(
        bench.acquire(key(1)),
        Lookup::Pending,
        "in place of stream 4"
    );
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.batch(), [(4, Err(Rejection::Overloaded))]);
    let full = Lookup::Rejected(Rejection::Overloaded);
    assert_eq!(bench.acquire(key(4)), full, "its own key is the one");
    assert_eq!(bench.store.waiting_count(), 4);
}

#[test]
fn a_newcomer_makes_room_for_its_bytes_or_is_refused() {
    let mut store = store(json!({ "maxWaitingRequests": 16_384 }), 1);
    let mut acquire = |stream, bytes| store.acquire(key(stream), StreamId(stream), bytes, at(0));
    // Many small requests are the oldest, and large ones fill the rest.
    for stream in 1..=300 {
        assert_eq!(acquire(stream, 700), Lookup::Pending);
    }
    let large = (MAX_WAITING_BYTES - 300 * 700) / 512;
    for stream in 301..=812 {
        assert_eq!(acquire(stream, large), Lookup::Pending);
    }
    let full = Lookup::Rejected(Rejection::Overloaded);
    assert_eq!(
        acquire(1000, 40 * 700),
        full,
        "for which 40 would have to go"
    );
    assert_eq!(acquire(1001, 2_500), Lookup::Pending, "in place of three");
    assert_eq!(
        store.waiting_count(),
        813,
        "of which three are to be answered"
    );
    store.handle_timeout(at(0));
    let gone: Vec<u32> = std::iter::from_fn(|| store.poll_answer())
        .map(|(s, _)| s.0)
        .collect();
    assert_eq!(gone, [1, 2, 3]);
}

#[test]
fn nothing_goes_for_a_newcomer_that_does_not_fit() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 1 }));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    let huge = bench
        .store
        .acquire(key(2), StreamId(9), MAX_WAITING_BYTES + 1, bench.now);
    assert_eq!(huge, Lookup::Rejected(Rejection::Overloaded));
    bench.pass(MILLISECONDS(1));
    assert_eq!(bench.batch(), []);
}

#[test]
fn a_token_that_nobody_can_use_wakes_nobody() {
    let mut bench = Bench::new(json!({ "maxPendingFetches": 1 }));
    acquire_all(&mut bench, 1..=1);
    let attempt = bench.fetch();
    bench.answer(attempt, NOT_FOUND);
    let _ = bench.answers();
    bench.pass(MILLISECONDS(600));
    acquire_all(&mut bench, 2..=3);
    let _hangs = bench.fetch();
    bench.pass(MILLISECONDS(600));
    let now = bench.now;
    assert!(bench.store.poll_wakeup().is_some_and(|due| due > now));
}

#[test]
fn a_key_that_was_replaced_proves_nothing_of_the_new_one() {
    let mut bench = Bench::new(json!({ "maxKeys": 1 }));
    bench.hold(key(1), 1);
    let stale = Rc::new(public_key(2));
    bench.store.handle_verified(key(1), &stale);
    bench.hold(key(2), 2);
    assert_eq!(bench.store.key_count(), 1);
    assert!(!bench.is_ready(key(1)), "it never verified a token");
}

#[test]
fn requests_that_were_made_place_for_are_bounded_too() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 100 }));
    acquire_all(&mut bench, 1..=100);
    let waiting = (101..=200)
        .filter(|number| bench.acquire(key(*number)) == Lookup::Pending)
        .count();
    assert_eq!(waiting, BATCH, "no more than one tick answers");
    assert_eq!(bench.store.waiting_count(), 100 + BATCH);
}

/// The load balancer rotates its key while a flood keeps the room full: 20 invented key ids for each real
/// request, and a new real request every 50 ms.
#[test]
fn a_real_new_key_is_served_in_the_middle_of_a_flood() {
    let mut bench = Bench::new(json!({ "maxWaitingRequests": 64 }));
    let real = key(0xffff_ffff);
    let mut invented = 0;
    for _ in 0..200 {
        for _ in 0..20 {
            invented += 1;
            let _ = bench.acquire(key(invented));
        }
        if bench.is_ready(real) {
            return;
        }
        for attempt in bench.fetches() {
            let is_real = attempt.target == real.into();
            bench.answer(attempt, if is_real { good(1) } else { NOT_FOUND });
        }
        let _ = bench.answers();
        bench.pass(MILLISECONDS(50));
    }
    panic!("the real key was starved for ten seconds");
}

const FORBIDDEN: AttemptResult = AttemptResult::Failed(FetchFailure::NotFound(403));

/// A proven key that is refreshed every hour, and what becomes of it after these results in a row; `None` is
/// another key that the endpoint serves meanwhile.
fn survives(results: &[Option<AttemptResult>]) -> bool {
    let mut bench = Bench::new(json!({ "maxStale": "168h" }));
    bench.hold(key(1), 1);
    bench.prove(key(1));
    for (number, result) in (2..).zip(results) {
        bench.seconds(3600);
        match result {
            None => bench.hold(key(number), 2),
            Some(result) => {
                assert!(bench.is_ready(key(1)));
                let attempt = bench.fetch();
                bench.answer(attempt, result.clone());
            }
        }
    }
    bench.is_ready(key(1))
}

#[test]
fn a_403_counts_only_if_the_endpoint_serves_other_keys() {
    let cases = [
        ("a firewall", vec![Some(FORBIDDEN); 50], true),
        ("404 twice", vec![Some(NOT_FOUND), Some(NOT_FOUND)], false),
        (
            "403, then 404",
            vec![Some(FORBIDDEN), Some(NOT_FOUND)],
            false,
        ),
        (
            "404, then a firewall",
            vec![Some(NOT_FOUND), Some(FORBIDDEN)],
            true,
        ),
        (
            "S3 lacks the object and has others",
            vec![Some(FORBIDDEN), None, Some(FORBIDDEN)],
            false,
        ),
        (
            "other keys only before the first 403",
            vec![None, Some(FORBIDDEN), Some(FORBIDDEN)],
            true,
        ),
        (
            "served again in between",
            vec![Some(FORBIDDEN), Some(good(1)), None, Some(FORBIDDEN)],
            true,
        ),
    ];
    for (case, results, expected) in cases {
        assert_eq!(survives(&results), expected, "{case}");
    }
}

#[test]
fn a_403_that_says_nothing_of_the_key_is_reported_as_a_failure() {
    let mut bench = Bench::new(json!({}));
    bench.hold(key(1), 1);
    bench.prove(key(1));
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        bench.seconds(3600);
        assert!(bench.is_ready(key(1)));
        let attempt = bench.fetch();
        while bench.store.poll_outcome().is_some() {}
        bench.answer(attempt, FORBIDDEN);
        outcomes.extend(bench.store.poll_outcome().map(|o| o.result));
    }
    let expected = [
        Err(FetchFailure::NotFound(403)),
        Err(FetchFailure::Status(403)),
    ];
    assert_eq!(outcomes, expected);
}
