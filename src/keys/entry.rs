//! What the store knows of one key.

use std::rc::Rc;
use std::time::Duration;

use super::PublicKey;
use crate::config::KeyLimits;
use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

/// One key's entry; it lives as long as anything is in it.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) held: Option<Held>,
    pub(super) fetch: Option<Fetch>,
    /// Requests that wait for it.
    pub(super) waiting: usize,
    pub(super) block: Option<Block>,
}

impl Entry {
    pub(super) fn is_empty(&self) -> bool {
        self.is_idle() && self.block.is_none()
    }

    /// Holds nothing but "not before …".
    pub(super) fn is_idle(&self) -> bool {
        self.held.is_none() && self.fetch.is_none() && self.waiting == 0
    }

    /// Whether nothing in it will matter again.
    pub(super) fn is_stale(&self, now: UnixTime) -> bool {
        self.is_idle() && self.block.is_none_or(|block| block.is_forgotten(now))
    }

    /// What forbids a fetch at this time.
    pub(super) fn block_at(&self, now: UnixTime) -> Option<Block> {
        self.block.filter(|block| !block.span.is_over(now))
    }

    pub(super) fn blocked_until(&self) -> Option<UnixTime> {
        self.block.map(|block| block.span.end())
    }

    pub(super) fn note_not_found(&mut self, now: UnixTime, ttl: Duration) {
        self.block = Some(Block {
            span: Span::new(now, ttl),
            failures: 0,
        });
    }

    /// A longer back-off after each failure; what failed long ago does not count.
    pub(super) fn note_failure(&mut self, now: UnixTime) {
        let earlier = self.block.filter(|block| !block.is_forgotten(now));
        let failures = earlier.map_or(0, |block| block.failures).saturating_add(1);
        let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
        let back_off = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(doublings));
        self.block = Some(Block {
            span: Span::new(now, back_off.min(LONGEST_BACK_OFF)),
            failures,
        });
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

    pub(super) fn is_usable(&self, limits: &KeyLimits, now: UnixTime) -> bool {
        let life = limits.refresh_interval.max(limits.max_stale);
        !Span::new(self.fetched_at, life).is_over(now)
    }

    pub(super) fn is_due(&self, limits: &KeyLimits, now: UnixTime) -> bool {
        Span::new(self.fetched_at, limits.refresh_interval).is_over(now)
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
    Planned(Span),
    Dispatched { number: u64, wait: Span },
}

impl Fetch {
    pub(super) fn first(now: UnixTime) -> Self {
        Self {
            started: now,
            attempt: Attempt::Planned(Span::new(now, Duration::ZERO)),
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

    /// Plans the one retry for the end of `pause`; `false` where it was used up.
    pub(super) fn retry_after(&mut self, pause: Span) -> bool {
        if self.is_retried {
            return false;
        }
        self.is_retried = true;
        self.attempt = Attempt::Planned(pause);
        true
    }

    pub(super) fn is_attempt(&self, asked: u64) -> bool {
        matches!(self.attempt, Attempt::Dispatched { number, .. } if number == asked)
    }

    pub(super) fn overdue_attempt(&self, now: UnixTime) -> Option<u64> {
        match self.attempt {
            Attempt::Dispatched { number, wait } if wait.is_over(now) => Some(number),
            _ => None,
        }
    }

    pub(super) fn is_due(&self, now: UnixTime) -> bool {
        matches!(self.attempt, Attempt::Planned(pause) if pause.is_over(now))
    }

    /// When the planned attempt is due, or the dispatched one overdue.
    pub(super) fn next_time(&self) -> UnixTime {
        match self.attempt {
            Attempt::Planned(span) | Attempt::Dispatched { wait: span, .. } => span.end(),
        }
    }
}

/// No fetch for this long: after `failures` in a row, or, with none, because there is no such key.
#[derive(Clone, Copy)]
pub(super) struct Block {
    span: Span,
    failures: u32,
}

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);
const MAX_DOUBLINGS: u32 = 5;

/// How long a failure counts towards the next back-off.
const FAILURE_MEMORY: Duration = Duration::from_secs(60);

impl Block {
    pub(super) fn rejection(self) -> Rejection {
        if self.failures == 0 {
            Rejection::UnknownKey
        } else {
            Rejection::KeyUnavailable
        }
    }

    fn is_forgotten(self, now: UnixTime) -> bool {
        self.span.is_over(now) && Span::new(self.span.end(), FAILURE_MEMORY).is_over(now)
    }
}
