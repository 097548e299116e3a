//! What a token says of itself, and what is wrong with its form. Nothing here is proved: anybody can write
//! such a text.
//!
//! The faults are found by a reading of their own, so that there are words for each; the filter's core only
//! says that there is one. Tests hold the two together.

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

use members::Members;

pub(crate) use times::TimeNote;
pub(crate) use trust::Trust;

/// A token, taken apart as far as it goes.
pub(crate) struct Inspection {
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
    pub(crate) rejection: Rejection,
    pub(crate) message: String,
}

impl Fault {
    fn new(rejection: Rejection, message: impl Into<String>) -> Self {
        Self {
            rejection,
            message: message.into(),
        }
    }

    fn malformed(message: impl Into<String>) -> Self {
        Self::new(Rejection::MalformedToken, message)
    }
}

impl Inspection {
    pub(crate) fn of(token: &[u8], now: UnixTime) -> Self {
        let parts = form::split(token);
        let mut faults = parts.faults;
        let header = Members::parse(&parts.header);
        let claims = Members::parse(&parts.payload);
        if !parts.header.is_empty() {
            faults.extend(header::faults(header.as_ref(), &parts.header, now));
        }
        if !parts.payload.is_empty() {
            faults.extend(claims::faults(claims.as_ref(), header.as_ref(), now));
        }
        faults.sort_by_key(|fault| fault.rejection);
        Self {
            times: times::notes(header.as_ref(), claims.as_ref(), now),
            trust: Trust::of(header.as_ref(), claims.as_ref()),
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

fn text_of(members: Option<Members>, json: Vec<u8>) -> Option<String> {
    members.and_then(|_| String::from_utf8(json).ok())
}

#[cfg(test)]
mod tests;
