//! The store itself: see the module above for its contract.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::entry::{Attempt, Entry, Fetch, Held};
use super::waiting::Waiting;
use super::{
    Answer, AttemptId, FetchFailure, FetchResult, KeyRef, Lookup, Outcome, PublicKey, StreamId,
};
use crate::alb::KeyEndpoint;
use crate::config::KeyLimits;
use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

/// Entries that hold nothing but "not before …", beside those in use. Under a flood of random key ids
/// the soonest over leave first; each costs under 300 bytes.
pub(super) const MAX_IDLE: usize = 4096;

/// Envoy's callout timeout may not fire (Kuadrant/wasm-shim #425), so an attempt ends by our own clock
/// this much later.
pub(super) const DEADLINE_GRACE: Duration = Duration::from_millis(250);

/// Before the one retry: enough for a stale keep-alive connection to be replaced.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How often entries that no longer matter are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// The keys, fetches and waiting requests of one plugin in one worker.
pub struct KeyStore {
    pub(super) limits: KeyLimits,
    pub(super) endpoints: Vec<KeyEndpoint>,
    pub(super) entries: HashMap<KeyRef, Entry>,
    waiting: Waiting,
    /// Keys that wait for a slot, with a number that says which was asked for first. A map: thousands of
    /// requests may leave at once, each the last that waited for its key.
    pub(super) queued: HashMap<KeyRef, u64>,
    /// Keys with a fetch under way.
    fetching: Vec<KeyRef>,
    held: usize,
    last_number: u64,
    last_sweep: Span,
    answers: VecDeque<(StreamId, Answer)>,
    outcomes: VecDeque<Outcome>,
    dropped: VecDeque<Rc<PublicKey>>,
}

impl KeyStore {
    /// An empty store for these endpoints.
    pub fn new(limits: KeyLimits, endpoints: Vec<KeyEndpoint>) -> Self {
        Self {
            waiting: Waiting::new(limits.max_waiting_requests, limits.max_wait),
            limits,
            endpoints,
            entries: HashMap::new(),
            queued: HashMap::new(),
            fetching: Vec::new(),
            held: 0,
            last_number: 0,
            last_sweep: Span::new(UnixTime::from_millis(0), SWEEP_INTERVAL),
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

    /// Asks for a key on behalf of a request that holds `bytes` while it waits.
    #[must_use]
    pub fn acquire(
        &mut self,
        key: KeyRef,
        stream: StreamId,
        bytes: usize,
        now: UnixTime,
    ) -> Lookup {
        if let Some(held) = self.use_held(key, now) {
            return Lookup::Ready(held);
        }
        if let Some(block) = self.entries.get(&key).and_then(|entry| entry.block_at(now)) {
            return Lookup::Refused(block.rejection());
        }
        if !self.waiting.has_room_for(bytes) {
            return Lookup::Refused(Rejection::Overloaded);
        }
        let number = self.new_number();
        let entry = self.entries.entry(key).or_default();
        if entry.waiting == 0 && entry.fetch.is_none() {
            self.queued.insert(key, number);
        }
        entry.waiting = entry.waiting.saturating_add(1);
        self.waiting.insert(stream, key, bytes, now);
        Lookup::Waiting
    }

    /// The held key if it may still be used; a refresh is asked for where it is due.
    fn use_held(&mut self, key: KeyRef, now: UnixTime) -> Option<Rc<PublicKey>> {
        let entry = self.entries.get_mut(&key)?;
        let held = entry.held.as_mut()?;
        if !held.is_usable(&self.limits, now) {
            return None;
        }
        held.last_used = now;
        let public_key = Rc::clone(&held.key);
        if held.is_due(&self.limits, now) && entry.fetch.is_none() && entry.block_at(now).is_none()
        {
            entry.fetch = Some(Fetch::refresh(now));
            self.fetching.push(key);
        }
        Some(public_key)
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
        let Some(key) = self.waiting.remove(stream) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.waiting = entry.waiting.saturating_sub(1);
        if entry.waiting == 0 {
            self.queued.remove(&key);
            self.remove_if_empty(key);
        }
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
            && fetch.retry_after(Span::new(now, RETRY_AFTER))
        {
            return;
        }
        let took = now.since(fetch.started);
        self.finish_fetch(key, result, took, now);
    }

    fn finish_fetch(&mut self, key: KeyRef, result: FetchResult, took: Duration, now: UnixTime) {
        self.fetching.retain(|fetching| *fetching != key);
        let entry = self.entries.entry(key).or_default();
        entry.fetch = None;
        let (answer, result) = match result {
            FetchResult::Key(public_key) => (Ok(self.hold(key, public_key, now)), Ok(())),
            FetchResult::Failed(failure @ FetchFailure::NotFound(_)) => {
                self.note_not_found(key, now);
                (Err(Rejection::UnknownKey), Err(failure))
            }
            FetchResult::Failed(failure) => {
                entry.note_failure(now);
                (Err(Rejection::KeyUnavailable), Err(failure))
            }
        };
        self.outcomes.push_back(Outcome { key, result, took });
        for stream in self.waiting.of_key(key) {
            self.handle_gone(stream);
            self.answers.push_back((stream, answer.clone()));
        }
        self.bound_entries();
    }

    /// Keeps a fetched key. The same bytes keep their identity (and so what they verified); other
    /// bytes under the same `kid` are another key, and what the old one verified goes.
    fn hold(&mut self, key: KeyRef, public_key: PublicKey, now: UnixTime) -> Rc<PublicKey> {
        let entry = self.entries.entry(key).or_default();
        entry.block = None;
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
    /// a rotated key always gets in. `false`: there is no key to evict.
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
        let entry = self.entries.entry(key).or_default();
        entry.note_not_found(now, ttl);
        let Some(held) = entry.held.as_mut() else {
            return;
        };
        let said_before = held
            .not_found_at
            .is_some_and(|first| Span::new(first, ttl).is_over(now));
        if held.is_proven && !said_before && held.is_usable(&self.limits, now) {
            held.not_found_at.get_or_insert(now);
        } else {
            self.drop_key(key);
        }
    }

    /// Keeps [`MAX_IDLE`] entries beside those that hold a key or are waited for.
    fn bound_entries(&mut self) {
        let in_use = self
            .limits
            .max_keys
            .saturating_add(self.limits.max_waiting_requests);
        if self.entries.len() <= in_use.saturating_add(MAX_IDLE) {
            return;
        }
        let idle = self.entries.iter().filter(|(_, entry)| entry.is_idle());
        let soonest = idle
            .min_by_key(|(_, entry)| entry.blocked_until())
            .map(|(key, _)| *key);
        if let Some(key) = soonest {
            self.entries.remove(&key);
        }
    }

    fn remove_if_empty(&mut self, key: KeyRef) {
        if self.entries.get(&key).is_some_and(Entry::is_empty) {
            self.entries.remove(&key);
        }
    }

    /// Ends what is overdue: attempts, waits, and blocks that no longer matter.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        for key in self.fetching.clone() {
            let fetch = self
                .entries
                .get(&key)
                .and_then(|entry| entry.fetch.as_ref());
            if let Some(number) = fetch.and_then(|fetch| fetch.overdue_attempt(now)) {
                let result = FetchResult::Failed(FetchFailure::Timeout);
                self.handle_result(AttemptId { key, number }, result, now);
            }
        }
        for stream in self.waiting.overdue(now) {
            self.handle_gone(stream);
            self.answers
                .push_back((stream, Err(Rejection::KeyUnavailable)));
        }
        if self.last_sweep.is_over(now) {
            self.entries.retain(|_, entry| !entry.is_stale(now));
            self.last_sweep = Span::new(now, SWEEP_INTERVAL);
        }
    }

