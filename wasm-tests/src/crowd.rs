//! Many requests at a time, without a thread for each: a socket each, or the streams of a few connections.

use crate::client::Pending;
use crate::http::{Request, Response};
use crate::http2::{Exchange, Session};
use crate::settings::setting;

/// Streams of one HTTP/2 connection, and requests that a crowd consists of by default.
const DEFAULT_SIZE: usize = 1_024;
/// More than this are never sent over a connection each: descriptors are limited, on both sides.
const MAX_CONNECTIONS: usize = 4_096;

/// How many requests wait at a time in tests of bursts: `ALB_AUTHN_WAITERS`, 1,024 by default.
#[must_use]
pub fn crowd_size() -> usize {
    let size = setting("ALB_AUTHN_WAITERS").and_then(|text| text.parse().ok());
    size.unwrap_or(DEFAULT_SIZE)
}

/// How a crowd reaches Envoy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transport {
    /// HTTP/1.1, a connection each.
    Connections,
    /// HTTP/2, 1,024 streams on each connection.
    Streams,
}

impl Transport {
    /// Those that can carry this many requests at a time.
    pub fn for_crowd_of(size: usize) -> impl Iterator<Item = Self> {
        let all = [Self::Streams, Self::Connections];
        all.into_iter()
            .filter(move |transport| *transport == Self::Streams || size <= MAX_CONNECTIONS)
    }
}

/// Requests on their way; dropped, their clients are gone.
pub enum Crowd {
    /// A connection each.
    Connections(Vec<Pending>),
    /// The streams of some connections.
    Streams(Vec<(Session, Vec<Exchange>)>),
}

impl Crowd {
    /// Sends all of `requests` without awaiting any answer.
    #[track_caller]
    pub fn start(transport: Transport, requests: &[Request]) -> Self {
        match transport {
            Transport::Connections => {
                Self::Connections(requests.iter().map(Request::start).collect())
            }
            Transport::Streams => {
                Self::Streams(requests.chunks(DEFAULT_SIZE).map(start_streams).collect())
            }
        }
    }

    /// Awaits every answer, in the order of the requests.
    #[track_caller]
    pub fn finish(self) -> Vec<Response> {
        match self {
            Self::Connections(pending) => pending.into_iter().map(Pending::finish).collect(),
            Self::Streams(sessions) => sessions.into_iter().flat_map(finish_streams).collect(),
        }
    }
}

#[track_caller]
fn start_streams(requests: &[Request]) -> (Session, Vec<Exchange>) {
    let session = requests[0].connect_http2();
    let streams = requests.iter().map(|request| session.start(request));
    let streams = streams.collect();
    (session, streams)
}

#[track_caller]
fn finish_streams((session, streams): (Session, Vec<Exchange>)) -> Vec<Response> {
    let finish = |exchange| session.finish(exchange).expect("an answer");
    streams.into_iter().map(finish).collect()
}
