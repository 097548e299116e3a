//! The states of a key set.

use alb_fixtures::rsa::{RsaSigner, TestKey, key_set};

use super::*;
use crate::key_source::KeySetSource;

const SET: SetId = SetId(0);
const DOWN: AttemptResult = AttemptResult::Failed(FetchFailure::NotDispatched);

fn good(kids: &[&str]) -> AttemptResult {
    let keys: Vec<RsaSigner> = kids
        .iter()
        .map(|kid| TestKey::Rsa2048A.signer().named(*kid))
        .collect();
    AttemptResult::key_set_from_http(Some(200), key_set(&keys).as_bytes())
}

/// A store with one key set, before its first tick.
fn bench(public_keys: Value) -> Bench {
    let config = config_with(json!({ "publicKeys": public_keys }));
    let source = KeySetSource {
        cluster: "c".to_owned(),
        authority: "idp.example.com".to_owned(),
        path: "/keys".to_owned(),
    };
    let endpoints = config.key_sources().to_vec();
    Bench {
        store: KeyStore::with_key_sets(config.public_keys.clone(), endpoints, vec![source]),
        now: at(0),
        next_stream: 0,
    }
}

/// The same with the set fetched.
fn held(public_keys: Value, kids: &[&str]) -> Bench {
    let mut bench = bench(public_keys);
    bench.seconds(0);
    let first = bench.fetch();
    bench.answer(first, good(kids));
    bench
}

impl Bench {
    fn ask(&mut self, kid: &str, is_required: bool) -> Result<bool, Rejection> {
        self.next_stream += 1;
        let wait = KeySetWait {
            stream: StreamId(self.next_stream),
            bytes: 1000,
            since: self.now,
            is_required,
        };
        match self.store.acquire_from_set(SET, kid, wait, self.now) {
            SetLookup::Pending => Ok(false),
            SetLookup::Settled(answer) => answer.map(|_| true),
        }
    }

    /// What the requests that waited for the set are told.
    fn told(&mut self) -> Vec<Result<(), Rejection>> {
        let answers = std::iter::from_fn(|| self.store.poll_answer());
        answers
            .map(|(_, answer)| match answer {
                Answer::KeySet(fetched) => fetched,
                Answer::Key(_) => panic!("no key was asked for"),
            })
            .collect()
    }

    fn find(&self, kid: &str) -> Result<(), Rejection> {
        self.store.find_in_set(SET, kid, self.now).map(|_| ())
    }
}

const READY: Result<bool, Rejection> = Ok(true);
const WAITS: Result<bool, Rejection> = Ok(false);
const UNAVAILABLE: Result<bool, Rejection> = Err(Rejection::KeyUnavailable);
const UNKNOWN: Result<bool, Rejection> = Err(Rejection::InvalidAccessToken);

#[test]
fn a_set_is_fetched_at_the_first_tick_and_not_before() {
    let mut bench = bench(json!({}));
    assert!(bench.fetches().is_empty(), "clusters may not be there yet");
    assert!(
        bench
            .store
            .poll_wakeup()
            .is_some_and(|due| due <= bench.now)
    );
    bench.seconds(0);
    let first = bench.fetch();
    assert_eq!(first.target, FetchTarget::KeySet(SET));
    bench.answer(first, good(&["a"]));
    assert_eq!(bench.ask("a", true), READY);
    assert_eq!(bench.store.poll_wakeup(), None, "nothing is under way");
}

#[test]
fn requests_before_the_first_answer_wait_for_one_fetch() {
    let mut bench = bench(json!({}));
    for is_required in [true, false, true] {
        assert_eq!(bench.ask("a", is_required), WAITS);
    }
    let only = bench.fetch();
    bench.answer(only, good(&["a"]));
    assert_eq!(bench.told(), [Ok(()), Ok(()), Ok(())]);
    assert_eq!(bench.find("a"), Ok(()));
    assert_eq!(bench.find("b"), Err(Rejection::InvalidAccessToken));
}

#[test]
fn a_set_that_was_never_had_is_tried_again_after_at_most_five_seconds() {
    let mut bench = bench(json!({}));
    assert_eq!(bench.ask("a", true), WAITS);
    let attempt = bench.fetch();
    bench.answer(attempt, DOWN);
    assert_eq!(bench.told(), [Err(Rejection::KeyUnavailable)]);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        assert_eq!(bench.ask("a", true), UNAVAILABLE, "in a back-off");
        let due = bench.store.poll_wakeup().unwrap();
        pauses.push(due.since(bench.now).as_secs());
        bench.pass(due.since(bench.now));
        let attempt = bench.fetch();
        bench.answer(attempt, DOWN);
    }
    assert_eq!(pauses, [1, 2, 4, 5, 5, 5]);
}

