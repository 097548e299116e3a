//! When Envoy's one timer must be set, and for how long.

use std::time::Duration;

use crate::time::UnixTime;

/// How much later than asked a timer may end before it is taken for lost.
const TIMER_GRACE: Duration = Duration::from_secs(1);

/// Whether a timer that was to end at `set` would miss what is `due`, so that it must be set anew.
///
/// Envoy's timers don't follow the wall clock: where that is set forward (a node's first NTP step), a timer
/// of ten minutes still has most of them to go although its end has passed, and requests would wait for it.
/// The grace keeps a busy worker from putting off a timer that is about to end with each request. What is
/// past due can't come sooner than the shortest tick: otherwise each request would set that timer again, and
/// under load it would never end.
pub fn must_set_timer(set: Option<UnixTime>, due: UnixTime, now: UnixTime) -> bool {
    let soonest = due.max(now.plus(SHORTEST_TICK));
    set.is_none_or(|end| soonest < end || end.plus(TIMER_GRACE) <= now)
}

/// The shortest tick: the way from a stream's callback to one of the root.
const SHORTEST_TICK: Duration = Duration::from_millis(1);

/// The longest tick. Where the clock was set back by an hour, a [`Span`] is over though its end is an hour away, and
/// only a tick sees that.
const LONGEST_TICK: Duration = Duration::from_secs(5);

/// How long a timer is set for that is to end at `due`: it may end sooner, and is set anew then.
pub fn tick_period(due: UnixTime, now: UnixTime) -> Duration {
    due.since(now).clamp(SHORTEST_TICK, LONGEST_TICK)
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
}
