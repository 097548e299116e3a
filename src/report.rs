//! Metrics and log lines. The only file that names a metric.
//!
//! The set of metrics is fixed: nothing that a request carries becomes part of a name, because Envoy
//! keeps every metric until it ends.

mod log_limit;
mod log_value;

use std::time::Duration;

use crate::config::{Allowed, Config, Mode};
use crate::keys::{FetchFailure, FetchOutcome, FetchTarget};
use crate::reason::{Reason, Rejection};
use crate::request::{Decision, Effect};
use crate::time::{Span, UnixTime};
use log_limit::LogLimit;
use log_value::log_value;

/// A counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Requests by how they ended.
    Requests(Reason),
    /// Requests that `mode: observe` let pass.
    Observed(Rejection),
    /// Fetches that brought a key.
    KeyFetchOk,
    /// Fetches that were told "no such key".
    KeyFetchNotFound,
    /// Fetches that failed.
    KeyFetchFailed,
    /// Tokens found in the cache.
    TokenCacheHit,
    /// Tokens not found in the cache.
    TokenCacheMiss,
    /// Unusable elements that optional headers go on without.
    ValuesLeftOut,
    /// Access tokens that were looked at, by how they were judged.
    AccessToken(AccessTokenOutcome),
}

/// How an access token was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessTokenOutcome {
    /// It holds.
    Ok,
    /// There was none.
    Missing,
    /// It has expired.
    Expired,
    /// It does not hold for another reason.
    Invalid,
    /// The key set could not be fetched.
    KeyUnavailable,
}

impl AccessTokenOutcome {
    const ALL: [Self; 5] = [
        Self::Ok,
        Self::Missing,
        Self::Expired,
        Self::Invalid,
        Self::KeyUnavailable,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
            Self::KeyUnavailable => "key_unavailable",
        }
    }
}

impl From<Result<(), Rejection>> for AccessTokenOutcome {
    fn from(result: Result<(), Rejection>) -> Self {
        match result {
            Ok(()) => Self::Ok,
            Err(Rejection::MissingAccessToken) => Self::Missing,
            Err(Rejection::AccessTokenExpired) => Self::Expired,
            Err(Rejection::KeyUnavailable | Rejection::Overloaded) => Self::KeyUnavailable,
            Err(_) => Self::Invalid,
        }
    }
}

impl Counter {
    /// Every counter.
    pub fn all() -> Vec<Self> {
        let rest = [
            Self::KeyFetchOk,
            Self::KeyFetchNotFound,
            Self::KeyFetchFailed,
            Self::TokenCacheHit,
            Self::TokenCacheMiss,
            Self::ValuesLeftOut,
        ];
        let requests = Reason::all().map(Self::Requests);
        requests
            .chain(Rejection::ALL.into_iter().map(Self::Observed))
            .chain(rest)
            .chain(AccessTokenOutcome::ALL.map(Self::AccessToken))
            .collect()
    }

    /// The metric's name; Envoy puts `wasmcustom.` in front.
    pub fn name(self) -> String {
        match self {
            Self::Requests(reason) => format!("alb_authn.requests.{}", reason.name()),
            Self::Observed(rejection) => format!("alb_authn.observed.{}", rejection.name()),
            Self::KeyFetchOk => "alb_authn.key_fetch.ok".to_owned(),
            Self::KeyFetchNotFound => "alb_authn.key_fetch.not_found".to_owned(),
            Self::KeyFetchFailed => "alb_authn.key_fetch.failed".to_owned(),
            Self::TokenCacheHit => "alb_authn.token_cache.hit".to_owned(),
            Self::TokenCacheMiss => "alb_authn.token_cache.miss".to_owned(),
            Self::ValuesLeftOut => "alb_authn.values_left_out".to_owned(),
            Self::AccessToken(outcome) => format!("alb_authn.access_token.{}", outcome.name()),
        }
    }
}

