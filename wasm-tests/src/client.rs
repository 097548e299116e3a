//! A client that sends exactly the bytes that it is told to.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use alb_fixtures::oidc_headers;
use serde_json::Value;

use crate::envoy::setting;
use crate::http1::{Body, Headers, bytes_of, latin1, read_message, values};
use crate::http2;
use crate::upstream::Echo;

/// An answer that takes longer is none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Whether requests go over HTTP/2 where that can say them.
#[must_use]
pub fn sends_http2() -> bool {
    setting("ALB_AUTHN_HTTP").as_deref() == Some("2")
}

/// A request to one of Envoy's listeners.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) addr: SocketAddr,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Headers,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) trailers: Headers,
}

impl Request {
    pub(crate) fn new(addr: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            addr,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Headers::new(),
            body: None,
            trailers: Headers::new(),
        }
    }

    /// One more header line, its value in UTF-8; `host` is `kubeflow.example.com` unless given.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// One more header line, whatever bytes its value holds.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), latin1(value)));
        self
    }

    /// The ALB's signed token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header(oidc_headers::DATA, token)
    }

    /// A body; announced by its length.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// One more trailer; sent over HTTP/2 only.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        self.trailers
            .push((name.to_owned(), latin1(value.as_bytes())));
        self
    }

    /// Asks for another protocol.
    #[must_use]
    pub fn upgrade(self, protocol: &str, connection: &str) -> Self {
        self.header("upgrade", protocol)
            .header("connection", connection)
    }

    /// Sends it on a connection of its own and awaits the answer: over HTTP/1.1, or, with
    /// `ALB_AUTHN_HTTP=2`, over HTTP/2 where that can say it.
    #[track_caller]
    pub fn send(&self) -> Response {
        if sends_http2() && http2::can_say(self) {
            self.send_http2()
        } else {
            self.start().finish()
        }
    }

    /// Sends it over HTTP/1.1; fails where the connection does.
    pub fn try_send(&self) -> io::Result<Response> {
        read_response(&mut BufReader::new(self.write()?), &self.method)
    }

    /// Sends it over HTTP/1.1 without awaiting the answer.
    #[track_caller]
    pub fn start(&self) -> Pending {
        let stream = self.write().expect("the listener takes the request");
        let method = self.method.clone();
        Pending { stream, method }
    }

    /// Sends it over HTTP/2 on a connection of its own and awaits the answer.
    #[track_caller]
    pub fn send_http2(&self) -> Response {
        http2::send(self).expect("an HTTP/2 answer")
    }

    /// The last request of its connection, which Envoy closes after the answer.
    #[must_use]
    pub fn last(self) -> Self {
        self.header("connection", "close")
    }

    /// An HTTP/2 connection to the listener that this request is for.
    #[track_caller]
    pub fn connect_http2(&self) -> http2::Session {
        http2::Session::open(self.addr).expect("the listener takes connections")
    }

    /// A connection to the listener that this request is for.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        let stream = self.open().expect("the listener takes connections");
        Connection(BufReader::new(stream))
    }

    fn open(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.addr)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(stream)
    }

    fn write(&self) -> io::Result<TcpStream> {
        let mut stream = self.open()?;
        stream.write_all(&self.to_bytes())?;
        Ok(stream)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if values(&self.headers, "host").is_empty() {
            text.push_str("host: kubeflow.example.com\r\n");
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let body = self.body.clone().unwrap_or_default();
        [bytes_of(&text), body].concat()
    }
}

/// A connection that several requests share, one after the other.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Sends `request` and awaits the answer.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Response {
        let sent = self.0.get_mut().write_all(&request.to_bytes());
        sent.expect("the listener takes the request");
        read_response(&mut self.0, &request.method).expect("an answer")
    }
}

/// A request on its way; dropped, its client is gone.
#[derive(Debug)]
pub struct Pending {
    stream: TcpStream,
    method: String,
}

impl Pending {
    /// Awaits the answer.
    #[track_caller]
    pub fn finish(self) -> Response {
        let mut reader = BufReader::new(self.stream);
        read_response(&mut reader, &self.method).expect("an answer")
    }

    /// Whether an answer, or the end of the connection, is there to be read.
    pub fn is_answered(&self) -> bool {
        self.stream.set_nonblocking(true).expect("an open socket");
        let answered = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_nonblocking(false).expect("an open socket");
        answered
    }

    /// Sends more, whatever it is.
    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("an open connection");
    }

    /// Sends no more, but goes on reading.
    #[track_caller]
    pub fn half_close(&self) {
        let closed = self.stream.shutdown(std::net::Shutdown::Write);
        closed.expect("an open connection");
    }

    /// Awaits the end of the connection, and returns the one answer that came before it; `None` where
    /// none came. Panics where more than one did.
    #[track_caller]
    pub fn only_answer(self) -> Option<Response> {
        let mut reader = BufReader::new(self.stream);
        let response = read_response(&mut reader, &self.method).ok()?;
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
        assert!(rest.is_empty(), "a second answer: {}", latin1(&rest));
        Some(response)
    }

    /// Goes away by a TCP reset, as a killed client does.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("an open socket");
    }
}

fn read_response(reader: &mut BufReader<TcpStream>, method: &str) -> io::Result<Response> {
    let body = if method == "HEAD" {
        Body::None
    } else {
        Body::UntilClose
    };
    let message = read_message(reader, body)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Response {
        status: status_of(&message.start_line),
        headers: message.headers,
        body: message.body,
    })
}

fn status_of(status_line: &str) -> u16 {
    let code = status_line.split(' ').nth(1);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    /// The status; 0 where the status line was no such thing.
    pub status: u16,
    /// Header lines in the order of the wire, duplicates kept.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Every value of the header `name`, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("no JSON ({e}): {self:?}"))
    }

    /// The reason that a refusal names in its body; empty where it is no refusal.
    pub fn reason(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"].as_str().unwrap_or_default().to_owned()
    }

    /// What the upstream received; panics unless the request was let through.
    #[track_caller]
    pub fn echo(&self) -> Echo {
        self.try_echo()
            .unwrap_or_else(|| panic!("not forwarded: {}", self.summary()))
    }

    /// What the upstream received, where the request was let through.
    pub fn try_echo(&self) -> Option<Echo> {
        Echo::from_json(&self.body)
    }

    fn summary(&self) -> String {
        let (status, body) = (self.status, latin1(&self.body));
        format!("{status} {:?} {body}", self.headers)
    }
}
