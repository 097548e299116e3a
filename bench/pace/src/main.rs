//! Sends requests at a fixed rate, whatever the answers take, and prints what each one got.
//!
//! Arguments: `ADDRESS HEAD FILE SIZE FIRST COUNT CYCLE CONNECTIONS RATE`. All but ADDRESS (`127.0.0.1:PORT`) and RATE (requests
//! a second) are those of `wrk.lua`.
//!
//! Prints a line for each request: when it was due and what its response took, both in microseconds, and its status; 0 if
//! there was none. A request that is late because its connection still waits for a response counts from when it was due.
//! If only the clock woke this program late, it counts from when it was sent.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const TIMEOUT: Duration = Duration::from_secs(30);
/// For all connections to be ready before the first request is due.
const RUN_UP: Duration = Duration::from_millis(200);
const STACK_BYTES: usize = 256 * 1024;

struct Plan {
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    count: usize,
    connections: usize,
    rate: f64,
}

/// `status` 0: no response.
struct Sample {
    due: Duration,
    taken: Duration,
    status: u16,
}

fn main() -> Outcome<()> {
    let plan = Plan::from_arguments(&env::args().skip(1).collect::<Vec<_>>())?;
    let mut samples = carry_out(&plan)?;
    samples.sort_by_key(|sample| sample.due);
    let mut out = io::stdout().lock();
    for Sample { due, taken, status } in samples {
        writeln!(out, "{} {} {status}", due.as_micros(), taken.as_micros())?;
    }
    Ok(())
}

/// Sends all requests, each connection from a thread of its own.
fn carry_out(plan: &Plan) -> Outcome<Vec<Sample>> {
    let start = Instant::now() + RUN_UP;
    thread::scope(|scope| {
        let sender = |index| {
            let builder = thread::Builder::new().stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, move || send(plan, index, start))
        };
        // All are started before the first is awaited.
        let senders = (0..plan.connections)
            .map(sender)
            .collect::<io::Result<Vec<_>>>()?;
        let mut samples = Vec::with_capacity(plan.count);
        for sender in senders {
            samples.extend(sender.join().map_err(|_| "a sender panicked")?);
        }
        Ok(samples)
    })
}

impl Plan {
    fn from_arguments(arguments: &[String]) -> Outcome<Self> {
        let [
            address,
            head,
            file,
            size,
            first,
            count,
            cycle,
            connections,
            rate,
        ] = arguments
        else {
            return Err("usage: ADDRESS HEAD FILE SIZE FIRST COUNT CYCLE CONNECTIONS RATE".into());
        };
        let mut text = Vec::new();
        File::open(head)?.read_to_end(&mut text)?;
        let (size, cycle): (usize, usize) = (size.parse()?, cycle.parse()?);
        let mut pool = File::open(file)?;
        pool.seek(SeekFrom::Start(first.parse::<u64>()? * size as u64))?;
        let mut lines = vec![0; size * cycle];
        pool.read_exact(&mut lines)?;
        let requests = lines.chunks(size).map(|line| request(&text, line));
        Ok(Self {
            address: address.parse()?,
            requests: requests.collect(),
            count: count.parse()?,
            connections: connections.parse()?,
            rate: rate.parse()?,
        })
    }

    fn due(&self, number: usize) -> Duration {
        Duration::from_secs_f64(number as f64 / self.rate)
    }
}

/// The request with a pool's line as its last header. The line ends with the access token, if it has one.
fn request(head: &[u8], line: &[u8]) -> Vec<u8> {
    let line = line.trim_ascii_end();
    let (token, access) = match line.iter().position(|byte| *byte == b' ') {
        Some(space) => (&line[..space], Some(&line[space + 1..])),
        None => (line, None),
    };
    let mut request = [head, token].concat();
    if let Some(access) = access {
        request.extend_from_slice(b"\r\nx-amzn-oidc-accesstoken: ");
        request.extend_from_slice(access);
    }
    request.extend_from_slice(b"\r\n\r\n");
    request
}

