//! The way to the gateway: a reverse proxy's part of HTTP/1.1. Bodies are streamed in both directions,
//! upgrades (WebSockets) become a tunnel.

use std::fmt;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use hyper::http::uri::{Authority, InvalidUri, PathAndQuery, Scheme, Uri};
use hyper::upgrade::OnUpgrade;
use hyper::{HeaderMap, Request, Response, StatusCode, Version};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::copy_bidirectional;

use crate::list_header;
use crate::server::Body;

/// The gateway behind the load balancer, by plain HTTP.
pub struct Gateway {
    authority: Authority,
    client: Client<HttpConnector, Incoming>,
}

impl Gateway {
    /// The gateway at `address` (`host:port`).
    pub fn at(address: &str) -> Result<Self, InvalidUri> {
        Ok(Self {
            authority: address.parse()?,
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    /// Passes a request on.
    pub async fn send(&self, mut request: Request<Incoming>) -> Result<Response<Body>, NotSent> {
        *request.uri_mut() = self.uri_for(request.uri()).ok_or(NotSent::InvalidTarget)?;
        *request.version_mut() = Version::HTTP_11;
        prepare_hop(request.headers_mut());
        let client_side = hyper::upgrade::on(&mut request);
        match self.client.request(request).await {
            Ok(response) => Ok(relay(response, client_side)),
            Err(error) => Err(NotSent::NoAnswer(self.authority.clone(), error)),
        }
    }

    fn uri_for(&self, target: &Uri) -> Option<Uri> {
        let path = target.path_and_query()?;
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::clone(path))
            .build()
            .ok()
            .filter(|uri| uri.path().starts_with('/'))
    }
}

/// Why a request got no answer from the gateway.
#[derive(Debug)]
pub enum NotSent {
    /// The request's target isn't a path.
    InvalidTarget,
    /// The gateway can't be reached, or broke off.
    NoAnswer(Authority, legacy::Error),
}

impl NotSent {
    /// The status that the client gets, as from a load balancer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidTarget => StatusCode::BAD_REQUEST,
            Self::NoAnswer(..) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTarget => f.write_str("the request's target must be a path"),
            Self::NoAnswer(authority, error) => {
                write!(f, "no answer from the gateway at {authority}: {error}")
            }
        }
    }
}

impl std::error::Error for NotSent {}

fn relay(mut response: Response<Incoming>, client_side: OnUpgrade) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let gateway_side = hyper::upgrade::on(&mut response);
        tokio::spawn(tunnel(client_side, gateway_side));
    }
    prepare_hop(response.headers_mut());
    response.map(|body| body.boxed())
}

async fn tunnel(client_side: OnUpgrade, gateway_side: OnUpgrade) {
    if let (Ok(client), Ok(gateway)) = (client_side.await, gateway_side.await) {
        // Either side may end it, however it likes.
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(gateway)).await;
    }
}

/// Removes what is meant for one connection only (RFC 9110 section 7.6.1), but for an upgrade.
fn prepare_hop(headers: &mut HeaderMap) {
    let upgrade = headers.get(UPGRADE).cloned();
    for name in nominated(headers) {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// The headers that `connection` names.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    list_header::elements(headers, &CONNECTION, ',')
        .filter_map(|name| name.parse().ok())
        .collect()
}

const HOP_BY_HOP: [&str; 8] = [
    "connection",
    // hyper answered it when it began to read the body.
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
];
