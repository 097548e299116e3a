//! The public key endpoint of a region: one PEM for each key id, at `/KID`.
//!
//! AWS documents the path and the form of the key. That anything else is answered 403 is known of the
//! bare path only; for an unknown key id it is assumed, as an S3 bucket without list permission does.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use crate::mint::KeyPair;
use crate::server::{self, Body};

/// Serves the public halves of `keys` until the program ends.
pub async fn serve(listener: TcpListener, keys: Vec<KeyPair>) {
    let keys: Arc<[KeyPair]> = keys.into();
    server::serve(listener, move |request, _peer| {
        std::future::ready(answer(&keys, &request))
    })
    .await;
}

fn answer(keys: &[KeyPair], request: &Request<Incoming>) -> Response<Body> {
    let kid = request.uri().path().strip_prefix('/').unwrap_or_default();
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    match keys.iter().find(|key| readable && key.kid() == kid) {
        Some(key) => server::text(StatusCode::OK, "text/plain", key.public_pem()),
        None => server::text(StatusCode::FORBIDDEN, "text/plain", "Forbidden\n"),
    }
}
