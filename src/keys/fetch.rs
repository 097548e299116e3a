//! A fetch under way: one attempt, and at most one more.

use std::time::Duration;

use crate::time::{Span, UnixTime};

/// A running fetch.
pub(super) struct Fetch {
    started: UnixTime,
    attempt: Attempt,
    is_retried: bool,
}

/// Where the current attempt is.
enum Attempt {
    Planned(Span),
    Dispatched { number: u64, wait: Span },
}

impl Fetch {
    pub(super) fn new(now: UnixTime) -> Self {
        Self {
            started: now,
            attempt: Attempt::Planned(Span::new(now, Duration::ZERO)),
            is_retried: false,
        }
    }

    pub(super) fn started(&self) -> UnixTime {
        self.started
    }

    /// The planned attempt is dispatched, and waits this long for its result.
    pub(super) fn dispatch(&mut self, number: u64, wait: Span) {
        self.attempt = Attempt::Dispatched { number, wait };
    }

    /// Plans the one retry for the end of `pause`; `false` if it was used up.
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
