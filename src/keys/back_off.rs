//! How long nothing is fetched after an answer that brought nothing.

use std::time::Duration;

use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const MAX_DOUBLINGS: u32 = 5;

/// The longest back-off after failures.
pub(super) const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

/// How long a failure counts towards the next back-off.
const FAILURE_MEMORY: Duration = Duration::from_secs(60);

/// No fetch for this long: after `failures` in a row, or, with none, because there is no such key.
#[derive(Clone, Copy)]
pub(super) struct BackOff {
    span: Span,
    failures: u32,
}

impl BackOff {
    /// Longer after each failure, up to `longest`; what failed long ago does not count.
    pub(super) fn after_failure(earlier: Option<Self>, longest: Duration, now: UnixTime) -> Self {
        let earlier = earlier.filter(|b| !b.is_forgotten(now));
        let failures = earlier.map_or(0, |b| b.failures).saturating_add(1);
        let doublings = failures.saturating_sub(1).min(MAX_DOUBLINGS);
        let length = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(doublings));
        Self {
            span: Span::new(now, length.min(longest)),
            failures,
        }
    }

    /// The endpoint said that there is no such key.
    pub(super) fn no_such_key(length: Duration, now: UnixTime) -> Self {
        Self {
            span: Span::new(now, length),
            failures: 0,
        }
    }

    pub(super) fn rejection(self) -> Rejection {
        if self.failures == 0 {
            Rejection::UnknownKey
        } else {
            Rejection::KeyUnavailable
        }
    }

    pub(super) fn is_over(self, now: UnixTime) -> bool {
        self.span.is_over(now)
    }

    pub(super) fn end(self) -> UnixTime {
        self.span.end()
    }

    pub(super) fn is_forgotten(self, now: UnixTime) -> bool {
        self.span.is_over(now) && Span::new(self.span.end(), FAILURE_MEMORY).is_over(now)
    }
}
