use std::time::Duration;

use super::answers::BATCH;
use super::eviction::MAX_IDLE;
use super::fetch::RETRY_AFTER;
use super::store::DEADLINE_GRACE;
use super::waiters::MAX_WAITING_BYTES;
use super::*;
use crate::config::Config;
use crate::testing::{at, config_with, public_key};
use crate::time::UnixTime;
use serde_json::{Value, json};

mod clock;
mod eviction;
mod fetching;
mod floods;
mod key_set;
mod refresh;
mod sets;
mod waiting;

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
            .map(|(s, answer)| (s.0, key_answer(answer)))
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

    /// The cached key verifies a token.
    fn prove(&mut self, key: KeyRef) {
        let cached = self.store.entries[&key].key().unwrap();
        let public_key = Rc::clone(&cached.key);
        self.store.handle_verified(key, &public_key);
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

/// What a request that waited for a key is told.
fn key_answer(answer: Answer) -> KeyAnswer {
    match answer {
        Answer::Key(answer) => answer,
        Answer::KeySet(_) => panic!("no key set was asked for"),
    }
}
