//! The checks that need no key: cheap, local, and before any fetch.
//!
//! None of them proves anything (all that they read can be forged), but nothing that a sender picks may
//! cost a call to the key endpoint before the configured ARN, issuer and client match and the token is
//! not old.

use std::rc::Rc;

use super::{ClaimedOrigin, ProtectedHeader, UnverifiedToken};
use crate::config::{Config, Signer};
use crate::keys::{KeyId, KeyRef};
use crate::reason::Rejection;
use crate::time::UnixTime;
use crate::token_kind::TokenKind;

/// The protected-header fields that later steps need, checked against the configuration.
#[derive(Clone, Debug)]
pub struct CheckedHeader {
    /// The claimed signer, a configured one.
    pub signer: Rc<Signer>,
    /// The key that it names.
    pub kid: KeyId,
    /// The issuer that it names, an accepted one.
    pub issuer: Rc<str>,
    /// The OAuth client that it names, an accepted one; `None` if tokens of this kind name none.
    pub client: Option<Rc<str>>,
    /// The end of the token's life, without clock skew.
    pub exp: UnixTime,
}

impl CheckedHeader {
    /// The key that must verify the token.
    pub fn key(&self) -> KeyRef {
        KeyRef {
            source: self.signer.keys,
            kid: self.kid,
        }
    }

    /// What a log line may say of it.
    pub fn origin(&self) -> ClaimedOrigin {
        ClaimedOrigin::known(self.kid, Rc::clone(&self.signer))
    }

    /// Bytes of text in it that it may not share with the configuration.
    pub fn heap_bytes(&self) -> usize {
        let client = self.client.as_ref().map_or(0, |client| client.len());
        self.issuer.len().saturating_add(client)
    }
}

/// A token that passed every check that needs no key. Its signature is not verified yet.
#[derive(Clone, Debug)]
pub struct CheckedToken {
    token: UnverifiedToken,
    header: CheckedHeader,
}

impl CheckedToken {
    /// The token itself.
    pub fn token(&self) -> &UnverifiedToken {
        &self.token
    }

    /// Its protected header.
    pub fn header(&self) -> &CheckedHeader {
        &self.header
    }

    /// The whole token as it was received, and its protected header.
    pub fn into_raw(self) -> (Box<[u8]>, CheckedHeader) {
        (self.token.into_raw(), self.header)
    }
}

/// A token that is rejected, and what a log line may say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedToken {
    /// Why.
    pub rejection: Rejection,
    /// The key and signer that it names.
    pub origin: ClaimedOrigin,
}

impl From<Rejection> for RejectedToken {
    /// A token of which nothing could be read.
    fn from(rejection: Rejection) -> Self {
        Self {
            rejection,
            origin: ClaimedOrigin::default(),
        }
    }
}

/// Checks the protected header of a token that came as this kind.
///
/// # Errors
/// In this order: [`Rejection::MalformedToken`], `UnsupportedAlgorithm`, `InvalidKeyId`, `UntrustedSigner`,
/// `WrongIssuer`, `WrongClient`, `TokenExpired`.
pub fn check_locally(
    token: UnverifiedToken,
    kind: &TokenKind,
    config: &Config,
    now: UnixTime,
) -> Result<CheckedToken, RejectedToken> {
    let header = token.protected_header(kind)?;
    match check_header(&header, kind, config, now) {
        Ok(header) => Ok(CheckedToken { token, header }),
        Err(rejection) => Err(RejectedToken {
            rejection,
            origin: ClaimedOrigin::of(&header, config),
        }),
    }
}

fn check_header(
    header: &ProtectedHeader<'_>,
    kind: &TokenKind,
    config: &Config,
    now: UnixTime,
) -> Result<CheckedHeader, Rejection> {
    if header.alg != kind.algorithm.name() || header.has_crit {
        return Err(Rejection::UnsupportedAlgorithm);
    }
    let kid = KeyId::parse(&header.kid).ok_or(Rejection::InvalidKeyId)?;
    let accepted = find_signer(header, kind, config)?;
    let exp = UnixTime::from_secs(header.exp);
    if config.clock(now).has_expired(exp) {
        return Err(Rejection::TokenExpired);
    }
    Ok(CheckedHeader {
        signer: accepted.signer,
        kid,
        issuer: accepted.issuer,
        client: accepted.client,
        exp,
    })
}

/// The entry that accepts a token, and what of the token it accepts.
struct Accepted {
    signer: Rc<Signer>,
    issuer: Rc<str>,
    client: Option<Rc<str>>,
}

/// The one entry that allows both the token's issuer and its client: load balancers' rules may use several identity
/// providers, and the client of one of them says nothing under another.
fn find_signer(
    header: &ProtectedHeader<'_>,
    kind: &TokenKind,
    config: &Config,
) -> Result<Accepted, Rejection> {
    let signers = config.signers_of(&header.signer).iter();
    let mut signers = signers
        .filter(|signer| signer.arn.kind() == kind)
        .peekable();
    signers.peek().ok_or(Rejection::UntrustedSigner)?;
    let mut rejection = Rejection::WrongIssuer;
    for signer in signers {
        let Some(issuer) = signer.issuers.accept(&header.iss) else {
            continue;
        };
        let accepted = |client| Accepted {
            signer: Rc::clone(signer),
            issuer,
            client,
        };
        let Some(named) = header.client.as_deref() else {
            return Ok(accepted(None));
        };
        if let Some(client) = signer.client_ids.accept(named) {
            return Ok(accepted(Some(client)));
        }
        rejection = Rejection::WrongClient;
    }
    Err(rejection)
}
