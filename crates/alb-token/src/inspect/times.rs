//! Points in time, as dates and in words.

use std::time::Duration;

use alb_authn::time::UnixTime;
use jiff::Timestamp;

use super::members::Members;

/// `clockSkew` where the configuration says nothing.
const DEFAULT_CLOCK_SKEW: Duration = Duration::from_secs(30);

/// A time that a token names.
pub(crate) struct TimeNote {
    /// `exp of the header`.
    pub(crate) name: String,
    pub(crate) unix_seconds: i64,
    /// RFC 3339; `None` beyond the year 9999.
    pub(crate) date: Option<String>,
    /// `expired 5 min 2 s ago`, `in 12 s`.
    pub(crate) distance: String,
}

/// All times that have a meaning in a token (RFC 7519 section 4.1, OpenID Connect Core section 2).
pub(super) fn notes(
    header: Option<&Members>,
    claims: Option<&Members>,
    now: UnixTime,
) -> Vec<TimeNote> {
    let exp = header.and_then(|header| header.integer("exp"));
    let of_header = exp.map(|exp| ("exp", "header", UnixTime::from_secs(exp)));
    let of_claims = ["exp", "nbf", "iat", "auth_time"]
        .into_iter()
        .filter_map(|name| {
            let seconds = claims?.number(name)?;
            Some((name, "claims", UnixTime::from_secs_f64(seconds)))
        });
    let all = of_header.into_iter().chain(of_claims);
    all.map(|(name, place, time)| TimeNote::new(name, place, time, now))
        .collect()
}

impl TimeNote {
    fn new(name: &str, place: &str, time: UnixTime, now: UnixTime) -> Self {
        let date = Timestamp::from_millisecond(time.as_millis()).ok();
        let distance = match (time <= now, name) {
            (true, "exp") => format!("expired {} ago", in_words(now.since(time))),
            (true, _) => format!("{} ago", in_words(now.since(time))),
            (false, _) => format!("in {}", in_words(time.since(now))),
        };
        Self {
            name: format!("{name} of the {place}"),
            unix_seconds: time.as_millis().div_euclid(1000),
            date: date.map(|date| date.to_string()),
            distance,
        }
    }
}

/// What is wrong with an `exp` that has passed, the usual clock skew included.
pub(super) fn expired(place: &str, exp: Option<UnixTime>, now: UnixTime) -> Option<String> {
    let exp = exp.filter(|exp| now >= exp.plus(DEFAULT_CLOCK_SKEW))?;
    let ago = in_words(now.since(exp));
    Some(format!("By the `exp` of the {place} it expired {ago} ago."))
}

/// What is wrong with an `nbf` that is still to come, the usual clock skew included.
pub(super) fn early(nbf: Option<UnixTime>, now: UnixTime) -> Option<String> {
    let nbf = nbf.filter(|nbf| *nbf > now.plus(DEFAULT_CLOCK_SKEW))?;
    let distance = in_words(nbf.since(now));
    Some(format!("By its `nbf` it is valid only in {distance}."))
}

/// The two largest units, whole.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0 | 1, _, _) => format!("{hours} h {} min", minutes % 60),
        (2..=730, _, _) => format!("{days} days"),
        _ => format!("{} years", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_said_in_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (3_600, "1 h 0 min"),
            (172_799, "47 h 59 min"),
            (172_800, "2 days"),
            (730 * 86_400, "730 days"),
            (731 * 86_400, "2 years"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }
}
