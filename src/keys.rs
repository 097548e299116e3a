//! The key store: one plugin's public keys, and the fetches that bring them.
//!
//! A state machine without I/O. **After every `handle_*` call and every `acquire`, drain `poll_fetch`
//! (dispatch each), `poll_answer` (resume each request) and `poll_dropped`, then arm a timer for
//! `poll_wakeup`.**
//!
//! Per key (endpoint and `kid`):
//! ```text
//!            acquire                 slot free              answer
//!  unknown ──────────▶ queued ─────────────────▶ fetching ─────────▶ held ◀─┐ refresh in the
//!     ▲                                            │    │               └───┘ background
//!     │   block over            no such key, or    │    └─▶ retry once after a back-off
//!     └───────────── blocked ◀─────────────────────┘
//!                                failed
//! ```
//! There is one entry for a key, and one fetch in an entry, so a key is never fetched twice at a time.
//! A fetch belongs to the store: requests come and go without touching it.

mod answer;
mod entry;
mod pem;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

pub use answer::{FetchFailure, FetchResult};
pub use pem::{MAX_PEM_BYTES, PublicKey};

use crate::alb::KeyEndpoint;
use crate::config::KeyLimits;
use crate::reason::Rejection;
use crate::time::UnixTime;
use crate::token::KeyId;
use entry::{Attempt, Block, Entry, Fetch, Held};

/// Which key: an index of the configuration's key endpoints, and the `kid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRef {
    /// Index of the endpoint.
    pub endpoint: usize,
    /// The key id.
    pub kid: KeyId,
}

/// A request that may wait: Envoy's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u32);

/// One attempt of one fetch. A late answer to an earlier attempt is told apart by the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId {
    /// The key that is fetched.
    pub key: KeyRef,
    number: u64,
}

/// The answer to [`KeyStore::acquire`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// Here is the key.
    Ready(Rc<PublicKey>),
    /// The request waits; [`KeyStore::poll_answer`] will name it.
    Waiting,
    /// [`Rejection::UnknownKey`], `KeyUnavailable` or `Overloaded`.
    Refused(Rejection),
}

/// What became of a whole fetch, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The key that was fetched.
    pub key: KeyRef,
    /// What the last attempt brought.
    pub result: Result<(), FetchFailure>,
    /// From the first attempt to the end.
    pub took: Duration,
}

/// Tokens of waiting requests, together: what a flood can make the VM hold.
const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Entries that hold nothing but "not before …". Under a flood of random key ids the soonest over
/// leave first; each costs under 300 bytes.
const MAX_BLOCKED: usize = 4096;

/// Envoy's callout timeout may not fire (Kuadrant/wasm-shim #425), so an attempt ends by our own clock
/// this much later.
const DEADLINE_GRACE: Duration = Duration::from_millis(250);

/// Before the one retry: enough for a stale keep-alive connection to be replaced.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How long a failure counts towards the next back-off.
const FAILURE_MEMORY: Duration = Duration::from_secs(60);

/// The keys, fetches and waiting requests of one plugin in one worker.
pub struct KeyStore {
    limits: KeyLimits,
    endpoints: Vec<KeyEndpoint>,
    entries: BTreeMap<KeyRef, Entry>,
    waiters: BTreeMap<StreamId, Waiter>,
    deadlines: BTreeSet<(UnixTime, StreamId)>,
    waiting_bytes: usize,
    queued: BTreeSet<KeyRef>,
    fetching: BTreeSet<KeyRef>,
    blocked: BTreeSet<(UnixTime, KeyRef)>,
    held: usize,
    next_number: u64,
    answers: VecDeque<(StreamId, Result<Rc<PublicKey>, Rejection>)>,
    outcomes: VecDeque<Outcome>,
    dropped: VecDeque<Rc<PublicKey>>,
}

struct Waiter {
    key: KeyRef,
    deadline: UnixTime,
    bytes: usize,
}

