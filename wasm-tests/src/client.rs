//! A client that sends exactly the bytes that it is told to.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::http::{Request, Response};
use crate::http1::{Body, latin1, read_message};
use crate::http2;
use crate::settings::sends_http2;

/// Response timeout. Long, as 16,384 requests on a busy machine are answered one after the other.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

impl Request {
    /// Sends it on a connection of its own and awaits the response: over HTTP/1.1, or, with
    /// `ALB_AUTHN_HTTP=2`, over HTTP/2 if HTTP/2 can express it.
    #[track_caller]
    pub fn send(&self) -> Response {
        if sends_http2() && http2::can_express(self) {
            self.send_http2()
        } else {
            self.start().finish()
        }
    }

    /// Sends it over HTTP/1.1; fails if the connection does.
    pub fn try_send(&self) -> io::Result<Response> {
        self.send_over(self.open()?)
    }

    /// Sends it over HTTP/1.1 on this connection and awaits the response.
    pub(crate) fn send_over(&self, mut stream: impl Read + Write) -> io::Result<Response> {
        stream.write_all(&self.to_bytes())?;
        read_response(&mut BufReader::new(stream), &self.method)
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

fn read_response(reader: &mut BufReader<impl Read>, method: &str) -> io::Result<Response> {
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
