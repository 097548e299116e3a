//! The upstream: it answers with what it received, so that a test sees what the filter let through.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use crate::http1::{Body, Headers, Message, latin1, read_message, values, write_response};

/// A request as the upstream received it.
#[derive(Clone, Debug, PartialEq)]
pub struct Echo {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Header lines in the order of the wire; of HTTP/2 without the pseudo-headers.
    pub headers: Headers,
    /// Trailers; only an HTTP/2 upstream is sent any.
    pub trailers: Headers,
    /// The body, as Latin-1.
    pub body: String,
}

impl Echo {
    /// Every value of the header `name`, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.headers, name)
    }

    /// Whether a header of exactly this spelling (case aside) arrived.
    pub fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        json!({
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "trailers": self.trailers,
            "body": self.body,
        })
        .to_string()
        .into_bytes()
    }

    /// Reads what [`Echo::to_json`] wrote.
    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let headers = |name: &str| serde_json::from_value(value[name].clone()).ok();
        Some(Self {
            method: text("method")?,
            path: text("path")?,
            headers: headers("headers")?,
            trailers: headers("trailers")?,
            body: text("body")?,
        })
    }
}

impl From<Message> for Echo {
    fn from(message: Message) -> Self {
        let mut words = message.start_line.split(' ').map(str::to_owned);
        Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: message.headers,
            trailers: Headers::new(),
            body: latin1(&message.body),
        }
    }
}

/// Starts an HTTP/1 upstream; it answers until the test ends.
pub(crate) fn start() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

fn serve(mut stream: TcpStream) {
    let Ok(clone) = stream.try_clone() else {
        return;
    };
    let mut reader = BufReader::new(clone);
    while let Ok(Some(request)) = read_message(&mut reader, Body::Announced) {
        let echo = Echo::from(request);
        if echo.has("upgrade") {
            return switch_protocols(&mut stream, &echo);
        }
        let body = if echo.method == "HEAD" {
            Vec::new()
        } else {
            echo.to_json()
        };
        if write_response(&mut stream, 200, "application/json", &body).is_err() {
            return;
        }
    }
}

/// Accepts an upgrade; the new protocol consists of one echo and an end.
fn switch_protocols(stream: &mut TcpStream, echo: &Echo) {
    let protocol = echo.values("upgrade").join(",");
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n"
    );
    let bytes = [head.into_bytes(), echo.to_json()].concat();
    if stream.write_all(&bytes).is_ok() {
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read(&mut [0]);
    }
}
