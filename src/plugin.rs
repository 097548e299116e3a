//! One plugin in one Envoy worker, whole and pure: configuration, keys, cache, waiting requests.
//!
//! **After every `handle_*` call the shell drains, in this order, `poll_fetch` (dispatch; a failure to dispatch goes
//! back by `handle_dispatch_failure`, and may decide requests), `poll_decision` (carry out; each one makes events)
//! and `poll_event` (count, log). Then it arms its timer for `poll_wakeup`, and calls `handle_timeout` when that is
//! over.** `poll_decision` ends with the callback's batch, and `poll_wakeup` asks for the next one at once: more
//! decisions in one callback would overflow the VM's stack. Nothing here calls the host or reads a clock.

mod waiting;

use std::collections::HashMap;

use crate::config::Config;
use crate::header_plan::stripped_trailers;
use crate::headers::Headers;
use crate::keys::{
    AttemptId, AttemptResult, FetchFailure, FetchTarget, KeyRef, KeyStore, Lookup, StreamId,
};
use crate::report::{Event, Gauge, Report};
use crate::request::{Caches, Decision, Findings, Judge, Judgement, Request};
use crate::time::UnixTime;
use crate::verify::SignatureBackend;
use waiting::{Parked, ParkedFor};

/// One plugin configuration in one Envoy worker thread: keys, token cache, parked requests.
pub struct Plugin {
    config: Config,
    keys: KeyStore,
    caches: Caches,
    backend: Box<dyn SignatureBackend>,
    parked: HashMap<StreamId, Parked>,
    report: Report,
    reported: Gauges,
    has_ended: bool,
}

/// The gauges as this plugin last moved them.
#[derive(Clone, Copy, Default)]
struct Gauges {
    keys: usize,
    waiting: usize,
}

/// A call to a key source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOrder {
    /// Goes back to [`Plugin::handle_fetch_result`].
    pub attempt: AttemptId,
    /// The Envoy cluster.
    pub cluster: String,
    /// `:authority`.
    pub authority: String,
    /// `:path`.
    pub path: String,
}

impl Plugin {
    /// Starts with a configuration. `signature_backend` is its name in the log.
    pub fn new(
        config: Config,
        backend: Box<dyn SignatureBackend>,
        signature_backend: &str,
        now: UnixTime,
    ) -> Self {
        let key_sets = config.key_set_sources().to_vec();
        let reads_access_tokens = config.reads_access_tokens();
        Self {
            keys: KeyStore::with_key_sets(
                config.public_keys.clone(),
                config.key_sources().to_vec(),
                key_sets,
            ),
            caches: Caches::new(config.token_cache_bytes, reads_access_tokens),
            report: Report::start(&config, signature_backend, now),
            config,
            backend,
            parked: HashMap::new(),
            reported: Gauges::default(),
            has_ended: false,
        }
    }

    /// Takes over from the same plugin's earlier configuration: its public keys are copied, and its token caches
    /// are emptied and switched off. Old connections keep the old configuration alive for hours, and all of them
    /// share one VM's memory.
    pub fn take_over(&mut self, earlier: &mut Self) {
        self.keys.adopt_keys(&earlier.keys);
        earlier.keys.stop_first_fetches();
        self.report_gauges();
        earlier.caches = Caches::new(0, false);
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Judges a request by its headers. `None`: it waits, and `poll_decision` will name it.
    #[must_use]
    pub fn handle_request_headers(
        &mut self,
        stream: StreamId,
        headers: &Headers<'_>,
        now: UnixTime,
    ) -> Option<Decision> {
        let request = match Request::handle_headers(headers, &self.config, &self.caches.user, now) {
            Request::Decided(decision) => {
                self.report.record_decision(&decision, now);
                return Some(decision);
            }
            Request::AwaitingKey(request) => request,
        };
        let (key, bytes) = (request.key(), request.retained_bytes());
        let answer = match self.keys.acquire(key, stream, bytes, now) {
            Lookup::Ready(public_key) => Ok(public_key),
            Lookup::Rejected(rejection) => Err(rejection),
            Lookup::Pending => {
                self.park(stream, ParkedFor::Key(request.park(&self.config)), now);
                return None;
            }
        };
        let step = self.judge().decide(request, answer, now);
        self.go_on(stream, key, step, now, now)
    }

    fn judge(&mut self) -> Judge<'_> {
        Judge {
            config: &self.config,
            backend: &*self.backend,
            caches: &mut self.caches,
        }
    }

    fn conclude(&mut self, key: KeyRef, judgement: Judgement, now: UnixTime) -> Decision {
        self.record_findings(key, &judgement.findings);
        if let Some(judged) = judgement.access_token {
            self.report.count_access_token(judged);
        }
        self.report.count_left_out(judgement.values_left_out);
        self.report.record_decision(&judgement.decision, now);
        judgement.decision
    }

    fn record_findings(&mut self, key: KeyRef, findings: &Findings) {
        if let Some(proven) = &findings.proven_key {
            self.keys.handle_verified(key, proven);
        }
        let lookups = [findings.cache_lookup, findings.access_cache_lookup];
        for hit in lookups.into_iter().flatten() {
            self.report.count_lookup(hit);
        }
    }

