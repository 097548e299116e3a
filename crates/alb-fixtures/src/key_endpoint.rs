//! The region's signing keys, and the endpoint that shows their public halves: one PEM for each key
//! id, at `/KID`.
//!
//! AWS documents the path and the form of the key. That anything else is answered 403 is known of the
//! bare path only; for an unknown key id it is assumed, as an S3 bucket without list permission does.
//! That a region signs with another key from one day to the next was seen on real tokens; how and when
//! is not documented. Here a rotation adds a key, and all earlier ones stay readable.

use std::sync::{Arc, PoisonError, RwLock};

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::access_token::UserPool;
use crate::mint::KeyPair;
use crate::server::{self, Body};

/// A region's keys; the last one signs.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Vec<KeyPair>>>);

impl Default for KeyRing {
    /// One new key.
    fn default() -> Self {
        Self::of(fresh_key())
    }
}

impl KeyRing {
    /// One given key.
    pub fn of(key: KeyPair) -> Self {
        Self(Arc::new(RwLock::new(vec![key])))
    }

    /// The key that signs now.
    pub fn current(&self) -> KeyPair {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.last().cloned().expect("never empty")
    }

    /// Signs with a new key from now on; the result is its id.
    pub fn rotate(&self) -> String {
        let key = fresh_key();
        let kid = key.kid().to_owned();
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.push(key);
        kid
    }

    /// Answers requests for public keys, and for the key set of `pool`, until the program ends.
    pub async fn serve_with(self, pool: UserPool, listener: TcpListener) {
        let (path, set) = (pool.key_set_path(), pool.key_set());
        server::serve(listener, move |request, _peer| {
            let response = if request.uri().path() == path && is_readable(&request) {
                server::text(StatusCode::OK, "application/json", set.clone())
            } else {
                self.answer(&request)
            };
            std::future::ready(response)
        })
        .await;
    }

    /// Answers a request for a public key.
    pub fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let kid = request.uri().path().strip_prefix('/').unwrap_or_default();
        let readable = is_readable(request);
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match keys.iter().find(|key| readable && key.kid() == kid) {
            Some(key) => server::text(StatusCode::OK, "text/plain", key.public_pem()),
            None => server::text(StatusCode::FORBIDDEN, "text/plain", "Forbidden\n"),
        }
    }
}

fn is_readable(request: &Request<Incoming>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

fn fresh_key() -> KeyPair {
    KeyPair::generate("").named_by_thumbprint()
}
