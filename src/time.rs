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
