//! A fetch under way: one attempt, and at most one more.

use std::time::Duration;

use super::FetchFailure;
use crate::time::{Span, UnixTime};

/// Before the one retry: enough for a stale keep-alive connection to be replaced.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(100);

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

    /// The planned attempt is dispatched, and waits this long for its result.
    pub(super) fn dispatch(&mut self, number: u64, wait: Span) {
        self.attempt = Attempt::Dispatched { number, wait };
    }

    /// How long the fetch took, if this attempt's result ends it. `None`: the result is late, or one more attempt is
    /// planned because of this failure.
    pub(super) fn ended(
        &mut self,
        number: u64,
        failure: Option<&FetchFailure>,
        now: UnixTime,
    ) -> Option<Duration> {
        if !self.is_attempt(number) {
            return None;
        }
        let is_worth_a_retry = failure.is_some_and(|failure| failure.is_worth_a_retry());
        if is_worth_a_retry && !self.is_retried {
            self.is_retried = true;
            self.attempt = Attempt::Planned(Span::new(now, RETRY_AFTER));
            return None;
        }
        Some(now.since(self.started))
    }

    fn is_attempt(&self, asked: u64) -> bool {
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
