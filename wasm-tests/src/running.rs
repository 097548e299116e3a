//! A scenario that runs: requests to it, tokens for it, and what it leaves behind.

use std::net::SocketAddr;
use std::ops::Deref;

use alb_token::mint::{KeyPair, LoadBalancer};
use serde_json::Value;

use crate::alb::Forgery;
use crate::client::Request;
use crate::envoy::{AccessLine, Envoy};
use crate::key_endpoint::KeyEndpoint;
use crate::refusal::{Case, assert_refused};
use crate::scenario::Site;
use crate::wait::eventually;

/// A scenario that runs; it ends when it is dropped.
pub struct Running {
    pub(crate) envoy: Envoy,
    pub(crate) listeners: Vec<SocketAddr>,
    /// The key endpoint behind the cluster `keys`.
    pub endpoint: KeyEndpoint,
    /// The default load balancer's key, which the endpoint serves.
    pub key: KeyPair,
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

    /// A token that is good but for what a test changes in it.
    pub fn forge(&self) -> Forgery {
        Forgery::new(&self.load_balancer, &self.key)
    }

    /// A good token.
    pub fn token(&self) -> String {
        self.forge().sign()
    }

    /// A good token whose payload has this claim, too.
    pub fn token_with(&self, claim: &str, value: impl Into<Value>) -> String {
        self.forge().claim(claim, value).sign()
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
        let outcomes = || ["update_success", "update_rejected"].map(|outcome| self.lds(outcome));
        let before = outcomes();
        self.site.reconfigure(members);
        self.site.write_listeners(self.envoy.folder());
        let outcomes = || ["update_success", "update_rejected"].map(|outcome| self.lds(outcome));
        let after = eventually("Envoy reads the changed listeners", || {
            Some(outcomes()).filter(|now| *now != before)
        });
        after[0] > before[0]
    }

    fn lds(&self, outcome: &str) -> u64 {
        let name = format!("listener_manager.lds.{outcome}");
        self.stat(&name).unwrap_or_default()
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

    /// Fails unless the module still serves a good request on each plugin's listener and never
    /// trapped.
    #[track_caller]
    pub fn assert_alive(&self) {
        for index in 0..self.listeners.len() {
            let response = self.request_to(index, "GET", "/alive").token(&self.token());
            response.send().echo();
        }
        let log = self.log();
        for trace in ["panicked", "wasm trap", "Function: proxy_on", "Uncaught"] {
            assert!(!log.contains(trace), "Envoy's log says {trace:?}");
        }
    }
}
