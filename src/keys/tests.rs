use std::time::Duration;

use super::answers::BATCH;
use super::eviction::MAX_IDLE;
use super::store::{DEADLINE_GRACE, RETRY_AFTER};
use super::waiters::MAX_WAITING_BYTES;
use super::*;
use crate::config::Config;
use crate::testing::{at, config_with, public_key};
use crate::time::UnixTime;
use serde_json::{Value, json};

mod floods;

const MILLISECONDS: fn(u64) -> Duration = Duration::from_millis;

/// A store, its clock, and what it asked for.
struct Bench {
    store: KeyStore,
    now: UnixTime,
    next_stream: u32,
}

impl Bench {
    fn new(public_keys: Value) -> Self {
        Self {
            store: store(public_keys, 1),
            now: at(0),
            next_stream: 0,
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        self.store.handle_timeout(self.now);
    }

    fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    fn acquire(&mut self, key: KeyRef) -> Lookup {
        self.next_stream += 1;
        self.store
            .acquire(key, StreamId(self.next_stream), 1000, self.now)
    }

    fn fetches(&mut self) -> Vec<AttemptId> {
        std::iter::from_fn(|| self.store.poll_fetch(self.now)).collect()
    }

    /// The only fetch that is asked for now.
    fn fetch(&mut self) -> AttemptId {
        let fetches = self.fetches();
        assert_eq!(fetches.len(), 1, "{fetches:?}");
        fetches[0]
    }

    fn answer(&mut self, attempt: AttemptId, result: AttemptResult) {
        self.store.handle_result(attempt, result, self.now);
    }

    /// The answers that this callback may give.
    fn batch(&mut self) -> Vec<(u32, Result<Rc<PublicKey>, Rejection>)> {
        std::iter::from_fn(|| self.store.poll_answer())
            .map(|(s, r)| (s.0, r))
            .collect()
    }

    /// All answers, with as many ticks as that takes.
    fn answers(&mut self) -> Vec<(u32, Result<Rc<PublicKey>, Rejection>)> {
        let mut answers = self.batch();
        while self.store.poll_wakeup().is_some_and(|due| due <= self.now) {
            self.store.handle_timeout(self.now);
            let batch = self.batch();
            if batch.is_empty() {
                break;
            }
            answers.extend(batch);
        }
        answers.sort_by_key(|(stream, _)| *stream);
        answers
    }

    /// Acquires, fetches and holds a key.
    fn hold(&mut self, key: KeyRef, number: u8) {
        assert_eq!(self.acquire(key), Lookup::Pending);
        let attempt = self.fetch();
        self.answer(attempt, good(number));
        assert_eq!(self.answers().len(), 1);
    }

    fn is_ready(&mut self, key: KeyRef) -> bool {
        matches!(self.acquire(key), Lookup::Ready(_))
    }
}

fn config(public_keys: Value, endpoints: usize) -> Config {
    let load_balancers: Vec<Value> = (0..endpoints)
        .map(|n| {
            let arn = crate::testing::ARN.replace("us-west-2", &format!("region-{n}"));
            json!({ "arn": arn, "issuers": ["*"], "clientIds": ["*"] })
        })
        .collect();
    config_with(json!({ "loadBalancers": load_balancers, "publicKeys": public_keys }))
}

fn store(public_keys: Value, endpoints: usize) -> KeyStore {
    let config = config(public_keys, endpoints);
    KeyStore::new(config.public_keys.clone(), config.key_sources().to_vec())
}

fn key(number: u32) -> KeyRef {
    key_at(0, number)
}

fn key_at(endpoint: usize, number: u32) -> KeyRef {
    let kid = KeyId::parse(&format!("{number:08x}-0000-0000-0000-000000000000")).unwrap();
    KeyRef {
        source: SourceId(endpoint),
        kid,
    }
}

fn good(number: u8) -> AttemptResult {
    AttemptResult::Key(public_key(number))
}

const NOT_FOUND: AttemptResult = AttemptResult::Failed(FetchFailure::NotFound(404));
const BROKEN: AttemptResult = AttemptResult::Failed(FetchFailure::NotAKey);
const RESET: AttemptResult = AttemptResult::Failed(FetchFailure::Connection);

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
        first.iter().map(|a| a.key).collect::<Vec<_>>(),
        [key(1), key(2)],
        "the oldest"
    );
    for _ in 0..2 {
        assert_eq!(bench.acquire(key(7)), Lookup::Pending);
    }
    for (attempt, next) in first.into_iter().zip([key(7), key(3)]) {
        bench.answer(attempt, NOT_FOUND);
        bench.pass(MILLISECONDS(500));
        assert_eq!(bench.fetch().key, next);
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
        dispatched.iter().map(|a| a.key).collect::<Vec<_>>(),
        [key_at(0, 1), key_at(1, 1)]
    );
    store.handle_result(dispatched[0], good(1), at(0));
    let slow = store.poll_fetch(at(0)).unwrap();
    assert_eq!(slow.key, key_at(0, 2));
    assert!(matches!(
        acquire(&mut store, 4, key_at(0, 1), at(3600)),
        Lookup::Ready(_)
    ));
    assert_eq!(
        store.poll_fetch(at(3600)).map(|a| a.key),
        Some(key_at(0, 1))
    );
}

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
    bench.store.handle_verified(key(1));
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
    bench.store.handle_verified(key(1));
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

