//! Bursts: requests that all wait for one key, or for an endpoint that hangs, and that one event decides.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alb_fixtures::mint::{KeyPair, encode};
use wasm_tests::{Answer, Crowd, Request, Response, Running, TokenBuilder, Transport, eventually};

/// Requests of a burst, the streams of one connection.
const SIZE: usize = 1_024;
/// Key ids that wait for an endpoint that hangs.
const HANGING: usize = 64;
const INTERVAL: Duration = Duration::from_secs(5);
/// What Envoy itself answers on [`DIRECT`]: such an answer is given while the filter's callback is not over.
pub(crate) const DIRECT_STATUS: u16 = 418;
/// A path that no upstream sees.
pub(crate) const DIRECT: &str = "/direct";

/// Bursts, one after the other.
pub(crate) struct Bursts<'a> {
    s: &'a Running,
    bursts: usize,
    last: Instant,
    problems: Vec<String>,
}

/// How the endpoint answers a burst's fetch, and what each of its requests gets.
const ENDS: [(&str, u16, &str); 3] = [
    ("404", 401, "unknown_key"),
    ("a key that did not sign", 401, "invalid_signature"),
    ("the key", DIRECT_STATUS, ""),
];

impl<'a> Bursts<'a> {
    pub(crate) fn new(s: &'a Running) -> Self {
        Self {
            s,
            bursts: 0,
            last: Instant::now(),
            problems: Vec::new(),
        }
    }

    /// The next burst, if the last one was some time ago.
    pub(crate) fn poll(&mut self) {
        if self.last.elapsed() < INTERVAL {
            return;
        }
        self.burst();
        self.last = Instant::now();
    }

    fn burst(&mut self) {
        let (end, status, reason) = ENDS[self.bursts % ENDS.len()];
        let key = Self::fresh_key();
        self.s.endpoint.set(key.kid(), Answer::Hold);
        let signed = end == "the key";
        let crowd = Crowd::start(Transport::Streams, &vec![self.request(&key, signed); SIZE]);
        let size = SIZE.try_into().unwrap_or(0);
        eventually("the burst waits", || {
            (self.s.metric("waiting_requests") >= size).then_some(())
        });
        if end == "404" {
            self.s.endpoint.set(key.kid(), Answer::Status(404));
        } else {
            self.s.endpoint.serve_key(&key);
        }
        self.check(end, &crowd.finish(), status, reason);
        self.bursts += 1;
    }

    /// The endpoint takes requests and answers none; when it does again, every key is served.
    pub(crate) fn hang_and_return(&mut self) {
        let keys: Vec<_> = (0..HANGING).map(|_| Self::fresh_key()).collect();
        for key in &keys {
            self.s.endpoint.set(key.kid(), Answer::Hold);
        }
        let requests: Vec<_> = (0..SIZE)
            .map(|number| self.request(&keys[number % HANGING], true))
            .collect();
        let crowd = Crowd::start(Transport::Streams, &requests);
        let known = self.s.get(DIRECT).token(&self.s.token()).send();
        self.check("a known key", &[known], DIRECT_STATUS, "");
        self.check("it hangs", &crowd.finish(), 503, "key_unavailable");
        self.bursts += 1;
        for key in &keys {
            self.s.endpoint.serve_key(key);
        }
        for request in &requests[..HANGING] {
            eventually("the endpoint's key counts again", || {
                (request.send().status == DIRECT_STATUS).then_some(())
            });
        }
    }

    pub(crate) fn into_problems(self) -> Vec<String> {
        println!("{:>10} bursts of {SIZE}", self.bursts);
        self.problems
    }

    /// A key with an id that no other key of this run has: the filter may still hold an earlier burst's.
    fn fresh_key() -> KeyPair {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        KeyPair::generate(format!("44444444-0000-4000-8000-{number:012}"))
    }

    fn request(&self, key: &KeyPair, signed: bool) -> Request {
        let good = TokenBuilder::new(&self.s.load_balancer, key).sign();
        let token = match good.rsplit_once('.') {
            Some((text, _)) if !signed => format!("{text}.{}", encode(&[1; 64], true)),
            _ => good,
        };
        self.s.get(DIRECT).token(&token)
    }

    fn check(&mut self, end: &str, responses: &[Response], status: u16, reason: &str) {
        let wrong = responses
            .iter()
            .filter(|response| (response.status, response.reason()) != (status, reason.to_owned()));
        let wrong: Vec<_> = wrong.collect();
        if let Some(first) = wrong.first() {
            let (count, status, reason) = (wrong.len(), first.status, first.reason());
            self.problems.push(format!(
                "burst, {end}: {count} wrong answers: {status} {reason}"
            ));
        }
    }
}
