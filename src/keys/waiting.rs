//! The requests that wait for keys.

use std::collections::HashMap;
use std::time::Duration;

use super::{KeyRef, StreamId};
use crate::time::UnixTime;

/// Tokens of waiting requests, and what is kept of their headers, together: what a flood can make the
/// VM hold.
pub(super) const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Bounded in number and bytes.
pub(super) struct Waiting {
    max_requests: usize,
    max_wait: Duration,
    waiters: HashMap<StreamId, Waiter>,
    bytes: usize,
    /// No waiter's deadline is sooner; a waiter that left may have had it.
    next_deadline: Option<UnixTime>,
}

struct Waiter {
    key: KeyRef,
    deadline: UnixTime,
    bytes: usize,
}

impl Waiting {
    pub(super) fn new(max_requests: usize, max_wait: Duration) -> Self {
        Self {
            max_requests,
            max_wait,
            waiters: HashMap::new(),
            bytes: 0,
            next_deadline: None,
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
        let deadline = now.plus(self.max_wait);
        self.waiters.insert(
            stream,
            Waiter {
                key,
                deadline,
                bytes,
            },
        );
        self.bytes = self.bytes.saturating_add(bytes);
        self.next_deadline = Some(
            self.next_deadline
                .map_or(deadline, |next| next.min(deadline)),
        );
    }

    /// The key that the request waited for.
    pub(super) fn remove(&mut self, stream: StreamId) -> Option<KeyRef> {
        let waiter = self.waiters.remove(&stream)?;
        self.bytes = self.bytes.saturating_sub(waiter.bytes);
        if self.waiters.is_empty() {
            self.next_deadline = None;
        }
        Some(waiter.key)
    }

    /// Who waits for this key.
    pub(super) fn of_key(&self, key: KeyRef) -> Vec<StreamId> {
        self.those(|waiter| waiter.key == key)
    }

    /// Who has waited for too long. Looks at all only when the first deadline may be over.
    pub(super) fn overdue(&mut self, now: UnixTime) -> Vec<StreamId> {
        if self.next_deadline.is_none_or(|deadline| now < deadline) {
            return Vec::new();
        }
        let later = self
            .waiters
            .values()
            .map(|w| w.deadline)
            .filter(|deadline| now < *deadline);
        self.next_deadline = later.min();
        self.those(|waiter| waiter.deadline <= now)
    }

    fn those(&self, are: impl Fn(&Waiter) -> bool) -> Vec<StreamId> {
        let those = self.waiters.iter().filter(|(_, waiter)| are(waiter));
        those.map(|(stream, _)| *stream).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<UnixTime> {
        self.next_deadline
    }
}
