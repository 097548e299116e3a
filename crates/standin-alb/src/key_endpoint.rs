//! The region's signing keys, and the endpoint that shows their public halves: one PEM at `/KID`, 403
//! for anything else.
//!
//! That a region signs with another key from one day to the next was seen on real tokens; how and when
//! is not documented. Here a rotation adds a key, and all earlier ones stay readable.

use std::sync::{Arc, RwLock};

use alb_token::mint::KeyPair;
use alb_token::server::{self, Body};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

/// A region's keys; the last one signs.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Vec<KeyPair>>>);

impl Default for KeyRing {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(vec![fresh_key()])))
    }
}

impl KeyRing {
    /// The key that signs now.
    pub fn current(&self) -> KeyPair {
        let keys = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.last().cloned().expect("never empty")
    }

    /// Signs with a new key from now on; the result is its id.
    pub fn rotate(&self) -> String {
        let key = fresh_key();
        let kid = key.kid().to_owned();
        let mut keys = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.push(key);
        kid
    }

    /// Answers a request for a public key.
    pub fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let kid = request.uri().path().strip_prefix('/').unwrap_or_default();
        let readable = matches!(*request.method(), Method::GET | Method::HEAD);
        let keys = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match keys.iter().find(|key| readable && key.kid() == kid) {
            Some(key) => server::text(StatusCode::OK, "text/plain", key.public_pem()),
            None => server::text(StatusCode::FORBIDDEN, "text/plain", "Forbidden\n"),
        }
    }

    /// Answers a request to the control address.
    pub fn control(&self, request: &Request<Incoming>) -> Response<Body> {
        if request.method() == Method::POST && request.uri().path() == "/rotate-key" {
            return server::text(StatusCode::OK, "text/plain", self.rotate() + "\n");
        }
        server::text(StatusCode::NOT_FOUND, "text/plain", "POST /rotate-key\n")
    }
}

fn fresh_key() -> KeyPair {
    KeyPair::generate("").named_by_thumbprint()
}
