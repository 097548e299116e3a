//! HTTP/2 where the tests need it: trailers, gRPC and extended CONNECT (RFC 8441). Each call runs a
//! small asynchronous world of its own, so that the tests stay plain threads.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::{RecvStream, client, server};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::http::{Request, Response};
use crate::http1::{Headers, bytes_of, latin1};
use crate::upstream::Echo;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Sends `request` and awaits the answer. A header `:protocol` makes it an extended CONNECT.
pub(crate) fn send(request: &Request) -> Result<Response> {
    runtime().block_on(exchange(request))
}

async fn exchange(request: &Request) -> Result<Response> {
    let client = open(request.addr).await?;
    send_on(client, request).await
}

async fn open(addr: SocketAddr) -> Result<client::SendRequest<Bytes>> {
    let stream = TcpStream::connect(addr).await?;
    let (client, connection) = client::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn send_on(mut client: client::SendRequest<Bytes>, request: &Request) -> Result<Response> {
    // Whether the server takes an extended CONNECT stands in its settings, which come first.
    while protocol_of(request).is_some() && !client.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    client = client.ready().await?;
    let has_more = request.body.is_some() || !request.trailers.is_empty();
    let (response, mut sender) = client.send_request(to_http(request)?, !has_more)?;
    if has_more {
        let body = request.body.clone().unwrap_or_default();
        let ends = request.trailers.is_empty();
        sender.send_data(Bytes::from(body), ends)?;
        if !ends {
            sender.send_trailers(to_header_map(&request.trailers)?)?;
        }
    }
    let response = response.await?;
    let status = response.status().as_u16();
    let headers = from_header_map(response.headers());
    let (body, trailers) = read(response.into_body()).await?;
    Ok(Response {
        status,
        headers: [headers, trailers].concat(),
        body,
    })
}

/// One connection with many requests at a time. A thread of its own drives it.
pub struct Session {
    runtime: Runtime,
    client: client::SendRequest<Bytes>,
}

impl Session {
    pub(crate) fn open(addr: SocketAddr) -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let client = runtime.block_on(open(addr))?;
        Ok(Self { runtime, client })
    }

    /// Sends a request without awaiting the answer.
    pub fn start(&self, request: &Request) -> Exchange {
        let (client, request) = (self.client.clone(), request.clone());
        Exchange(
            self.runtime
                .spawn(async move { send_on(client, &request).await }),
        )
    }

    /// Awaits the answer; `None` where the stream, or the connection, ended without one.
    pub fn finish(&self, exchange: Exchange) -> Option<Response> {
        self.runtime.block_on(exchange.0).ok()?.ok()
    }
}

/// A request on its way over a [`Session`].
pub struct Exchange(JoinHandle<Result<Response>>);

impl Exchange {
    /// Resets its stream (RST_STREAM), as a browser does that leaves a page.
    pub fn reset(self) {
        self.0.abort();
    }
}

fn to_http(request: &Request) -> Result<http::Request<()>> {
    let host = request.headers.iter().find(|(name, _)| name == "host");
    let authority = host.map_or("kubeflow.example.com", |(_, value)| value);
    let mut built = http::Request::builder()
        .method(request.method.as_str())
        .uri(format!("http://{authority}{}", request.path))
        .body(())?;
    if let Some(protocol) = protocol_of(request) {
        built.extensions_mut().insert(Protocol::from(protocol));
    }
    let plain = |(name, _): &&(String, String)| name != "host" && !name.starts_with(':');
    let headers: Headers = request.headers.iter().filter(plain).cloned().collect();
    *built.headers_mut() = to_header_map(&headers)?;
    Ok(built)
}

/// Whether a client of HTTP/2 would send this: no headers of one connection, one host, a plain path.
pub(crate) fn can_express(request: &Request) -> bool {
    let is_plain =
        |name: &str| !["connection", "upgrade", "transfer-encoding", "expect"].contains(&name);
    let hosts = request.headers.iter().filter(|(name, _)| name == "host");
    request.headers.iter().all(|(name, _)| is_plain(name))
        && hosts.count() <= 1
        && request.method != "CONNECT"
        && request.path.starts_with('/')
        && to_http(request).is_ok_and(|built| {
            built
                .uri()
                .path_and_query()
                .is_some_and(|p| *p == *request.path)
        })
}

fn protocol_of(request: &Request) -> Option<&str> {
    let mut headers = request.headers.iter();
    let protocol = headers.find(|(name, _)| name == ":protocol");
    protocol.map(|(_, value)| value.as_str())
}

fn to_header_map(headers: &Headers) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes())?;
        map.append(name, HeaderValue::from_bytes(&bytes_of(value))?);
    }
    Ok(map)
}

fn from_header_map(map: &HeaderMap) -> Headers {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), latin1(value.as_bytes())))
        .collect()
}

async fn read(mut stream: RecvStream) -> Result<(Vec<u8>, Headers)> {
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        // A tunnel's end is a reset: what came before it counts.
        let data = match data {
            Err(e) if body.is_empty() => return Err(e.into()),
            Err(_) => return Ok((body, Headers::new())),
            Ok(data) => data,
        };
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok((body, from_header_map(&trailers)))
}

/// Starts an HTTP/2 upstream that answers with what it received; it runs until the test ends.
pub(crate) fn start_upstream() -> SocketAddr {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket");
    listener.set_nonblocking(true).expect("an open socket");
    thread::spawn(move || runtime().block_on(accept(listener)));
    addr
}

async fn accept(listener: std::net::TcpListener) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: TcpStream) -> Result<()> {
    let mut connection = server::handshake(stream).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        tokio::spawn(answer(request, respond));
    }
    Ok(())
}

async fn answer(
    request: http::Request<RecvStream>,
    mut respond: server::SendResponse<Bytes>,
) -> Result<()> {
    let (head, body) = request.into_parts();
    let (body, trailers) = read(body).await?;
    let echo = Echo {
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map(ToString::to_string)
            .unwrap_or_default(),
        headers: from_header_map(&head.headers),
        trailers,
        body: latin1(&body),
    };
    let response = http::Response::builder()
        .header("content-type", "application/json")
        .body(())?;
    let mut sender = respond.send_response(response, false)?;
    sender.send_data(Bytes::from(echo.to_json()), true)?;
    Ok(())
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread")
}
