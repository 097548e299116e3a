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

    /// How long it is since `earlier`; zero where the clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        let milliseconds = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
    }
}

/// How much later than asked a timer may end before it is taken for lost.
const TIMER_GRACE: Duration = Duration::from_secs(1);

/// Whether a timer that was to end at `set` would miss what is `due`, so that it must be set anew.
///
/// Envoy's timers don't follow the wall clock: where that is set forward (a node's first NTP step), a timer
/// of ten minutes still has most of them to go although its end has passed, and requests would wait for it.
/// The grace keeps a busy worker from putting off a timer that is about to end with each request.
pub fn must_set_timer(set: Option<UnixTime>, due: UnixTime, now: UnixTime) -> bool {
    set.is_none_or(|end| due < end || end.plus(TIMER_GRACE) <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_set_anew_where_it_would_miss_what_is_due() {
        let at = UnixTime::from_secs;
        let cases = [
            ("none is set", None, 100, 100, true),
            ("it ends later", Some(700), 100, 100, true),
            ("it ends sooner", Some(101), 105, 100, false),
            ("it is about to end", Some(100), 100, 100, false),
            ("the clock was set forward", Some(700), 3700, 3700, true),
            ("the clock was set back", Some(700), 10, 10, true),
        ];
        for (case, set, due, now, expected) in cases {
            assert_eq!(
                must_set_timer(set.map(at), at(due), at(now)),
                expected,
                "{case}"
            );
        }
    }
}
