//! The JOSE protected header (RFC 7515 section 4) as a load balancer writes it.
//!
//! Real tokens hold `typ`, `kid`, `alg`, `iss`, `client`, `signer`, `exp`, in this order. Further
//! members are ignored, but no name may stand twice (RFC 7515 section 4): two readers might take
//! different ones.

use std::borrow::Cow;

use crate::json::{self, Members};
use crate::reason::Rejection;
use crate::token_kind::TokenKind;

/// The members that are checked. Nothing here is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedHeader<'a> {
    /// The signature algorithm.
    pub alg: Cow<'a, str>,
    /// The key id.
    pub kid: Cow<'a, str>,
    /// The load balancer's ARN.
    pub signer: Cow<'a, str>,
    /// The IdP's issuer.
    pub iss: Cow<'a, str>,
    /// The client id at the IdP; `None` only if the kind of token has none.
    pub client: Option<Cow<'a, str>>,
    /// The end of the token's life, Unix seconds.
    pub exp: i64,
    /// Whether there is a `crit`: extensions that must be understood, and we understand none.
    pub has_crit: bool,
}

impl<'a> ProtectedHeader<'a> {
    /// Reads the decoded header of a token of this kind.
    ///
    /// # Errors
    /// [`Rejection::MalformedToken`].
    pub fn parse(json: &'a [u8], kind: &TokenKind) -> Result<Self, Rejection> {
        Self::read(json, kind).ok_or(Rejection::MalformedToken)
    }

    fn read(json: &'a [u8], kind: &TokenKind) -> Option<Self> {
        let members = Members::parse(json)?;
        let text = |name| json::text(members.last(name)?);
        let header = Self {
            alg: text("alg")?,
            kid: text("kid")?,
            signer: text("signer")?,
            iss: text("iss")?,
            client: match kind.client_member {
                Some(name) => Some(text(name)?),
                None => None,
            },
            // A `RawValue` is a JSON number: `parse` never sees the `+1` or `01` that it would accept.
            exp: members.last("exp")?.get().parse().ok()?,
            has_crit: members.last("crit").is_some(),
        };
        (!members.has_duplicates()).then_some(header)
    }
}
