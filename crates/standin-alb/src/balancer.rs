//! A request's way through the load balancer: what the client may not say is removed, the listener's
//! rule is found, its actions are done in their order.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use alb_fixtures::forwarded_headers::Connection;
use alb_fixtures::key_endpoint::KeyRing;
use alb_fixtures::mint::unix_now;
use alb_fixtures::oidc_headers;
use alb_fixtures::reverse_proxy::Gateway;
use alb_fixtures::server::Body;
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use crate::access_log::{self, Entry};
use crate::authenticate::{Authenticator, Outcome};
use crate::claims_headers;
use crate::config::{
    Action, AuthenticateOidcConfig, Config, FixedResponseConfig, Listener, Protocol,
};
use crate::error::AuthError;
use crate::forwarded_headers;
use crate::login::CALLBACK_PATH;
use crate::reply;
use crate::rules;

mod redirect;

/// A load balancer, ready to answer.
pub struct Balancer {
    arn: String,
    drops_invalid_header_fields: bool,
    targets: BTreeMap<String, Gateway>,
    authenticator: Authenticator,
    keys: KeyRing,
}

/// A listener and the port that it got.
pub struct Port {
    /// Its rules.
    pub listener: Listener,
    /// As the client sees it.
    pub port: u16,
}

impl Balancer {
    /// The load balancer of a configuration that was checked.
    pub fn new(
        config: &Config,
        authenticator: Authenticator,
        keys: KeyRing,
    ) -> std::io::Result<Self> {
        let target = |(arn, address): (&String, &String)| {
            let gateway = Gateway::at(address).map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>((arn.clone(), gateway))
        };
        Ok(Self {
            arn: config.load_balancer_arn.clone(),
            drops_invalid_header_fields: config.drops_invalid_header_fields(),
            targets: config
                .target_groups
                .iter()
                .map(target)
                .collect::<Result<_, _>>()?,
            authenticator,
            keys,
        })
    }

    /// Answers one request, and writes its line of the access log.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        port: &Port,
    ) -> Response<Body> {
        let host = host_of(&request);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let (response, error_reason) = match self.act(request, client, port, &host).await {
            Ok(response) => (response, "-"),
            Err(error) => (reply::error(error.status()), error.code()),
        };
        access_log::write(&Entry {
            scheme: scheme(&port.listener),
            method: method.as_str(),
            host: &host,
            path: &path,
            status: response.status(),
            error_reason,
        });
        response
    }

    async fn act(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        port: &Port,
        host: &str,
    ) -> Result<Response<Body>, AuthError> {
        let (mut parts, body) = request.into_parts();
        if let Some(status) = refused(&parts) {
            return Ok(reply::error(status));
        }
        if self.drops_invalid_header_fields {
            forwarded_headers::drop_invalid(&mut parts.headers);
        }
        let now = unix_now();
        let listener = &port.listener;
        if parts.uri.path() == CALLBACK_PATH && listener.logins().next().is_some() {
            return self.authenticator.finish(listener, &parts, host, now).await;
        }
        let mut cookies = Vec::new();
        for action in rules::actions(listener, &parts, host) {
            match action {
                Action::AuthenticateOidc { config } => {
                    match self.identify(config, &mut parts, host, now).await? {
                        ControlFlow::Break(response) => return Ok(response),
                        ControlFlow::Continue(set) => cookies = set,
                    }
                }
                Action::Forward { target_group_arn } => {
                    let connection = Connection {
                        client,
                        scheme: scheme(listener),
                        port: port.port,
                    };
                    forwarded_headers::add(&mut parts.headers, &connection, now);
                    set_host(&mut parts, host);
                    let request = Request::from_parts(parts, body);
                    return Ok(self.forward(target_group_arn, request, cookies).await);
                }
                Action::Redirect { config } => {
                    let own = redirect::Own {
                        protocol: scheme(listener),
                        host: rules::without_port(host),
                        port: port.port,
                        uri: &parts.uri,
                    };
                    return Ok(redirect::answer(config, &own));
                }
                Action::FixedResponse { config } => return Ok(fixed(config)),
            }
        }
        // The configuration's check leaves no rule without an answer.
        Ok(reply::error(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Does the action `authenticate-oidc`: it answers, or the request goes on with the user's claims and
    /// nothing of what the client sent in their place. The result's cookies are the response's.
    async fn identify(
        &self,
        login: &AuthenticateOidcConfig,
        parts: &mut Parts,
        host: &str,
        now: i64,
    ) -> Result<ControlFlow<Response<Body>, Vec<HeaderValue>>, AuthError> {
        let outcome = self
            .authenticator
            .authenticate(login, parts, host, now)
            .await?;
        let (session, cookies) = match outcome {
            Outcome::Answer(response) => return Ok(ControlFlow::Break(response)),
            Outcome::Continue(session, cookies) => (session, cookies),
        };
        oidc_headers::remove(&mut parts.headers);
        if let Some(session) = session {
            let key = self.keys.current();
            claims_headers::write(&mut parts.headers, &session, &self.arn, &key, now);
        }
        Ok(ControlFlow::Continue(cookies))
    }

    async fn forward(
        &self,
        target_group_arn: &str,
        request: Request<Incoming>,
        cookies: Vec<HeaderValue>,
    ) -> Response<Body> {
        let Some(target) = self.targets.get(target_group_arn) else {
            return reply::error(StatusCode::SERVICE_UNAVAILABLE);
        };
        match target.send(request).await {
            Ok(mut response) => {
                for cookie in cookies {
                    response.headers_mut().append(SET_COOKIE, cookie);
                }
                response
            }
            Err(error) => reply::error(error.status()),
        }
    }
}

/// What a load balancer refuses whatever the rules say (the ALB guide, "HTTP 405", "HTTP 463").
fn refused(request: &Parts) -> Option<StatusCode> {
    if request.method == Method::TRACE {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    forwarded_headers::too_many_addresses(&request.headers)
        .then(|| StatusCode::from_u16(463).expect("three digits"))
}

fn fixed(config: &FixedResponseConfig) -> Response<Body> {
    let status = StatusCode::from_bytes(config.status_code.as_bytes())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply::fixed(status, &config.content_type, config.message_body.clone())
}

fn scheme(listener: &Listener) -> &'static str {
    match listener.protocol {
        Protocol::Http => "http",
        Protocol::Https => "https",
    }
}

/// The host with its port: HTTP/2 has it in `:authority`.
fn host_of(request: &Request<Incoming>) -> String {
    let header = || {
        request
            .headers()
            .get(HOST)
            .and_then(|value| value.to_str().ok())
    };
    let authority = request
        .uri()
        .authority()
        .map(hyper::http::uri::Authority::as_str);
    authority.or_else(header).unwrap_or_default().to_owned()
}

fn set_host(parts: &mut Parts, host: &str) {
    if let Ok(host) = HeaderValue::from_str(host) {
        parts.headers.insert(HOST, host);
    }
}
