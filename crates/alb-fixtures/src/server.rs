//! The accept loop that the stand-in, its key endpoint and the upstream share: HTTP/1.1, one task for
//! each connection, upgrades possible.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

/// The body of every response: streamed from elsewhere, or a text of our own.
pub type Body = BoxBody<Bytes, hyper::Error>;

/// Listens on `address` (`host:port`, port 0 for any free one); the error names the address.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(error.kind(), format!("can't listen on {address}: {error}"))
    })
}

/// Answers requests until the program ends. `answer` is given the request and the client's address.
pub async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    accept(listener, |stream, peer| {
        serve_connection(stream, peer, answer.clone())
    })
    .await;
}

/// Gives each connection to a task of its own, until the program ends.
pub async fn accept<H, F>(listener: TcpListener, handle: H)
where
    H: Fn(TcpStream, SocketAddr) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(handle(stream, peer));
            }
            // Out of file descriptors, most likely: connections that end give some back.
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}

async fn serve_connection<A, F>(stream: TcpStream, peer: SocketAddr, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request, peer);
        async { Ok::<_, Infallible>(response.await) }
    });
    // A connection that breaks concerns its client only.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

/// A response with a text of our own.
pub fn text(
    status: StatusCode,
    content_type: &'static str,
    text: impl Into<Bytes>,
) -> Response<Body> {
    let body = Full::new(text.into())
        .map_err(|never| match never {})
        .boxed();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

const ACCEPT_RETRY: Duration = Duration::from_millis(100);