#[test]
fn who_can_do_without_a_set_waits_for_its_first_fetch_only() {
    let mut bench = bench(json!({}));
    bench.seconds(0);
    assert_eq!(bench.ask("a", false), WAITS);
    let first = bench.fetch();
    bench.answer(first, DOWN);
    assert_eq!(bench.told(), [Err(Rejection::KeyUnavailable)]);
    bench.seconds(1);
    let second = bench.fetch();
    assert_eq!(
        bench.ask("a", false),
        UNAVAILABLE,
        "a host that hangs holds nobody up"
    );
    assert_eq!(bench.ask("a", true), WAITS);
    bench.answer(second, good(&["a"]));
    assert_eq!(bench.ask("a", false), READY);
}

#[test]
fn a_set_is_refreshed_in_the_background_and_kept_while_the_refresh_fails() {
    let mut bench = held(json!({}), &["a"]);
    bench.seconds(3600);
    assert_eq!(bench.ask("a", true), READY);
    let refresh = bench.fetch();
    for status in [403, 404, 410, 301] {
        let failed = AttemptResult::key_set_from_http(Some(status), b"");
        assert_eq!(failed, AttemptResult::Failed(FetchFailure::Status(status)));
    }
    let gone = AttemptResult::key_set_from_http(Some(404), b"");
    bench.answer(refresh, gone);
    assert_eq!(bench.ask("a", true), READY);
    bench.seconds(23 * 3600 - 1);
    assert_eq!(bench.ask("a", true), READY, "until maxStale is over");
    let attempt = bench.fetch();
    bench.answer(attempt, DOWN);
    assert_eq!(bench.find("a"), Ok(()));
    bench.seconds(1);
    assert_eq!(bench.find("a"), Err(Rejection::KeyUnavailable));
    assert_eq!(bench.ask("a", true), WAITS);
    assert_eq!(
        bench.ask("a", false),
        UNAVAILABLE,
        "the host has failed before"
    );
}

#[test]
fn who_can_do_without_a_set_that_ended_unused_waits_for_it() {
    let mut bench = held(json!({}), &["a"]);
    bench.seconds(48 * 3600);
    assert_eq!(bench.ask("a", false), WAITS);
    let attempt = bench.fetch();
    bench.answer(attempt, good(&["a"]));
    assert_eq!(bench.told(), [Ok(())]);
    assert_eq!(bench.ask("a", false), READY);
}

#[test]
fn a_replaced_configuration_asks_only_if_a_request_does() {
    let mut bench = bench(json!({}));
    bench.seconds(0);
    let attempt = bench.fetch();
    bench.answer(attempt, DOWN);
    bench.store.stop_first_fetches();
    assert_eq!(bench.store.poll_wakeup(), None);
    bench.seconds(60);
    assert!(bench.fetches().is_empty());
    assert_eq!(bench.ask("a", true), WAITS);
    assert_eq!(bench.fetches().len(), 1);
}

#[test]
fn a_key_that_the_next_set_lacks_is_gone() {
    let mut bench = held(json!({}), &["a", "b"]);
    bench.seconds(3600);
    assert_eq!(bench.ask("a", true), READY);
    let refresh = bench.fetch();
    bench.answer(refresh, good(&["b"]));
    let gone: Vec<String> = std::iter::from_fn(|| bench.store.poll_evicted_set_key())
        .map(|key| key.kid().to_owned())
        .collect();
    assert_eq!(gone, ["a"]);
    assert_eq!(bench.find("a"), Err(Rejection::InvalidAccessToken));
}

#[test]
fn a_missing_key_id_causes_one_fetch_and_then_none_for_a_while() {
    let mut bench = held(json!({}), &["a"]);
    for _ in 0..40 {
        assert_eq!(bench.ask("x", true), WAITS);
    }
    let lookup = bench.fetch();
    bench.answer(lookup, good(&["a"]));
    assert_eq!(bench.find("x"), Err(Rejection::InvalidAccessToken));
    for kid in ["x", "y", "z"] {
        assert_eq!(bench.ask(kid, true), UNKNOWN);
    }
    assert!(bench.fetches().is_empty());
    bench.seconds(29);
    assert_eq!(bench.ask("x", false), UNKNOWN);
    bench.seconds(1);
    assert_eq!(bench.ask("x", false), WAITS);
    assert_eq!(bench.ask("a", true), READY, "a known key is not touched");
}

