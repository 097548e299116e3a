//! The key sets: few, from the configuration, and each fetched as one.
//!
//! ```text
//!            first tick           a key set             used after refreshInterval, or a kid is missing
//!  unstarted ──────────▶ fetching ─────────▶ held ──────────────────────────────────────────▶ held, fetching
//!                         ▲    │ failed       │ last good fetch + max(refreshInterval, maxStale)
//!          back-off over, │    ▼              ▼
//!          on a tick      └─ blocked        ended: fetched when it is next needed
//! ```
//! A sender chooses the key id, so one that the set lacks may cause one fetch only, and then none for a while.

use std::rc::Rc;
use std::time::Duration;

use super::back_off::{BackOff, LONGEST_BACK_OFF};
use super::fetch::Fetch;
use super::{FetchFailure, KeySet, RsaPublicKey};
use crate::key_source::{KeyLimits, KeySetSource, SetId};
use crate::reason::Rejection;
use crate::time::{Span, UnixTime};

/// The longest back-off while a set was never fetched: users wait for it.
const LONGEST_FIRST_BACK_OFF: Duration = Duration::from_secs(5);

/// How long no fetch is made for missing key ids, at least.
const MISSING_KID_PAUSE: Duration = Duration::from_secs(30);

/// All key sets of one plugin in one worker.
pub(super) struct KeySets {
    sets: Vec<State>,
    /// Whether a newer configuration has taken over: what is fetched then, requests ask for.
    is_replaced: bool,
}

/// One key set.
struct State {
    source: KeySetSource,
    held: Option<Held>,
    fetch: Option<Fetch>,
    back_off: Option<BackOff>,
    /// Whether it was ever held.
    was_held: bool,
    missing_kid: MissingKid,
}

struct Held {
    set: KeySet,
    fetched_at: UnixTime,
}

/// What is being done about key ids that the set lacks.
enum MissingKid {
    Nothing,
    /// Requests wait for the fetch that is under way.
    Awaited,
    /// No fetch until this is over; whether the last one failed.
    Pause {
        span: Span,
        has_failed: bool,
    },
}

/// The answer to [`KeySets::acquire`].
pub(super) enum Acquired {
    Ready(Rc<RsaPublicKey>),
    Fetching,
    Rejected(Rejection),
}

/// A fetch that has ended.
pub(super) struct Finished {
    pub(super) result: Result<(), FetchFailure>,
    pub(super) took: Duration,
    /// Keys that are no longer in the set.
    pub(super) gone: Vec<Rc<RsaPublicKey>>,
}

impl KeySets {
    pub(super) fn new(sources: Vec<KeySetSource>) -> Self {
        Self {
            sets: sources.into_iter().map(State::new).collect(),
            is_replaced: false,
        }
    }

    pub(super) fn source(&self, set: SetId) -> Option<&KeySetSource> {
        self.sets.get(set.0).map(|state| &state.source)
    }

    /// Takes over the sets of an earlier configuration that are still in use.
    pub(super) fn adopt(&mut self, earlier: &Self) {
        for state in &mut self.sets {
            let same = earlier
                .sets
                .iter()
                .find(|other| other.source == state.source);
            if let Some(held) = same.and_then(|other| other.held.as_ref()) {
                state.held = Some(Held {
                    set: held.set.clone(),
                    fetched_at: held.fetched_at,
                });
                state.was_held = true;
            }
        }
    }

