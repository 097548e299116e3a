//! What an attempt brought: a retry, a key, or a failure, and the answers to all that wait.

use std::rc::Rc;
use std::time::Duration;

use super::entry::{Entry, NotFound};
use super::{AttemptId, AttemptResult, FetchFailure, FetchOutcome, KeyRef, KeyStore, PublicKey};
use crate::time::{Span, UnixTime};

/// Before the one retry: enough for a stale keep-alive connection to be replaced.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(100);

impl KeyStore {
    pub(super) fn take_result(&mut self, attempt: AttemptId, result: AttemptResult, now: UnixTime) {
        let key = attempt.key;
        let entry = self.entries.get_mut(&key);
        let Some(fetch) = entry.and_then(Entry::running_mut) else {
            return;
        };
        if !fetch.is_attempt(attempt.number) {
            return;
        }
        if let AttemptResult::Failed(failure) = &result
            && failure.is_worth_a_retry()
            && fetch.retry_after(Span::new(now, RETRY_AFTER))
        {
            return;
        }
        let took = now.since(fetch.started());
        self.finish_fetch(key, result, took, now);
    }

    fn finish_fetch(&mut self, key: KeyRef, result: AttemptResult, took: Duration, now: UnixTime) {
        let brought_key = matches!(result, AttemptResult::Key(_));
        self.slots.finish(key, brought_key);
        self.entries.entry(key).or_default().end_fetch();
        let result = match result {
            AttemptResult::Key(public_key) => Ok(self.insert_key(key, public_key, now)),
            AttemptResult::Failed(failure) => Err(self.record_failure(key, failure, now)),
        };
        let answer = result.clone().map_err(FetchFailure::rejection);
        let result = result.map(|_| ());
        self.outcomes.push_back(FetchOutcome { key, result, took });
        for stream in self.waiters.of_key(key) {
            self.answer(stream, answer.clone());
        }
        self.bound_entries();
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
