//! The checks that need a key.

use std::rc::Rc;

use super::access::{AccessCandidate, AwaitingKeySet, ParkedForKeySet, VerifiedUser};
use super::{Arrival, AwaitingKey, Candidate, Decision, Outcome, ParkedRequest, Refusal};
use crate::access_token::{AccessClaims, UnverifiedAccessToken};
use crate::claims::read_user_claims;
use crate::config::{AccessTokenPolicy, Config};
use crate::header_plan::Forwarded;
use crate::identity::{AccessEvaluation, Identity, compose};
use crate::keys::{KeyAnswer, PublicKey, SetKeyAnswer};
use crate::reason::Rejection;
use crate::time::UnixTime;
use crate::token::ClaimedOrigin;
use crate::token_cache::{AcceptedAccessToken, AcceptedToken, AccessTokenCache, TokenCache};
use crate::verify::{SignatureBackend, verify};

/// Tokens that were accepted before, each kind by itself.
pub struct Caches {
    /// The users' tokens.
    pub user: TokenCache,
    /// Access tokens.
    pub access: AccessTokenCache,
}

impl Caches {
    /// Empty caches of these bytes together. Access tokens get half if any load balancer reads them.
    pub fn new(max_bytes: usize, reads_access_tokens: bool) -> Self {
        let access = if reads_access_tokens {
            max_bytes / 2
        } else {
            0
        };
        Self {
            user: TokenCache::new(max_bytes.saturating_sub(access)),
            access: AccessTokenCache::new(access),
        }
    }
}

/// Judges requests whose key has come, or won't.
pub struct Judge<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Who computes signatures.
    pub backend: &'a dyn SignatureBackend,
    /// Tokens that were accepted before.
    pub caches: &'a mut Caches,
}

/// What comes after the user's key.
#[derive(Debug)]
pub enum Step<'h> {
    /// The request is decided.
    Decided(Judgement),
    /// The user is verified; the access token's key is needed.
    AwaitingKeySet(AwaitingKeySet<'h>),
}

/// A decision, and what was learned on the way.
#[derive(Debug)]
pub struct Judgement {
    /// The end of the request.
    pub decision: Decision,
    /// What was learned.
    pub findings: Findings,
    /// How the access token was judged, if it was looked at.
    pub access_token: Option<Result<(), Rejection>>,
    /// Unusable elements of optional headers that the request goes on without.
    pub values_left_out: usize,
}

/// What judging a token has shown.
#[derive(Debug, Default)]
pub struct Findings {
    /// Whether the cache knew the user's token under its key. `None` if nothing was looked up: the cache is off, no
    /// key came, or the token had expired by its header.
    pub cache_lookup: Option<bool>,
    /// The same for the access token.
    pub access_cache_lookup: Option<bool>,
    /// The key, if it verified the user's token.
    pub proven_key: Option<Rc<PublicKey>>,
}

/// How the access token was judged.
enum Access {
    NotRead,
    Judged(Result<Rc<AcceptedAccessToken>, Rejection>),
}

/// Decides one request with this key, and caches nothing. An access token can't be verified.
pub fn decide_once(
    request: AwaitingKey<'_>,
    key: Rc<PublicKey>,
    config: &Config,
    backend: &dyn SignatureBackend,
    now: UnixTime,
) -> Judgement {
    let caches = &mut Caches::new(0, false);
    let mut judge = Judge {
        config,
        backend,
        caches,
    };
    match judge.decide(request, Ok(key), now) {
        Step::Decided(judgement) => judgement,
        Step::AwaitingKeySet(request) => {
            judge.decide_with_set_key(request, Err(Rejection::KeyUnavailable), now)
        }
    }
}