/// A gauge. Gauges belong to the whole Envoy process, so each worker adds its own changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gauge {
    /// Public keys held.
    Keys,
    /// Requests that wait for keys.
    WaitingRequests,
}

impl Gauge {
    /// Every gauge.
    pub const ALL: [Self; 2] = [Self::Keys, Self::WaitingRequests];

    /// The metric's name; Envoy puts `wasmcustom.` in front.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "alb_authn.keys",
            Self::WaitingRequests => "alb_authn.waiting_requests",
        }
    }
}

/// The histogram of whole key fetches, in milliseconds.
pub const KEY_FETCH_MS: &str = "alb_authn.key_fetch_ms";

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Expected: refusals, start-up.
    Info,
    /// Somebody should look: key fetch failures, observe mode, `["*"]`.
    Warn,
}

/// One thing to count or log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Count one.
    Count(Counter),
    /// Count several.
    CountMany(Counter, usize),
    /// Move a gauge.
    Move(Gauge, i64),
    /// Record a sample of [`KEY_FETCH_MS`].
    KeyFetchMs(u64),
    /// Log a line.
    Log(Level, String),
}

/// How often observe mode says that nothing is refused.
const OBSERVE_REMINDER: Duration = Duration::from_secs(600);

/// Collects events. **Drain `poll_event` after each call, and call `handle_timeout` when
/// `poll_wakeup` says so.**
pub struct Report {
    events: std::collections::VecDeque<Event>,
    refusals: LogLimit<Rejection>,
    fetch_failures: LogLimit<()>,
    /// Until the next reminder; only in observe mode.
    reminder: Option<Span>,
}

impl Report {
    /// Says at start what is trusted, and warns of what is dangerous.
    pub fn start(config: &Config, signature_backend: &str, now: UnixTime) -> Self {
        let mut report = Self {
            events: std::collections::VecDeque::new(),
            refusals: LogLimit::default(),
            fetch_failures: LogLimit::default(),
            reminder: (config.mode == Mode::Observe).then_some(Span::new(now, Duration::ZERO)),
        };
        report.log(Level::Info, start_line(config, signature_backend));
        for signer in config.signers() {
            for (field, allowed) in [
                ("issuers", &signer.issuers),
                ("clientIds", &signer.client_ids),
            ] {
                if *allowed == Allowed::Any {
                    let arn = signer.arn.as_str();
                    report.log(
                        Level::Warn,
                        format!("warning={field}_any signer={arn} every value is accepted"),
                    );
                }
            }
        }
        report.handle_timeout(now);
        report
    }

    /// Counts a decision, and logs it if it is a rejection.
    pub fn record_decision(&mut self, decision: &Decision, now: UnixTime) {
        let rejection = match decision.reason {
            Reason::Rejected(rejection) => rejection,
            Reason::Ok | Reason::NoToken | Reason::Logout => {
                return self.count(Counter::Requests(decision.reason));
            }
        };
        self.count(match decision.effect {
            Effect::Respond(_) => Counter::Requests(decision.reason),
            Effect::Forward { .. } => Counter::Observed(rejection),
        });
        if self.refusals.admit(rejection, now) {
            let line = Self::refusal_line(rejection, decision);
            self.log(Level::Info, line);
        }
    }

    fn refusal_line(rejection: Rejection, decision: &Decision) -> String {
        let action = match decision.effect {
            Effect::Respond(_) => format!("action=refused status={}", rejection.status()),
            Effect::Forward { .. } => "action=observed".to_owned(),
        };
        let context = &decision.log_context;
        let claim = context.claim.as_ref();
        let claim = claim.map_or_else(String::new, |name| {
            format!(" claim={}", log_value(name.as_bytes()))
        });
        format!(
            "reason={} {action} kid={} signer={} request_id={}",
            rejection.name(),
            context.origin.kid(),
            log_value(context.origin.signer().as_bytes()),
            log_value(&context.request_id),
        ) + &claim
    }

