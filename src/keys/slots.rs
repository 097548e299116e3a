//! Which fetches run, and whether one more may start.
//!
//! A key id is the sender's choice, so first fetches are bounded in number and in rate, per endpoint:
//! invented key ids must not make the gateway a scanner. A fetch that brings a key costs nothing.

use std::time::Duration;

use super::KeyRef;
use crate::time::{Span, UnixTime};

/// First fetches that may start at once after a quiet time.
const BURST: usize = 10;

/// How often one more first fetch may start.
const REFILL_INTERVAL: Duration = Duration::from_millis(500);

/// The running fetches of all endpoints.
pub(super) struct Slots {
    running: Vec<Running>,
    buckets: Vec<Bucket>,
    max_first_fetches: usize,
}

struct Running {
    key: KeyRef,
    is_first: bool,
}

impl Slots {
    pub(super) fn new(endpoints: usize, max_first_fetches: usize) -> Self {
        let capacity = max_first_fetches.min(BURST);
        Self {
            running: Vec::new(),
            buckets: (0..endpoints).map(|_| Bucket::new(capacity)).collect(),
            max_first_fetches,
        }
    }

    /// The keys whose fetches run, refreshes included.
    pub(super) fn running(&self) -> impl Iterator<Item = KeyRef> {
        self.running.iter().map(|running| running.key)
    }

    /// Whether a first fetch from this endpoint may start.
    pub(super) fn has_room(&mut self, endpoint: usize, now: UnixTime) -> bool {
        let has_slot = self.has_slot(endpoint);
        let bucket = self.buckets.get_mut(endpoint);
        has_slot && bucket.is_some_and(|bucket| bucket.has_token(now))
    }

    fn first_fetches(&self, endpoint: usize) -> usize {
        let here = |running: &&Running| running.is_first && running.key.source.0 == endpoint;
        self.running.iter().filter(here).count()
    }

    /// A first fetch starts. Ask [`Slots::has_room`] before.
    pub(super) fn start_first(&mut self, key: KeyRef, now: UnixTime) {
        if let Some(bucket) = self.buckets.get_mut(key.source.0) {
            bucket.take(now);
        }
        self.running.push(Running {
            key,
            is_first: true,
        });
    }

    /// A refresh of a cached key starts: bounded by the number of keys, so by nothing else.
    pub(super) fn start_refresh(&mut self, key: KeyRef) {
        self.running.push(Running {
            key,
            is_first: false,
        });
    }

    /// A fetch has ended. One that brought a key gives its token back.
    pub(super) fn finish(&mut self, key: KeyRef, brought_key: bool) {
        let Some(index) = self.running.iter().position(|r| r.key == key) else {
            return;
        };
        let ended = self.running.swap_remove(index);
        if let Some(bucket) = self.buckets.get_mut(key.source.0)
            && ended.is_first
            && brought_key
        {
            bucket.put_back();
        }
    }

    /// When an endpoint that has a free slot but no token gets one; `None` if it lacks no token, or a slot first.
    pub(super) fn next_token(&self, endpoint: usize) -> Option<UnixTime> {
        let bucket = self.buckets.get(endpoint)?;
        bucket.next_token().filter(|_| self.has_slot(endpoint))
    }

    fn has_slot(&self, endpoint: usize) -> bool {
        self.first_fetches(endpoint) < self.max_first_fetches
    }
}

/// A token bucket that survives a clock that is set.
struct Bucket {
    capacity: usize,
    tokens: usize,
    /// Until the next token; `None` if the bucket is full.
    filling: Option<Span>,
}

impl Bucket {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            tokens: capacity,
            filling: None,
        }
    }

    fn has_token(&mut self, now: UnixTime) -> bool {
        self.fill(now);
        self.tokens > 0
    }

    fn fill(&mut self, now: UnixTime) {
        let Some(filling) = self.filling.filter(|filling| filling.is_over(now)) else {
            return;
        };
        // After a clock that was set back one token is due; after a long pause all are.
        let passed = now.since(filling.start()).as_millis();
        let intervals = passed.checked_div(REFILL_INTERVAL.as_millis());
        let intervals = intervals.and_then(|count| usize::try_from(count).ok());
        let gained = intervals.unwrap_or(usize::MAX).max(1);
        self.tokens = self.tokens.saturating_add(gained).min(self.capacity);
        self.filling = (self.tokens < self.capacity).then(|| Span::new(now, REFILL_INTERVAL));
    }

    fn take(&mut self, now: UnixTime) {
        self.tokens = self.tokens.saturating_sub(1);
        self.filling
            .get_or_insert_with(|| Span::new(now, REFILL_INTERVAL));
    }

    fn put_back(&mut self) {
        self.tokens = self.tokens.saturating_add(1).min(self.capacity);
        if self.tokens == self.capacity {
            self.filling = None;
        }
    }

    fn next_token(&self) -> Option<UnixTime> {
        let filling = self.filling.filter(|_| self.tokens == 0);
        filling.map(Span::end)
    }
}
