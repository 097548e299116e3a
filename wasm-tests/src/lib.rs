//! The built module in real Envoy: what the end-to-end tests share.
//!
//! A scenario starts one Envoy with the module between a client and an upstream that shows what it
//! received, beside a key endpoint and an endpoint of key sets that misbehave on demand:
//!
//! ```no_run
//! use serde_json::json;
//! use wasm_tests::Scenario;
//!
//! let s = Scenario::new().config(json!({"clockSkew": "0s"})).start();
//! let response = s.get("/").token(&s.token()).send();
//! assert_eq!(response.echo().values("kubeflow-userid"), ["ada@example.com"]);
//! ```
//!
//! Nothing sleeps for a condition: [`eventually`] awaits it, within bounds. No port is fixed: the
//! operating system chooses each. Bytes that are no text travel as Latin-1 strings, one character a
//! byte ([`latin1`]).
//!
//! `ALB_AUTHN_BACKEND` chooses the signature backend where a test doesn't, `ALB_AUTHN_HTTP=2` sends over
//! HTTP/2 each request that HTTP/2 can express and that a test does not send over HTTP/1.1 on purpose, `ALB_AUTHN_WAITERS` is how many requests wait at a time
//! in tests of bursts. `ENVOY` names the Envoy binary (default: `.venv/bin/envoy` of the repository), `ALB_AUTHN_WASM`
//! the module (default: `dist/alb_authn.wasm`).

mod scenario;
mod running;
mod config;
mod dns;
mod envoy;
mod folder;
mod groups;
mod access_token;
mod alb;
mod client;
mod crowd;
mod http;
mod http1;
mod http2;
mod key_endpoint;
mod refusal;
mod role_keeper;
mod settings;
mod site;
mod bad_config;
mod upstream;
mod wait;

pub use crate::http::{Request, Response};
pub use access_token::{AccessTokenBuilder, GROUPS, KEY_SET};
pub use alb::{
    ARN, CLIENT, ISSUER, KID, SUB, TokenBuilder, USER, claims, entry, entry_for, load_balancer,
};
pub use bad_config::{
    BadField, assert_config_refused, assert_fields_refused, assert_members_required,
};
pub use client::{Connection, Pending};
pub use config::{Plugin, Upstream};
pub use crowd::{Crowd, Transport, crowd_size};
pub use dns::DnsServer;
pub use envoy::{AccessLine, Envoy, Options};
pub use folder::Folder;
pub use groups::{OPTIONAL, REQUIRED, groups_required};
pub use http1::{Headers, bytes_of, latin1};
pub use http2::{Exchange, Session};
pub use key_endpoint::{Answer, KeyEndpoint, KeyRequest, closed_port};
pub use refusal::{Case, REASONS, assert_refused};
pub use role_keeper::start_role_keeper;
pub use running::Running;
pub use scenario::Scenario;
pub use settings::{envoy_binary, module, sends_http2, vectors_module};
pub use upstream::Echo;
pub use wait::eventually;