/// One connection's share of the requests: every so many-th.
fn send(plan: &Plan, index: usize, start: Instant) -> Vec<Sample> {
    let mut stream = connect(plan.address).ok();
    let numbers = (index..plan.count).step_by(plan.connections);
    numbers
        .map(|number| {
            let due = plan.due(number);
            let from = await_turn(start + due);
            let request = &plan.requests[number % plan.requests.len()];
            let status = exchange(&mut stream, plan.address, request).unwrap_or(0);
            if status == 0 {
                stream = None;
            }
            Sample {
                due,
                taken: from.elapsed(),
                status,
            }
        })
        .collect()
}

/// Sleeps until a request is due. Returns the time from which its response counts.
fn await_turn(due: Instant) -> Instant {
    let now = Instant::now();
    if now >= due {
        return due;
    }
    thread::sleep(due - now);
    Instant::now()
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Sends a request, on a new connection if the server has ended the last one, and reads its response to the end. Returns
/// the status.
fn exchange(stream: &mut Option<TcpStream>, to: SocketAddr, request: &[u8]) -> Outcome<u16> {
    let mut connection = match stream.take() {
        Some(connection) => connection,
        None => connect(to)?,
    };
    connection.write_all(request)?;
    let response = Response::read(&mut connection)?;
    if !response.closes {
        *stream = Some(connection);
    }
    Ok(response.status)
}

struct Response {
    status: u16,
    closes: bool,
}

impl Response {
    /// Reads one with a `content-length`, which every response of a benchmark's listener has.
    fn read(stream: &mut TcpStream) -> Outcome<Self> {
        let mut received = Vec::with_capacity(1024);
        let head_bytes = loop {
            if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            receive(stream, &mut received)?;
        };
        let head = String::from_utf8_lossy(&received[..head_bytes]).to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let length = field("content-length:").ok_or("no content-length")?;
        let total = head_bytes + length.trim().parse::<usize>()?;
        while received.len() < total {
            receive(stream, &mut received)?;
        }
        let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
        let closes = field("connection:").is_some_and(|value| value.trim() == "close");
        Ok(Self { status, closes })
    }
}

fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> Outcome<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk)? {
        0 => Err("the server ended the connection".into()),
        count => {
            received.extend_from_slice(&chunk[..count]);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;

    /// A server that answers so many requests on each connection, the first of all after `delay`.
    fn server(delay: Duration, per_connection: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut delay = Some(delay);
            for stream in listener.incoming() {
                let mut reader = BufReader::new(stream.unwrap());
                for left in (0..per_connection).rev() {
                    let mut line = String::new();
                    while line != "\r\n" {
                        line.clear();
                        if reader.read_line(&mut line).unwrap() == 0 {
                            return;
                        }
                    }
                    thread::sleep(delay.take().unwrap_or_default());
                    let connection = if left == 0 { "close" } else { "keep-alive" };
                    let response = format!(
                        "HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: 2\r\n\r\nok"
                    );
                    reader.get_mut().write_all(response.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    fn plan(address: SocketAddr, count: usize) -> Plan {
        Plan {
            address,
            requests: vec![request(b"GET / HTTP/1.1\r\ntoken: ", b"a\n")],
            count,
            connections: 1,
            rate: 100.0,
        }
    }

    #[test]
    fn a_request_behind_a_slow_response_counts_from_when_it_was_due() {
        let delay = Duration::from_millis(300);
        let samples = carry_out(&plan(server(delay, 10), 2)).unwrap();
        let taken: Vec<Duration> = samples.iter().map(|sample| sample.taken).collect();
        assert!(taken[0] >= delay, "{taken:?}");
        // It was due 10 ms after the first one.
        assert!(taken[1] >= delay - Duration::from_millis(20), "{taken:?}");
    }

    #[test]
    fn a_connection_that_the_server_ends_is_opened_again() {
        let samples = carry_out(&plan(server(Duration::ZERO, 2), 5)).unwrap();
        let statuses: Vec<u16> = samples.iter().map(|sample| sample.status).collect();
        assert_eq!(statuses, [200; 5]);
    }

    #[test]
    fn an_access_token_is_a_header_of_its_own() {
        let sent = request(b"token: ", b"user access\n");
        assert_eq!(
            sent,
            b"token: user\r\nx-amzn-oidc-accesstoken: access\r\n\r\n"
        );
    }
}
