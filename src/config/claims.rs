//! What the configuration says of claims: which fill headers, and which are required.

use crate::header_name::HeaderName;
use crate::pattern::Pattern;

/// What Kubernetes' own users and groups begin with (`system:masters`).
pub const SYSTEM_PREFIX: &str = "system:";

/// Where a claim is in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPath {
    /// An exact top-level name first, then a path with dots.
    Name(String),
    /// Always a path.
    Path(Vec<String>),
}

impl ClaimPath {
    /// Is this the top-level claim `name`?
    pub fn is_top_level(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Path(segments) => matches!(segments.as_slice(), [own] if own == name),
        }
    }

    /// The configured name, for log lines.
    pub fn label(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Path(segments) => segments.join("."),
        }
    }
}

/// Which token holds a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimSource {
    /// The payload of `x-amzn-oidc-data`.
    UserClaims,
    /// The payload of the verified access token.
    AccessToken,
}

/// How a claim's value becomes elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A string as it is.
    Text,
    /// A list, or a string that is written as one.
    List,
    /// A string that is split at spaces.
    SpaceSeparated,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 as it is.
    None,
    /// Percent-encoding of all but RFC 3986's unreserved characters and `@`.
    Percent,
}

/// An entry of `outputClaimToHeaders`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimToHeader {
    /// The header that it may fill.
    pub header: HeaderName,
    /// The claim.
    pub claim: ClaimPath,
    /// The token that holds the claim.
    pub source: ClaimSource,
    /// How its value becomes elements.
    pub format: Format,
    /// Only these elements, if given.
    pub keep: Option<Vec<Pattern>>,
    /// This text in place of the claim's value.
    pub value: Option<String>,
    /// Removed from the start of each element.
    pub strip_prefix: String,
    /// Removed from the end of each element.
    pub strip_suffix: String,
    /// ASCII letters in lower case.
    pub lowercase: bool,
    /// How each element is written.
    pub encoding: Encoding,
    /// Put before each element.
    pub prefix: String,
    /// Between the elements.
    pub separator: char,
    /// Whether the header is required.
    pub required: bool,
}

/// One header of a list, and the entries that may fill it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPolicy {
    /// The header.
    pub name: HeaderName,
    /// Never empty.
    pub entries: Vec<HeaderEntry>,
    /// Whether a request without a value is rejected.
    pub required: bool,
    /// Between the elements.
    pub separator: char,
    /// Whether it names one user, and so takes one value.
    pub takes_one_value: bool,
    /// Whether a string is one element, and so may not hold the separator.
    pub strings_are_elements: bool,
    /// Whether an entry for it is percent-encoded, so that its readers decode whatever any entry writes.
    pub readers_decode: bool,
    /// Whether its readers know Kubernetes' own names, which begin with [`SYSTEM_PREFIX`].
    pub reserves_system: bool,
}

/// An entry, and what the other entries mean for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderEntry {
    /// The entry.
    pub mapping: ClaimToHeader,
    /// The prefixes of other entries for this header in the whole configuration. None is empty.
    pub foreign_prefixes: Vec<String>,
    /// Whether the claim is an email address that must be verified.
    pub email_rule: EmailVerified,
}

/// An entry of `requiredClaims`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequiredClaim {
    /// The claim.
    pub claim: ClaimPath,
    /// The token that holds it.
    pub source: ClaimSource,
    /// How its value becomes elements; one that matches is enough.
    pub format: Format,
    /// What matches.
    pub any_of: Vec<Pattern>,
    /// Whether ASCII letters are equal in both cases.
    pub ignore_case: bool,
    /// Whether the claim is an email address that must be verified.
    pub email_rule: EmailVerified,
}

/// What is asked of `email_verified` if a claim is the email address. Many identity providers let users write any
/// address into their profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerified {
    /// Must be there and true.
    Required,
    /// Must be true if it is there.
    IfPresent,
    /// Is not looked at; so for every other claim.
    Ignored,
}
