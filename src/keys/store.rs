//! The store itself: see the module above for its contract.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::answers::{Answers, BATCH};
use super::entry::Entry;
use super::fetch::Fetch;
use super::sets::KeySets;
use super::slots::Slots;
use super::waiters::{Answered, Left, Room, Waiters};
use super::{
    Answer, AttemptId, AttemptResult, FetchFailure, FetchOutcome, FetchTarget, KeyRef, Lookup,
    PublicKey, RsaPublicKey, StreamId,
};
use crate::key_source::{KeyLimits, KeySetSource, KeySource, SourceId};
use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

/// Envoy's callout timeout may not fire (Kuadrant/wasm-shim #425), so an attempt ends by our own clock
/// this much later.
pub(super) const DEADLINE_GRACE: Duration = Duration::from_millis(250);

/// How often entries that no longer matter are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10);

/// The keys, fetches and waiting requests of one plugin in one worker.
pub struct KeyStore {
    pub(super) limits: KeyLimits,
    pub(super) entries: HashMap<KeyRef, Entry>,
    pub(super) key_count: usize,
    pub(super) dropped: VecDeque<Rc<PublicKey>>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) sets: KeySets,
    pub(super) dropped_set_keys: VecDeque<Rc<RsaPublicKey>>,
    pub(super) waiters: Waiters,
    pub(super) slots: Slots,
    answers: Answers,
    pub(super) outcomes: VecDeque<FetchOutcome>,
    last_attempt: u64,
    last_sweep: Span,
}

pub(super) struct Endpoint {
    address: KeySource,
    /// Keys that it has served.
    pub(super) served: u64,
}

impl KeyStore {
    /// An empty store for these endpoints, without key sets.
    pub fn new(limits: KeyLimits, endpoints: Vec<KeySource>) -> Self {
        Self::with_key_sets(limits, endpoints, Vec::new())
    }

    /// An empty store for these endpoints and key sets.
    pub fn with_key_sets(
        limits: KeyLimits,
        endpoints: Vec<KeySource>,
        key_sets: Vec<KeySetSource>,
    ) -> Self {
        let endpoint = |address| Endpoint { address, served: 0 };
        Self {
            waiters: Waiters::new(
                endpoints.len(),
                key_sets.len(),
                limits.max_waiting_requests,
                limits.max_wait,
            ),
            slots: Slots::new(endpoints.len(), limits.max_pending_fetches),
            limits,
            endpoints: endpoints.into_iter().map(endpoint).collect(),
            sets: KeySets::new(key_sets),
            dropped_set_keys: VecDeque::new(),
            entries: HashMap::new(),
            key_count: 0,
            answers: Answers::default(),
            outcomes: VecDeque::new(),
            dropped: VecDeque::new(),
            last_attempt: 0,
            last_sweep: Span::new(UnixTime::from_millis(0), SWEEP_INTERVAL),
        }
    }

    /// Takes over the public keys of an earlier configuration, if the endpoint is still in use.
    /// Nothing else outlives a configuration.
    pub fn adopt_keys(&mut self, earlier: &Self) {
        for (key, entry) in &earlier.entries {
            let address = earlier.source(*key);
            let same = self
                .endpoints
                .iter()
                .position(|own| Some(&own.address) == address);
            if let (Some(endpoint), Some(cached)) = (same, entry.key()) {
                let adopted = KeyRef {
                    source: SourceId(endpoint),
                    kid: key.kid,
                };
                let replaced = self
                    .entries
                    .insert(adopted, Entry::with_key(cached.adopted()));
                if replaced.is_none_or(|entry| entry.key().is_none()) {
                    self.key_count = self.key_count.saturating_add(1);
                }
            }
        }
        while self.key_count > self.limits.max_keys && self.evict_key(None) {}
        self.dropped.clear();
        self.sets.adopt(&earlier.sets);
    }

    /// A newer configuration has taken over: nothing is fetched any more unless a request needs it.
    pub fn stop_first_fetches(&mut self) {
        self.sets.stop_first_fetches();
    }

    /// Whether the store still has this very key.
    pub fn holds(&self, key: KeyRef, public_key: &Rc<PublicKey>) -> bool {
        let cached = self.entries.get(&key).and_then(Entry::key);
        cached.is_some_and(|cached| Rc::ptr_eq(&cached.key, public_key))
    }

    /// Where a key is fetched.
    pub fn source(&self, key: KeyRef) -> Option<&KeySource> {
        let endpoint = self.endpoints.get(key.source.0)?;
        Some(&endpoint.address)
    }

