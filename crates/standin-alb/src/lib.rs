//! A stand-in for an Application Load Balancer whose listener rules log users in: TLS, the
//! authorization code grant at a real OpenID provider, sessions in encrypted cookies, and a freshly
//! signed `x-amzn-oidc-data` on each request that goes to the gateway.
//!
//! A request's way: a [`listener`] takes the connection, the [`balancer`] finds the listener's rule
//! ([`config`]) and does its actions. [`authenticate`] opens the session cookie, or sends the browser
//! to the [`identity_provider`] and takes it back at `/oauth2/idpresponse`. [`claims_headers`] tells
//! the gateway who it is; the gateway fetches the key from the [`alb_fixtures::key_endpoint`].
//!
//! What it does as AWS documents it, what was observed and what is only assumed: docs/standin-alb.md.
//! For demos and tests only.

pub mod config;
pub mod listener;
pub mod balancer;
pub mod authenticate;
pub mod session;
pub mod identity_provider;
pub mod claims_headers;
pub mod certificates;
pub mod run;

mod rules;
mod login;
mod cookies;
mod sealed;
mod id_token;
mod forwarded_headers;
mod error;
mod reply;
mod access_log;
mod control;
