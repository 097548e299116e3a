//! Any sequence of requests, answers, and time against the key store.
//!
//! Rules: never two fetches for one key at a time; every request that waits is answered, once, and in
//! time; a key is used only as it was last served and only while it is fresh enough; all bounds hold.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use alb_authn::key_source::{KeyLimits, KeySource, SourceId};
use alb_authn::keys;
use alb_authn::keys::KeyId;
use alb_authn::keys::{
    AttemptId, AttemptResult, FetchFailure, FetchTarget, KeyRef, KeyStore, Lookup, PublicKey,
    StreamId,
};
use alb_authn::reason::Rejection;
use alb_authn::time::UnixTime;
use arbitrary::Arbitrary;

use crate::support::{after_noon, public_key, steps};

/// One thing that happens.
#[derive(Arbitrary, Debug)]
enum Step {
    Acquire {
        kid: u8,
        endpoint: bool,
        is_large: bool,
    },
    Leave {
        which: u8,
    },
    Answer {
        which: u8,
        answer: Answer,
    },
    LateAnswer {
        which: u8,
        answer: Answer,
    },
    Verified {
        kid: u8,
        endpoint: bool,
    },
    Pass {
        milliseconds: u16,
    },
    PassMinutes {
        minutes: u8,
    },
}

/// What a key endpoint says.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Answer {
    /// One of three keys.
    Key(u8),
    /// 403.
    NoSuchKey,
    /// 503.
    Trouble,
    /// A reset.
    Reset,
    /// 200 with something else.
    NotAKey,
}

impl Answer {
    /// The number of the key in it.
    #[must_use]
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Key(number) => Some(number % 3 + 1),
            _ => None,
        }
    }

    /// As the store is told.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn result(self) -> AttemptResult {
        match (self.number(), self) {
            (Some(number), _) => AttemptResult::Key(public_key(number)),
            (None, Self::NoSuchKey) => AttemptResult::Failed(FetchFailure::NotFound(403)),
            (None, Self::Trouble) => AttemptResult::Failed(FetchFailure::Status(503)),
            (None, Self::Reset) => AttemptResult::Failed(FetchFailure::Connection),
            (None, _) => AttemptResult::Failed(FetchFailure::NotAKey),
        }
    }
}

const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// Requests that one callback answers.
const BATCH: usize = 32;
const LARGE: usize = 7 * 1024 * 1024;

fn limits() -> KeyLimits {
    KeyLimits {
        fetch_timeout: Duration::from_secs(2),
        refresh_interval: Duration::from_secs(60),
        max_stale: Duration::from_secs(600),
        negative_ttl: Duration::from_secs(5),
        max_keys: 3,
        max_pending_fetches: 2,
        max_waiting_requests: 8,
        max_wait: Duration::from_secs(10),
    }
}

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let mut world = World::new();
    for step in steps::<Step>(data) {
        world.take(&step);
        world.check();
    }
    world.finish();
}

struct Waiter {
    key: KeyRef,
    deadline: UnixTime,
    bytes: usize,
}

/// The store of this model has no key sets.
fn key_fetched_by(attempt: AttemptId) -> KeyRef {
    match attempt.target {
        FetchTarget::Key(key) => key,
        FetchTarget::KeySet(_) => panic!("no key set was asked for"),
    }
}

/// The store, and what an onlooker knows of it.
struct World {
    store: KeyStore,
    now: UnixTime,
    next_stream: u32,
    waiters: HashMap<StreamId, Waiter>,
    /// Attempts under way, with the time at which the store gives them up.
    live: Vec<(AttemptId, UnixTime)>,
    over: Vec<AttemptId>,
    /// What each key's endpoint served last, and when.
    served: HashMap<KeyRef, (u8, UnixTime)>,
    /// The keys that requests got last.
    ready: HashMap<KeyRef, Rc<PublicKey>>,
}

impl World {
    fn new() -> Self {
        let endpoint = |name: &str| KeySource {
            cluster: name.to_owned(),
            authority: name.to_owned(),
            path_prefix: "/".to_owned(),
        };
        Self {
            store: KeyStore::new(limits(), vec![endpoint("a"), endpoint("b")]),
            now: after_noon(0),
            next_stream: 0,
            waiters: HashMap::new(),
            live: Vec::new(),
            over: Vec::new(),
            served: HashMap::new(),
            ready: HashMap::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Acquire {
                kid,
                endpoint,
                is_large,
            } => self.acquire(key(kid, endpoint), is_large),
            Step::Leave { which } => {
                if let Some(stream) = pick(self.waiters.keys().copied(), which) {
                    self.waiters.remove(&stream);
                    self.store.handle_cancelled(stream);
                }
            }
            Step::Answer { which, answer } => {
                if !self.live.is_empty() {
                    let (attempt, _) = self.live.remove(usize::from(which) % self.live.len());
                    self.over.push(attempt);
                    if let Some(number) = answer.number() {
                        self.served
                            .insert(key_fetched_by(attempt), (number, self.now));
                    }
                    self.store.handle_result(attempt, answer.result(), self.now);
                }
            }
            Step::LateAnswer { which, answer } => {
                if !self.over.is_empty() {
                    let attempt = self.over[usize::from(which) % self.over.len()];
                    self.store.handle_result(attempt, answer.result(), self.now);
                }
            }
            Step::Verified { kid, endpoint } => {
                let key = key(kid, endpoint);
                if let Some(public_key) = self.ready.get(&key) {
                    self.store.handle_verified(key, public_key);
                }
            }
            Step::Pass { milliseconds } => self.pass(Duration::from_millis(milliseconds.into())),
            Step::PassMinutes { minutes } => {
                self.pass(Duration::from_secs(u64::from(minutes % 20) * 60));
            }
        }
        self.drain();
    }

