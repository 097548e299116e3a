//! The access token: who may be believed about the user's groups besides the load balancer.
//!
//! The load balancer passes the identity provider's access token on unsigned. Nobody but the identity provider vouches for
//! it, so it is verified here with the provider's own keys. That alone says nothing of this request: a user may have
//! taken it from another user, or from another application. So it holds only if it names the same issuer, the same user
//! and the same client as the load balancer's token beside it. It never identifies anybody by itself.
//!
//! Types say how much is proved: `UnverifiedAccessToken` → `VerifiedAccessToken` → `AccessClaims`.

mod claims;

pub use claims::AccessClaims;

use crate::json::{self, Members};
use crate::keys::{RsaPublicKey, is_key_id};
use crate::reason::Rejection;
use crate::token::UnverifiedToken;
use crate::token_kind::Algorithm;
use crate::verify::SignatureBackend;

/// An access token of the right form. Whether anything in it is true is unknown.
#[derive(Clone, Debug)]
pub struct UnverifiedAccessToken {
    token: UnverifiedToken,
    kid: Box<str>,
}

impl UnverifiedAccessToken {
    /// Reads the three parts and the protected header.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`] for another form or algorithm than RS256, a `crit`, duplicate members, or no
    /// key id.
    pub fn parse(raw: &[u8]) -> Result<Self, Rejection> {
        Self::read(raw).ok_or(Rejection::InvalidAccessToken)
    }

    fn read(raw: &[u8]) -> Option<Self> {
        let token = UnverifiedToken::parse(raw).ok()?;
        let members = Members::parse(token.unverified_header())?;
        let text = |name| json::text(members.last(name)?);
        // A choice by the sender is algorithm confusion (RFC 8725 section 3.1).
        let is_rs256 = text("alg")? == Algorithm::Rs256.name();
        let kid: Box<str> = text("kid")?.into();
        let is_understood = members.last("crit").is_none() && !members.has_duplicates();
        (is_rs256 && is_understood && is_key_id(&kid)).then_some(Self { token, kid })
    }

    /// The key id that it names, in the key set of the user's issuer: `jku`, `jwk` and `x5u` are never read.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Checks the signature over the bytes as they were received.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`], also for a signature that is not as long as the modulus.
    pub fn verify(
        self,
        key: &RsaPublicKey,
        backend: &dyn SignatureBackend,
    ) -> Result<VerifiedAccessToken, Rejection> {
        let (message, signature) = (self.token.signing_input(), self.token.signature());
        let is_verified =
            signature.len() == key.modulus_bytes() && backend.verify_rs256(key, message, signature);
        if is_verified {
            Ok(VerifiedAccessToken(self.token))
        } else {
            Err(Rejection::InvalidAccessToken)
        }
    }
}

/// An access token whose signature was verified with a key of the issuer's set. Only
/// [`UnverifiedAccessToken::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedAccessToken(UnverifiedToken);

impl VerifiedAccessToken {
    fn payload(&self) -> &[u8] {
        self.0.unverified_payload()
    }
}

#[cfg(test)]
pub(crate) mod tests;
