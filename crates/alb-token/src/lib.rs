//! Tokens as an AWS Application Load Balancer signs them, and the programs that stand around a
//! gateway in a demo or a test: the load balancer, its public key endpoint, and an application that
//! shows what reached it.
//!
//! A request's way through this crate: [`standin`] signs a token with [`mint`] and forwards it to the
//! gateway, which fetches the public key from [`key_endpoint`] and passes the request to [`upstream`].

pub mod key_endpoint;
pub mod mint;
pub mod server;
pub mod standin;
pub mod upstream;
