//! One plugin in one Envoy worker, whole and pure: configuration, keys, cache, waiting requests.
//!
//! **After every `handle_*` call the shell drains, in this order, `poll_fetch` (dispatch; a failure to dispatch goes
//! back by `handle_dispatch_failure`, and may decide requests), `poll_decision` (carry out; each one makes events)
//! and `poll_event` (count, log). Then it arms its timer for `poll_wakeup`, and calls `handle_timeout` when that is
//! over.** `poll_decision` ends with the callback's batch, and `poll_wakeup` asks for the next one at once: more
//! decisions in one callback would overflow the VM's stack. Nothing here calls the host or reads a clock.

use std::collections::HashMap;
use std::rc::Rc;

use crate::config::Config;
use crate::header_plan::stripped_trailers;
use crate::headers::Headers;
use crate::keys::{AttemptId, FetchFailure, FetchResult, KeyStore, Lookup, PublicKey, StreamId};
use crate::reason::Rejection;
use crate::report::{Event, Gauge, Report};
use crate::request::{AwaitingKey, Checks, Decision, Request};
use crate::time::UnixTime;
use crate::verify::{Es256, TokenCache};

/// See the module.
pub struct Plugin {
    config: Rc<Config>,
    keys: KeyStore,
    cache: TokenCache,
    es256: Box<dyn Es256>,
    waiting: HashMap<StreamId, AwaitingKey>,
    report: Report,
    reported: (usize, usize),
    has_ended: bool,
}

/// A call to a key endpoint.
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
        es256: Box<dyn Es256>,
        signature_backend: &str,
        now: UnixTime,
    ) -> Self {
        Self {
            keys: KeyStore::new(config.public_keys.clone(), config.key_endpoints().to_vec()),
            cache: TokenCache::new(config.token_cache_bytes),
            report: Report::start(&config, signature_backend, now),
            config: Rc::new(config),
            es256,
            waiting: HashMap::new(),
            reported: (0, 0),
            has_ended: false,
        }
    }

    /// Takes over from the same plugin's earlier configuration: its public keys are copied, and its token cache
    /// is emptied and switched off. Old connections keep the old configuration alive for hours, and all of them
    /// share one VM's memory.
    pub fn take_over(&mut self, earlier: &mut Self) {
        self.keys.adopt_keys(&earlier.keys);
        self.report_gauges();
        earlier.cache = TokenCache::new(0);
    }

    /// The configuration.
    pub fn config(&self) -> &Rc<Config> {
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
        let request = match Request::handle_headers(headers, &self.config, &self.cache, now) {
            Request::Decided(decision) => {
                self.report.decision(&decision, now);
                return Some(decision);
            }
            Request::AwaitingKey(request) => request,
        };
        let lookup = self
            .keys
            .acquire(request.key(), stream, request.held_bytes(), now);
        let decision = match lookup {
            Lookup::Ready(key) => self.decide(request, Ok(key), now),
            Lookup::Refused(rejection) => self.decide(request, Err(rejection), now),
            Lookup::Waiting => {
                self.waiting.insert(stream, request.waiting());
                self.report_gauges();
                return None;
            }
        };
        Some(decision)
    }

    fn decide(
        &mut self,
        request: AwaitingKey,
        key: Result<Rc<PublicKey>, Rejection>,
        now: UnixTime,
    ) -> Decision {
        let key_ref = request.key();
        let mut checks = Checks::new(&self.config, &*self.es256, &mut self.cache);
        let decision = request.handle_key(key, &mut checks, now);
        let (cache_hit, key_is_proven) = (checks.cache_hit, checks.key_is_proven);
        if key_is_proven {
            self.keys.handle_verified(key_ref);
        }
        if let Some(hit) = cache_hit {
            self.report.cache(hit);
        }
        self.report.decision(&decision, now);
        decision
    }

    /// Whether this request is not yet decided.
    #[must_use]
    pub fn is_waiting(&self, stream: StreamId) -> bool {
        self.waiting.contains_key(&stream)
    }

    /// The names of trailers to remove.
    #[must_use]
    pub fn stripped_trailers(&self, trailers: &Headers<'_>) -> Vec<Vec<u8>> {
        stripped_trailers(trailers, &self.config)
    }

    /// A request has gone, decided or not.
    pub fn handle_stream_end(&mut self, stream: StreamId) {
        if self.waiting.remove(&stream).is_some() {
            self.keys.handle_gone(stream);
            self.report_gauges();
        }
    }

    /// An attempt brought this.
    pub fn handle_fetch_result(&mut self, attempt: AttemptId, result: FetchResult, now: UnixTime) {
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
    /// plugin for its public keys, maybe for ever, so the token cache goes now.
    pub fn handle_end(&mut self) {
        self.has_ended = true;
        self.cache = TokenCache::new(0);
        self.report_gauges();
    }

    fn after_keys_changed(&mut self, now: UnixTime) {
        while let Some(key) = self.keys.poll_dropped() {
            self.cache.remove_key(&key);
        }
        while let Some(outcome) = self.keys.poll_outcome() {
            let authority = self
                .keys
                .endpoint(outcome.key)
                .map_or("", |e| e.authority.as_str());
            self.report.outcome(&outcome, authority, now);
        }
        self.report_gauges();
    }

    fn report_gauges(&mut self) {
        let present = if self.has_ended {
            (0, 0)
        } else {
            (self.keys.key_count(), self.keys.waiting_count())
        };
        let earlier = std::mem::replace(&mut self.reported, present);
        self.report.moved(Gauge::Keys, earlier.0, present.0);
        self.report
            .moved(Gauge::WaitingRequests, earlier.1, present.1);
    }

    /// The next call to dispatch. May change after every `handle_*`.
    #[must_use]
    pub fn poll_fetch(&mut self, now: UnixTime) -> Option<FetchOrder> {
        let attempt = self.keys.poll_fetch(now)?;
        let endpoint = self.keys.endpoint(attempt.key)?;
        Some(FetchOrder {
            attempt,
            cluster: endpoint.cluster.clone(),
            authority: endpoint.authority.clone(),
            path: endpoint.path(attempt.key.kid.as_str()),
        })
    }

    /// The next waiting request that is decided, until the callback's batch is given. May change after every
    /// `handle_*`.
    #[must_use]
    pub fn poll_decision(&mut self, now: UnixTime) -> Option<(StreamId, Decision)> {
        while let Some((stream, key)) = self.keys.poll_answer() {
            self.report_gauges();
            if let Some(request) = self.waiting.remove(&stream) {
                return Some((stream, self.decide(request, key, now)));
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
