//! One request, from its headers to a decision.
//!
//! ```text
//!              handle_headers                    Judge::decide
//!  arrived ───────┬───────────▶ awaiting key ──┬───────────────▶ decided, or awaiting key set
//!                 │                            │ park      resume
//!                 │                            └───▶ parked ─────▶ decided, or awaiting key set
//!                 └──────────────────────────────────────────────▶ decided
//! ```
//! A request whose access token is read waits for the key set in the same way, once its user is verified.
//! Each step takes the state by value, so a request can't be decided twice. **A [`Decision`] must be
//! applied as it is: it holds the whole of what may be forwarded.**

mod access;
mod judge;
mod parked;

use std::rc::Rc;

pub use access::{AwaitingKeySet, ParkedForKeySet};
pub use judge::{Caches, Findings, Judge, Judgement, Step, decide_once};
pub use parked::ParkedRequest;

use access::AccessTokenHeader;

use crate::accept::prefers_html;
use crate::config::{Config, Mode};
use crate::header_plan::{Forwarded, HeaderPlan, Inbound};
use crate::headers::Headers;
use crate::identity::{Identity, RejectedClaim};
use crate::keys::KeyRef;
use crate::reason::{Reason, Rejection};
use crate::reply::Reply;
use crate::routes::Passage;
use crate::time::UnixTime;
use crate::token::{
    CheckedHeader, CheckedToken, ClaimedOrigin, RejectedToken, UnverifiedToken, check_locally,
};
use crate::token_cache::{AcceptedToken, TokenCache};
use crate::token_kind::ALB;

/// The end of a request, as far as the filter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is counted and logged.
    pub reason: Reason,
    /// What is done.
    pub effect: Effect,
    /// What a log line may say of the request.
    pub log_context: LogContext,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Edit the headers, let Envoy choose the route again, and forward the request.
    Forward {
        /// The edits.
        plan: HeaderPlan,
        /// The verified user, for access logs.
        user: Option<String>,
    },
    /// Respond here.
    Respond(Reply),
}

/// What a log line may say of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogContext {
    /// `x-request-id` as received, cut at what a log line can show.
    pub request_id: Vec<u8>,
    /// The key and signer that the token names.
    pub origin: ClaimedOrigin,
    /// The configured name of the claim that it is rejected for.
    pub claim: Option<String>,
}

/// After the first step.
#[derive(Debug)]
pub enum Request<'h> {
    /// The request is decided; no key is needed.
    Decided(Decision),
    /// All local checks passed; the key is needed.
    AwaitingKey(AwaitingKey<'h>),
}

/// A request whose token passed every check that needs no key. Its signature is not verified yet.
#[derive(Debug)]
pub struct AwaitingKey<'h> {
    token: Candidate,
    arrival: Arrival<'h>,
}

/// A token of which only the signature is in question.
#[derive(Debug)]
enum Candidate {
    /// Received for the first time, or too long ago.
    New(CheckedToken),
    /// Accepted before by this configuration: only the time and the key are in question.
    Known(Rc<AcceptedToken>),
}

impl Candidate {
    fn raw(&self) -> &[u8] {
        match self {
            Self::New(token) => token.token().raw(),
            Self::Known(token) => token.raw(),
        }
    }

    fn header(&self) -> &CheckedHeader {
        match self {
            Self::New(token) => token.header(),
            Self::Known(token) => token.header(),
        }
    }

    /// Reads a token, from the cache if it was accepted before and is not old.
    ///
    /// # Errors
    /// Those of parsing and of the local checks.
    fn read(
        raw: &[u8],
        config: &Config,
        cache: &TokenCache,
        now: UnixTime,
    ) -> Result<Self, RejectedToken> {
        let clock = config.clock(now);
        let is_live = |known: &&Rc<AcceptedToken>| !clock.has_expired(known.header().exp);
        if let Some(known) = cache.find(raw).filter(is_live) {
            return Ok(Self::Known(Rc::clone(known)));
        }
        let token = UnverifiedToken::parse(raw)?;
        check_locally(token, &ALB, config, now).map(Self::New)
    }

