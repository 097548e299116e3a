//! The plugin's configuration: JSON → [`Config`], whole or not at all.
//!
//! Every field is typed; unknown fields, wrong types, duplicates and values out of range are
//! [`Problem`]s that name the field by its path. What is dangerous must be said explicitly (`["*"]`,
//! `emailVerified: ignored`), never by leaving something out. `docs/configuration.md` describes each
//! field.

mod claims;
mod json;
mod parse;
mod problem;
mod reader;

use std::rc::Rc;
use std::time::Duration;

pub use claims::{
    ClaimPath, ClaimSource, ClaimToHeader, EmailVerified, Encoding, Format, HeaderEntry,
    HeaderPolicy, RequiredClaim, SYSTEM_PREFIX,
};
pub use problem::Problem;

use crate::alb::{AlbArn, search_key};
use crate::header_name::HeaderName;
use crate::key_source::{KeyLimits, KeySetSource, KeySource, SetId, SourceId};
use crate::routes::{LogoutRoute, PublicRoute};
use crate::time::{Clock, UnixTime};

/// All that the operator said, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Sorted by ARN; entries with one ARN in the order of the configuration.
    signers: Vec<Rc<Signer>>,
    key_sources: Vec<KeySource>,
    key_set_sources: Vec<KeySetSource>,
    first_access_token: Option<usize>,
    stripped: Vec<HeaderName>,
    /// Where a request without a token may pass.
    pub allow_missing_token: Vec<PublicRoute>,
    /// Where the filter responds to a logout; the first that matches counts.
    pub logout: Vec<Logout>,
    /// Whether the load balancer's headers stay on verified requests.
    pub forward_token: bool,
    /// Whether the access token stays on verified requests, if it was verified.
    pub forward_access_token: bool,
    /// Whether the load balancer's session cookies stay.
    pub forward_session_cookies: bool,
    /// Names of the load balancers' session cookies, without the shard number.
    pub session_cookies: Vec<String>,
    /// Whether refusals are carried out.
    pub mode: Mode,
    /// How long after `exp` a token is still taken.
    pub clock_skew: Duration,
    /// The longest token that is looked at, in bytes.
    pub max_token_bytes: usize,
    /// Fetching and keeping public keys.
    pub public_keys: KeyLimits,
    /// Memory of the verified-token cache in bytes; 0 is off.
    pub token_cache_bytes: usize,
    /// Who computes ECDSA.
    pub signature_backend: BackendChoice,
}

impl Config {
    /// Reads `pluginConfig` as JSON. Never empty on failure: at least one problem says why.
    pub fn parse(json: &[u8]) -> Result<Self, Vec<Problem>> {
        parse::parse(json)
    }

    /// The entries for this ARN; the comparison is exact.
    pub fn signers_of(&self, arn: &str) -> &[Rc<Signer>] {
        let wanted = search_key(arn);
        let by_arn = |own: &Rc<Signer>| own.arn.search_key().cmp(&wanted);
        let Ok(found) = self.signers.binary_search_by(by_arn) else {
            return &[];
        };
        // Any of the equal ones is found, and those next to it are few.
        let is_other = |own: &Rc<Signer>| own.arn.search_key() != wanted;
        let (before, after) = self.signers.split_at_checked(found).unwrap_or_default();
        let first = before
            .iter()
            .rposition(is_other)
            .map_or(0, |at| at.saturating_add(1));
        let count = after
            .iter()
            .skip(1)
            .position(is_other)
            .map_or(after.len(), |at| at.saturating_add(1));
        let end = found.saturating_add(count);
        self.signers.get(first..end).unwrap_or_default()
    }

    /// All trusted load balancers; entries for one ARN are neighbours.
    pub fn signers(&self) -> impl Iterator<Item = &Signer> {
        self.signers.iter().map(Rc::as_ref)
    }

    /// The distinct key sources; a [`SourceId`] is an index into them.
    pub fn key_sources(&self) -> &[KeySource] {
        &self.key_sources
    }

    /// The distinct key sets; a [`SetId`] is an index into them.
    pub fn key_set_sources(&self) -> &[KeySetSource] {
        &self.key_set_sources
    }

    /// Whether any load balancer's access tokens are read.
    pub fn reads_access_tokens(&self) -> bool {
        !self.key_set_sources.is_empty()
    }

    /// The place of the first entry with `accessToken`, for which Envoy must compute RS256.
    pub fn first_access_token(&self) -> Option<usize> {
        self.first_access_token
    }

    /// The clock by which tokens are judged at `now`.
    pub fn clock(&self, now: UnixTime) -> Clock {
        Clock {
            now,
            skew: self.clock_skew,
        }
    }

    /// Is this a spelling of a header that carries identity, and so must never come from outside?
    pub fn is_stripped(&self, name: &[u8]) -> bool {
        self.stripped
            .iter()
            .any(|stripped| stripped.folds_with(name))
    }
}

/// One trusted signer and what holds for its tokens.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The ARN, compared with `signer`.
    pub arn: AlbArn,
    /// Values of `iss` that are taken.
    pub issuers: Allowed,
    /// Values of `client` that are taken.
    pub client_ids: Allowed,
    /// Where its keys are fetched.
    pub keys: SourceId,
    /// Its headers: its own list, or else the global one. Never empty; the first one names the user.
    pub headers: Vec<HeaderPolicy>,
    /// The global required claims and its own.
    pub required_claims: Vec<RequiredClaim>,
    /// How access tokens are judged; `None` if they are never looked at.
    pub access_token: Option<AccessTokenPolicy>,
}

/// How the access tokens of one issuer are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenPolicy {
    /// The issuer's keys.
    pub key_set: SetId,
    /// If not empty, `aud` must hold one of them.
    pub audiences: Vec<String>,
    /// The claim that must equal the user's token's `sub`.
    pub subject: ClaimPath,
    /// Whether a required header or claim may need it.
    pub is_required: bool,
}

/// A list of exact values, or, explicitly, any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// `["*"]`: every value.
    Any,
    /// One of these, exactly.
    OneOf(Vec<Rc<str>>),
}

impl Allowed {
    /// `value` if it is accepted: shared with the configuration if it stands there.
    pub fn accept(&self, value: &str) -> Option<Rc<str>> {
        match self {
            Self::Any => Some(Rc::from(value)),
            Self::OneOf(values) => values.iter().find(|own| ***own == *value).cloned(),
        }
    }

    /// Whether both accept some value.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(own), Self::OneOf(others)) => own.iter().any(|v| others.contains(v)),
            _ => true,
        }
    }
}

/// The route and the answer of `logout`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logout {
    /// Which requests are logouts.
    pub route: LogoutRoute,
    /// Where the browser goes next: the IdP's own logout.
    pub location: String,
}

/// Whether refusals are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Refuse what is wrong.
    Enforce,
    /// Forward it without identity, and say what would have been refused.
    Observe,
}

/// Who computes ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// Envoy if its `verify_signature` proves itself at start, otherwise Wasm.
    Auto,
    /// Envoy, or no start.
    Host,
    /// p256 inside Wasm.
    Wasm,
}
