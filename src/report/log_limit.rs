//! At most ten lines a second of one kind, then the number of those left out: an attacker must not be
//! able to fill the disk or to hide in the noise.

use std::time::Duration;

use crate::time::{Span, UnixTime};

const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// One window for each kind of line; the kinds are few.
pub(super) struct LogLimit<K>(Vec<(K, Window)>);

struct Window {
    span: Span,
    lines: u32,
    left_out: u64,
}

impl Window {
    /// With its first line.
    fn open(now: UnixTime) -> Self {
        Self {
            span: Span::new(now, WINDOW),
            lines: 1,
            left_out: 0,
        }
    }
}

impl<K> Default for LogLimit<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Copy + PartialEq> LogLimit<K> {
    /// May a line of this kind be logged now? A window that has ended with lines left out stays closed
    /// until `ended` took the number.
    pub(super) fn admit(&mut self, kind: K, now: UnixTime) -> bool {
        let Some((_, window)) = self.0.iter_mut().find(|(known, _)| *known == kind) else {
            self.0.push((kind, Window::open(now)));
            return true;
        };
        if window.span.is_over(now) && window.left_out == 0 {
            *window = Window::open(now);
            return true;
        }
        if window.lines < LINES {
            window.lines = window.lines.saturating_add(1);
            return true;
        }
        window.left_out = window.left_out.saturating_add(1);
        false
    }

    /// The windows that have ended, with the number of lines left out (never 0).
    pub(super) fn ended(&mut self, now: UnixTime) -> Vec<(K, u64)> {
        let over = |window: &Window| window.span.is_over(now);
        let left_out = self
            .0
            .iter()
            .filter(|(_, window)| over(window) && window.left_out > 0);
        let left_out = left_out
            .map(|(kind, window)| (*kind, window.left_out))
            .collect();
        self.0.retain(|(_, window)| !over(window));
        left_out
    }

    /// When the next window with lines left out ends.
    pub(super) fn next_end(&self) -> Option<UnixTime> {
        self.0
            .iter()
            .filter(|(_, window)| window.left_out > 0)
            .map(|(_, window)| window.span.end())
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: i64) -> UnixTime {
        UnixTime::from_millis(milliseconds)
    }

    #[test]
    fn ten_lines_a_second_then_the_number_left_out() {
        let mut limit = LogLimit::default();
        let admitted = (0..25).filter(|n| limit.admit('a', at(*n))).count();
        assert_eq!((admitted, limit.next_end()), (10, Some(at(1000))));
        assert!(limit.admit('b', at(25)));
        assert_eq!(limit.ended(at(999)), []);
        assert_eq!(limit.ended(at(1000)), [('a', 15)]);
        assert!(limit.admit('a', at(1001)));
        assert_eq!(limit.next_end(), None);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_a_kind_for_long() {
        let mut limit = LogLimit::default();
        let lines = |limit: &mut LogLimit<char>, time| {
            (0..20).filter(|_| limit.admit('a', at(time))).count()
        };
        assert_eq!(lines(&mut limit, 3_600_000), 10);
        assert_eq!(limit.ended(at(0)), [('a', 10)]);
        assert_eq!(lines(&mut limit, 0), 10);
    }

    #[test]
    fn a_quiet_second_opens_the_window_again() {
        let mut limit = LogLimit::default();
        let admitted =
            |limit: &mut LogLimit<char>, time| (0..9).all(|_| limit.admit('a', at(time)));
        assert!(admitted(&mut limit, 0));
        assert!(admitted(&mut limit, 1000));
        assert_eq!(limit.next_end(), None);
    }
}