    /// The next attempt to dispatch. May change after `acquire`, `handle_result` and
    /// `handle_timeout`. Each answer is an attempt that counts as dispatched: its result must come back
    /// by [`KeyStore::handle_result`], a failure to dispatch included.
    #[must_use]
    pub fn poll_fetch(&mut self, now: UnixTime) -> Option<AttemptId> {
        let key = self.next_due(now).or_else(|| self.next_queued(now))?;
        let number = self.new_number();
        let patience = self.limits.fetch_timeout.saturating_add(DEADLINE_GRACE);
        let fetch = self.entries.get_mut(&key)?.fetch.as_mut()?;
        fetch.attempt = Attempt::Dispatched {
            number,
            wait: Span::new(now, patience),
        };
        Some(AttemptId { key, number })
    }

    fn new_number(&mut self) -> u64 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// A refresh that was asked for, or a retry whose time has come.
    fn next_due(&self, now: UnixTime) -> Option<KeyRef> {
        let is_due = |key: &&KeyRef| {
            let fetch = self.entries.get(key).and_then(|entry| entry.fetch.as_ref());
            fetch.is_some_and(|fetch| fetch.is_due(now))
        };
        self.fetching.iter().find(is_due).copied()
    }

    /// Of the queued keys with a free slot, the one that most requests wait for, then the oldest: a
    /// flood of random key ids can't starve a real one.
    fn next_queued(&mut self, now: UnixTime) -> Option<KeyRef> {
        let most = self.limits.max_pending_fetches;
        let busy = self.busy_slots();
        if self.queued.is_empty() || busy.iter().all(|count| *count >= most) {
            return None;
        }
        let has_slot = |key: &KeyRef| busy.get(key.endpoint).is_some_and(|count| *count < most);
        let waiting = |key: &KeyRef| self.entries.get(key).map_or(0, |entry| entry.waiting);
        let candidates = self.queued.iter().filter(|(key, _)| has_slot(key));
        let (key, _) = candidates.max_by_key(|(key, number)| (waiting(key), Reverse(**number)))?;
        let key = *key;
        self.queued.remove(&key);
        self.fetching.push(key);
        self.entries.entry(key).or_default().fetch = Some(Fetch::first(now));
        Some(key)
    }

    /// First fetches under way, by endpoint.
    fn busy_slots(&self) -> Vec<usize> {
        let mut busy = vec![0_usize; self.endpoints.len()];
        for key in &self.fetching {
            let is_first = self.entries.get(key).is_some_and(Entry::is_first_fetch);
            if let Some(count) = busy.get_mut(key.endpoint).filter(|_| is_first) {
                *count = count.saturating_add(1);
            }
        }
        busy
    }

    /// The next request that is no longer waiting. May change after `handle_result` and
    /// `handle_timeout`.
    #[must_use]
    pub fn poll_answer(&mut self) -> Option<(StreamId, Answer)> {
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
    /// May change after every other call. A request that begins to wait wants `poll_fetch` at once.
    #[must_use]
    pub fn poll_wakeup(&self) -> Option<UnixTime> {
        let fetches = self.fetching.iter().filter_map(|key| {
            let fetch = self.entries.get(key)?.fetch.as_ref();
            fetch.map(Fetch::next_time)
        });
        fetches.chain(self.waiting.next_deadline()).min()
    }

    /// Keys held.
    pub fn key_count(&self) -> usize {
        self.held
    }

    /// Requests waiting.
    pub fn waiting_count(&self) -> usize {
        self.waiting.len()
    }
}
