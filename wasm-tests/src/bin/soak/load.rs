//! The load: which requests, what their answers must be, and what came back.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use alb_fixtures::mint::{KeyPair, encode};
use wasm_tests::{Crowd, Request, Response, Running, TokenBuilder, Transport, USER};

const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Wrong answers that are shown whole.
const SHOWN: usize = 10;

/// Each is asked for every `negativeTtl` (5 s), and one worker asks for two such keys a second.
const UNKNOWN_KEYS: usize = 5;

/// What a request is, and so what its answer must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A token that is new to the filter.
    Good,
    /// The same token again and again.
    Repeated,
    /// Signed with another key.
    Forged,
    Expired,
    /// A key id that the endpoint does not know, one of so few that each may be asked for again in time.
    UnknownKey,
    /// A key that takes its time to arrive.
    Waiting,
    /// A key id that was never seen before.
    FreshKeyId,
    /// A valid token that was never seen before.
    FreshToken,
}

impl Kind {
    /// The reasons that may stand in the answer; `""`: it is let through as [`USER`].
    fn expected(self) -> &'static [&'static str] {
        match self {
            Self::Good | Self::Repeated | Self::Waiting | Self::FreshToken => &[""],
            Self::Forged => &["invalid_signature"],
            Self::Expired => &["token_expired"],
            Self::UnknownKey => &["unknown_key"],
            // First fetches are limited in rate: most of a flood waits in vain.
            Self::FreshKeyId => &["unknown_key", "key_unavailable"],
        }
    }
}

/// Which kinds in which order; client after client goes through it.
pub(crate) struct Mix<'a> {
    s: &'a Running,
    kinds: Vec<Kind>,
    late: &'a [KeyPair],
    repeated: String,
    next: AtomicUsize,
}

impl<'a> Mix<'a> {
    pub(crate) fn new(s: &'a Running, late: &'a [KeyPair]) -> Self {
        let kinds = [
            [Kind::Good; 4].as_slice(),
            &[Kind::Repeated; 3],
            &[Kind::Forged; 2],
            &[Kind::Expired, Kind::UnknownKey, Kind::Waiting],
        ];
        Self {
            s,
            kinds: kinds.concat(),
            late,
            repeated: s.token_builder().expiring_at(FAR).sign(),
            next: AtomicUsize::new(0),
        }
    }

    pub(crate) fn only(s: &'a Running, kind: Kind) -> Self {
        Self {
            kinds: vec![kind],
            ..Self::new(s, &[])
        }
    }

    fn next(&self) -> (Kind, Request) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let kind = self.kinds[number % self.kinds.len()];
        let request = self
            .s
            .get("/soak")
            .header("kubeflow-userid", "forged@example.com");
        (kind, request.token(&self.token(kind, number)))
    }

    fn token(&self, kind: Kind, number: usize) -> String {
        let valid = || {
            self.s
                .token_builder()
                .expiring_at(FAR)
                .claim("number", number)
        };
        match kind {
            Kind::Good | Kind::FreshToken => valid().sign(),
            Kind::Repeated => self.repeated.clone(),
            Kind::Forged => {
                let good = valid().sign();
                let signed = good.rsplit_once('.').map_or("", |(signed, _)| signed);
                format!("{signed}.{}", encode(&[1; 64], true))
            }
            Kind::Expired => valid().expiring_at(1_000_000_000).sign(),
            Kind::UnknownKey => unsigned(
                self.s,
                &format!("22222222-0000-4000-8000-{:012}", number % UNKNOWN_KEYS),
            ),
            Kind::FreshKeyId => unsigned(self.s, &format!("33333333-0000-4000-8000-{number:012}")),
            Kind::Waiting => {
                let key = &self.late[number % self.late.len()];
                TokenBuilder::new(&self.s.load_balancer, key).sign()
            }
        }
    }
}

/// Beyond the end of any run.
const FAR: i64 = 4_000_000_000;

/// A token whose signature nobody will get to.
fn unsigned(s: &Running, kid: &str) -> String {
    let forgery = s.token_builder().header("kid", kid);
    let (header, payload) = (forgery.header_text(), forgery.payload_text());
    [header.as_bytes(), payload.as_bytes(), &[1; 64]]
        .map(|part| encode(part, true))
        .join(".")
}

/// What came back.
#[derive(Default)]
pub(crate) struct Tally {
    right: BTreeMap<Kind, usize>,
    wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn sent(&self) -> usize {
        self.right.values().sum::<usize>() + self.wrong.len()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let shown = self.wrong.iter().take(SHOWN).cloned();
        let rest = self.wrong.len().saturating_sub(SHOWN);
        let rest = (rest > 0).then(|| format!("{rest} more wrong answers"));
        shown.chain(rest).collect()
    }

    fn take(&mut self, kind: Kind, response: &Response) {
        let reason = response.reason();
        let user = response
            .try_echo()
            .map(|echo| echo.values("kubeflow-userid").join(","));
        let is_right = kind.expected().contains(&reason.as_str())
            && user.as_deref() == reason.is_empty().then_some(USER);
        if is_right {
            *self.right.entry(kind).or_default() += 1;
        } else {
            self.wrong
                .push(format!("{kind:?}: {} {reason} {user:?}", response.status));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, count) in &self.right {
            writeln!(f, "{count:>10} {kind:?}: answered as they must be")?;
        }
        write!(f, "{:>10} wrong answers", self.wrong.len())
    }
}

/// Sends from `clients` connections for as long as `goes_on` says, which hears how many were sent.
pub(crate) fn run(
    s: &Running,
    mix: &Mix<'_>,
    clients: usize,
    mut goes_on: impl FnMut(usize) -> bool,
) -> Tally {
    let tally = Mutex::new(Tally::default());
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let client = || {
        let mut connection = s.get("/").connect();
        while !is_over.load(Ordering::Relaxed) {
            let (kind, request) = mix.next();
            let response = connection.send(&request);
            tally
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(kind, &response);
        }
    };
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(client);
        }
        let sent = || tally.lock().unwrap_or_else(PoisonError::into_inner).sent();
        while goes_on(sent()) {
            thread::sleep(POLL_INTERVAL);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Sends crowd after crowd, each once the last one has its answers, for as long as `goes_on` says.
pub(crate) fn run_crowds(
    mix: &Mix<'_>,
    size: usize,
    mut goes_on: impl FnMut(usize) -> bool,
) -> Tally {
    let mut tally = Tally::default();
    while goes_on(tally.sent()) {
        let (kinds, requests): (Vec<_>, Vec<_>) = (0..size).map(|_| mix.next()).unzip();
        let responses = Crowd::start(Transport::Streams, &requests).finish();
        for (kind, response) in kinds.into_iter().zip(&responses) {
            tally.take(kind, response);
        }
    }
    tally
}
