//! The control address: how a test or a demo makes the load balancer sign with another key.

use alb_fixtures::key_endpoint::KeyRing;
use alb_fixtures::server::{self, Body};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

/// Answers a request: `POST /rotate-key` rotates, and says the new key's id.
pub(crate) fn answer(keys: &KeyRing, request: &Request<Incoming>) -> Response<Body> {
    if request.method() == Method::POST && request.uri().path() == "/rotate-key" {
        return server::text(StatusCode::OK, "text/plain", keys.rotate() + "\n");
    }
    server::text(StatusCode::NOT_FOUND, "text/plain", "POST /rotate-key\n")
}