    /// Counts a finished fetch, and logs it if it failed.
    pub fn record_fetch(&mut self, outcome: &FetchOutcome, endpoint: &str, now: UnixTime) {
        self.count(match outcome.result {
            Ok(()) => Counter::KeyFetchOk,
            Err(FetchFailure::NotFound(_)) => Counter::KeyFetchNotFound,
            Err(_) => Counter::KeyFetchFailed,
        });
        let milliseconds = u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX);
        self.events.push_back(Event::KeyFetchMs(milliseconds));
        if let Err(failure) = &outcome.result
            && self.fetch_failures.admit((), now)
        {
            let kid = match &outcome.target {
                FetchTarget::Key(key) => key.kid.as_str(),
                FetchTarget::KeySet(_) => "-",
            };
            let line = format!(
                "key_fetch=failed cause={failure} kid={kid} endpoint={} took_ms={milliseconds}",
                log_value(endpoint.as_bytes()),
            );
            self.log(Level::Warn, line);
        }
    }

    /// Counts a look into the token cache.
    pub fn count_lookup(&mut self, hit: bool) {
        self.count(if hit {
            Counter::TokenCacheHit
        } else {
            Counter::TokenCacheMiss
        });
    }

    /// Counts an access token that was looked at.
    pub fn count_access_token(&mut self, judged: Result<(), Rejection>) {
        self.count(Counter::AccessToken(judged.into()));
    }

    /// Counts unusable elements that an accepted request goes on without.
    pub fn count_left_out(&mut self, values: usize) {
        if values > 0 {
            let event = Event::CountMany(Counter::ValuesLeftOut, values);
            self.events.push_back(event);
        }
    }

    /// Moves a gauge from its earlier to its present value.
    pub fn move_gauge(&mut self, gauge: Gauge, earlier: usize, present: usize) {
        let signed = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        if earlier != present {
            let change = signed(present).saturating_sub(signed(earlier));
            self.events.push_back(Event::Move(gauge, change));
        }
    }

    /// Says how many lines were left out, and that observe mode is still on.
    pub fn handle_timeout(&mut self, now: UnixTime) {
        for (rejection, left_out) in self.refusals.ended(now) {
            let line = format!("reason={} suppressed={left_out}", rejection.name());
            self.log(Level::Info, line);
        }
        for ((), left_out) in self.fetch_failures.ended(now) {
            self.log(
                Level::Warn,
                format!("key_fetch=failed suppressed={left_out}"),
            );
        }
        if self.reminder.is_some_and(|pause| pause.is_over(now)) {
            self.reminder = Some(Span::new(now, OBSERVE_REMINDER));
            let line = "mode=observe nothing is refused; requests without a verified identity \
                        are forwarded without identity headers";
            self.log(Level::Warn, line.to_owned());
        }
    }

    /// When `handle_timeout` must be called next. May change after every other call.
    #[must_use]
    pub fn poll_wakeup(&self) -> Option<UnixTime> {
        let limits = [
            self.refusals.next_end(),
            self.fetch_failures.next_end(),
            self.reminder.map(Span::end),
        ];
        limits.into_iter().flatten().min()
    }

    /// The next thing to count or log.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn count(&mut self, counter: Counter) {
        self.events.push_back(Event::Count(counter));
    }

    fn log(&mut self, level: Level, line: String) {
        self.events
            .push_back(Event::Log(level, format!("alb_authn: {line}")));
    }
}

fn start_line(config: &Config, signature_backend: &str) -> String {
    let mode = match config.mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
    };
    let arns: Vec<&str> = config.signers().map(|lb| lb.arn.as_str()).collect();
    format!(
        "started version={} signature_backend={signature_backend} mode={mode} load_balancers={}",
        env!("CARGO_PKG_VERSION"),
        arns.join(","),
    )
}

#[cfg(test)]
mod tests;
