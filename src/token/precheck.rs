//! The checks that need no key: cheap, local, and before any fetch.
//!
//! None of them proves anything (all that they read can be forged), but nothing that a sender picks may
//! cost a call to the key endpoint before the configured ARN, issuer and client match and the token is
//! not old.

use std::rc::Rc;

use super::{Claimant, KeyId, ProtectedHeader, UnverifiedToken};
use crate::config::{Config, LoadBalancer};
use crate::reason::Rejection;
use crate::time::UnixTime;

/// What counts of a protected header once it is judged.
#[derive(Clone, Debug)]
pub struct JudgedHeader {
    /// The claimed signer, a configured one.
    pub load_balancer: Rc<LoadBalancer>,
    /// The key that it names.
    pub kid: KeyId,
    /// The issuer that it names, an accepted one.
    pub issuer: Rc<str>,
    /// The end of the token's life, without clock skew.
    pub exp: UnixTime,
}

/// A token that would be good if its signature were.
#[derive(Clone, Debug)]
pub struct PrecheckedToken {
    token: UnverifiedToken,
    header: JudgedHeader,
}

impl PrecheckedToken {
    /// The token itself.
    pub fn token(&self) -> &UnverifiedToken {
        &self.token
    }

    /// Its protected header.
    pub fn header(&self) -> &JudgedHeader {
        &self.header
    }

    /// The whole token as it was received, and its protected header.
    pub fn into_raw(self) -> (Box<[u8]>, JudgedHeader) {
        (self.token.into_raw(), self.header)
    }
}

/// A token that is refused, and whose it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedToken {
    /// Why.
    pub rejection: Rejection,
    /// What it says of itself.
    pub claimant: Claimant,
}

/// Judges the protected header. Errors, in this order: [`Rejection::MalformedToken`],
/// `UnsupportedAlgorithm`, `InvalidKeyId`, `UntrustedSigner`, `WrongIssuer`, `WrongClient`,
/// `TokenExpired`.
pub fn precheck(
    token: UnverifiedToken,
    config: &Config,
    now: UnixTime,
) -> Result<PrecheckedToken, RefusedToken> {
    let header = token.protected_header().map_err(|rejection| RefusedToken {
        rejection,
        claimant: Claimant::default(),
    })?;
    match judge(&header, config, now) {
        Ok(header) => Ok(PrecheckedToken { token, header }),
        Err(rejection) => Err(RefusedToken {
            rejection,
            claimant: Claimant::of(&header, config),
        }),
    }
}

fn judge(
    header: &ProtectedHeader<'_>,
    config: &Config,
    now: UnixTime,
) -> Result<JudgedHeader, Rejection> {
    // One algorithm only: a choice by the sender is algorithm confusion (RFC 8725 section 3.1).
    if header.alg != "ES256" || header.has_crit {
        return Err(Rejection::UnsupportedAlgorithm);
    }
    let kid = KeyId::parse(&header.kid).ok_or(Rejection::InvalidKeyId)?;
    let load_balancer = config
        .load_balancer(&header.signer)
        .ok_or(Rejection::UntrustedSigner)?;
    let issuer = load_balancer
        .issuers
        .accept(&header.iss)
        .ok_or(Rejection::WrongIssuer)?;
    load_balancer
        .client_ids
        .accept(&header.client)
        .ok_or(Rejection::WrongClient)?;
    let exp = UnixTime::from_secs(header.exp);
    if config.has_expired(exp, now) {
        return Err(Rejection::TokenExpired);
    }
    Ok(JudgedHeader {
        load_balancer: Rc::clone(load_balancer),
        kid,
        issuer,
        exp,
    })
}
