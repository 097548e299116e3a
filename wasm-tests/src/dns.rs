//! A name server (RFC 1035) that knows one address, or nothing.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Answers every question for an A record with 127.0.0.1, or with "no such name".
#[derive(Clone)]
pub struct DnsServer {
    addr: SocketAddr,
    is_up: Arc<AtomicBool>,
}

impl DnsServer {
    /// Starts a server that knows no name; it answers until the test ends.
    pub fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let server = Self {
            addr: socket.local_addr().expect("a bound socket"),
            is_up: Arc::default(),
        };
        let answering = server.clone();
        thread::spawn(move || answering.serve(&socket));
        server
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on, every name is known, or none.
    pub fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::SeqCst);
    }

    fn serve(&self, socket: &UdpSocket) {
        let mut buffer = [0; 512];
        while let Ok((size, client)) = socket.recv_from(&mut buffer) {
            if let Some(answer) = answer(&buffer[..size], self.is_up.load(Ordering::SeqCst)) {
                let _ = socket.send_to(&answer, client);
            }
        }
    }
}

/// The answer to a query of one question (RFC 1035 section 4.1).
fn answer(query: &[u8], is_known: bool) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let name_end = HEADER + query.get(HEADER..)?.iter().position(|byte| *byte == 0)?;
    let question = query.get(HEADER..name_end + 5)?;
    let is_a = question[question.len() - 4..] == [0, 1, 0, 1];
    // A response, recursion available; "no such name" or no error.
    let flags = if is_known { [0x81, 0x80] } else { [0x81, 0x83] };
    let answers = u8::from(is_known && is_a);
    let mut bytes = [
        &query[..2],
        &flags,
        &[0, 1, 0, answers, 0, 0, 0, 0],
        question,
    ]
    .concat();
    if answers == 1 {
        // The question's name, type A, class IN, one second, four bytes of address.
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some(bytes)
}
