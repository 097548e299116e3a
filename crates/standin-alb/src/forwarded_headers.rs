//! What the load balancer says about the connection (the ALB guide, "HTTP headers and Application Load
//! Balancers", "Request tracing").

use alb_fixtures::forwarded_headers::{Connection, FOR};
use alb_fixtures::list_header;
use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderName, HeaderValue};

use crate::sealed::random;

/// What [`Connection::write`] says, and the trace id.
pub(crate) fn add(headers: &mut HeaderMap, connection: &Connection, now: i64) {
    connection.write(headers);
    add_trace_id(headers, now);
    // HTTP/2 may send a cookie header in crumbs; HTTP/1.1 wants one (RFC 9113 section 8.2.3).
    list_header::merge(headers, COOKIE, "; ");
}

/// Whether `x-forwarded-for` names more addresses than a load balancer takes.
pub(crate) fn too_many_addresses(headers: &HeaderMap) -> bool {
    let addresses = headers
        .get_all(FOR)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    addresses.count() > MAX_ADDRESSES
}

/// Drops headers whose names aren't letters, digits and `-`.
pub(crate) fn drop_invalid(headers: &mut HeaderMap) {
    let is_valid = |name: &HeaderName| {
        name.as_str()
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let invalid: Vec<HeaderName> = headers.keys().filter(|n| !is_valid(n)).cloned().collect();
    for name in invalid {
        headers.remove(name);
    }
}

/// A client's own root stays, and the load balancer says which request it saw.
fn add_trace_id(headers: &mut HeaderMap, now: i64) {
    let hex: String = random::<12>()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let own = format!("1-{now:08x}-{hex}");
    let sent = headers.get(TRACE_ID).and_then(|value| value.to_str().ok());
    let id = match sent {
        Some(sent) if sent.contains("Root=") => format!("Self={own};{sent}"),
        _ => format!("Root={own}"),
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(TRACE_ID, id);
    }
}

const TRACE_ID: &str = "x-amzn-trace-id";
/// The ALB guide, "HTTP 463".
const MAX_ADDRESSES: usize = 30;