impl KeyStore {
    /// An empty store for these endpoints.
    pub fn new(limits: KeyLimits, endpoints: Vec<KeyEndpoint>) -> Self {
        Self {
            limits,
            endpoints,
            entries: BTreeMap::new(),
            waiters: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            waiting_bytes: 0,
            queued: BTreeSet::new(),
            fetching: BTreeSet::new(),
            blocked: BTreeSet::new(),
            held: 0,
            next_number: 0,
            answers: VecDeque::new(),
            outcomes: VecDeque::new(),
            dropped: VecDeque::new(),
        }
    }

    /// Takes over the public keys of an earlier configuration, where the endpoint is still in use.
    /// Nothing else outlives a configuration.
    pub fn adopt_keys(&mut self, earlier: &Self) {
        for (key, entry) in &earlier.entries {
            let endpoint = earlier.endpoints.get(key.endpoint);
            let same = self.endpoints.iter().position(|own| Some(own) == endpoint);
            if let (Some(endpoint), Some(held)) = (same, &entry.held) {
                let adopted = KeyRef {
                    endpoint,
                    kid: key.kid,
                };
                self.entries.entry(adopted).or_default().held = Some(held.clone());
            }
        }
        self.held = self
            .entries
            .values()
            .filter(|entry| entry.held.is_some())
            .count();
        while self.held > self.limits.max_keys && self.evict_key(None) {}
        self.dropped.clear();
    }

    /// The endpoint of a key.
    pub fn endpoint(&self, key: KeyRef) -> Option<&KeyEndpoint> {
        self.endpoints.get(key.endpoint)
    }

    /// Asks for a key on behalf of a request whose token has `token_bytes`.
    #[must_use]
    pub fn acquire(
        &mut self,
        key: KeyRef,
        stream: StreamId,
        token_bytes: usize,
        now: UnixTime,
    ) -> Lookup {
        if let Some(held) = self.use_held(key, now) {
            return Lookup::Ready(held);
        }
        if let Some(block) = self.entries.get(&key).and_then(|entry| entry.block_at(now)) {
            return Lookup::Refused(block.rejection());
        }
        let bytes = self.waiting_bytes.saturating_add(token_bytes);
        if self.waiters.len() >= self.limits.max_waiting_requests || bytes > MAX_WAITING_BYTES {
            return Lookup::Refused(Rejection::Overloaded);
        }
        self.wait(key, stream, token_bytes, now);
        Lookup::Waiting
    }

    /// The held key if it may still be used; a refresh is asked for where it is due.
    fn use_held(&mut self, key: KeyRef, now: UnixTime) -> Option<Rc<PublicKey>> {
        let entry = self.entries.get_mut(&key)?;
        let held = entry.held.as_mut()?;
        if now >= held.usable_until(&self.limits) {
            return None;
        }
        held.last_used = now;
        let public_key = Rc::clone(&held.key);
        let due = now >= held.fetched_at.plus(self.limits.refresh_interval);
        if due && entry.fetch.is_none() && entry.block_at(now).is_none() {
            entry.fetch = Some(Fetch::refresh(now));
            self.fetching.insert(key);
        }
        Some(public_key)
    }