fn held_keys(store: &KeyStore) -> Vec<KeyRef> {
    let held = store
        .entries
        .iter()
        .filter(|(_, entry)| entry.key().is_some());
    let mut keys: Vec<KeyRef> = held.map(|(key, _)| *key).collect();
    keys.sort();
    keys
}

#[test]
fn keys_that_never_verified_a_token_leave_first_then_the_least_recently_used() {
    let mut bench = Bench::new(json!({ "maxKeys": 3 }));
    for number in 1..=3 {
        bench.hold(key(number), 1);
        bench.seconds(1);
    }
    bench.store.handle_verified(key(1));
    bench.store.handle_verified(key(2));
    bench.hold(key(4), 1);
    let held = |bench: &Bench| held_keys(&bench.store);
    assert_eq!(
        held(&bench),
        [key(1), key(2), key(4)],
        "3 never verified a token"
    );
    bench.store.handle_verified(key(4));
    bench.seconds(1);
    assert!(bench.is_ready(key(1)));
    bench.hold(key(5), 1);
    assert_eq!(
        held(&bench),
        [key(1), key(4), key(5)],
        "2 was used longest ago"
    );
    bench.hold(key(6), 1);
    assert_eq!(
        held(&bench),
        [key(1), key(4), key(6)],
        "a newcomer pushes the last newcomer out"
    );
    assert_eq!(bench.store.key_count(), 3);
}

#[test]
fn a_flood_of_key_ids_stays_inside_the_bounds() {
    let mut bench = Bench::new(json!({}));
    bench.hold(key(1), 1);
    bench.store.handle_verified(key(1));
    for number in 2..20_002 {
        let _ = bench.acquire(key(number));
        for attempt in bench.fetches() {
            bench.answer(attempt, NOT_FOUND);
        }
        let _ = bench.answers();
        bench.pass(MILLISECONDS(1));
    }
    assert!(bench.is_ready(key(1)));
    let store = &bench.store;
    let bound = MAX_IDLE + store.limits.max_keys + store.limits.max_waiting_requests;
    assert!(store.entries.len() <= bound, "{}", store.entries.len());
    assert_eq!((store.waiting_count(), store.key_count()), (1024, 1));
    bench.seconds(3600);
    let _ = bench.answers();
    assert_eq!(bench.store.waiting_count(), 0);
    assert_eq!(bench.store.entries.len(), 1, "and is forgotten");
}

#[test]
fn only_public_keys_outlive_a_configuration_and_only_of_endpoints_in_use() {
    let mut old = Bench {
        store: store(json!({}), 2),
        now: at(0),
        next_stream: 0,
    };
    old.hold(key_at(0, 1), 1);
    old.hold(key_at(1, 2), 2);
    assert_eq!(old.acquire(key_at(1, 3)), Lookup::Pending);
    let endpoint = old.store.source(key_at(1, 0)).cloned();
    let mut store = KeyStore::new(old.store.limits.clone(), endpoint.into_iter().collect());
    store.adopt_keys(&old.store);
    assert_eq!((store.key_count(), store.waiting_count()), (1, 0));
    assert_eq!(
        store.acquire(key_at(0, 2), StreamId(1), 1, at(1)),
        Lookup::Ready(Rc::new(public_key(2)))
    );
    assert_eq!(
        store.acquire(key_at(0, 1), StreamId(2), 1, at(1)),
        Lookup::Pending
    );
}

#[test]
fn adopted_keys_respect_the_new_bound() {
    let mut old = Bench::new(json!({}));
    for number in 1..=4 {
        old.hold(key(number), 1);
        old.seconds(1);
    }
    let mut limits = old.store.limits.clone();
    limits.max_keys = 2;
    let endpoint = old.store.source(key(0)).cloned();
    let mut store = KeyStore::new(limits, endpoint.into_iter().collect());
    store.adopt_keys(&old.store);
    assert_eq!(held_keys(&store), [key(3), key(4)]);
}

#[test]
fn an_idle_store_wants_no_wakeup() {
    let mut bench = Bench::new(json!({}));
    assert_eq!(bench.store.poll_wakeup(), None);
    bench.hold(key(1), 1);
    assert_eq!(bench.store.poll_wakeup(), None);
}

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