impl Judge<'_> {
    /// Judges a request that did not have to wait for its key.
    pub fn decide<'h>(
        &mut self,
        request: AwaitingKey<'h>,
        key: KeyAnswer,
        now: UnixTime,
    ) -> Step<'h> {
        let AwaitingKey { token, arrival } = request;
        let origin = token.header().origin();
        let mut findings = Findings::default();
        let key = key.map_err(Refusal::from);
        let user = key.and_then(|key| self.verify_user(token, key, &mut findings, now));
        self.go_on(arrival, origin, user, findings, now)
    }

    /// Judges a request that waited for its key. `now` is the time at which it goes on: a token that expired
    /// meanwhile is expired, and one that another request brought meanwhile is known.
    pub fn resume(
        &mut self,
        request: ParkedRequest,
        key: KeyAnswer,
        now: UnixTime,
    ) -> Step<'static> {
        let ParkedRequest {
            raw,
            arrival,
            origin,
            ..
        } = request;
        let mut findings = Findings::default();
        let key = key.map_err(Refusal::from);
        let user = key.and_then(|key| {
            let token = Candidate::read(&raw, self.config, &self.caches.user, now);
            let token = token.map_err(|rejected| Refusal::from(rejected.rejection))?;
            self.verify_user(token, key, &mut findings, now)
        });
        self.go_on(arrival, origin, user, findings, now)
    }

    /// Decides a request that did not have to wait for its key set.
    pub fn decide_with_set_key(
        &mut self,
        request: AwaitingKeySet<'_>,
        key: SetKeyAnswer,
        now: UnixTime,
    ) -> Judgement {
        let AwaitingKeySet {
            arrival,
            user,
            candidate,
            mut findings,
            ..
        } = request;
        let raw = arrival.access_token.token();
        let access = raw.and_then(|raw| {
            self.verify_access_token(candidate, raw, &user, key, &mut findings, now)
        });
        self.finish(arrival, user, Access::Judged(access), findings, now)
    }

    /// Decides a request that waited for its key set.
    pub fn resume_with_set_key(
        &mut self,
        request: ParkedForKeySet,
        key: SetKeyAnswer,
        now: UnixTime,
    ) -> Judgement {
        let ParkedForKeySet { user, arrival, .. } = request;
        let mut findings = Findings::default();
        let clock = self.config.clock(now);
        if clock.has_expired(user.token.claims().expires()) {
            let refusal = Refusal::from(Rejection::TokenExpired);
            return self.reject(arrival, user.header().origin(), refusal, findings);
        }
        let raw = arrival.access_token.token();
        let access = raw.and_then(|raw| {
            let signer = &user.header().signer;
            let candidate = AccessCandidate::read(raw, signer, &self.caches.access)?;
            self.verify_access_token(candidate, raw, &user, key, &mut findings, now)
        });
        self.finish(arrival, user, Access::Judged(access), findings, now)
    }

    /// Goes on to the access token once the user is verified.
    fn go_on<'h>(
        &mut self,
        arrival: Arrival<'h>,
        origin: ClaimedOrigin,
        user: Result<VerifiedUser, Refusal>,
        findings: Findings,
        now: UnixTime,
    ) -> Step<'h> {
        let user = match user {
            Ok(user) => user,
            Err(refusal) => {
                return Step::Decided(self.reject(arrival, origin, refusal, findings));
            }
        };
        let Some(policy) = &user.header().signer.access_token else {
            return Step::Decided(self.finish(arrival, user, Access::NotRead, findings, now));
        };
        let (set, is_required) = (policy.key_set, policy.is_required);
        let signer = &user.header().signer;
        let raw = arrival.access_token.token();
        let candidate = raw.and_then(|raw| AccessCandidate::read(raw, signer, &self.caches.access));
        match candidate {
            Ok(candidate) => Step::AwaitingKeySet(AwaitingKeySet {
                arrival,
                user,
                set,
                is_required,
                candidate,
                findings,
            }),
            Err(rejection) => {
                let access = Access::Judged(Err(rejection));
                Step::Decided(self.finish(arrival, user, access, findings, now))
            }
        }
    }

    fn verify_user(
        &self,
        token: Candidate,
        key: Rc<PublicKey>,
        findings: &mut Findings,
        now: UnixTime,
    ) -> Result<VerifiedUser, Refusal> {
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
                    Ok(VerifiedUser {
                        token: known,
                        is_new: false,
                    })
                };
            }
            // Another key has this key id now: what the earlier one verified counts for nothing.
            Candidate::Known(known) => Candidate::read_again(&known, config, now)?,
            Candidate::New(token) => token,
        };
        if self.caches.user.is_enabled() {
            findings.cache_lookup = Some(false);
        }
        let token = verify(token, &key, self.backend)?;
        findings.proven_key = Some(Rc::clone(&key));
        let claims = read_user_claims(&token, clock)?;
        Ok(VerifiedUser {
            token: Rc::new(AcceptedToken::new(token, key, claims)),
            is_new: true,
        })
    }

    fn verify_access_token(
        &mut self,
        candidate: AccessCandidate,
        raw: &[u8],
        user: &VerifiedUser,
        key: SetKeyAnswer,
        findings: &mut Findings,
        now: UnixTime,
    ) -> Result<Rc<AcceptedAccessToken>, Rejection> {
        let key = key?;
        let signer = &user.header().signer;
        let policy = signer.access_token.as_ref();
        let policy: &AccessTokenPolicy = policy.ok_or(Rejection::InvalidAccessToken)?;
        let clock = self.config.clock(now);
        let check = |claims: &AccessClaims| claims.check(user.header(), user.token.claims(), clock);
        let token = match candidate {
            AccessCandidate::Known(known) if Rc::ptr_eq(known.key(), &key) => {
                findings.access_cache_lookup = Some(true);
                check(known.claims())?;
                return Ok(known);
            }
            AccessCandidate::Known(_) => UnverifiedAccessToken::parse(raw)?,
            AccessCandidate::New(token) => token,
        };
        if self.caches.access.is_enabled() {
            findings.access_cache_lookup = Some(false);
        }
        let token = token.verify(&key, self.backend)?;
        let claims = AccessClaims::read(&token, signer, policy, clock)?;
        check(&claims)?;
        let accepted = Rc::new(AcceptedAccessToken::new(claims, key, Rc::clone(signer)));
        self.caches.access.insert(raw, Rc::clone(&accepted));
        Ok(accepted)
    }

    fn reject(
        &self,
        arrival: Arrival<'_>,
        origin: ClaimedOrigin,
        refusal: Refusal,
        findings: Findings,
    ) -> Judgement {
        Judgement {
            decision: arrival.decide(Outcome::Rejected(refusal), origin, self.config),
            findings,
            access_token: None,
            values_left_out: 0,
        }
    }

    /// Puts together what both tokens say.
    fn finish(
        &mut self,
        arrival: Arrival<'_>,
        user: VerifiedUser,
        access: Access,
        findings: Findings,
        now: UnixTime,
    ) -> Judgement {
        let signer = &user.header().signer;
        let evaluation = match &access {
            Access::NotRead => AccessEvaluation::NotRead,
            Access::Judged(Ok(held)) => AccessEvaluation::Holds(held.claims().evaluation()),
            Access::Judged(Err(rejection)) => AccessEvaluation::Withheld(*rejection),
        };
        let identity = compose(signer, user.token.claims(), evaluation);
        let values_left_out = identity.as_ref().map_or(0, Identity::values_left_out);
        let origin = user.header().origin();
        let outcome = match identity {
            Ok(identity) => {
                if user.is_new {
                    self.caches.user.insert(user.token);
                }
                Outcome::Accepted(identity, self.forwarded(&access, now))
            }
            Err(rejected) => Outcome::Rejected(rejected.into()),
        };
        Judgement {
            decision: arrival.decide(outcome, origin, self.config),
            findings,
            access_token: match access {
                Access::NotRead => None,
                Access::Judged(result) => Some(result.map(|_| ())),
            },
            values_left_out,
        }
    }

    /// What stays of the load balancer's headers. What judges the access token behind the filter knows no clock skew.
    fn forwarded(&self, access: &Access, now: UnixTime) -> Forwarded {
        let config = self.config;
        let is_live = |held: &AcceptedAccessToken| now < held.claims().expires();
        Forwarded {
            user_token: config.forward_token,
            access_token: match access {
                Access::NotRead => config.forward_token,
                Access::Judged(Err(_)) => false,
                Access::Judged(Ok(held)) => {
                    config.forward_token || config.forward_access_token && is_live(held)
                }
            },
        }
    }
}