    fn wait(&mut self, key: KeyRef, stream: StreamId, bytes: usize, now: UnixTime) {
        let deadline = now.plus(self.limits.max_wait);
        let number = self.take_number();
        let entry = self.entries.entry(key).or_default();
        if entry.waiters.is_empty() && entry.fetch.is_none() {
            entry.queued_as = number;
            self.queued.insert(key);
        }
        entry.waiters.insert(stream);
        self.waiters.insert(
            stream,
            Waiter {
                key,
                deadline,
                bytes,
            },
        );
        self.deadlines.insert((deadline, stream));
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes);
    }

    /// The key verified a token: it is a real one, and is kept before keys that never did.
    pub fn handle_verified(&mut self, key: KeyRef) {
        if let Some(held) = self
            .entries
            .get_mut(&key)
            .and_then(|entry| entry.held.as_mut())
        {
            held.is_proven = true;
        }
    }

    /// A waiting request has gone. Its fetch goes on if it is under way.
    pub fn handle_gone(&mut self, stream: StreamId) {
        let Some(waiter) = self.remove_waiter(stream) else {
            return;
        };
        let nobody_waits = self
            .entries
            .get(&waiter.key)
            .is_some_and(|entry| entry.waiters.is_empty());
        if nobody_waits && self.queued.remove(&waiter.key) {
            self.remove_if_empty(waiter.key);
        }
    }

    fn remove_waiter(&mut self, stream: StreamId) -> Option<Waiter> {
        let waiter = self.waiters.remove(&stream)?;
        self.deadlines.remove(&(waiter.deadline, stream));
        self.waiting_bytes = self.waiting_bytes.saturating_sub(waiter.bytes);
        if let Some(entry) = self.entries.get_mut(&waiter.key) {
            entry.waiters.remove(&stream);
        }
        Some(waiter)
    }

    /// An attempt brought this. Late answers change nothing.
    pub fn handle_result(&mut self, attempt: AttemptId, result: FetchResult, now: UnixTime) {
        let key = attempt.key;
        let Some(fetch) = self
            .entries
            .get_mut(&key)
            .and_then(|entry| entry.fetch.as_mut())
        else {
            return;
        };
        if !fetch.is_attempt(attempt.number) {
            return;
        }
        if let FetchResult::Failed(failure) = &result
            && failure.is_worth_a_retry()
            && fetch.retry_at(now.plus(RETRY_AFTER))
        {
            return;
        }
        let took = now.since(fetch.started);
        self.finish_fetch(key, result, took, now);
    }

    fn finish_fetch(&mut self, key: KeyRef, result: FetchResult, took: Duration, now: UnixTime) {
        self.fetching.remove(&key);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.fetch = None;
        }
        let (answer, result) = match result {
            FetchResult::Key(public_key) => (Ok(self.hold(key, public_key, now)), Ok(())),
            FetchResult::Failed(failure @ FetchFailure::NotFound(_)) => {
                self.note_not_found(key, now);
                (Err(Rejection::UnknownKey), Err(failure))
            }
            FetchResult::Failed(failure) => {
                self.note_failure(key, now);
                (Err(Rejection::KeyUnavailable), Err(failure))
            }
        };
        self.outcomes.push_back(Outcome { key, result, took });
        self.answer_waiters(key, &answer);
        self.remove_if_empty(key);
    }

    fn answer_waiters(&mut self, key: KeyRef, answer: &Result<Rc<PublicKey>, Rejection>) {
        let waiters = self
            .entries
            .get_mut(&key)
            .map(|entry| std::mem::take(&mut entry.waiters));
        for stream in waiters.into_iter().flatten() {
            self.remove_waiter(stream);
            self.answers.push_back((stream, answer.clone()));
        }
    }

    /// Keeps a fetched key. The same bytes keep their identity (and so what they verified); other
    /// bytes under the same `kid` are another key, and what the old one verified goes.
    fn hold(&mut self, key: KeyRef, public_key: PublicKey, now: UnixTime) -> Rc<PublicKey> {
        self.unblock(key);
        let entry = self.entries.entry(key).or_default();
        entry.failures = 0;
        if let Some(held) = entry.held.as_mut().filter(|held| *held.key == public_key) {
            held.fetched_at = now;
            held.not_found_at = None;
            return Rc::clone(&held.key);
        }
        let public_key = Rc::new(public_key);
        match entry.held.replace(Held::new(Rc::clone(&public_key), now)) {
            Some(replaced) => self.dropped.push_back(replaced.key),
            None => self.held = self.held.saturating_add(1),
        }
        if self.held > self.limits.max_keys {
            self.evict_key(Some(key));
        }
        public_key
    }

    /// Keys that never verified a token go first, then the least recently used; never `newest`, so that
    /// a rotated key always gets in.
    fn evict_key(&mut self, newest: Option<KeyRef>) -> bool {
        let candidates = self.entries.iter().filter(|(key, _)| Some(**key) != newest);
        let worst = candidates
            .filter_map(|(key, entry)| Some((entry.held.as_ref()?, *key)))
            .min_by_key(|(held, _)| (held.is_proven, held.last_used))
            .map(|(_, key)| key);
        if let Some(key) = worst {
            self.drop_key(key);
        }
        worst.is_some()
    }

    fn drop_key(&mut self, key: KeyRef) {
        if let Some(held) = self
            .entries
            .get_mut(&key)
            .and_then(|entry| entry.held.take())
        {
            self.held = self.held.saturating_sub(1);
            self.dropped.push_back(held.key);
        }
        self.remove_if_empty(key);
    }

    /// One stray 403 of a firewall must log nobody out, so a key that verified a token goes only when
    /// a second such answer, `negativeTtl` later at the earliest, says the same.
    fn note_not_found(&mut self, key: KeyRef, now: UnixTime) {
        let ttl = self.limits.negative_ttl;
        let usable_until = self.entries.get(&key).and_then(|entry| entry.held.as_ref());
        let is_usable = usable_until.is_some_and(|held| now < held.usable_until(&self.limits));
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.failures = 0;
        if let Some(held) = entry.held.as_mut() {
            let said_before = held
                .not_found_at
                .is_some_and(|first| now >= first.plus(ttl));
            if is_usable && held.is_proven && !said_before {
                held.not_found_at.get_or_insert(now);
            } else {
                self.drop_key(key);
            }
        }
        self.block(key, Block::not_found(now.plus(ttl)));
    }

    fn note_failure(&mut self, key: KeyRef, now: UnixTime) {
        let entry = self.entries.entry(key).or_default();
        entry.failures = entry.failures.saturating_add(1);
        let block = Block::failed(now, entry.failures);
        self.block(key, block);
    }

    fn block(&mut self, key: KeyRef, block: Block) {
        self.unblock(key);
        self.blocked.insert((block.until(), key));
        self.entries.entry(key).or_default().block = Some(block);
        while self.blocked.len() > MAX_BLOCKED {
            let Some((_, soonest)) = self.blocked.pop_first() else {
                break;
            };
            if let Some(entry) = self.entries.get_mut(&soonest) {
                entry.block = None;
            }
            self.remove_if_empty(soonest);
        }
    }

    fn unblock(&mut self, key: KeyRef) {
        let block = self
            .entries
            .get_mut(&key)
            .and_then(|entry| entry.block.take());
        if let Some(block) = block {
            self.blocked.remove(&(block.until(), key));
        }
    }

    fn remove_if_empty(&mut self, key: KeyRef) {
        if self.entries.get(&key).is_some_and(Entry::is_empty) {
            self.entries.remove(&key);
        }
    }

    /// Ends what is overdue: attempts, waits, and blocks that no longer matter.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        let overdue: Vec<AttemptId> = self
            .fetching
            .iter()
            .filter_map(|key| {
                let number = self
                    .entries
                    .get(key)?
                    .fetch
                    .as_ref()?
                    .overdue_attempt(now)?;
                Some(AttemptId { key: *key, number })
            })
            .collect();
        for attempt in overdue {
            self.handle_result(attempt, FetchResult::Failed(FetchFailure::Timeout), now);
        }
        while let Some((deadline, stream)) = self.deadlines.first().copied() {
            if deadline > now {
                break;
            }
            self.handle_gone(stream);
            self.answers
                .push_back((stream, Err(Rejection::KeyUnavailable)));
        }
        while let Some((until, key)) = self.blocked.first().copied() {
            if until.plus(FAILURE_MEMORY) > now {
                break;
            }
            self.unblock(key);
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.failures = 0;
            }
            self.remove_if_empty(key);
        }
    }

    /// The next attempt to dispatch. May change after `acquire`, `handle_result` and
    /// `handle_timeout`. Each answer is an attempt that counts as dispatched: its result must come back
    /// by [`KeyStore::handle_result`], a failure to dispatch included.
    #[must_use]
    pub fn poll_fetch(&mut self, now: UnixTime) -> Option<AttemptId> {
        let key = self.next_due(now).or_else(|| self.next_queued(now))?;
        let number = self.take_number();
        let deadline = now.plus(self.limits.fetch_timeout).plus(DEADLINE_GRACE);
        let fetch = self.entries.get_mut(&key)?.fetch.as_mut()?;
        fetch.attempt = Attempt::Dispatched { number, deadline };
        Some(AttemptId { key, number })
    }

    /// A refresh that was asked for, or a retry whose time has come.
    fn next_due(&self, now: UnixTime) -> Option<KeyRef> {
        let is_due = |key: &&KeyRef| {
            let fetch = self.entries.get(key).and_then(|entry| entry.fetch.as_ref());
            fetch.and_then(Fetch::due_at).is_some_and(|due| due <= now)
        };
        self.fetching.iter().find(is_due).copied()
    }

    /// Of the queued keys with a free slot, the one that most requests wait for, then the oldest: a
    /// flood of random key ids can't starve a real one.
    fn next_queued(&mut self, now: UnixTime) -> Option<KeyRef> {
        if self.queued.is_empty() {
            return None;
        }
        let mut busy = vec![0_usize; self.endpoints.len()];
        for key in &self.fetching {
            let is_first = self.entries.get(key).is_some_and(Entry::is_first_fetch);
            if let Some(count) = busy.get_mut(key.endpoint).filter(|_| is_first) {
                *count = count.saturating_add(1);
            }
        }
        let most = self.limits.max_pending_fetches;
        if busy.iter().all(|count| *count >= most) {
            return None;
        }
        let has_slot = |key: &&KeyRef| busy.get(key.endpoint).is_some_and(|count| *count < most);
        let key = self
            .queued
            .iter()
            .filter(has_slot)
            .filter_map(|key| Some((self.entries.get(key)?, *key)))
            .max_by_key(|(entry, _)| (entry.waiters.len(), std::cmp::Reverse(entry.queued_as)))
            .map(|(_, key)| key)?;
        self.queued.remove(&key);
        self.fetching.insert(key);
        self.entries.get_mut(&key)?.fetch = Some(Fetch::first(now));
        Some(key)
    }

    /// The next request that is no longer waiting. May change after `handle_result` and
    /// `handle_timeout`.
    #[must_use]
    pub fn poll_answer(&mut self) -> Option<(StreamId, Result<Rc<PublicKey>, Rejection>)> {
        self.answers.pop_front()
    }

    /// The next finished fetch. May change after `handle_result` and `handle_timeout`.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<Outcome> {
        self.outcomes.pop_front()
    }

    /// The next key that went. May change after `handle_result` and `handle_timeout`.
    #[must_use]
    pub fn poll_dropped(&mut self) -> Option<Rc<PublicKey>> {
        self.dropped.pop_front()
    }

    /// When `handle_timeout` and `poll_fetch` must be called next; `None` while nothing is under way.
    /// May change after every other call.
    #[must_use]
    pub fn poll_wakeup(&self) -> Option<UnixTime> {
        let fetches = self.fetching.iter().filter_map(|key| {
            let fetch = self.entries.get(key)?.fetch.as_ref()?;
            fetch.due_at().or_else(|| fetch.deadline())
        });
        let waits = self.deadlines.first().map(|(deadline, _)| *deadline);
        fetches.chain(waits).min()
    }

    /// Keys held.
    pub fn key_count(&self) -> usize {
        self.held
    }

    /// Requests waiting.
    pub fn waiting_count(&self) -> usize {
        self.waiters.len()
    }

    fn take_number(&mut self) -> u64 {
        self.next_number = self.next_number.wrapping_add(1);
        self.next_number
    }
}

#[cfg(test)]
mod tests;
