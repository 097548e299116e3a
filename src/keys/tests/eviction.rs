//! Which keys stay: bounds, floods of key ids, and new configurations.

use super::*;

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
    bench.prove(key(1));
    bench.prove(key(2));
    bench.hold(key(4), 1);
    let held = |bench: &Bench| held_keys(&bench.store);
    assert_eq!(
        held(&bench),
        [key(1), key(2), key(4)],
        "3 never verified a token"
    );
    bench.prove(key(4));
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
    bench.prove(key(1));
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
