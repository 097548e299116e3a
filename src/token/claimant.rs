//! Whose token it claims to be: the part of a refused token that may be logged.

use std::rc::Rc;

use super::{KeyId, ProtectedHeader};
use crate::config::{Config, LoadBalancer};

/// The claimed key and signer. Only what is in the form of a UUID, or configured, is kept: whatever else
/// a sender wrote never reaches a log.
#[derive(Clone, Debug, Default)]
pub struct Claimant {
    kid: Claimed<KeyId>,
    signer: Claimed<Rc<LoadBalancer>>,
}

#[derive(Clone, Debug, Default)]
enum Claimed<T> {
    /// No protected header could be read.
    #[default]
    Nothing,
    /// Something that is not ours to repeat.
    Other,
    Known(T),
}

impl<T> Claimed<T> {
    fn new(value: Option<T>) -> Self {
        value.map_or(Self::Other, Self::Known)
    }
}

impl Claimant {
    pub(super) fn of(header: &ProtectedHeader<'_>, config: &Config) -> Self {
        Self {
            kid: Claimed::new(KeyId::parse(&header.kid)),
            signer: Claimed::new(config.load_balancer(&header.signer).cloned()),
        }
    }

    pub(crate) fn known(kid: KeyId, signer: Rc<LoadBalancer>) -> Self {
        Self {
            kid: Claimed::Known(kid),
            signer: Claimed::Known(signer),
        }
    }

    /// The key id, `invalid`, or `-`.
    pub fn kid(&self) -> &str {
        match &self.kid {
            Claimed::Nothing => "-",
            Claimed::Other => "invalid",
            Claimed::Known(kid) => kid.as_str(),
        }
    }

    /// The load balancer's ARN, `unknown`, or `-`.
    pub fn signer(&self) -> &str {
        match &self.signer {
            Claimed::Nothing => "-",
            Claimed::Other => "unknown",
            Claimed::Known(load_balancer) => load_balancer.arn.as_str(),
        }
    }
}

impl PartialEq for Claimant {
    fn eq(&self, other: &Self) -> bool {
        (self.kid(), self.signer()) == (other.kid(), other.signer())
    }
}

impl Eq for Claimant {}
