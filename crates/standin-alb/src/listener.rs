//! Connections: HTTP/1.1 in the clear, or HTTP/1.1 and HTTP/2 by TLS; one task for each.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use alb_fixtures::server::{self, Body};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Certificate;

/// Reads a certificate; ALPN offers HTTP/2 and HTTP/1.1.
pub fn acceptor(certificate: &Certificate) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(&certificate.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(io::Error::other)?;
    let key =
        PrivateKeyDer::from_pem_file(&certificate.private_key_file).map_err(io::Error::other)?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Answers requests until the program ends. `answer` is given the request and the client's address.
pub async fn serve<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    server::accept(listener, |stream, peer| {
        serve_connection(stream, peer, tls.clone(), answer.clone())
    })
    .await;
}

async fn serve_connection<A, F>(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    answer: A,
) where
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_http(stream, peer, answer).await,
        Some(tls) => {
            // A client that can't or won't speak TLS concerns itself only.
            if let Ok(stream) = tls.accept(stream).await {
                serve_http(stream, peer, answer).await;
            }
        }
    }
}

async fn serve_http<S, A, F>(stream: S, peer: SocketAddr, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>, SocketAddr) -> F + Send + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let response = answer(request, peer);
        async { Ok::<_, Infallible>(response.await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(MAX_HEADER_BYTES);
    // A connection that breaks concerns its client only.
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .await;
}

/// The ALB guide, "HTTP 400": 64 K for the entire header.
const MAX_HEADER_BYTES: usize = 64 * 1024;
