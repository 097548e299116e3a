//! What the store knows of one key.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use super::{PublicKey, StreamId};
use crate::config::KeyLimits;
use crate::reason::Rejection;
use crate::time::UnixTime;

/// One key's entry; it lives as long as anything is in it.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) held: Option<Held>,
    pub(super) fetch: Option<Fetch>,
    pub(super) waiters: BTreeSet<StreamId>,
    pub(super) block: Option<Block>,
    /// Fetches that failed in a row.
    pub(super) failures: u32,
    /// Its place in the queue while it is queued.
    pub(super) queued_as: u64,
}

impl Entry {
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_none()
            && self.fetch.is_none()
            && self.waiters.is_empty()
            && self.block.is_none()
    }

    /// What forbids a fetch at this time.
    pub(super) fn block_at(&self, now: UnixTime) -> Option<Block> {
        self.block.filter(|block| now < block.until())
    }

    pub(super) fn is_first_fetch(&self) -> bool {
        self.fetch.as_ref().is_some_and(|fetch| !fetch.is_refresh)
    }
}

/// A key and its history.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) key: Rc<PublicKey>,
    pub(super) fetched_at: UnixTime,
    pub(super) last_used: UnixTime,
    /// Whether it verified a token.
    pub(super) is_proven: bool,
    /// When the endpoint first said "no such key" since the last good fetch.
    pub(super) not_found_at: Option<UnixTime>,
}

impl Held {
    pub(super) fn new(key: Rc<PublicKey>, now: UnixTime) -> Self {
        Self {
            key,
            fetched_at: now,
            last_used: now,
            is_proven: false,
            not_found_at: None,
        }
    }

    pub(super) fn usable_until(&self, limits: &KeyLimits) -> UnixTime {
        self.fetched_at
            .plus(limits.refresh_interval.max(limits.max_stale))
    }
}

/// A fetch under way: one attempt, and at most one more.
pub(super) struct Fetch {
    pub(super) started: UnixTime,
    pub(super) attempt: Attempt,
    is_refresh: bool,
    is_retried: bool,
}

/// Where the current attempt is.
pub(super) enum Attempt {
    Due(UnixTime),
    Dispatched { number: u64, deadline: UnixTime },
}

impl Fetch {
    pub(super) fn first(now: UnixTime) -> Self {
        Self {
            started: now,
            attempt: Attempt::Due(now),
            is_refresh: false,
            is_retried: false,
        }
    }

    pub(super) fn refresh(now: UnixTime) -> Self {
        Self {
            is_refresh: true,
            ..Self::first(now)
        }
    }

    /// Plans the one retry; `false` where it was used up.
    pub(super) fn retry_at(&mut self, time: UnixTime) -> bool {
        if self.is_retried {
            return false;
        }
        self.is_retried = true;
        self.attempt = Attempt::Due(time);
        true
    }

    pub(super) fn is_attempt(&self, asked: u64) -> bool {
        matches!(self.attempt, Attempt::Dispatched { number, .. } if number == asked)
    }

    pub(super) fn overdue_attempt(&self, now: UnixTime) -> Option<u64> {
        match self.attempt {
            Attempt::Dispatched { number, deadline } if deadline <= now => Some(number),
            _ => None,
        }
    }

    pub(super) fn due_at(&self) -> Option<UnixTime> {
        match self.attempt {
            Attempt::Due(time) => Some(time),
            Attempt::Dispatched { .. } => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<UnixTime> {
        match self.attempt {
            Attempt::Due(_) => None,
            Attempt::Dispatched { deadline, .. } => Some(deadline),
        }
    }
}

/// Why there is no fetch before some time.
#[derive(Clone, Copy)]
pub(super) enum Block {
    NotFound { until: UnixTime },
    Failed { until: UnixTime },
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

impl Block {
    pub(super) fn not_found(until: UnixTime) -> Self {
        Self::NotFound { until }
    }

    /// 1 s after the first failure, doubling to 30 s.
    pub(super) fn failed(now: UnixTime, failures: u32) -> Self {
        let doublings = failures.saturating_sub(1).min(5);
        let back_off = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(doublings));
        Self::Failed {
            until: now.plus(back_off.min(LONGEST_BACK_OFF)),
        }
    }

    pub(super) fn until(self) -> UnixTime {
        match self {
            Self::NotFound { until } | Self::Failed { until } => until,
        }
    }

    pub(super) fn rejection(self) -> Rejection {
        match self {
            Self::NotFound { .. } => Rejection::UnknownKey,
            Self::Failed { .. } => Rejection::KeyUnavailable,
        }
    }
}
