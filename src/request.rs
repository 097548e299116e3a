//! One request, from its headers to a decision.
//!
//! ```text
//!              handle_headers                    handle_key
//!  arrived ───────┬───────────▶ awaiting key ───────────────▶ decided
//!                 └─────────────────────────────────────────▶ decided
//! ```
//! Each step takes the state by value, so a request can't be decided twice. **A [`Decision`] must be
//! carried out as it is: it holds the whole of what may be forwarded.**

use std::rc::Rc;

use crate::claims::{Identity, identify};
use crate::config::{Config, Mode};
use crate::header_plan::{HeaderPlan, Inbound};
use crate::headers::Headers;
use crate::keys::{KeyRef, PublicKey};
use crate::reason::{Reason, Rejection};
use crate::reply::Reply;
use crate::routes::Passage;
use crate::time::UnixTime;
use crate::token::{
    Claimant, JudgedHeader, PrecheckedToken, RefusedToken, UnverifiedToken, precheck,
};
use crate::verify::{AcceptedToken, Es256, TokenCache, verify};

/// The end of a request, as far as the filter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is counted and logged.
    pub reason: Reason,
    /// What is done.
    pub action: Action,
    /// What a log line may say of the request.
    pub subject: Subject,
}

/// What is done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Edit the headers, choose the route anew, go on.
    Forward {
        /// The edits.
        plan: HeaderPlan,
        /// The verified user, for access logs.
        user: Option<String>,
    },
    /// Answer here.
    Reply(Reply),
}

/// What a log line may say of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `x-request-id` as it came.
    pub request_id: Vec<u8>,
    /// The key and signer that the token names.
    pub claimant: Claimant,
}

/// After the first step.
#[derive(Debug)]
pub enum Request {
    /// Nothing more to do.
    Decided(Decision),
    /// All local checks passed; the key is needed.
    AwaitingKey(AwaitingKey),
}

/// A request whose token would be good if its signature were.
#[derive(Debug)]
pub struct AwaitingKey {
    token: Presented,
    arrival: Arrival,
}

/// A token of which only the signature is in question.
#[derive(Debug)]
enum Presented {
    /// Seen for the first time, or too long ago.
    New(PrecheckedToken),
    /// Any while it waits, as it was received: its decoded parts would take three quarters as much again.
    Waiting(Box<[u8]>, JudgedHeader),
    /// Accepted before by this configuration: all but the time and the key is known to be good.
    Known(Rc<AcceptedToken>),
}

impl Presented {
    fn raw(&self) -> &[u8] {
        match self {
            Self::New(token) => token.token().raw(),
            Self::Waiting(raw, _) => raw,
            Self::Known(token) => token.raw(),
        }
    }

    fn header(&self) -> &JudgedHeader {
        match self {
            Self::New(token) => token.header(),
            Self::Waiting(_, header) => header,
            Self::Known(token) => token.header(),
        }
    }

    fn waiting(self) -> Self {
        let (raw, header) = match self {
            Self::New(token) => token.into_raw(),
            Self::Waiting(raw, header) => (raw, header),
            Self::Known(token) => (token.raw().into(), token.header().clone()),
        };
        Self::Waiting(raw, header)
    }

    /// Errors: those of parsing and prechecking.
    fn into_prechecked(self, config: &Config, now: UnixTime) -> Result<PrecheckedToken, Rejection> {
        match self {
            Self::New(token) => Ok(token),
            other => precheck(UnverifiedToken::parse(other.raw())?, config, now)
                .map_err(|refused| refused.rejection),
        }
    }
}

/// What is kept of a request's headers.
#[derive(Debug)]
struct Arrival {
    inbound: Inbound,
    request_id: Vec<u8>,
}

/// How the checks ended.
enum Verdict {
    Accepted(Rc<Identity>),
    Anonymous(Passage),
    Rejected(Rejection),
}

