//! The access token of a request: as it came, and as it waits for its key set.

use std::borrow::Cow;
use std::rc::Rc;

use super::judge::Findings;
use super::{Arrival, Candidate};
use crate::access_token::UnverifiedAccessToken;
use crate::config::{Config, Signer};
use crate::headers::Headers;
use crate::key_source::SetId;
use crate::keys::{KeyRef, PublicKey};
use crate::reason::Rejection;
use crate::token::CheckedHeader;
use crate::token_cache::{AcceptedAccessToken, AcceptedToken, AccessTokenCache};
use crate::token_kind::ACCESS_TOKEN_HEADER;

/// What came as access token.
#[derive(Debug)]
pub(super) enum AccessTokenHeader<'h> {
    /// Nothing reads it.
    NotRead,
    /// No header, or an empty one.
    Missing,
    /// Several headers, of which the upstream may believe another one, or one that is too long.
    Unusable,
    /// One header.
    One(Cow<'h, [u8]>),
}

impl<'h> AccessTokenHeader<'h> {
    /// Looks at the header only if the entry of `token` reads it.
    pub(super) fn read(headers: &Headers<'h>, token: &Candidate, config: &Config) -> Self {
        if token.header().signer.access_token.is_none() {
            return Self::NotRead;
        }
        let mut copies = headers.all(ACCESS_TOKEN_HEADER);
        match (copies.next(), copies.next()) {
            (None | Some([]), None) => Self::Missing,
            (Some(one), None) if one.len() <= config.max_token_bytes => {
                Self::One(Cow::Borrowed(one))
            }
            _ => Self::Unusable,
        }
    }

    /// The token.
    ///
    /// # Errors
    /// [`Rejection::MissingAccessToken`], `InvalidAccessToken`.
    pub(super) fn token(&self) -> Result<&[u8], Rejection> {
        match self {
            Self::NotRead | Self::Missing => Err(Rejection::MissingAccessToken),
            Self::Unusable => Err(Rejection::InvalidAccessToken),
            Self::One(token) => Ok(token),
        }
    }

    pub(super) fn retain<'a>(self) -> AccessTokenHeader<'a> {
        match self {
            Self::NotRead => AccessTokenHeader::NotRead,
            Self::Missing => AccessTokenHeader::Missing,
            Self::Unusable => AccessTokenHeader::Unusable,
            Self::One(token) => AccessTokenHeader::One(Cow::Owned(token.into_owned())),
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.token().map_or(0, <[u8]>::len)
    }
}

/// An access token of which the key is in question.
#[derive(Debug)]
pub(super) enum AccessCandidate {
    /// Received for the first time, or too long ago.
    New(UnverifiedAccessToken),
    /// Accepted before: only the user, the time and the key are in question.
    Known(Rc<AcceptedAccessToken>),
}

impl AccessCandidate {
    /// Reads an access token, from the cache if it was accepted before.
    ///
    /// # Errors
    /// [`Rejection::InvalidAccessToken`].
    pub(super) fn read(
        raw: &[u8],
        signer: &Rc<Signer>,
        cache: &AccessTokenCache,
    ) -> Result<Self, Rejection> {
        match cache.find(raw, signer) {
            Some(known) => Ok(Self::Known(Rc::clone(known))),
            None => UnverifiedAccessToken::parse(raw).map(Self::New),
        }
    }

    fn kid(&self) -> &str {
        match self {
            Self::New(token) => token.kid(),
            Self::Known(known) => known.key().kid(),
        }
    }
}

/// The user's token, verified.
#[derive(Clone, Debug)]
pub(super) struct VerifiedUser {
    pub(super) token: Rc<AcceptedToken>,
    /// Whether the cache does not have it yet.
    pub(super) is_new: bool,
}

impl VerifiedUser {
    pub(super) fn header(&self) -> &CheckedHeader {
        self.token.header()
    }
}

/// A request whose user is verified, and whose access token's key is needed. Nothing else of the access token is
/// verified yet.
#[derive(Debug)]
pub struct AwaitingKeySet<'h> {
    pub(super) arrival: Arrival<'h>,
    pub(super) user: VerifiedUser,
    pub(super) set: SetId,
    pub(super) is_required: bool,
    pub(super) candidate: AccessCandidate,
    pub(super) findings: Findings,
}

impl AwaitingKeySet<'_> {
    /// The key set.
    pub fn set(&self) -> SetId {
        self.set
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        self.candidate.kid()
    }

    /// Whether the request may be rejected without the access token.
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// What counts towards the bound on parked requests, in bytes: both tokens, what the user's says, and what is
    /// kept of the headers.
    pub fn retained_bytes(&self) -> usize {
        self.user
            .token
            .retained_bytes()
            .saturating_add(self.arrival.heap_bytes())
            .saturating_add(self.kid().len())
    }

    /// Sets the request aside until the key set comes. What was found so far counts now.
    #[must_use]
    pub fn park(self, config: &Config) -> (ParkedForKeySet, Findings) {
        let parked = ParkedForKeySet {
            set: self.set,
            kid: self.candidate.kid().into(),
            user: self.user,
            arrival: self.arrival.retain(config),
        };
        (parked, self.findings)
    }
}

/// A request as it waits for a key set: the access token as received, and nothing decoded. It retains no more than
/// [`AwaitingKeySet::retained_bytes`] counts.
#[derive(Debug)]
pub struct ParkedForKeySet {
    pub(super) user: VerifiedUser,
    pub(super) arrival: Arrival<'static>,
    set: SetId,
    kid: Box<str>,
}

impl ParkedForKeySet {
    /// The key set that it waits for.
    pub fn set(&self) -> SetId {
        self.set
    }

    /// The id of the access token's key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Where the user's key is.
    pub fn key(&self) -> KeyRef {
        self.user.header().key()
    }

    /// The key that verified the user's token.
    pub fn public_key(&self) -> &Rc<PublicKey> {
        self.user.token.key()
    }

    /// The user's key has gone meanwhile: what it verified is not cached.
    pub fn forget_user(&mut self) {
        self.user.is_new = false;
    }
}
