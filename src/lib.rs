//! alb-authn: a Proxy-Wasm filter that turns an AWS Application Load Balancer's signed
//! `x-amzn-oidc-data` into a trustworthy identity header.
//!
//! Read the modules in the order below to follow one request:
//! ```text
//!  headers ─▶ routes ─▶ token ─▶ keys ─▶ verify ─▶ claims ─▶ header_plan
//!   (1)       (2)       (3,4)    (5)     (6)       (7)       (8)
//!     └───────────┴─────────┴───────┴───────┴─────────┴────▶ reason, reply
//! ```
//! Types say how much is proved: `UnverifiedToken` → `CheckedToken` → `VerifiedToken` → `Identity`
//! → `HeaderPlan`; each can be made only from the one before it. All but `host` is pure: time and I/O
//! are arguments, and the crate that calls the host is a dependency of the wasm32 target only.
//!
//! **Two rules stand above all others: fail closed, and never panic** (a trap takes every request of the
//! Envoy worker down).
#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "a test may panic")
)]

/// (0) `pluginConfig` → the typed configuration.
pub mod config;
/// (0) Load balancer ARNs and their key endpoints.
pub mod alb;
/// (0) Header names and the spellings that servers fold together.
pub mod header_name;
/// (0) Texts with a wildcard at an end.
pub mod pattern;
/// (0) Time as an argument.
pub mod time;
/// (0) When the host's one timer must be set.
pub mod timer;
/// (0) The byte forms that Envoy and the module exchange.
pub mod wire;
/// (0) What each kind of token looks like.
pub mod token_kind;
mod base64url;
mod json;
/// (1) A request's headers as they arrived.
pub mod headers;
/// (2) Which requests may pass without a token, and which are logouts.
pub mod routes;
/// (3, 4) The token's form, and the checks that need no key.
pub mod token;
/// (5) Where keys are fetched, and within which limits.
pub mod key_source;
/// (5) The key store.
pub mod keys;
/// (6) The signature.
pub mod verify;
/// (7) Claims → what each entry of the configuration makes of them.
pub mod claims;
/// (7) The access token: verified, bound to the user's token, read.
pub mod access_token;
/// (7) What verified tokens say together → identity.
pub mod identity;
/// (7) Tokens that were accepted before.
pub mod token_cache;
/// (8) What happens to the headers: strip first, then set.
pub mod header_plan;
/// (8) Session cookies.
pub mod cookies;
/// (✗) Every way a request can end.
pub mod reason;
/// (✗) Whether the client prefers a page for people.
pub mod accept;
/// (✗) Answers that the filter gives itself.
pub mod reply;
/// (1–8) One request, from its headers to a decision.
pub mod request;
/// Metrics and log lines.
pub mod report;
/// One plugin in one worker: all of the above, without I/O.
pub mod plugin;
/// What tests share, natively.
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(all(feature = "testing", target_arch = "wasm32"))]
compile_error!("the feature `testing` is for native tests: the module is built without it");
/// The Proxy-Wasm shell: translates between Envoy and [`plugin`].
#[cfg(all(target_arch = "wasm32", feature = "filter"))]
mod host;
