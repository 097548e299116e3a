//! A request and a response, whatever version of HTTP carries them.

use std::net::SocketAddr;

use alb_fixtures::oidc_headers;
use serde_json::Value;

use crate::http1::{Headers, bytes_of, latin1, values};
use crate::upstream::Echo;

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

    /// The identity provider's access token, as the ALB passes it on.
    #[must_use]
    pub fn access_token(self, token: &str) -> Self {
        self.header(oidc_headers::ACCESS_TOKEN, token)
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

    /// The last request of its connection, which Envoy closes after the answer.
    #[must_use]
    pub fn last(self) -> Self {
        self.header("connection", "close")
    }

    /// The request as HTTP/1.1 writes it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
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