#[test]
fn a_missing_key_id_waits_as_long_as_no_such_key_is_believed() {
    let mut bench = held(json!({ "negativeTtl": "2m" }), &["a"]);
    assert_eq!(bench.ask("x", true), WAITS);
    let lookup = bench.fetch();
    bench.answer(lookup, good(&["a"]));
    bench.seconds(119);
    assert_eq!(bench.ask("x", true), UNKNOWN);
    bench.seconds(1);
    assert_eq!(bench.ask("x", true), WAITS);
}

#[test]
fn a_key_id_that_could_not_be_looked_up_is_unavailable_and_not_invalid() {
    let mut bench = held(json!({}), &["a"]);
    assert_eq!(bench.ask("x", true), WAITS);
    let lookup = bench.fetch();
    bench.answer(lookup, DOWN);
    assert_eq!(bench.told(), [Err(Rejection::KeyUnavailable)]);
    assert_eq!(bench.ask("x", true), UNAVAILABLE);
    bench.seconds(10);
    assert_eq!(
        bench.ask("x", true),
        UNAVAILABLE,
        "its fetches are bounded too"
    );
    assert!(bench.fetches().is_empty());
}

#[test]
fn a_rotated_key_is_found_by_the_fetch_that_it_causes() {
    let mut bench = held(json!({}), &["a"]);
    assert_eq!(bench.ask("b", true), WAITS);
    let lookup = bench.fetch();
    bench.answer(lookup, good(&["a", "b"]));
    assert_eq!(bench.told(), [Ok(())]);
    assert_eq!((bench.find("b"), bench.ask("b", true)), (Ok(()), READY));
}

#[test]
fn all_waiting_of_a_request_counts_towards_its_longest_wait() {
    let mut bench = bench(json!({ "maxWait": "10s" }));
    let wait = KeySetWait {
        stream: StreamId(1),
        bytes: 1,
        since: at(-9),
        is_required: true,
    };
    let lookup = bench.store.acquire_from_set(SET, "a", wait, at(0));
    assert_eq!(lookup, SetLookup::Pending);
    let _hangs = bench.fetch();
    bench.seconds(1);
    assert_eq!(bench.told(), [Err(Rejection::KeyUnavailable)]);
}

#[test]
fn sets_wait_in_the_same_room_as_keys() {
    let mut bench = bench(json!({ "maxWaitingRequests": 2 }));
    assert_eq!(bench.ask("a", true), WAITS);
    assert_eq!(bench.ask("a", true), WAITS);
    assert_eq!(bench.ask("a", true), Err(Rejection::Overloaded));
    assert_eq!(bench.acquire(key(1)), Lookup::Pending);
    assert_eq!(
        bench.ask("a", true),
        Err(Rejection::Overloaded),
        "a set never pushes out a key"
    );
    bench.seconds(0);
    let displaced = Err(Rejection::Overloaded);
    assert_eq!(bench.told(), [displaced], "the one that waited longest");
    assert_eq!(bench.store.waiting_count(), 2);
}

#[test]
fn an_answer_is_given_in_batches_to_those_that_wait_for_a_set() {
    let mut bench = bench(json!({}));
    for _ in 0..100 {
        assert_eq!(bench.ask("a", true), WAITS);
    }
    let attempt = bench.fetch();
    bench.answer(attempt, good(&["a"]));
    let mut batches = Vec::new();
    while bench.store.waiting_count() > 0 {
        batches.push(bench.told().len());
        bench.seconds(0);
    }
    assert_eq!(batches, [BATCH, BATCH, BATCH, 100 - 3 * BATCH]);
}

#[test]
fn a_new_configuration_takes_over_the_sets_that_it_uses() {
    let earlier = held(json!({}), &["a"]);
    let mut next = bench(json!({}));
    next.store.adopt_keys(&earlier.store);
    next.seconds(0);
    assert!(next.fetches().is_empty());
    assert_eq!(next.ask("a", true), READY);
    assert_eq!(next.store.key_count(), 0, "sets don't count");
}
