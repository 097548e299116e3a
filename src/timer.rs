//! When Envoy's one timer must be set, and for how long.

use std::time::Duration;

use crate::time::UnixTime;

/// How much later than asked a timer may end before it is taken for lost.
const TIMER_GRACE: Duration = Duration::from_secs(1);

/// Whether a timer that was to end at `set` would miss what is `due`, so that it must be set again.
///
/// Envoy's timers don't follow the wall clock: if that is set forward (a node's first NTP step), a timer
/// of ten minutes still has most of them to go although its end has passed, and requests would wait for it.
/// The grace keeps a busy worker from putting off a timer that is about to end with each request. What is
/// past due can't come sooner than the shortest tick: otherwise each request would set that timer again, and
/// under load it would never end.
fn must_set_timer(set: Option<UnixTime>, due: UnixTime, now: UnixTime) -> bool {
    let soonest = due.max(now.plus(SHORTEST_TICK));
    set.is_none_or(|end| soonest < end || end.plus(TIMER_GRACE) <= now)
}

/// The shortest tick: the way from a stream's callback to one of the root.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// The longest tick. If the clock was set back by an hour, a [`Span`] is over though its end is an hour away, and
/// only a tick sees that.
const LONGEST_TICK: Duration = Duration::from_secs(5);

/// How long a timer is set for that is to end at `due`: it may end sooner, and is set again then.
fn tick_period(due: UnixTime, now: UnixTime) -> Duration {
    due.since(now).clamp(SHORTEST_TICK, LONGEST_TICK)
}

/// The one timer that Envoy keeps for a plugin, as this module last set it. Envoy repeats its period until it is
/// told another one, so a timer that nothing needs must be switched off: it would tick for ever.
#[derive(Debug, Default)]
pub struct Timer {
    /// When it ends next, as far as we asked for it.
    end: Option<UnixTime>,
    is_running: bool,
}

impl Timer {
    /// It has ended, and Envoy starts it again.
    pub fn handle_tick(&mut self) {
        self.end = None;
    }

    /// The period to set so that a tick comes when it is `due`; zero switches the timer off. `None`: it is right as
    /// it is. Each response of a burst would put a tick off by another millisecond otherwise.
    #[must_use]
    pub fn set_for(&mut self, due: Option<UnixTime>, now: UnixTime) -> Option<Duration> {
        let Some(due) = due else {
            let was_running = std::mem::take(&mut self.is_running);
            self.end = None;
            return was_running.then_some(Duration::ZERO);
        };
        if !must_set_timer(self.end, due, now) {
            return None;
        }
        let period = tick_period(due, now);
        self.end = Some(now.plus(period));
        self.is_running = true;
        Some(period)
    }

    /// The same for a tick that is wanted now or never: one that is not needed any more is left to end.
    #[must_use]
    pub fn hasten(&mut self, due: Option<UnixTime>, now: UnixTime) -> Option<Duration> {
        due.and_then(|due| self.set_for(Some(due), now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_set_again_if_it_would_miss_what_is_due() {
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

    #[test]
    fn what_is_past_due_does_not_put_off_the_shortest_tick() {
        let at = UnixTime::from_millis;
        for (case, set, now, expected) in [
            ("set by this callback", 101, 100, false),
            ("about to end", 101, 101, false),
            ("set for much later", 900, 100, true),
        ] {
            let must_set = must_set_timer(Some(at(set)), at(1), at(now));
            assert_eq!(must_set, expected, "{case}");
        }
    }

    #[test]
    fn a_tick_comes_within_seconds_however_the_clock_was_set() {
        let at = UnixTime::from_millis;
        let cases = [
            ("it is due", 1000, 1000, 1),
            ("it was due", 1000, 5000, 1),
            ("soon", 1100, 1000, 100),
            ("in five seconds", 6000, 1000, 5000),
            ("later", 6001, 1000, 5000),
            ("the clock was set back by an hour", 3_600_100, 0, 5000),
            ("the clock is at its start", i64::MAX, i64::MIN, 5000),
        ];
        for (case, due, now, expected) in cases {
            let period = tick_period(at(due), at(now));
            assert_eq!(period, Duration::from_millis(expected), "{case}");
        }
    }

    #[test]
    fn a_timer_that_nobody_needs_is_switched_off_once() {
        let at = UnixTime::from_millis;
        let mut timer = Timer::default();
        assert_eq!(timer.set_for(None, at(0)), None, "it never ran");
        let period = timer.hasten(Some(at(0)), at(0));
        assert_eq!(period, Some(Duration::from_millis(1)));
        timer.handle_tick();
        let off = timer.set_for(None, at(1));
        assert_eq!(off, Some(Duration::ZERO), "Envoy would repeat it");
        assert_eq!(timer.set_for(None, at(2)), None);
        assert_eq!(timer.hasten(None, at(2)), None);
    }

    #[test]
    fn a_tick_sets_the_timer_again_and_other_callbacks_leave_it() {
        let at = UnixTime::from_millis;
        let mut timer = Timer::default();
        let first = timer.set_for(Some(at(10)), at(0));
        assert_eq!(first, Some(Duration::from_millis(10)));
        assert_eq!(timer.set_for(Some(at(10)), at(5)), None);
        let sooner = timer.set_for(Some(at(6)), at(5));
        assert_eq!(sooner, Some(Duration::from_millis(1)));
        timer.handle_tick();
        let again = timer.set_for(Some(at(100)), at(6));
        assert_eq!(again, Some(Duration::from_millis(94)));
    }
}
