//! The stand-in for an Application Load Balancer whose listener rule authenticates users: each request
//! goes to the gateway with a freshly signed token of the chosen user, as though that user had logged
//! in. There is no login: clients are the users that they ask to be. For demos and tests only.
//!
//! What it does as an ALB does (the ALB guide): the three `x-amzn-oidc-*` headers are set, the access token as
//! Cognito writes it, and what the client sent in them is gone, the session cookie reaches the target, `x-forwarded-*` are written, a
//! request that nobody is logged in for passes without the headers (`on-unauthenticated: allow`), a
//! gateway that doesn't answer is a 502.
//! What it does not: TLS, login, sessions, listener rules.

mod access;
mod choice;
mod identity;

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;

pub use access::Groups;
pub use choice::{AccessTokenAttack, Attack, Caller};
pub use identity::Signer;

use crate::forwarded_headers::Connection;
use crate::oidc_headers;
use crate::reverse_proxy::Gateway;
use crate::server::{self, Body};
use choice::Choice;

/// The stand-in, ready to answer.
pub struct Standin {
    /// Where requests go.
    pub gateway: Gateway,
    /// Who signs.
    pub signer: Signer,
    /// The user of a request that names none.
    pub default_caller: Caller,
}

impl Standin {
    /// Answers requests until the program ends.
    pub async fn serve(self, listener: TcpListener) {
        let port = listener.local_addr().map_or(0, |address| address.port());
        let standin = Arc::new(self);
        server::serve(listener, move |request, client| {
            let standin = Arc::clone(&standin);
            async move { standin.answer(request, client, port).await }
        })
        .await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        port: u16,
    ) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let choice = match Choice::take_from(&mut parts, &self.default_caller) {
            Ok(choice) => choice,
            Err(invalid) => return failure(StatusCode::BAD_REQUEST, &invalid),
        };
        self.identify(&mut parts, &choice);
        let connection = Connection {
            client,
            scheme: "http",
            port,
        };
        connection.write(&mut parts.headers);
        let mut response = match self.gateway.send(Request::from_parts(parts, body)).await {
            Ok(response) => response,
            Err(error) => failure(error.status(), &error),
        };
        remember(&choice, &mut response);
        response
    }

    fn identify(&self, parts: &mut Parts, choice: &Choice) {
        if choice.attack == Some(Attack::Bypass) {
            return;
        }
        oidc_headers::remove(&mut parts.headers);
        if let Caller::User(email) = &choice.caller {
            let identity = self.signer.identity(email, choice.attack);
            identity.write(&mut parts.headers);
        }
    }
}

/// Keeps a user chosen by `?as=` for the browser's next requests.
fn remember(choice: &Choice, response: &mut Response<Body>) {
    if let Some(cookie) = choice.cookie()
        && let Ok(value) = HeaderValue::from_str(&cookie)
    {
        response.headers_mut().append(SET_COOKIE, value);
    }
}

fn failure(status: StatusCode, why: &dyn std::fmt::Display) -> Response<Body> {
    let message = format!("stand-in: {why}\n");
    server::text(status, "text/plain; charset=utf-8", message)
}
