//! At most ten lines a second of one kind, then the number of those left out: an attacker must not be
//! able to fill the disk or to hide in the noise.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::UnixTime;

const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// One window for each kind of line.
pub(super) struct LogLimit<K>(BTreeMap<K, Window>);

struct Window {
    end: UnixTime,
    lines: u32,
    left_out: u64,
}

impl<K> Default for LogLimit<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy + Ord> LogLimit<K> {
    /// May a line of this kind be logged now? A window that has ended with lines left out stays closed
    /// until `ended` took the number.
    pub(super) fn admit(&mut self, kind: K, now: UnixTime) -> bool {
        let fresh = || Window {
            end: now.plus(WINDOW),
            lines: 0,
            left_out: 0,
        };
        let window = self.0.entry(kind).or_insert_with(fresh);
        if now >= window.end && window.left_out == 0 {
            *window = fresh();
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
        let over = self.0.iter().filter(|(_, window)| window.end <= now);
        let over: Vec<(K, u64)> = over
            .map(|(kind, window)| (*kind, window.left_out))
            .collect();
        for (kind, _) in &over {
            self.0.remove(kind);
        }
        over.into_iter()
            .filter(|(_, left_out)| *left_out > 0)
            .collect()
    }

    /// When the next window with lines left out ends.
    pub(super) fn next_end(&self) -> Option<UnixTime> {
        self.0
            .values()
            .filter(|w| w.left_out > 0)
            .map(|w| w.end)
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
    fn a_quiet_second_opens_the_window_again() {
        let mut limit = LogLimit::default();
        let admitted =
            |limit: &mut LogLimit<char>, time| (0..9).all(|_| limit.admit('a', at(time)));
        assert!(admitted(&mut limit, 0));
        assert!(admitted(&mut limit, 1000));
        assert_eq!(limit.next_end(), None);
    }
}
