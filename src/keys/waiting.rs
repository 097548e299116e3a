//! The requests that wait for keys.

use std::collections::HashMap;
use std::time::Duration;

use super::{KeyRef, StreamId};
use crate::time::{Span, UnixTime};

/// Tokens of waiting requests and what is kept of their headers, together: what a
/// flood can make the VM hold.
pub(super) const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Bounded in number and bytes.
pub(super) struct Waiting {
    max_requests: usize,
    max_wait: Duration,
    waiters: HashMap<StreamId, Waiter>,
    bytes: usize,
    /// No waiter's wait ends sooner; a waiter that left may have had it.
    first: Option<Span>,
}

struct Waiter {
    key: KeyRef,
    wait: Span,
    bytes: usize,
}

impl Waiting {
    pub(super) fn new(max_requests: usize, max_wait: Duration) -> Self {
        Self {
            max_requests,
            max_wait,
            waiters: HashMap::new(),
            bytes: 0,
            first: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.waiters.len() < self.max_requests
            && self.bytes.saturating_add(bytes) <= MAX_WAITING_BYTES
    }

    pub(super) fn insert(&mut self, stream: StreamId, key: KeyRef, bytes: usize, now: UnixTime) {
        let wait = Span::new(now, self.max_wait);
        self.waiters.insert(stream, Waiter { key, wait, bytes });
        self.bytes = self.bytes.saturating_add(bytes);
        let first = self.first.filter(|first| first.end() <= wait.end());
        self.first = first.or(Some(wait));
    }

    /// The key that the request waited for.
    pub(super) fn remove(&mut self, stream: StreamId) -> Option<KeyRef> {
        let waiter = self.waiters.remove(&stream)?;
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if self.waiters.is_empty() {
            self.first = None;
        }
        Some(waiter.key)
    }

    /// Who waits for this key.
    pub(super) fn of_key(&self, key: KeyRef) -> Vec<StreamId> {
        self.those(|waiter| waiter.key == key)
    }

    /// Who has waited for too long. Looks at all only when the first deadline may be over.
    pub(super) fn overdue(&mut self, now: UnixTime) -> Vec<StreamId> {
        if self.first.is_none_or(|first| !first.is_over(now)) {
            return Vec::new();
        }
        let waits = self.waiters.values().map(|waiter| waiter.wait);
        let others = waits.filter(|wait| !wait.is_over(now));
        self.first = others.min_by_key(|wait| wait.end());
        self.those(|waiter| waiter.wait.is_over(now))
    }

    fn those(&self, are: impl Fn(&Waiter) -> bool) -> Vec<StreamId> {
        let those = self.waiters.iter().filter(|(_, waiter)| are(waiter));
        those.map(|(stream, _)| *stream).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<UnixTime> {
        self.first.map(Span::end)
    }
}
