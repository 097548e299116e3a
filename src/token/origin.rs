//! Key id and signer of a rejected token, as far as they are safe to log. Unverified.

use std::rc::Rc;

use super::ProtectedHeader;
use crate::config::{Config, Signer};
use crate::keys::KeyId;

/// The claimed key and signer. Only what is in the form of a UUID, or configured, is kept: whatever else
/// a sender wrote never reaches a log.
#[derive(Clone, Debug, Default)]
pub struct ClaimedOrigin {
    kid: Claimed<KeyId>,
    signer: Claimed<Rc<Signer>>,
}

#[derive(Clone, Debug, Default)]
enum Claimed<T> {
    /// No protected header could be read.
    #[default]
    Unreadable,
    /// Something that is not ours to repeat.
    Other,
    Known(T),
}

impl<T> Claimed<T> {
    fn new(value: Option<T>) -> Self {
        value.map_or(Self::Other, Self::Known)
    }
}

impl ClaimedOrigin {
    pub(super) fn of(header: &ProtectedHeader<'_>, config: &Config) -> Self {
        Self {
            kid: Claimed::new(KeyId::parse(&header.kid)),
            signer: Claimed::new(config.signers_of(&header.signer).first().cloned()),
        }
    }

    pub(crate) fn known(kid: KeyId, signer: Rc<Signer>) -> Self {
        Self {
            kid: Claimed::Known(kid),
            signer: Claimed::Known(signer),
        }
    }

    /// The key id, `invalid`, or `-`.
    pub fn kid(&self) -> &str {
        match &self.kid {
            Claimed::Unreadable => "-",
            Claimed::Other => "invalid",
            Claimed::Known(kid) => kid.as_str(),
        }
    }

    /// The load balancer's ARN, `unknown`, or `-`.
    pub fn signer(&self) -> &str {
        match &self.signer {
            Claimed::Unreadable => "-",
            Claimed::Other => "unknown",
            Claimed::Known(signer) => signer.arn.as_str(),
        }
    }
}

impl PartialEq for ClaimedOrigin {
    fn eq(&self, other: &Self) -> bool {
        (self.kid(), self.signer()) == (other.kid(), other.signer())
    }
}

impl Eq for ClaimedOrigin {}