    /// A known token as if it were new.
    ///
    /// # Errors
    /// Those of parsing and of the local checks.
    fn read_again(
        known: &AcceptedToken,
        config: &Config,
        now: UnixTime,
    ) -> Result<CheckedToken, Rejection> {
        let token = UnverifiedToken::parse(known.raw())?;
        check_locally(token, &ALB, config, now).map_err(|rejected| rejected.rejection)
    }
}

/// What is kept of a request's headers.
#[derive(Debug)]
struct Arrival<'h> {
    inbound: Inbound,
    request_id: Vec<u8>,
    client: Client<'h>,
    access_token: AccessTokenHeader<'h>,
}

/// Who would read a rejection. An accepted request, the frequent case, never pays for reading `accept`.
#[derive(Debug)]
enum Client<'h> {
    /// Not looked at yet.
    Unread(Headers<'h>),
    /// A person at a browser, and the entry of `logout` for this host.
    Person { logout: Option<usize> },
    /// Anything else.
    Program,
}

impl Client<'_> {
    /// What is retained of it if the headers don't stay.
    fn read<'a>(self, config: &Config) -> Client<'a> {
        match self {
            Self::Unread(headers) if prefers_html(&headers) => {
                let mut logouts = config.logout.iter();
                let logout = logouts.position(|logout| logout.route.is_for(&headers));
                Client::Person { logout }
            }
            Self::Person { logout } => Client::Person { logout },
            Self::Unread(_) | Self::Program => Client::Program,
        }
    }

    fn refusal(self, rejection: Rejection, request_id: &[u8], config: &Config) -> Reply {
        let Client::Person { logout } = self.read(config) else {
            return Reply::refusal(rejection);
        };
        let logout = logout.and_then(|index| config.logout.get(index));
        let path = logout.map(|logout| logout.route.path.as_str());
        Reply::refusal_page(rejection, request_id, path)
    }
}

/// How the checks ended.
enum Outcome {
    Accepted(Identity, Forwarded),
    Anonymous(Passage),
    Rejected(Refusal),
}

/// Why a request is rejected, and for which claim.
#[derive(Debug)]
struct Refusal {
    rejection: Rejection,
    claim: Option<String>,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self {
            rejection,
            claim: None,
        }
    }
}

impl From<RejectedClaim> for Refusal {
    fn from(rejected: RejectedClaim) -> Self {
        Self {
            rejection: rejected.rejection,
            claim: Some(rejected.claim),
        }
    }
}

impl<'h> Request<'h> {
    /// All that needs no key: logout, `allowMissingToken`, and the token's own form and header. `cache` is
    /// that of this configuration.
    pub fn handle_headers(
        headers: &Headers<'h>,
        config: &Config,
        cache: &TokenCache,
        now: UnixTime,
    ) -> Self {
        if let Some(decision) = logout(headers, config) {
            return Self::Decided(decision);
        }
        let mut arrival = Arrival {
            inbound: Inbound::inspect(headers, config),
            request_id: request_id(headers),
            client: Client::Unread(*headers),
            access_token: AccessTokenHeader::NotRead,
        };
        match read_credentials(headers, config, cache, now) {
            Ok(Credentials::Token(token)) => {
                arrival.access_token = AccessTokenHeader::read(headers, &token, config);
                Self::AwaitingKey(AwaitingKey { token, arrival })
            }
            Ok(Credentials::None(passage)) => {
                let outcome = Outcome::Anonymous(passage);
                Self::Decided(arrival.decide(outcome, ClaimedOrigin::default(), config))
            }
            Err(rejected) => {
                let outcome = Outcome::Rejected(rejected.rejection.into());
                Self::Decided(arrival.decide(outcome, rejected.origin, config))
            }
        }
    }
}

/// As much of `x-request-id` as a log line can show; a parked request need not retain more.
fn request_id(headers: &Headers<'_>) -> Vec<u8> {
    let whole = headers.all("x-request-id").next().unwrap_or_default();
    let shown = whole.get(..crate::reason::MAX_LOG_VALUE);
    shown.unwrap_or(whole).to_vec()
}

/// What a request brings.
enum Credentials {
    /// The one token, which passed every check that needs no key.
    Token(Candidate),
    /// No token, and none is needed.
    None(Passage),
}