impl Request {
    /// All that needs no key: logout, `allowMissingToken`, and the token's own form and header. `cache` is
    /// that of this configuration.
    pub fn handle_headers(
        headers: &Headers<'_>,
        config: &Config,
        cache: &TokenCache,
        now: UnixTime,
    ) -> Self {
        if let Some(decision) = logout(headers, config) {
            return Self::Decided(decision);
        }
        let arrival = Arrival {
            inbound: Inbound::inspect(headers, config),
            request_id: request_id(headers),
        };
        match read_token(headers, config, cache, now) {
            Ok(Credentials::Token(token)) => Self::AwaitingKey(AwaitingKey { token, arrival }),
            Ok(Credentials::None(passage)) => {
                let verdict = Verdict::Anonymous(passage);
                Self::Decided(arrival.decide(verdict, Claimant::default(), config))
            }
            Err(refused) => {
                let verdict = Verdict::Rejected(refused.rejection);
                Self::Decided(arrival.decide(verdict, refused.claimant, config))
            }
        }
    }
}

/// As much of `x-request-id` as a log line can show; a request that waits need not hold more.
fn request_id(headers: &Headers<'_>) -> Vec<u8> {
    const MAX_BYTES: usize = 128;
    let whole = headers.all("x-request-id").next().unwrap_or_default();
    whole.iter().copied().take(MAX_BYTES).collect()
}

/// What a request brings.
enum Credentials {
    /// The one token, which passed every check that needs no key.
    Token(Presented),
    /// No token, and none is needed.
    None(Passage),
}

/// The request's token, or how it passes without one.
fn read_token(
    headers: &Headers<'_>,
    config: &Config,
    cache: &TokenCache,
    now: UnixTime,
) -> Result<Credentials, RefusedToken> {
    let refuse = |rejection| RefusedToken {
        rejection,
        claimant: Claimant::default(),
    };
    let mut copies = headers.all("x-amzn-oidc-data");
    let (first, second) = (copies.next().unwrap_or_default(), copies.next());
    if headers
        .all("x-amzn-oidc-data")
        .any(|copy| copy.len() > config.max_token_bytes)
    {
        return Err(refuse(Rejection::TokenTooLarge));
    }
    // Of two copies the upstream may believe the other one.
    if second.is_some() {
        return Err(refuse(Rejection::MalformedToken));
    }
    if first.is_empty() {
        let mut routes = config.allow_missing_token.iter();
        let passage = routes.find_map(|route| route.matches(headers));
        let passage = passage.ok_or_else(|| refuse(Rejection::MissingToken))?;
        return Ok(Credentials::None(passage));
    }
    let is_live = |known: &&Rc<AcceptedToken>| !config.has_expired(known.header().exp, now);
    if let Some(known) = cache.find(first).filter(is_live) {
        return Ok(Credentials::Token(Presented::Known(Rc::clone(known))));
    }
    let token = UnverifiedToken::parse(first).map_err(refuse)?;
    precheck(token, config, now).map(|token| Credentials::Token(Presented::New(token)))
}

fn logout(headers: &Headers<'_>, config: &Config) -> Option<Decision> {
    let logout = config.logout.as_ref()?;
    let method = logout.route.matches(headers)?;
    Some(Decision {
        reason: Reason::Logout,
        action: Action::Reply(Reply::logout(method, logout, &config.session_cookies)),
        subject: Subject::default(),
    })
}

impl AwaitingKey {
    /// The key that is needed.
    pub fn key(&self) -> KeyRef {
        let header = self.token.header();
        KeyRef {
            endpoint: header.load_balancer.endpoint,
            kid: header.kid,
        }
    }

    /// What counts towards the bound on waiting requests, in bytes: the token as received, and what is kept
    /// of the headers.
    pub fn held_bytes(&self) -> usize {
        let arrival = &self.arrival;
        self.token
            .raw()
            .len()
            .saturating_add(arrival.inbound.heap_bytes())
            .saturating_add(arrival.request_id.len())
    }

    /// What is kept of it while it waits: no more than [`AwaitingKey::held_bytes`] counts.
    #[must_use]
    pub fn waiting(self) -> Self {
        Self {
            token: self.token.waiting(),
            arrival: self.arrival,
        }
    }

