//! An endpoint of public keys, which answers each key id, or each path, as a test wants it to: a load
//! balancer's, or that of an issuer's key sets.

use std::collections::HashMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use alb_fixtures::mint::KeyPair;
use alb_fixtures::rsa::{RsaSigner, TestKey, key_set};

use crate::http1::{Body, read_message, values, write_response};

/// What the endpoint does with a request for one key id, or for one path.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// 200 with these bytes.
    Body(Vec<u8>),
    /// This status, with a key (or a key set, for a path that ends in `.json`) in the body that must not be taken.
    Status(u16),
    /// Nothing, until another answer is set.
    Hold,
    /// A TCP reset.
    Reset,
    /// Half of the announced body, then the end of the connection.
    CloseMidBody,
    /// Half of the announced body, then nothing.
    StallMidBody,
    /// These bytes, whatever they are, then the end of the connection.
    Raw(Vec<u8>),
    /// 200 with these bytes, one after the other with a pause between.
    Trickle(Vec<u8>, Duration),
    /// 200 with these bytes, this much later.
    Late(Vec<u8>, Duration),
}

impl Answer {
    /// 200 with the public half of `key`.
    pub fn key(key: &KeyPair) -> Self {
        Self::Body(key.public_pem().into_bytes())
    }

    /// 200 with the set of the public halves of `keys`.
    pub fn key_set(keys: &[RsaSigner]) -> Self {
        Self::Body(key_set(keys).into_bytes())
    }
}

/// A request that the endpoint saw.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRequest {
    /// The request line.
    pub line: String,
    /// The `host` header: the `:authority` of Envoy's request.
    pub authority: String,
}

/// The endpoint; it answers until the test ends.
#[derive(Clone)]
pub struct KeyEndpoint {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    requests: Vec<KeyRequest>,
    /// The open connections, by the client's address.
    connections: HashMap<SocketAddr, TcpStream>,
    is_gone: bool,
}

impl KeyEndpoint {
    /// Starts an endpoint that knows no key: it answers 404.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let addr = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let endpoint = Self { addr, shared };
        let acceptor = endpoint.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(client) = acceptor.admit(&stream) {
                    let endpoint = acceptor.clone();
                    thread::spawn(move || endpoint.serve(client, stream));
                }
            }
        });
        endpoint
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on, and for requests on hold, `kid` is answered so: the last segment of a path, or a whole
    /// path without its first `/`, which comes before.
    pub fn set(&self, kid: &str, answer: Answer) {
        self.state().answers.insert(kid.to_owned(), answer);
        self.shared.changed.notify_all();
    }

    /// Serves the public half of `key` under its own id.
    pub fn serve_key(&self, key: &KeyPair) {
        self.set(key.kid(), Answer::key(key));
    }

    /// Resets every connection, and each new one, until [`KeyEndpoint::come_back`].
    pub fn vanish(&self) {
        let mut state = self.state();
        state.is_gone = true;
        for (_, stream) in state.connections.drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Answers again.
    pub fn come_back(&self) {
        self.state().is_gone = false;
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<KeyRequest> {
        self.state().requests.clone()
    }

    /// How many requests asked for `kid`, or for that path.
    pub fn count(&self, kid: &str) -> usize {
        let ending = format!("/{kid} HTTP/1.1");
        let state = self.state();
        let matching = state.requests.iter().filter(|r| r.line.ends_with(&ending));
        matching.count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// The client's address, where somebody is there to take the new connection.
    fn admit(&self, stream: &TcpStream) -> Option<SocketAddr> {
        let mut state = self.state();
        if state.is_gone {
            let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            return None;
        }
        let client = stream.peer_addr().ok()?;
        state.connections.insert(client, stream.try_clone().ok()?);
        Some(client)
    }

    fn serve(&self, client: SocketAddr, mut stream: TcpStream) {
        let _ = self.converse(&mut stream);
        // The other handle of the socket: it would keep the connection open.
        self.state().connections.remove(&client);
    }

    /// Ends when the connection can't be used any further.
    fn converse(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_message(&mut reader, Body::Announced)? {
            let authority = values(&request.headers, "host").join(",");
            let path = path_of(&request.start_line);
            self.state().requests.push(KeyRequest {
                line: request.start_line,
                authority,
            });
            respond(stream, self.answer(&path), decoy(&path))?;
        }
        Ok(())
    }

    /// The answer for `path`, once it isn't [`Answer::Hold`].
    fn answer(&self, path: &str) -> Answer {
        let held = |state: &mut State| state.answer(path) == Some(&Answer::Hold);
        let state = self.shared.changed.wait_while(self.state(), held);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let answer = state.answer(path).cloned();
        answer.unwrap_or(Answer::Status(404))
    }
}

impl State {
    fn answer(&self, path: &str) -> Option<&Answer> {
        let kid = path.rsplit('/').next().unwrap_or_default();
        self.answers.get(path).or_else(|| self.answers.get(kid))
    }
}

/// A port on which nothing listens: connections to it are refused.
pub fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket")
}

/// Without its first `/`.
fn path_of(request_line: &str) -> String {
    let path = request_line.split(' ').nth(1).unwrap_or_default();
    path.strip_prefix('/').unwrap_or(path).to_owned()
}

/// Fails when the connection can't be used any further.
fn respond(stream: &mut TcpStream, answer: Answer, decoy: &str) -> std::io::Result<()> {
    match answer {
        Answer::Body(body) => write_response(stream, 200, "text/plain", &body),
        Answer::Status(status) => write_response(stream, status, "text/plain", decoy.as_bytes()),
        Answer::CloseMidBody => {
            stream.write_all(half_of(decoy).as_bytes())?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        Answer::StallMidBody => {
            stream.write_all(half_of(decoy).as_bytes())?;
            // The other side gives up and closes: that ends the wait.
            stream.read(&mut [0]).map(|_| ())
        }
        Answer::Raw(bytes) => {
            stream.write_all(&bytes)?;
            Err(std::io::ErrorKind::ConnectionAborted.into())
        }
        Answer::Trickle(body, pause) => trickle(stream, &body, pause),
        Answer::Late(body, delay) => {
            thread::sleep(delay);
            write_response(stream, 200, "text/plain", &body)
        }
        Answer::Reset => reset(stream),
        Answer::Hold => Ok(()),
    }
}

fn half_of(body: &str) -> String {
    let announced = body.len() * 2;
    format!("HTTP/1.1 200 OK\r\ncontent-length: {announced}\r\n\r\n{body}")
}

fn trickle(stream: &mut TcpStream, body: &[u8], pause: Duration) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    for byte in body {
        thread::sleep(pause);
        stream.write_all(&[*byte])?;
    }
    Ok(())
}

/// Half a status line, then RST in place of FIN: a close that waits for nothing sends it.
fn reset(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 2")?;
    socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
    Err(std::io::ErrorKind::ConnectionReset.into())
}

/// A well-formed key, or key set, that is sent only where it must not be believed.
fn decoy(path: &str) -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    static KEY_SET: OnceLock<String> = OnceLock::new();
    if path.ends_with(".json") {
        KEY_SET.get_or_init(|| key_set(&[TestKey::Rsa2048C.signer()]))
    } else {
        KEY.get_or_init(|| KeyPair::generate("decoy").public_pem())
    }
}
