//! The token as it arrived: three base64url parts, nothing believed yet.
//!
//! ```text
//! base64url(protected header) . base64url(payload) . base64url(R || S)
//! \_______________ signing input _______________/
//! ```
//!
//! RFC 7515 forbids padding; AWS pads each part ("includes padding characters at the end") and signs
//! the padded text. So padding is taken or left, but only the canonical form of it, and the signature is
//! always checked over the bytes that were received.

mod local_check;
mod origin;
mod protected_header;

pub use local_check::{CheckedHeader, CheckedToken, RejectedToken, check_locally};
pub use origin::ClaimedOrigin;
pub use protected_header::ProtectedHeader;

use crate::base64url;
use crate::reason::Rejection;
use crate::token_kind::TokenKind;

/// A token of the right form. Whether anything in it is true is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedToken {
    raw: Box<[u8]>,
    signing_input_len: usize,
    protected_header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl UnverifiedToken {
    /// Splits and decodes. Errors: [`Rejection::MalformedToken`].
    pub fn parse(raw: &[u8]) -> Result<Self, Rejection> {
        // Text is searched several bytes at a time, and what is no text is no base64url.
        let text = std::str::from_utf8(raw).map_err(|_| Rejection::MalformedToken)?;
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejection::MalformedToken);
        };
        let decode =
            |part: &str| base64url::decode(part.as_bytes()).ok_or(Rejection::MalformedToken);
        Ok(Self {
            protected_header: decode(header)?,
            payload: decode(payload)?,
            signing_input_len: header.len().saturating_add(payload.len()).saturating_add(1),
            signature: decode(signature)?,
            raw: raw.into(),
        })
    }

    /// The JOSE header of a token of this kind. Errors: [`Rejection::MalformedToken`].
    pub fn protected_header(&self, kind: &TokenKind) -> Result<ProtectedHeader<'_>, Rejection> {
        ProtectedHeader::parse(&self.protected_header, kind)
    }

    /// The whole token.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The same, without the decoded parts.
    fn into_raw(self) -> Box<[u8]> {
        self.raw
    }

    /// What the signature is over.
    pub fn signing_input(&self) -> &[u8] {
        self.raw.get(..self.signing_input_len).unwrap_or_default()
    }

    /// The decoded signature, of any length.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The decoded protected header.
    pub(crate) fn unverified_header(&self) -> &[u8] {
        &self.protected_header
    }

    /// The decoded payload; only what checked the signature may look into it.
    pub(crate) fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }
}

#[cfg(test)]
mod tests;
