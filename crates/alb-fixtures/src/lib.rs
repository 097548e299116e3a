//! Fixtures for demos and tests: tokens as an AWS Application Load Balancer signs them, access tokens as
//! Cognito signs them, and the programs around a gateway: the load balancer, its public key endpoint, and
//! an application that shows what reached it. Nothing here judges a token: that is the filter's work.
//!
//! A request's way through this crate: [`standin`] signs a token with [`mint`], writes it into the
//! [`oidc_headers`] and forwards it by the [`reverse_proxy`] to the gateway. The gateway fetches the
//! public key from the [`key_endpoint`] and passes the request to [`upstream`].

pub mod access_token;
pub mod cookies;
pub mod example;
pub mod forwarded_headers;
pub mod mint;
pub mod key_endpoint;
pub mod list_header;
pub mod oidc_headers;
pub mod reverse_proxy;
pub mod rsa;
pub mod server;
pub mod signed_token;
pub mod standin;
pub mod upstream;
