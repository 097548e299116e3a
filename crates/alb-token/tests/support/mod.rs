//! Running `alb-token` and speaking HTTP/1.1 with it, without waiting for anything but its own words.
#![allow(dead_code, reason = "each test program uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

#[allow(unused_imports, reason = "each test program uses a part of it")]
pub(crate) use alb_fixtures::signed_token::Token;
use serde_json::Value;

/// Runs `alb-token` to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alb-token"))
        .args(arguments)
        .output()
        .expect("alb-token runs")
}

/// Runs `alb-token` with this standard input. Exit status and standard output.
pub(crate) fn run_with(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let output = run_fully(arguments, input);
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
    )
}

/// The same, standard error too.
pub(crate) fn run_fully(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_alb-token"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("alb-token starts");
    // A command that needs no input may be gone already.
    let _ = child
        .stdin
        .take()
        .expect("piped")
        .write_all(input.as_bytes());
    child.wait_with_output().expect("alb-token ends")
}

/// An `alb-token` that serves until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, in the order in which it said so.
    pub(crate) addresses: Vec<String>,
}

impl Server {
    /// Starts a command and reads as many `… listening on ADDR` lines as it has listeners.
    pub(crate) fn start(arguments: &[&str], listeners: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_alb-token"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("alb-token starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let addresses = BufReader::new(stdout)
            .lines()
            .take(listeners)
            .map(|line| {
                let line = line.expect("stdout is text");
                let (_, address) = line.split_once(" listening on ").expect("a listening line");
                address.to_owned()
            })
            .collect();
        Self { child, addresses }
    }

    pub(crate) fn upstream() -> Self {
        Self::start(&["upstream", "--listen", "127.0.0.1:0"], 1)
    }

    /// A stand-in before `gateway`; its second address is the key endpoint.
    pub(crate) fn standin(gateway: &str, further: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0", "--keys-listen", "127.0.0.1:0"];
        let arguments = [&["standin", "--gateway", gateway], &listen[..], further].concat();
        Self::start(&arguments, 2)
    }

    /// The answer to one request, with `headers` as lines of `name: value`.
    pub(crate) fn get(&self, target: &str, headers: &[&str]) -> Answer {
        exchange(&self.addresses[0], "GET", target, headers, b"")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The values of a header that the upstream saw, as its JSON tells.
    pub(crate) fn seen(&self, header: &str) -> Value {
        self.json()["headers"][header].clone()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(header, _)| header.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// One request on a connection of its own.
pub(crate) fn exchange(
    address: &str,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if !body.is_empty() {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    stream.write_all(body).expect("it reads the body");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("it answers");
    let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
    Answer {
        status: head[9..12].parse().expect("a status"),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
