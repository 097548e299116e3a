//! What a token says of itself, and what is wrong with its form. Nothing here is proved: anybody can write
//! such a text.
//!
//! There are two kinds: the user's token, which the load balancer signs, and the access token, which the
//! identity provider signs and the load balancer passes on.
//!
//! The faults are found by a reading of their own, so that there are words for each; the filter's core only
//! says that there is one. Tests hold the two together.

mod access;
mod access_trust;
mod binding;
mod claims;
mod detail;
mod form;
mod groups;
mod header;
mod members;
mod times;
mod trust;

use alb_authn::reason::Rejection;
use alb_authn::time::UnixTime;

use form::Parts;
use members::Members;

pub(crate) use times::TimeNote;
pub(crate) use trust::Trust;

/// Who signs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The load balancer: `x-amzn-oidc-data`.
    User,
    /// The identity provider: `x-amzn-oidc-accesstoken`.
    Access,
}

/// A token, taken apart as far as it goes.
pub(crate) struct Inspection {
    pub(crate) kind: Kind,
    /// The protected header's JSON as it was written; `None` where it can't be decoded.
    pub(crate) header: Option<String>,
    /// The payload's JSON.
    pub(crate) claims: Option<String>,
    pub(crate) times: Vec<TimeNote>,
    /// In the order of the filter's checks.
    pub(crate) faults: Vec<Fault>,
    pub(crate) trust: Trust,
}

/// One thing that the filter refuses, whatever the configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The reason's name.
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Fault {
    fn new(rejection: Rejection, message: impl Into<String>) -> Self {
        Self {
            reason: rejection.name(),
            message: message.into(),
        }
    }

    /// The place of the filter's check among all checks.
    fn order(&self) -> Option<usize> {
        let mut all = Rejection::ALL.iter();
        all.position(|rejection| rejection.name() == self.reason)
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(Rejection::MalformedToken, message)
    }
}

impl Inspection {
    /// A token of either kind. An identity provider's names no load balancer in its header.
    pub(crate) fn of(token: &[u8], now: UnixTime) -> Self {
        let parts = form::split(token);
        let kind = match Members::parse(&parts.header) {
            Some(header) if header.raw("signer").is_none() && header.raw("client").is_none() => {
                Kind::Access
            }
            _ => Kind::User,
        };
        Self::of_parts(kind, parts, now)
    }

    /// Whatever came as a user's token.
    pub(crate) fn of_users_token(token: &[u8], now: UnixTime) -> Self {
        Self::of_parts(Kind::User, form::split(token), now)
    }

    /// Whatever came as an access token.
    pub(crate) fn of_access_token(token: &[u8], now: UnixTime) -> Self {
        Self::of_parts(Kind::Access, form::split(token), now)
    }

    fn of_parts(kind: Kind, parts: Parts, now: UnixTime) -> Self {
        let header = Members::parse(&parts.header);
        let claims = Members::parse(&parts.payload);
        let both = (header.as_ref(), claims.as_ref());
        let (faults, trust) = match kind {
            Kind::User => (users_faults(&parts, both, now), Trust::of(both.0, both.1)),
            Kind::Access => (
                access::faults(&parts, both, now),
                access_trust::trust(both.0, both.1),
            ),
        };
        Self {
            kind,
            times: times::notes(both.0, both.1, now),
            trust,
            header: text_of(header, parts.header),
            claims: text_of(claims, parts.payload),
            faults,
        }
    }

    /// Whether there is something to show of both parts.
    pub(crate) fn is_decoded(&self) -> bool {
        self.header.is_some() && self.claims.is_some()
    }
}

fn users_faults(
    parts: &Parts,
    (header, claims): (Option<&Members>, Option<&Members>),
    now: UnixTime,
) -> Vec<Fault> {
    let mut faults = parts.faults.clone();
    faults.extend(form::bad_es256(&parts.signature));
    if !parts.header.is_empty() {
        faults.extend(header::faults(header, &parts.header, now));
    }
    if !parts.payload.is_empty() {
        faults.extend(claims::faults(claims, header, now));
    }
    faults.sort_by_key(Fault::order);
    faults
}

fn text_of(members: Option<Members>, json: Vec<u8>) -> Option<String> {
    members.and_then(|_| String::from_utf8(json).ok())
}

#[cfg(test)]
mod tests;
