//! The checks that need the key.

use std::rc::Rc;

use super::{Arrival, AwaitingKey, Candidate, Decision, Outcome, ParkedRequest, Refusal};
use crate::claims::read_user_claims;
use crate::config::Config;
use crate::identity::{Identity, compose};
use crate::keys::{KeyAnswer, PublicKey};
use crate::reason::Rejection;
use crate::time::UnixTime;
use crate::token::ClaimedOrigin;
use crate::token_cache::{AcceptedToken, TokenCache};
use crate::verify::{SignatureBackend, verify};

/// Judges requests whose key has come, or won't.
pub struct Judge<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Who computes signatures.
    pub backend: &'a dyn SignatureBackend,
    /// Tokens that were accepted before.
    pub cache: &'a mut TokenCache,
}

/// A decision, and what was learned on the way.
#[derive(Debug)]
pub struct Judgement {
    /// The end of the request.
    pub decision: Decision,
    /// Whether the cache knew the token under its key. `None` if nothing was looked up: the cache is off, no key
    /// came, or the token had expired by its header.
    pub cache_lookup: Option<bool>,
    /// The key, if it verified the token's signature.
    pub proven_key: Option<Rc<PublicKey>>,
    /// Unusable elements of optional headers that the request goes on without.
    pub values_left_out: usize,
}

/// What identifying a token has shown so far.
#[derive(Default)]
struct Findings {
    cache_lookup: Option<bool>,
    proven_key: Option<Rc<PublicKey>>,
}

/// Decides one request with this key, and caches nothing.
pub fn decide_once(
    request: AwaitingKey<'_>,
    key: Rc<PublicKey>,
    config: &Config,
    backend: &dyn SignatureBackend,
    now: UnixTime,
) -> Judgement {
    let cache = &mut TokenCache::new(0);
    let mut judge = Judge {
        config,
        backend,
        cache,
    };
    judge.decide(request, Ok(key), now)
}

impl Judge<'_> {
    /// Decides a request that did not have to wait.
    pub fn decide(&mut self, request: AwaitingKey<'_>, key: KeyAnswer, now: UnixTime) -> Judgement {
        let AwaitingKey { token, arrival } = request;
        let origin = token.header().origin();
        let mut findings = Findings::default();
        let key = key.map_err(Refusal::from);
        let identity = key.and_then(|key| self.identify(token, key, &mut findings, now));
        self.conclude(arrival, origin, identity, findings)
    }

    /// Decides a request that waited. `now` is the time at which it goes on: a token that expired meanwhile is
    /// expired, and one that another request brought meanwhile is known.
    pub fn resume(&mut self, request: ParkedRequest, key: KeyAnswer, now: UnixTime) -> Judgement {
        let ParkedRequest {
            raw,
            arrival,
            origin,
            ..
        } = request;
        let mut findings = Findings::default();
        let key = key.map_err(Refusal::from);
        let identity = key.and_then(|key| {
            let token = Candidate::read(&raw, self.config, self.cache, now);
            let token = token.map_err(|rejected| Refusal::from(rejected.rejection))?;
            self.identify(token, key, &mut findings, now)
        });
        self.conclude(arrival, origin, identity, findings)
    }

    fn conclude(
        &self,
        arrival: Arrival<'_>,
        origin: ClaimedOrigin,
        identity: Result<Identity, Refusal>,
        findings: Findings,
    ) -> Judgement {
        let values_left_out = identity.as_ref().map_or(0, Identity::values_left_out);
        let outcome = match identity {
            Ok(identity) => Outcome::Accepted(identity),
            Err(refusal) => Outcome::Rejected(refusal),
        };
        Judgement {
            decision: arrival.decide(outcome, origin, self.config),
            cache_lookup: findings.cache_lookup,
            proven_key: findings.proven_key,
            values_left_out,
        }
    }

    fn identify(
        &mut self,
        token: Candidate,
        key: Rc<PublicKey>,
        findings: &mut Findings,
        now: UnixTime,
    ) -> Result<Identity, Refusal> {
        let config = self.config;
        let clock = config.clock(now);
        if clock.has_expired(token.header().exp) {
            return Err(Rejection::TokenExpired.into());
        }
        let token = match token {
            Candidate::Known(known) if known.is_verified_by(&key) => {
                findings.cache_lookup = Some(true);
                return if clock.has_expired(known.claims().expires()) {
                    Err(Rejection::TokenExpired.into())
                } else {
                    Ok(compose(&known.header().signer, known.claims())?)
                };
            }
            // Another key has this key id now: what the earlier one verified counts for nothing.
            Candidate::Known(known) => Candidate::read_again(&known, config, now)?,
            Candidate::New(token) => token,
        };
        if self.cache.is_enabled() {
            findings.cache_lookup = Some(false);
        }
        let token = verify(token, &key, self.backend)?;
        findings.proven_key = Some(Rc::clone(&key));
        let claims = read_user_claims(&token, clock)?;
        let identity = compose(&token.header().signer, &claims)?;
        self.cache.insert(AcceptedToken::new(token, key, claims));
        Ok(identity)
    }
}