    /// The key with this id; starts a fetch if one is due. `is_required`: whether the request is rejected without
    /// the key. One that is not waits only while no fetch has failed.
    pub(super) fn acquire(
        &mut self,
        set: SetId,
        kid: &str,
        is_required: bool,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> Acquired {
        match self.sets.get_mut(set.0) {
            Some(state) => state.acquire(kid, is_required, limits, now),
            None => Acquired::Rejected(Rejection::KeyUnavailable),
        }
    }

    /// The key with this id, after a fetch that was waited for.
    pub(super) fn find(
        &self,
        set: SetId,
        kid: &str,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> Result<Rc<RsaPublicKey>, Rejection> {
        let held = self
            .sets
            .get(set.0)
            .and_then(|state| state.usable(limits, now));
        let held = held.ok_or(Rejection::KeyUnavailable)?;
        let key = held.set.find(kid).ok_or(Rejection::InvalidAccessToken)?;
        Ok(Rc::clone(key))
    }

    /// Starts the fetches of sets that were never held: at the first tick, and when a back-off is over.
    pub(super) fn handle_tick(&mut self, now: UnixTime) {
        let is_replaced = self.is_replaced;
        let sets = self.sets.iter_mut();
        for state in sets.filter(|state| state.starts_itself(is_replaced)) {
            let _ = state.start_fetch(now);
        }
    }

    /// A newer configuration takes over: old connections keep this one for hours, and it must not go on asking a
    /// host that does not answer.
    pub(super) fn stop_first_fetches(&mut self) {
        self.is_replaced = true;
    }

    /// A set whose attempt is due, with its fetch.
    pub(super) fn next_due(&mut self, now: UnixTime) -> Option<(SetId, &mut Fetch)> {
        let mut fetches = self.fetches_mut();
        fetches.find(|(_, fetch)| fetch.is_due(now))
    }

    /// The attempts that have taken too long.
    pub(super) fn overdue(&self, now: UnixTime) -> Vec<(SetId, u64)> {
        let states = self.sets.iter().enumerate();
        let overdue = states.filter_map(|(index, state)| {
            let number = state.fetch.as_ref()?.overdue_attempt(now)?;
            Some((SetId(index), number))
        });
        overdue.collect()
    }

    /// An attempt brought this. `None`: nothing has ended (it is tried once more, or the result is late).
    pub(super) fn take_result(
        &mut self,
        set: SetId,
        number: u64,
        result: Result<KeySet, FetchFailure>,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> Option<Finished> {
        let state = self.sets.get_mut(set.0)?;
        let fetch = state.fetch.as_mut()?;
        let took = fetch.ended(number, result.as_ref().err(), now)?;
        let (result, gone) = state.finish(result, limits, now);
        Some(Finished { result, took, gone })
    }

    /// When [`KeySets::handle_tick`], [`KeySets::next_due`] and [`KeySets::overdue`] must be called next.
    pub(super) fn next_time(&self) -> Option<UnixTime> {
        let sets = self.sets.iter();
        let times = sets.filter_map(|state| state.next_time(self.is_replaced));
        times.min()
    }

    fn fetches_mut(&mut self) -> impl Iterator<Item = (SetId, &mut Fetch)> {
        let states = self.sets.iter_mut().enumerate();
        states.filter_map(|(index, state)| Some((SetId(index), state.fetch.as_mut()?)))
    }
}

impl State {
    fn new(source: KeySetSource) -> Self {
        Self {
            source,
            held: None,
            fetch: None,
            back_off: None,
            was_held: false,
            missing_kid: MissingKid::Nothing,
        }
    }

    fn usable(&self, limits: &KeyLimits, now: UnixTime) -> Option<&Held> {
        let life = limits.refresh_interval.max(limits.max_stale);
        let held = self.held.as_ref()?;
        (!Span::new(held.fetched_at, life).is_over(now)).then_some(held)
    }

    fn acquire(
        &mut self,
        kid: &str,
        is_required: bool,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> Acquired {
        let Some(held) = self.usable(limits, now) else {
            return self.await_set(is_required, now);
        };
        let is_due = Span::new(held.fetched_at, limits.refresh_interval).is_over(now);
        let key = held.set.find(kid).cloned();
        if is_due {
            let _ = self.start_fetch(now);
        }
        key.map_or_else(|| self.await_kid(is_required, now), Acquired::Ready)
    }

    fn await_set(&mut self, is_required: bool, now: UnixTime) -> Acquired {
        if self.start_fetch(now) {
            self.await_fetch(is_required)
        } else {
            Acquired::Rejected(Rejection::KeyUnavailable)
        }
    }

    /// A host that hangs must not hold up, time and again, a request that can do without it. So this waits only
    /// while no fetch has failed.
    fn await_fetch(&self, is_required: bool) -> Acquired {
        if is_required || self.back_off.is_none() {
            Acquired::Fetching
        } else {
            Acquired::Rejected(Rejection::KeyUnavailable)
        }
    }

    fn await_kid(&mut self, is_required: bool, now: UnixTime) -> Acquired {
        match self.missing_kid {
            MissingKid::Awaited => self.await_fetch(is_required),
            MissingKid::Pause { span, has_failed } if !span.is_over(now) => {
                Acquired::Rejected(if has_failed {
                    Rejection::KeyUnavailable
                } else {
                    Rejection::InvalidAccessToken
                })
            }
            MissingKid::Nothing | MissingKid::Pause { .. } => {
                if self.start_fetch(now) {
                    self.missing_kid = MissingKid::Awaited;
                    self.await_fetch(is_required)
                } else {
                    Acquired::Rejected(Rejection::KeyUnavailable)
                }
            }
        }
    }

    /// Starts a fetch unless one is under way; `false` in a back-off.
    fn start_fetch(&mut self, now: UnixTime) -> bool {
        if self.fetch.is_some() {
            return true;
        }
        let is_blocked = self.back_off.is_some_and(|b| !b.is_over(now));
        if !is_blocked {
            self.fetch = Some(Fetch::new(now));
        }
        !is_blocked
    }

    fn finish(
        &mut self,
        result: Result<KeySet, FetchFailure>,
        limits: &KeyLimits,
        now: UnixTime,
    ) -> (Result<(), FetchFailure>, Vec<Rc<RsaPublicKey>>) {
        self.fetch = None;
        self.missing_kid = self.after_fetch(result.is_err(), limits, now);
        match result {
            Ok(mut set) => {
                self.back_off = None;
                self.was_held = true;
                let earlier = self.held.take();
                let gone = earlier.map_or_else(Vec::new, |earlier| set.replace(earlier.set));
                self.held = Some(Held {
                    set,
                    fetched_at: now,
                });
                (Ok(()), gone)
            }
            Err(failure) => {
                let longest = if self.was_held {
                    LONGEST_BACK_OFF
                } else {
                    LONGEST_FIRST_BACK_OFF
                };
                self.back_off = Some(BackOff::after_failure(self.back_off, longest, now));
                (Err(failure), self.forget_if_ended(limits, now))
            }
        }
    }

    /// A set that nobody may use any more must not stay in memory.
    fn forget_if_ended(&mut self, limits: &KeyLimits, now: UnixTime) -> Vec<Rc<RsaPublicKey>> {
        if self.usable(limits, now).is_some() {
            return Vec::new();
        }
        let ended = self.held.take();
        ended.map_or_else(Vec::new, |held| held.set.into_keys())
    }

    fn after_fetch(&self, has_failed: bool, limits: &KeyLimits, now: UnixTime) -> MissingKid {
        match self.missing_kid {
            MissingKid::Nothing => MissingKid::Nothing,
            MissingKid::Awaited => MissingKid::Pause {
                span: Span::new(now, limits.negative_ttl.max(MISSING_KID_PAUSE)),
                has_failed,
            },
            // A good answer says what the failed one could not.
            MissingKid::Pause {
                span,
                has_failed: failed_before,
            } => MissingKid::Pause {
                span,
                has_failed: failed_before && has_failed,
            },
        }
    }

    /// Whether it is fetched before a request needs it.
    fn starts_itself(&self, is_replaced: bool) -> bool {
        !is_replaced && !self.was_held
    }

    fn next_time(&self, is_replaced: bool) -> Option<UnixTime> {
        match (&self.fetch, self.back_off) {
            (Some(fetch), _) => Some(fetch.next_time()),
            _ if !self.starts_itself(is_replaced) => None,
            (None, Some(back_off)) => Some(back_off.end()),
            // Never started: at the next tick.
            (None, None) => Some(UnixTime::from_millis(i64::MIN)),
        }
    }
}
