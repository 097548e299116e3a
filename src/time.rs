//! Time as an argument: no file of the core reads a clock.

use std::time::Duration;

/// A point in time: milliseconds since 1970-01-01 UTC. Arithmetic saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(i64);

impl UnixTime {
    /// From whole seconds, as a token's `exp` counts them (RFC 7519 section 2, NumericDate).
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From seconds with a fraction; what is too large for the type becomes its end.
    #[expect(
        clippy::as_conversions,
        reason = "the cast saturates, and there is no other"
    )]
    pub fn from_secs_f64(seconds: f64) -> Self {
        Self((seconds * 1000.0) as i64)
    }

    /// From milliseconds.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and `duration` more.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long it is since `earlier`; zero if the clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        let milliseconds = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }
}

/// The time by which a token is judged, and by how much the clocks of others may differ from it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// The time.
    pub now: UnixTime,
    /// `clockSkew`.
    pub skew: Duration,
}

impl Clock {
    /// Whether a token with this `exp` is too old (RFC 7519 section 4.1.4). At the end of time, which stands for
    /// an unknown time, every token is.
    pub fn has_expired(self, exp: UnixTime) -> bool {
        self.now >= exp.plus(self.skew)
    }

    /// Whether a token with this `nbf` may not be used yet (RFC 7519 section 4.1.5).
    pub fn is_before(self, nbf: UnixTime) -> bool {
        nbf > self.now.plus(self.skew)
    }
}

/// A length of time on the wall clock, which may be set at any moment.
///
/// Set forward, the clock ends it early; set back, it would last for as long as the clock was wrong: a retry
/// that is due in 100 ms would hold every request for an hour. So a clock that stands more than one length
/// before the start ends it too, and none lasts more than three lengths (decision 0014).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: UnixTime,
    length: Duration,
}

impl Span {
    /// From `start` on.
    pub const fn new(start: UnixTime, length: Duration) -> Self {
        Self { start, length }
    }

    /// When it began.
    pub const fn start(self) -> UnixTime {
        self.start
    }

    /// When it is over, unless the clock is set.
    pub fn end(self) -> UnixTime {
        self.start.plus(self.length)
    }

    /// Whether it is over.
    pub fn is_over(self, now: UnixTime) -> bool {
        self.end() <= now || self.start.since(now) > self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_in_time_or_where_the_clock_is_set_back_by_more_than_its_length() {
        let at = UnixTime::from_millis;
        let cases = [
            ("at its start", 1000, false),
            ("just before its end", 1099, false),
            ("at its end", 1100, true),
            ("set forward", 9000, true),
            ("set back a little", 900, false),
            ("set back further", 899, true),
            ("set back far", -9000, true),
        ];
        let span = Span::new(at(1000), Duration::from_millis(100));
        for (case, now, expected) in cases {
            assert_eq!(span.is_over(at(now)), expected, "{case}");
        }
        let none = Span::new(at(1000), Duration::ZERO);
        assert!(none.is_over(at(1000)) && none.is_over(at(999)));
    }
}
