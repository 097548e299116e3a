//! Requests that wait: for their key, and then for the key set of their access token.

use super::Plugin;
use crate::keys::{Answer, KeyRef, KeySetWait, SetLookup, StreamId};
use crate::reason::Rejection;
use crate::request::{AwaitingKeySet, Decision, ParkedForKeySet, ParkedRequest, Step};
use crate::time::UnixTime;

/// A request that waits, since when, and for what.
pub(super) struct Parked {
    since: UnixTime,
    request: ParkedFor,
}

pub(super) enum ParkedFor {
    Key(ParkedRequest),
    KeySet(ParkedForKeySet),
}

impl Plugin {
    pub(super) fn park(&mut self, stream: StreamId, request: ParkedFor, since: UnixTime) {
        self.parked.insert(stream, Parked { since, request });
        self.report_gauges();
    }

    /// Looks for the access token's key, if one is needed. `None`: the request waits, as it has since `since`.
    pub(super) fn go_on(
        &mut self,
        stream: StreamId,
        key: KeyRef,
        step: Step<'_>,
        since: UnixTime,
        now: UnixTime,
    ) -> Option<Decision> {
        let request = match step {
            Step::Decided(judgement) => return Some(self.conclude(key, judgement, now)),
            Step::AwaitingKeySet(request) => request,
        };
        match self.acquire_from_set(stream, &request, since, now) {
            SetLookup::Settled(answer) => {
                let judgement = self.judge().decide_with_set_key(request, answer, now);
                Some(self.conclude(key, judgement, now))
            }
            SetLookup::Pending => {
                let (request, findings) = request.park(&self.config);
                self.record_findings(key, &findings);
                self.park(stream, ParkedFor::KeySet(request), since);
                None
            }
        }
    }

    fn acquire_from_set(
        &mut self,
        stream: StreamId,
        request: &AwaitingKeySet<'_>,
        since: UnixTime,
        now: UnixTime,
    ) -> SetLookup {
        let wait = KeySetWait {
            stream,
            bytes: request.retained_bytes(),
            since,
            is_required: request.is_required(),
        };
        self.keys
            .acquire_from_set(request.set(), request.kid(), wait, now)
    }

    /// `None`: the request waits on, for its key set.
    pub(super) fn resume(
        &mut self,
        stream: StreamId,
        parked: Parked,
        answer: Answer,
        now: UnixTime,
    ) -> Option<Decision> {
        // The store answers what was asked; anything else would be no answer.
        match parked.request {
            ParkedFor::Key(request) => {
                let answer = match answer {
                    Answer::Key(answer) => answer,
                    Answer::KeySet(_) => Err(Rejection::KeyUnavailable),
                };
                let key = request.key();
                let step = self.judge().resume(request, answer, now);
                self.go_on(stream, key, step, parked.since, now)
            }
            ParkedFor::KeySet(mut request) => {
                let fetched = match answer {
                    Answer::KeySet(fetched) => fetched,
                    Answer::Key(_) => Err(Rejection::KeyUnavailable),
                };
                let found =
                    fetched.and_then(|()| self.keys.find_in_set(request.set(), request.kid(), now));
                let key = request.key();
                if !self.keys.holds(key, request.public_key()) {
                    request.forget_user();
                }
                let judgement = self.judge().resume_with_set_key(request, found, now);
                Some(self.conclude(key, judgement, now))
            }
        }
    }
}
