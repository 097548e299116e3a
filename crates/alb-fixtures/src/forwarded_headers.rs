//! What a load balancer says about the connection (the ALB guide, "HTTP headers and Application Load
//! Balancers").

use std::net::SocketAddr;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::list_header;

/// The client's address, after those of the proxies before the load balancer.
pub const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: &str = "x-forwarded-proto";
const PORT: &str = "x-forwarded-port";

/// Where a request came from.
pub struct Connection {
    /// The client.
    pub client: SocketAddr,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// The listener's port.
    pub port: u16,
}

impl Connection {
    /// Appends the client's address, replaces protocol and port.
    pub fn write(&self, headers: &mut HeaderMap) {
        let client = self.client.ip().to_string();
        list_header::append(headers, FOR, ", ", &client);
        headers.insert(PROTO, HeaderValue::from_static(self.scheme));
        headers.insert(PORT, HeaderValue::from(self.port));
    }
}
