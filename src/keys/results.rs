//! What an attempt brought: a retry, a key, or a failure, and the answers to all that wait.

use std::rc::Rc;
use std::time::Duration;

use super::entry::{Entry, NotFound};
use super::{
    Answer, AttemptId, AttemptResult, FetchFailure, FetchOutcome, FetchTarget, KeyRef, KeySet,
    KeyStore, PublicKey,
};
use crate::key_source::SetId;
use crate::time::UnixTime;

impl KeyStore {
    pub(super) fn take_result(&mut self, attempt: AttemptId, result: AttemptResult, now: UnixTime) {
        let number = attempt.number;
        match attempt.target {
            FetchTarget::Key(key) => {
                let result = match result {
                    AttemptResult::Key(public_key) => Ok(public_key),
                    AttemptResult::Failed(failure) => Err(failure),
                    AttemptResult::KeySet(_) => Err(FetchFailure::NotAKey),
                };
                self.take_key(key, number, result, now);
            }
            FetchTarget::KeySet(set) => {
                let result = match result {
                    AttemptResult::KeySet(keys) => Ok(keys),
                    AttemptResult::Failed(failure) => Err(failure),
                    AttemptResult::Key(_) => Err(FetchFailure::NotAKeySet),
                };
                self.take_key_set(set, number, result, now);
            }
        }
    }

    fn take_key(
        &mut self,
        key: KeyRef,
        number: u64,
        result: Result<PublicKey, FetchFailure>,
        now: UnixTime,
    ) {
        let entry = self.entries.get_mut(&key);
        let Some(fetch) = entry.and_then(Entry::running_mut) else {
            return;
        };
        let Some(took) = fetch.ended(number, result.as_ref().err(), now) else {
            return;
        };
        self.slots.finish(key, result.is_ok());
        self.entries.entry(key).or_default().end_fetch();
        let result = match result {
            Ok(public_key) => Ok(self.insert_key(key, public_key, now)),
            Err(failure) => Err(self.record_failure(key, failure, now)),
        };
        let answer = Answer::Key(result.clone().map_err(FetchFailure::rejection));
        self.conclude(FetchTarget::Key(key), result.map(|_| ()), took, &answer);
        self.bound_entries();
    }

    fn take_key_set(
        &mut self,
        set: SetId,
        number: u64,
        result: Result<KeySet, FetchFailure>,
        now: UnixTime,
    ) {
        let finished = self
            .sets
            .take_result(set, number, result, &self.limits, now);
        let Some(finished) = finished else { return };
        self.dropped_set_keys.extend(finished.gone);
        let answer = Answer::KeySet(finished.result.map_err(FetchFailure::rejection));
        let target = FetchTarget::KeySet(set);
        self.conclude(target, finished.result, finished.took, &answer);
    }

    /// A fetch has ended: all who wait for it are answered.
    fn conclude(
        &mut self,
        target: FetchTarget,
        result: Result<(), FetchFailure>,
        took: Duration,
        answer: &Answer,
    ) {
        self.outcomes.push_back(FetchOutcome {
            target,
            result,
            took,
        });
        for stream in self.waiters.of_target(target) {
            self.answer(stream, answer.clone());
        }
    }

    fn insert_key(&mut self, key: KeyRef, public_key: PublicKey, now: UnixTime) -> Rc<PublicKey> {
        if let Some(endpoint) = self.endpoints.get_mut(key.source.0) {
            endpoint.served = endpoint.served.saturating_add(1);
        }
        let entry = self.entries.entry(key).or_default();
        let is_new = entry.key().is_none();
        let (cached, replaced) = entry.insert_key(public_key, now);
        self.dropped.extend(replaced.map(|replaced| replaced.key));
        if is_new {
            self.key_count = self.key_count.saturating_add(1);
        }
        if self.key_count > self.limits.max_keys {
            self.evict_key(Some(key));
        }
        cached
    }

    /// Remembers a failure, and returns what it turned out to be.
    fn record_failure(
        &mut self,
        key: KeyRef,
        failure: FetchFailure,
        now: UnixTime,
    ) -> FetchFailure {
        let served = self.endpoints.get(key.source.0).map_or(0, |e| e.served);
        let entry = self.entries.entry(key).or_default();
        let FetchFailure::NotFound(status) = failure else {
            entry.record_failure(now);
            return failure;
        };
        match entry.record_not_found(status, served, &self.limits, now) {
            NotFound::NotBelieved => return FetchFailure::Status(status),
            NotFound::KeyIsGone => self.remove_key(key),
            NotFound::Believed => {}
        }
        failure
    }
}