    /// Whether this request is not yet decided.
    #[must_use]
    pub fn is_waiting(&self, stream: StreamId) -> bool {
        self.parked.contains_key(&stream)
    }

    /// The names of trailers to remove.
    #[must_use]
    pub fn stripped_trailers(&self, trailers: &Headers<'_>) -> Vec<Vec<u8>> {
        stripped_trailers(trailers, &self.config)
    }

    /// A request has ended, decided or not.
    pub fn handle_stream_end(&mut self, stream: StreamId) {
        if self.parked.remove(&stream).is_some() {
            self.keys.handle_cancelled(stream);
            self.report_gauges();
        }
    }

    /// An attempt brought this.
    pub fn handle_fetch_result(
        &mut self,
        attempt: AttemptId,
        result: AttemptResult,
        now: UnixTime,
    ) {
        self.keys.handle_result(attempt, result, now);
        self.after_keys_changed(now);
    }

    /// A fetch of this callback's own drain could not be dispatched.
    pub fn handle_dispatch_failure(
        &mut self,
        attempt: AttemptId,
        failure: FetchFailure,
        now: UnixTime,
    ) {
        self.keys.handle_dispatch_failure(attempt, failure, now);
        self.after_keys_changed(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        self.keys.handle_timeout(now);
        self.report.handle_timeout(now);
        self.after_keys_changed(now);
    }

    /// The configuration ends: what it added to the process-wide gauges is taken back. The shell keeps the
    /// plugin for its public keys, maybe for ever, so the token caches go now.
    pub fn handle_end(&mut self) {
        self.has_ended = true;
        self.caches = Caches::new(0, false);
        self.report_gauges();
    }

    fn after_keys_changed(&mut self, now: UnixTime) {
        while let Some(key) = self.keys.poll_evicted() {
            self.caches.user.remove_key(&key);
        }
        while let Some(key) = self.keys.poll_evicted_set_key() {
            self.caches.access.remove_key(&key);
        }
        while let Some(outcome) = self.keys.poll_outcome() {
            let endpoint = self.endpoint_of(outcome.target);
            self.report.record_fetch(&outcome, &endpoint, now);
        }
        self.report_gauges();
    }

    /// For log lines: several key sets of one host differ by their path.
    fn endpoint_of(&self, target: FetchTarget) -> String {
        match target {
            FetchTarget::Key(key) => {
                let source = self.keys.source(key);
                source.map_or_else(String::new, |source| source.authority.clone())
            }
            FetchTarget::KeySet(set) => {
                let source = self.keys.key_set_source(set);
                source.map_or_else(String::new, |set| format!("{}{}", set.authority, set.path))
            }
        }
    }

    fn report_gauges(&mut self) {
        let present = if self.has_ended {
            Gauges::default()
        } else {
            Gauges {
                keys: self.keys.key_count(),
                waiting: self.keys.waiting_count(),
            }
        };
        let earlier = std::mem::replace(&mut self.reported, present);
        self.report
            .move_gauge(Gauge::Keys, earlier.keys, present.keys);
        self.report
            .move_gauge(Gauge::WaitingRequests, earlier.waiting, present.waiting);
    }

    /// The next call to dispatch. May change after every `handle_*`.
    #[must_use]
    pub fn poll_fetch(&mut self, now: UnixTime) -> Option<FetchOrder> {
        let attempt = self.keys.poll_fetch(now)?;
        let (cluster, authority, path) = match attempt.target {
            FetchTarget::Key(key) => {
                let source = self.keys.source(key)?;
                let path = source.path(key.kid.as_str());
                (&source.cluster, &source.authority, path)
            }
            FetchTarget::KeySet(set) => {
                let source = self.keys.key_set_source(set)?;
                (&source.cluster, &source.authority, source.path.clone())
            }
        };
        Some(FetchOrder {
            attempt,
            cluster: cluster.clone(),
            authority: authority.clone(),
            path,
        })
    }

    /// The next waiting request that is decided, until the callback's batch is given. May change after every
    /// `handle_*`.
    #[must_use]
    pub fn poll_decision(&mut self, now: UnixTime) -> Option<(StreamId, Decision)> {
        while let Some((stream, answer)) = self.keys.poll_answer() {
            self.report_gauges();
            let Some(parked) = self.parked.remove(&stream) else {
                continue;
            };
            if let Some(decision) = self.resume(stream, parked, answer, now) {
                return Some((stream, decision));
            }
        }
        None
    }

    /// The next thing to count or log. May change after every other call.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.report.poll_event()
    }

    /// When `handle_timeout` must be called next; `None` while nothing is under way. May change after
    /// every other call.
    #[must_use]
    pub fn poll_wakeup(&self) -> Option<UnixTime> {
        self.keys
            .poll_wakeup()
            .into_iter()
            .chain(self.report.poll_wakeup())
            .min()
    }
}

#[cfg(test)]
mod tests;
