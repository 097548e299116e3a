//! What the store knows of one key: the cached key, its fetch, and its back-off.

use std::rc::Rc;

use super::PublicKey;
use super::back_off::{BackOff, LONGEST_BACK_OFF};
use super::fetch::Fetch;
use crate::key_source::KeyLimits;
use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

/// One key's entry; it lives as long as anything is in it.
#[derive(Default)]
pub(super) struct Entry {
    key: Option<CachedKey>,
    fetch: Fetching,
    back_off: Option<BackOff>,
}

/// What is being done to get the key.
#[derive(Default)]
enum Fetching {
    #[default]
    Idle,
    /// Requests wait for it, and it waits for a slot.
    Queued,
    Running(Fetch),
}

/// What a key endpoint's "no such key" did to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// The entry keeps its key, or has none.
    Believed,
    /// The key that it had must go.
    KeyIsGone,
    /// It says nothing of the key: as bad as no answer.
    NotBelieved,
}

impl Entry {
    pub(super) fn with_key(key: CachedKey) -> Self {
        Self {
            key: Some(key),
            ..Self::default()
        }
    }

    pub(super) fn key(&self) -> Option<&CachedKey> {
        self.key.as_ref()
    }

    pub(super) fn key_mut(&mut self) -> Option<&mut CachedKey> {
        self.key.as_mut()
    }

    pub(super) fn take_key(&mut self) -> Option<CachedKey> {
        self.key.take()
    }

    /// Whether the entry can be removed.
    pub(super) fn is_empty(&self) -> bool {
        self.is_idle() && self.back_off.is_none()
    }

    /// Only a back-off is left: no key, no fetch, and so no waiters.
    pub(super) fn is_idle(&self) -> bool {
        self.key.is_none() && matches!(self.fetch, Fetching::Idle)
    }

    /// Whether nothing in it will matter again.
    pub(super) fn is_stale(&self, now: UnixTime) -> bool {
        self.is_idle() && self.back_off.is_none_or(|b| b.is_forgotten(now))
    }

    /// Why no fetch may start at this time.
    pub(super) fn rejection_at(&self, now: UnixTime) -> Option<Rejection> {
        let active = self.back_off.filter(|b| !b.is_over(now))?;
        Some(active.rejection())
    }

    pub(super) fn blocked_until(&self) -> Option<UnixTime> {
        self.back_off.map(BackOff::end)
    }

    /// A request waits for the key: its fetch is queued unless it already is under way.
    pub(super) fn queue(&mut self) {
        if matches!(self.fetch, Fetching::Idle) {
            self.fetch = Fetching::Queued;
        }
    }

    /// The last request that waited has gone. A running fetch goes on.
    pub(super) fn unqueue(&mut self) {
        if self.is_queued() {
            self.fetch = Fetching::Idle;
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        matches!(self.fetch, Fetching::Queued)
    }

    pub(super) fn start(&mut self, fetch: Fetch) {
        self.fetch = Fetching::Running(fetch);
    }

    pub(super) fn running(&self) -> Option<&Fetch> {
        match &self.fetch {
            Fetching::Running(fetch) => Some(fetch),
            Fetching::Idle | Fetching::Queued => None,
        }
    }

    pub(super) fn running_mut(&mut self) -> Option<&mut Fetch> {
        match &mut self.fetch {
            Fetching::Running(fetch) => Some(fetch),
            Fetching::Idle | Fetching::Queued => None,
        }
    }

    pub(super) fn end_fetch(&mut self) {
        self.fetch = Fetching::Idle;
    }

    /// Whether a background fetch of the cached key should start.
    pub(super) fn wants_refresh(&self, limits: &KeyLimits, now: UnixTime) -> bool {
        matches!(self.fetch, Fetching::Idle)
            && self.key.as_ref().is_some_and(|k| k.is_due(limits, now))
            && self.rejection_at(now).is_none()
    }

    /// Keeps a fetched key, and forgives every failure. The same bytes keep their identity, and so what they
    /// verified. The second value is the key that other bytes replace.
    pub(super) fn insert_key(
        &mut self,
        key: PublicKey,
        now: UnixTime,
    ) -> (Rc<PublicKey>, Option<CachedKey>) {
        self.back_off = None;
        if let Some(cached) = self.key.as_mut().filter(|cached| *cached.key == key) {
            cached.fetched_at = now;
            cached.not_found = None;
            return (Rc::clone(&cached.key), None);
        }
        let key = Rc::new(key);
        let replaced = self.key.replace(CachedKey::new(Rc::clone(&key), now));
        (key, replaced)
    }

    /// A longer back-off after each failure; what failed long ago does not count.
    pub(super) fn record_failure(&mut self, now: UnixTime) {
        let back_off = BackOff::after_failure(self.back_off, LONGEST_BACK_OFF, now);
        self.back_off = Some(back_off);
    }

    /// The endpoint has answered "no such key" with this status; it has served `served` keys so far.
    ///
    /// One stray answer must log nobody out, so a key that verified a token goes only when a second answer,
    /// `negativeTtl` later at the earliest, says the same. S3 answers 403 for an object that is gone; a
    /// firewall, WAF or egress proxy answers 403 for everything. Only the former serves other keys meanwhile.
    pub(super) fn record_not_found(
        &mut self,
        status: u16,
        served: u64,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> NotFound {
        let ttl = limits.negative_ttl;
        let meaning = match self.key.as_mut() {
            None => NotFound::Believed,
            Some(cached) if !cached.is_proven || !cached.is_usable(limits, now) => {
                NotFound::KeyIsGone
            }
            Some(cached) => match cached.not_found {
                None => {
                    cached.not_found = Some(FirstNotFound { at: now, served });
                    NotFound::Believed
                }
                Some(first) if status == FORBIDDEN && first.served == served => {
                    NotFound::NotBelieved
                }
                Some(first) if Span::new(first.at, ttl).is_over(now) => NotFound::KeyIsGone,
                Some(_) => NotFound::Believed,
            },
        };
        if meaning == NotFound::NotBelieved {
            self.record_failure(now);
        } else {
            self.back_off = Some(BackOff::no_such_key(ttl, now));
        }
        meaning
    }
}

const FORBIDDEN: u16 = 403;

/// A key and its history.
#[derive(Clone)]
pub(super) struct CachedKey {
    pub(super) key: Rc<PublicKey>,
    pub(super) last_used: UnixTime,
    /// Whether it verified a token.
    pub(super) is_proven: bool,
    fetched_at: UnixTime,
    /// The first "no such key" since the last good fetch.
    not_found: Option<FirstNotFound>,
}

#[derive(Clone, Copy)]
struct FirstNotFound {
    at: UnixTime,
    /// How many keys the endpoint had served by then.
    served: u64,
}

impl CachedKey {
    fn new(key: Rc<PublicKey>, now: UnixTime) -> Self {
        Self {
            key,
            last_used: now,
            is_proven: false,
            fetched_at: now,
            not_found: None,
        }
    }

    /// For another store, whose endpoints count what they serve from zero on.
    pub(super) fn adopted(&self) -> Self {
        Self {
            not_found: None,
            ..self.clone()
        }
    }

    pub(super) fn is_usable(&self, limits: &KeyLimits, now: UnixTime) -> bool {
        let life = limits.refresh_interval.max(limits.max_stale);
        !Span::new(self.fetched_at, life).is_over(now)
    }

    fn is_due(&self, limits: &KeyLimits, now: UnixTime) -> bool {
        Span::new(self.fetched_at, limits.refresh_interval).is_over(now)
    }
}