    /// The rest of the checks. `now` is the time at which the request goes on: a token that expired
    /// while it waited is expired.
    pub fn handle_key(
        self,
        key: Result<Rc<PublicKey>, Rejection>,
        checks: &mut Checks<'_>,
        now: UnixTime,
    ) -> Decision {
        let header = self.token.header();
        let claimant = Claimant::known(header.kid, Rc::clone(&header.load_balancer));
        let verdict = match key.and_then(|key| checks.identify(self.token, key, now)) {
            Ok(identity) => Verdict::Accepted(identity),
            Err(rejection) => Verdict::Rejected(rejection),
        };
        self.arrival.decide(verdict, claimant, checks.config)
    }
}

/// What the checks after the key need.
pub struct Checks<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Who computes ECDSA.
    pub es256: &'a dyn Es256,
    /// Tokens that were accepted before.
    pub cache: &'a mut TokenCache,
    /// Whether the cache knew the token under its key; `None` where nobody looked: the cache is off, no key came,
    /// or the token had expired by its header.
    pub cache_hit: Option<bool>,
    /// Whether the key verified the token's signature.
    pub key_is_proven: bool,
}

impl<'a> Checks<'a> {
    /// Nothing is looked at yet.
    pub fn new(config: &'a Config, es256: &'a dyn Es256, cache: &'a mut TokenCache) -> Self {
        Self {
            config,
            es256,
            cache,
            cache_hit: None,
            key_is_proven: false,
        }
    }

    fn identify(
        &mut self,
        token: Presented,
        key: Rc<PublicKey>,
        now: UnixTime,
    ) -> Result<Rc<Identity>, Rejection> {
        let config = self.config;
        let has_expired = |exp: UnixTime| config.has_expired(exp, now);
        if has_expired(token.header().exp) {
            return Err(Rejection::TokenExpired);
        }
        let known = self.find_known(&token, &key);
        if self.cache.is_enabled() {
            self.cache_hit = Some(known.is_some());
        }
        if let Some(known) = known {
            return if has_expired(known.identity().expires()) {
                Err(Rejection::TokenExpired)
            } else {
                Ok(Rc::clone(known.identity()))
            };
        }
        let token = verify(token.into_prechecked(config, now)?, &key, self.es256)?;
        self.key_is_proven = true;
        let identity = Rc::new(identify(&token, has_expired)?);
        let accepted = AcceptedToken::new(token, key, Rc::clone(&identity));
        self.cache.insert(accepted);
        Ok(identity)
    }

    /// What this key's signature was found to prove. Looked for once more for a token that was new on
    /// arrival: of requests that waited with the same one, the first has been judged.
    fn find_known(&self, token: &Presented, key: &Rc<PublicKey>) -> Option<Rc<AcceptedToken>> {
        let known = match token {
            Presented::Known(known) => known,
            other => self.cache.find(other.raw())?,
        };
        known.is_verified_by(key).then(|| Rc::clone(known))
    }
}

impl Arrival {
    fn decide(self, verdict: Verdict, claimant: Claimant, config: &Config) -> Decision {
        let reason = match &verdict {
            Verdict::Accepted(_) => Reason::Ok,
            Verdict::Anonymous(_) => Reason::NoToken,
            Verdict::Rejected(rejection) => Reason::Rejected(*rejection),
        };
        let action = match verdict {
            Verdict::Accepted(identity) => Action::Forward {
                plan: HeaderPlan::with_identity(self.inbound, &identity, config.forward_token),
                user: identity.user().map(str::to_owned),
            },
            Verdict::Rejected(rejection) if config.mode == Mode::Enforce => {
                Action::Reply(Reply::refusal(rejection))
            }
            Verdict::Anonymous(passage) => Action::Forward {
                plan: HeaderPlan::without_identity(self.inbound).with_authority(passage.authority),
                user: None,
            },
            Verdict::Rejected(_) => Action::Forward {
                plan: HeaderPlan::without_identity(self.inbound),
                user: None,
            },
        };
        Decision {
            reason,
            action,
            subject: Subject {
                request_id: self.request_id,
                claimant,
            },
        }
    }
}

#[cfg(test)]
mod tests;
