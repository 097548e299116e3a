//! Programs that run until they are dropped.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;

/// A condition that doesn't come true by then never will.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Process {
    child: Child,
    /// Where it listens, in the order in which it said so.
    pub(crate) listening: Vec<String>,
    /// What it wrote since and nobody read.
    lines: Arc<(Mutex<VecDeque<String>>, Condvar)>,
}

impl Process {
    /// Starts a program, and reads as many `… listening on ADDR` lines as it has listeners.
    pub(crate) fn start(program: &str, arguments: &[&str], listeners: usize) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let stdout = child.stdout.take().unwrap();
        let mut reader = BufReader::new(stdout).lines();
        let listening = reader
            .by_ref()
            .take(listeners)
            .map(|line| {
                let line = line.unwrap();
                line.split_once(" listening on ")
                    .expect("a listening line")
                    .1
                    .to_owned()
            })
            .collect();
        let lines = Arc::new((Mutex::new(VecDeque::new()), Condvar::new()));
        let written = Arc::clone(&lines);
        thread::spawn(move || {
            for line in reader.map_while(Result::ok) {
                written.0.lock().unwrap().push_back(line);
                written.1.notify_all();
            }
        });
        Self {
            child,
            listening,
            lines,
        }
    }

    /// Takes the next line that was not read yet and for which `pick` finds something, once there is one.
    pub(crate) fn next_line<T>(&self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        let (lines, more) = &*self.lines;
        let mut guard = lines.lock().unwrap();
        loop {
            while let Some(line) = guard.pop_front() {
                if let Some(found) = pick(&line) {
                    return found;
                }
            }
            let (next, timeout) = more.wait_timeout(guard, PATIENCE).unwrap();
            assert!(!timeout.timed_out(), "no line with {what}");
            guard = next;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves on a port of its own, in a thread that ends with the test program. The result is the address.
pub(crate) fn serve<F>(server: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()>,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    thread::spawn(move || {
        runtime.block_on(async move { server(TcpListener::from_std(listener).unwrap()).await });
    });
    address
}

/// A port that nobody has at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