    fn acquire(&mut self, key: KeyRef, is_large: bool) {
        self.next_stream += 1;
        let (stream, bytes) = (
            StreamId(self.next_stream),
            if is_large { LARGE } else { 1000 },
        );
        match self.store.acquire(key, stream, bytes, self.now) {
            Lookup::Ready(public_key) => {
                self.check_key(key, &public_key);
                self.ready.insert(key, public_key);
            }
            Lookup::Pending => {
                let deadline = self.now.plus(limits().max_wait);
                self.waiters.insert(
                    stream,
                    Waiter {
                        key,
                        deadline,
                        bytes,
                    },
                );
            }
            Lookup::Rejected(Rejection::Overloaded) => {
                let is_full = self.waiters.len() >= limits().max_waiting_requests;
                assert!(
                    is_full || self.bytes() + bytes > MAX_WAITING_BYTES,
                    "refused for nothing"
                );
            }
            Lookup::Rejected(rejection) => {
                assert!(matches!(
                    rejection,
                    Rejection::UnknownKey | Rejection::KeyUnavailable
                ));
            }
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now = self.now.plus(duration);
        let now = self.now;
        let (live, over): (Vec<_>, Vec<_>) = self.live.drain(..).partition(|(_, end)| now < *end);
        self.live = live;
        self.over
            .extend(over.into_iter().map(|(attempt, _)| attempt));
        self.store.handle_timeout(now);
    }

    fn drain(&mut self) {
        while let Some(attempt) = self.store.poll_fetch(self.now) {
            let is_under_way = self
                .live
                .iter()
                .any(|(other, _)| other.target == attempt.target);
            assert!(!is_under_way, "two fetches for one key");
            let end = self
                .now
                .plus(limits().fetch_timeout)
                .plus(Duration::from_millis(250));
            self.live.push((attempt, end));
        }
        while let Some((stream, answer)) = self.store.poll_answer() {
            let waiter = self
                .waiters
                .remove(&stream)
                .expect("answered twice, or never asked");
            match answer {
                keys::Answer::KeySet(_) => panic!("no key set was asked for"),
                keys::Answer::Key(Ok(public_key)) => self.check_key(waiter.key, &public_key),
                keys::Answer::Key(Err(rejection)) => {
                    assert!(matches!(
                        rejection,
                        Rejection::UnknownKey | Rejection::KeyUnavailable | Rejection::Overloaded
                    ));
                }
            }
        }
        while self.store.poll_outcome().is_some() {}
        while self.store.poll_evicted().is_some() {}
    }

    fn check_key(&self, key: KeyRef, public_key: &PublicKey) {
        let (number, at) = self.served.get(&key).expect("a key that nobody served");
        assert_eq!(
            *public_key,
            crate::support::public_key(*number),
            "another key"
        );
        let lifetime = limits().refresh_interval.max(limits().max_stale);
        assert!(self.now < at.plus(lifetime), "a key that is too old");
    }

    fn bytes(&self) -> usize {
        self.waiters.values().map(|waiter| waiter.bytes).sum()
    }

    fn check(&self) {
        assert_eq!(self.store.waiting_count(), self.waiters.len());
        // Those that gave their place to a newcomer are answered with the next tick, at most a batch of them.
        assert!(self.waiters.len() <= limits().max_waiting_requests + BATCH);
        assert!(self.bytes() <= MAX_WAITING_BYTES + BATCH * LARGE);
        assert!(self.store.key_count() <= limits().max_keys);
        for endpoint in 0..2 {
            let never_held =
                |key: &KeyRef| key.source.0 == endpoint && !self.served.contains_key(key);
            let first = self
                .live
                .iter()
                .filter(|(attempt, _)| never_held(&key_fetched_by(*attempt)));
            assert!(first.count() <= limits().max_pending_fetches);
        }
        if let Some(deadline) = self.waiters.values().map(|waiter| waiter.deadline).min() {
            assert!(self.now < deadline, "a request was forgotten");
            let wakeup = self
                .store
                .poll_wakeup()
                .expect("nobody will wake those who wait");
            assert!(wakeup <= deadline, "woken too late");
        }
    }

    /// Whatever happened: all are answered in the end, and nothing is left that blocks a slot.
    fn finish(mut self) {
        for _ in 0..4 {
            self.pass(limits().max_wait);
            self.drain();
        }
        assert!(self.waiters.is_empty());
        self.pass(Duration::from_secs(3600));
        self.drain();
        assert_eq!(
            self.store.poll_wakeup(),
            None,
            "an idle store wants nothing"
        );
        for (fresh, is_second) in [(200, false), (201, true)] {
            let key = key_of(fresh, is_second);
            self.acquire(key, false);
            let before = self.live.len();
            self.drain();
            assert_eq!(self.live.len(), before + 1, "a slot is lost");
        }
    }
}

fn pick<T: Ord>(items: impl Iterator<Item = T>, which: u8) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    let index = usize::from(which).checked_rem(items.len())?;
    items.into_iter().nth(index)
}

/// Six kids: few enough to meet again.
fn key(kid: u8, is_second: bool) -> KeyRef {
    key_of(kid % 6, is_second)
}

fn key_of(kid: u8, is_second: bool) -> KeyRef {
    let text = format!("{kid:08x}-0000-0000-0000-000000000000");
    KeyRef {
        source: SourceId(usize::from(is_second)),
        kid: KeyId::parse(&text).expect("a UUID"),
    }
}