/// The request's token, or how it passes without one.
fn read_credentials(
    headers: &Headers<'_>,
    config: &Config,
    cache: &TokenCache,
    now: UnixTime,
) -> Result<Credentials, RejectedToken> {
    let mut copies = headers.all(ALB.header);
    let (first, second) = (copies.next().unwrap_or_default(), copies.next());
    let is_too_large = |copy: &[u8]| copy.len() > config.max_token_bytes;
    if headers.all(ALB.header).any(is_too_large) {
        return Err(Rejection::TokenTooLarge.into());
    }
    // Of two copies the upstream may believe the other one.
    if second.is_some() {
        return Err(Rejection::MalformedToken.into());
    }
    if first.is_empty() {
        let mut routes = config.allow_missing_token.iter();
        let passage = routes.find_map(|route| route.matches(headers));
        return Ok(Credentials::None(passage.ok_or(Rejection::MissingToken)?));
    }
    Candidate::read(first, config, cache, now).map(Credentials::Token)
}

fn logout(headers: &Headers<'_>, config: &Config) -> Option<Decision> {
    let mut matching = config.logout.iter().filter_map(|logout| {
        let method = logout.route.matches(headers)?;
        Some((logout, method))
    });
    let (logout, method) = matching.next()?;
    Some(Decision {
        reason: Reason::Logout,
        effect: Effect::Respond(Reply::logout(method, logout, &config.session_cookies)),
        log_context: LogContext::default(),
    })
}

impl AwaitingKey<'_> {
    /// The key that is needed.
    pub fn key(&self) -> KeyRef {
        self.token.header().key()
    }

    /// What counts towards the bound on parked requests, in bytes: both tokens as received, and what is kept of
    /// the headers.
    pub fn retained_bytes(&self) -> usize {
        self.token
            .raw()
            .len()
            .saturating_add(self.token.header().heap_bytes())
            .saturating_add(self.arrival.heap_bytes())
    }

    /// Sets the request aside until its key comes.
    #[must_use]
    pub fn park(self, config: &Config) -> ParkedRequest {
        ParkedRequest::new(self.token, self.arrival.retain(config))
    }
}

impl Arrival<'_> {
    fn retain<'a>(self, config: &Config) -> Arrival<'a> {
        Arrival {
            inbound: self.inbound,
            request_id: self.request_id,
            client: self.client.read(config),
            access_token: self.access_token.retain(),
        }
    }

    fn heap_bytes(&self) -> usize {
        self.inbound
            .heap_bytes()
            .saturating_add(self.request_id.len())
            .saturating_add(self.access_token.heap_bytes())
    }

    fn decide(self, outcome: Outcome, origin: ClaimedOrigin, config: &Config) -> Decision {
        let reason = match &outcome {
            Outcome::Accepted(..) => Reason::Ok,
            Outcome::Anonymous(_) => Reason::NoToken,
            Outcome::Rejected(refusal) => Reason::Rejected(refusal.rejection),
        };
        let claim = match &outcome {
            Outcome::Rejected(refusal) => refusal.claim.clone(),
            Outcome::Accepted(..) | Outcome::Anonymous(_) => None,
        };
        let effect = match outcome {
            Outcome::Accepted(identity, forwarded) => Effect::Forward {
                plan: HeaderPlan::with_identity(self.inbound, &identity, forwarded),
                user: identity.user().map(str::to_owned),
            },
            Outcome::Rejected(refusal) if config.mode == Mode::Enforce => {
                let client = self.client;
                Effect::Respond(client.refusal(refusal.rejection, &self.request_id, config))
            }
            Outcome::Anonymous(passage) => Effect::Forward {
                plan: HeaderPlan::without_identity(self.inbound).with_authority(passage.authority),
                user: None,
            },
            Outcome::Rejected(_) => Effect::Forward {
                plan: HeaderPlan::without_identity(self.inbound),
                user: None,
            },
        };
        Decision {
            reason,
            effect,
            log_context: LogContext {
                request_id: self.request_id,
                origin,
                claim,
            },
        }
    }
}

#[cfg(test)]
mod tests;