    /// Asks for a key on behalf of a request that retains `bytes` while it waits.
    #[must_use]
    pub fn acquire(
        &mut self,
        key: KeyRef,
        stream: StreamId,
        bytes: usize,
        now: UnixTime,
    ) -> Lookup {
        if let Some(cached) = self.use_cached(key, now) {
            return Lookup::Ready(cached);
        }
        let entry = self.entries.get(&key);
        if let Some(rejection) = entry.and_then(|entry| entry.rejection_at(now)) {
            return Lookup::Rejected(rejection);
        }
        if !self.make_room(FetchTarget::Key(key), bytes) {
            return Lookup::Rejected(Rejection::Overloaded);
        }
        self.entries.entry(key).or_default().queue();
        let target = FetchTarget::Key(key);
        self.waiters.insert(stream, target, bytes, now);
        Lookup::Pending
    }

    /// The cached key if it may still be used; a refresh starts if one is due.
    fn use_cached(&mut self, key: KeyRef, now: UnixTime) -> Option<Rc<PublicKey>> {
        let entry = self.entries.get_mut(&key)?;
        let cached = entry.key_mut()?;
        if !cached.is_usable(&self.limits, now) {
            return None;
        }
        cached.last_used = now;
        let public_key = Rc::clone(&cached.key);
        if entry.wants_refresh(&self.limits, now) {
            entry.start(Fetch::new(now));
            self.slots.start_refresh(key);
        }
        Some(public_key)
    }

    /// Whether a request for `target` may wait. If the room is full, the longest-waiting requests of the keys that
    /// fewest wait for make place: a flood of invented key ids can't keep a real one out. Requests that are
    /// answered and not yet resumed count too, so at most a batch of them may be made so.
    pub(super) fn make_room(&mut self, target: FetchTarget, bytes: usize) -> bool {
        let answered = Answered {
            number: self.answers.len(),
            bytes: self.answers.bytes(),
        };
        let most_victims = BATCH.saturating_sub(answered.number);
        let room = self.waiters.room_for(target, bytes, answered, most_victims);
        match room {
            Room::Free => true,
            Room::Full => {
                self.waiters.record_full(target);
                false
            }
            Room::InPlaceOf(streams) => {
                for stream in streams {
                    self.reject(stream, Rejection::Overloaded);
                }
                true
            }
        }
    }

    /// The key verified a token: it is a real one, and is kept before keys that never did.
    /// A key that was replaced meanwhile proves nothing about the one that has its key id now.
    pub fn handle_verified(&mut self, key: KeyRef, public_key: &Rc<PublicKey>) {
        let cached = self.entries.get_mut(&key).and_then(Entry::key_mut);
        if let Some(cached) = cached.filter(|cached| Rc::ptr_eq(&cached.key, public_key)) {
            cached.is_proven = true;
        }
    }

    /// A waiting request has gone. Its fetch goes on if it is under way.
    pub fn handle_cancelled(&mut self, stream: StreamId) {
        self.stop_waiting(stream);
        let _ = self.answers.remove(stream);
    }

    /// Takes a request from the waiters.
    fn stop_waiting(&mut self, stream: StreamId) -> Option<Left> {
        let left = self.waiters.remove(stream)?;
        if let FetchTarget::Key(key) = left.target
            && left.was_last
            && let Some(entry) = self.entries.get_mut(&key)
        {
            entry.unqueue();
            self.remove_if_empty(key);
        }
        Some(left)
    }

    pub(super) fn answer(&mut self, stream: StreamId, answer: Answer) {
        if let Some(left) = self.stop_waiting(stream) {
            self.answers.push(stream, answer, left.bytes);
        }
    }

    fn reject(&mut self, stream: StreamId, rejection: Rejection) {
        if let Some(left) = self.stop_waiting(stream) {
            let answer = Answer::rejected(left.target, rejection);
            self.answers.push(stream, answer, left.bytes);
        }
    }

    /// An attempt brought this, in a callback of the host. Late results change nothing.
    pub fn handle_result(&mut self, attempt: AttemptId, result: AttemptResult, now: UnixTime) {
        self.answers.start_batch();
        self.take_result(attempt, result, now);
    }

    /// An attempt of this callback's own drain could not be dispatched: no callback of its own, so no
    /// batch of its own either.
    pub fn handle_dispatch_failure(
        &mut self,
        attempt: AttemptId,
        failure: FetchFailure,
        now: UnixTime,
    ) {
        self.take_result(attempt, AttemptResult::Failed(failure), now);
    }

