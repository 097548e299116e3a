//! A scenario that runs: requests to it, tokens for it, and what it leaves behind.

use std::net::SocketAddr;
use std::ops::Deref;
use std::process::ExitStatus;

use alb_fixtures::access_token::UserPool;
use alb_fixtures::mint::{KeyPair, LoadBalancer};
use serde_json::Value;

use crate::access_token::AccessTokenBuilder;
use crate::alb::TokenBuilder;
use crate::envoy::{AccessLine, Envoy};
use crate::http::Request;
use crate::key_endpoint::KeyEndpoint;
use crate::refusal::{Case, REASONS, assert_refused};
use crate::site::Site;
use crate::wait::eventually;

/// A scenario that runs; it ends when it is dropped.
pub struct Running {
    pub(crate) envoy: Envoy,
    pub(crate) listeners: Vec<SocketAddr>,
    /// The key endpoint behind the cluster `keys`.
    pub endpoint: KeyEndpoint,
    /// The default load balancer's key, which the endpoint serves.
    pub key: KeyPair,
    /// The endpoint of key sets behind the cluster `cognito`.
    pub key_sets: KeyEndpoint,
    /// The user pool whose set is served at [`KEY_SET`](crate::KEY_SET).
    pub pool: UserPool,
    /// The default load balancer.
    pub load_balancer: LoadBalancer,
    pub(crate) site: Site,
}

impl Deref for Running {
    type Target = Envoy;

    fn deref(&self) -> &Envoy {
        &self.envoy
    }
}

impl Running {
    /// A request to the first plugin's listener.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.request_to(0, method, path)
    }

    /// A request to the listener of the plugin at `index`.
    pub fn request_to(&self, index: usize, method: &str, path: &str) -> Request {
        Request::new(self.listeners[index], method, path)
    }

    /// A GET request to the first plugin's listener.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    /// A valid token that a test can modify.
    pub fn token_builder(&self) -> TokenBuilder {
        TokenBuilder::new(&self.load_balancer, &self.key)
    }

    /// A valid token.
    pub fn token(&self) -> String {
        self.token_builder().sign()
    }

    /// A valid token whose payload has this claim, too.
    pub fn token_with(&self, claim: &str, value: impl Into<Value>) -> String {
        self.token_builder().claim(claim, value).sign()
    }

    /// A valid access token of [`USER`](crate::USER) that a test can modify.
    pub fn access_token_builder(&self) -> AccessTokenBuilder {
        AccessTokenBuilder::new(&self.pool)
    }

    /// A valid access token of [`USER`](crate::USER), with the groups [`GROUPS`](crate::GROUPS).
    pub fn access_token(&self) -> String {
        self.access_token_builder().sign()
    }

    /// The module's counter or gauge of this name; 0 where it has none.
    pub fn metric(&self, name: &str) -> u64 {
        let name = format!("wasmcustom.alb_authn.{name}");
        self.stat(&name).unwrap_or_default()
    }

    /// Awaits that the module's counter or gauge has this value.
    #[track_caller]
    pub fn await_metric(&self, name: &str, expected: u64) {
        let what = format!("the metric {name} is {expected}");
        eventually(&what, || (self.metric(name) == expected).then_some(()));
    }

    /// The one line of the access log with this path.
    #[track_caller]
    pub fn access_line(&self, path: &str) -> AccessLine {
        eventually("the access log has the request", || {
            let lines = self.access_log();
            lines.into_iter().find(|line| line.path == path)
        })
    }

    /// Awaits a line of the module's log that holds all of `parts`.
    #[track_caller]
    pub fn log_line(&self, parts: &[&str]) -> String {
        eventually(&format!("the log has a line with {parts:?}"), || {
            let mut lines = self.module_log().into_iter();
            lines.find(|line| parts.iter().all(|part| line.contains(part)))
        })
    }

    /// Exchanges these top-level members of the first plugin's configuration while Envoy runs.
    /// Returns whether Envoy took it.
    #[track_caller]
    pub fn reload(&mut self, members: Value) -> bool {
        self.site.reconfigure(members);
        let counters = self.site.update_counters();
        let outcomes = || counters.each_ref().map(|name| self.stat(name).unwrap_or(0));
        let before = outcomes();
        self.site.write_update(self.envoy.folder());
        let after = eventually("Envoy reads the changed configuration", || {
            Some(outcomes()).filter(|now| *now != before)
        });
        after[0] > before[0]
    }

    /// Takes the listeners away; what waits on them goes on for as long as the drain time says.
    pub fn remove_listeners(&self) {
        self.site.write_no_listeners(self.envoy.folder());
    }

    /// Ends Envoy in order; returns its exit status and its log.
    #[track_caller]
    pub fn quit(self) -> (ExitStatus, String) {
        self.envoy.quit()
    }

    /// Fails unless each case is refused as it must be: the whole answer, one more in its counter, and
    /// its reason in the access log.
    #[track_caller]
    pub fn assert_each_refused(&self, cases: Vec<Case>) {
        for (index, case) in cases.into_iter().enumerate() {
            let (name, reason) = (case.name, case.reason);
            let counter = format!("requests.{reason}");
            let before = self.metric(&counter);
            let path = format!("/{reason}/{index}/{before}");
            let request = case.tokens.iter().fold(self.get(&path), |r, t| r.token(t));
            assert_refused(&request.send(), reason, name);
            assert_eq!(self.metric(&counter), before + 1, "{name}");
            let line = self.access_line(&path);
            assert_eq!(line.reason.as_deref(), Some(reason), "{name}");
            assert_eq!(line.user, None, "{name}");
        }
    }

    /// Fails unless `decided` requests got one verdict each, and as many reached the upstream as were let
    /// through.
    #[track_caller]
    pub fn assert_accounted(&self, decided: u64) {
        let verdicts: u64 = REASONS
            .iter()
            .map(|(reason, _)| self.metric(&format!("requests.{reason}")))
            .sum();
        assert_eq!(verdicts, decided, "a verdict for each request");
        let forwarded = self.stat("cluster.upstream.upstream_rq_total");
        let let_through = self.metric("requests.ok") + self.metric("requests.no_token");
        assert_eq!(forwarded, Some(let_through), "requests at the upstream");
        self.await_metric("waiting_requests", 0);
    }

    /// Fails unless the module still serves a good request, an access token beside it, on each plugin's listener and
    /// never trapped.
    #[track_caller]
    pub fn assert_alive(&self) {
        self.assert_alive_with(&self.token());
    }

    /// The same, with a token that is good under every plugin's configuration.
    #[track_caller]
    pub fn assert_alive_with(&self, token: &str) {
        for index in 0..self.listeners.len() {
            let request = self.request_to(index, "GET", "/alive").token(token);
            request.access_token(&self.access_token()).send().echo();
        }
        let log = self.log();
        for trace in ["panicked", "wasm trap", "Function: proxy_on", "Uncaught"] {
            assert!(!log.contains(trace), "Envoy's log says {trace:?}");
        }
    }
}