    /// Ends what is overdue: attempts, waits, and back-offs that no longer matter. A callback of the host.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        self.answers.start_batch();
        let running: Vec<KeyRef> = self.slots.running().collect();
        for key in running {
            let fetch = self.entries.get(&key).and_then(Entry::running);
            if let Some(number) = fetch.and_then(|fetch| fetch.overdue_attempt(now)) {
                self.time_out(FetchTarget::Key(key), number, now);
            }
        }
        for (set, number) in self.sets.overdue(now) {
            self.time_out(FetchTarget::KeySet(set), number, now);
        }
        for stream in self.waiters.overdue(now) {
            self.reject(stream, Rejection::KeyUnavailable);
        }
        self.sets.handle_tick(now);
        if self.last_sweep.is_over(now) {
            self.entries.retain(|_, entry| !entry.is_stale(now));
            self.last_sweep = Span::new(now, SWEEP_INTERVAL);
        }
    }

    fn time_out(&mut self, target: FetchTarget, number: u64, now: UnixTime) {
        let result = AttemptResult::Failed(FetchFailure::Timeout);
        self.take_result(AttemptId { target, number }, result, now);
    }

    /// The next attempt to dispatch. May change after `acquire`, `handle_result` and
    /// `handle_timeout`. Each response is an attempt that counts as dispatched: its result must come back
    /// by [`KeyStore::handle_result`], or by [`KeyStore::handle_dispatch_failure`].
    #[must_use]
    pub fn poll_fetch(&mut self, now: UnixTime) -> Option<AttemptId> {
        let patience = self.limits.fetch_timeout.saturating_add(DEADLINE_GRACE);
        let number = self.last_attempt.wrapping_add(1);
        let target = if let Some((set, fetch)) = self.sets.next_due(now) {
            fetch.dispatch(number, Span::new(now, patience));
            FetchTarget::KeySet(set)
        } else {
            let key = self.next_due(now).or_else(|| self.start_queued(now))?;
            let fetch = self.entries.get_mut(&key)?.running_mut()?;
            fetch.dispatch(number, Span::new(now, patience));
            FetchTarget::Key(key)
        };
        self.last_attempt = number;
        Some(AttemptId { target, number })
    }

    /// A refresh that was asked for, or a retry whose time has come.
    fn next_due(&self, now: UnixTime) -> Option<KeyRef> {
        self.slots.running().find(|key| {
            let fetch = self.entries.get(key).and_then(Entry::running);
            fetch.is_some_and(|fetch| fetch.is_due(now))
        })
    }

    /// Of the queued keys with a free slot, the one that most requests wait for: a flood of random key
    /// ids can't starve a real one.
    fn start_queued(&mut self, now: UnixTime) -> Option<KeyRef> {
        for endpoint in 0..self.endpoints.len() {
            if let Some(key) = self.next_queued(endpoint)
                && self.slots.has_room(endpoint, now)
            {
                self.slots.start_first(key, now);
                self.entries.get_mut(&key)?.start(Fetch::new(now));
                return Some(key);
            }
        }
        None
    }

    fn next_queued(&self, endpoint: usize) -> Option<KeyRef> {
        let is_queued = |key: &KeyRef| self.entries.get(key).is_some_and(Entry::is_queued);
        self.waiters.most_wanted(endpoint).find(is_queued)
    }

    /// The next request that is no longer waiting, until the callback's batch is given. May change after
    /// every other call.
    #[must_use]
    pub fn poll_answer(&mut self) -> Option<(StreamId, Answer)> {
        self.answers.pop()
    }

    /// The next finished fetch. May change after `handle_result` and `handle_timeout`.
    #[must_use]
    pub fn poll_outcome(&mut self) -> Option<FetchOutcome> {
        self.outcomes.pop_front()
    }

    /// The next key that went. May change after `handle_result` and `handle_timeout`.
    #[must_use]
    pub fn poll_evicted(&mut self) -> Option<Rc<PublicKey>> {
        self.dropped.pop_front()
    }

    /// When `handle_timeout` and `poll_fetch` must be called next; `None` while nothing is under way.
    /// May change after every other call. A request that begins to wait wants `poll_fetch` at once.
    #[must_use]
    pub fn poll_wakeup(&self) -> Option<UnixTime> {
        let fetches = self.slots.running().filter_map(|key| {
            let fetch = self.entries.get(&key)?.running();
            fetch.map(Fetch::next_time)
        });
        let tokens = (0..self.endpoints.len()).filter_map(|endpoint| {
            self.next_queued(endpoint)?;
            self.slots.next_token(endpoint)
        });
        fetches
            .chain(tokens)
            .chain(self.sets.next_time())
            .chain(self.waiters.next_deadline())
            .chain(self.answers.next_time())
            .min()
    }

    /// Keys cached.
    pub fn key_count(&self) -> usize {
        self.key_count
    }

    /// Requests that wait for a key, or for their turn to be resumed.
    pub fn waiting_count(&self) -> usize {
        self.waiters.len().saturating_add(self.answers.len())
    }
}
