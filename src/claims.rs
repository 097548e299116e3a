//! The payload's claims → who the user is.
//!
//! Values are kept as the JSON text that was signed until one is needed: numbers stay exact (as doubles,
//! two large user numbers could become one), and what is not used is not parsed.

use std::borrow::Cow;
use std::iter;

use serde_json::value::RawValue;

use crate::config::{ClaimPath, ClaimToHeader, EmailVerified, RequiredClaim, SYSTEM_PREFIX};
use crate::header_name::HeaderName;
use crate::json::{Members, Text};
use crate::reason::Rejection;
use crate::time::{Clock, UnixTime};
use crate::verify::VerifiedToken;

/// What a verified token says of its user. Only [`identify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    headers: Vec<(HeaderName, String)>,
    user: Option<String>,
    subject: Option<String>,
    expires: UnixTime,
}

impl Identity {
    /// The headers to set, in the order of `outputClaimToHeaders`.
    pub fn headers(&self) -> &[(HeaderName, String)] {
        &self.headers
    }

    /// The value of the first mapped header, for access logs.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The payload's `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The sooner of both `exp`, without clock skew.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Bytes of text in it, for the cache's account.
    pub fn heap_bytes(&self) -> usize {
        let headers = self.headers.iter();
        let texts = headers.map(|(name, value)| name.as_str().len().saturating_add(value.len()));
        let others = [&self.user, &self.subject].map(|text| text.as_ref().map_or(0, String::len));
        texts.chain(others).sum()
    }
}

/// Judges the claims.
///
/// # Errors
/// In this order: [`Rejection::MalformedToken`], `WrongIssuer`, `TokenExpired`, `MissingClaim`,
/// `UnusableClaim`, `ClaimMismatch`, `UnverifiedEmail`.
pub fn identify(token: &VerifiedToken, clock: Clock) -> Result<Identity, Rejection> {
    let claims = Claims::parse(token.payload())?;
    let header = token.header();
    let policy = &header.signer;
    let payload_exp = claims.exp()?;
    if !claims.issuer_is(&header.issuer) {
        return Err(Rejection::WrongIssuer);
    }
    let expires = payload_exp.map_or(header.exp, |exp| exp.min(header.exp));
    if clock.has_expired(expires) {
        return Err(Rejection::TokenExpired);
    }
    let values = claims.header_values(&policy.output_claim_to_headers)?;
    if !policy
        .required_claims
        .iter()
        .all(|required| claims.satisfies(required))
    {
        return Err(Rejection::ClaimMismatch);
    }
    if !claims.email_is_verified(policy.email_verified) {
        return Err(Rejection::UnverifiedEmail);
    }
    let user = values.first().and_then(Clone::clone);
    let names = policy
        .output_claim_to_headers
        .iter()
        .map(|mapping| &mapping.header);
    let headers = names
        .zip(values)
        .filter_map(|(name, value)| Some((name.clone(), value?)));
    Ok(Identity {
        headers: headers.collect(),
        user,
        subject: claims.top_level("sub").and_then(Claim::into_string),
        expires,
    })
}

/// The payload's members; of duplicates the last counts.
struct Claims<'a>(Members<'a>);

impl<'a> Claims<'a> {
    fn parse(payload: &'a [u8]) -> Result<Self, Rejection> {
        Members::parse(payload)
            .map(Self)
            .ok_or(Rejection::MalformedToken)
    }

    fn top_level(&self, name: &str) -> Option<Claim<'a>> {
        self.0.last(name).map(Claim::read)
    }

    fn find(&self, path: &ClaimPath) -> Option<Claim<'a>> {
        let raw = match path {
            ClaimPath::Name(name) => self.0.last(name).or_else(|| self.walk(name.split('.'))),
            ClaimPath::Path(segments) => self.walk(segments.iter().map(String::as_str)),
        };
        raw.map(Claim::read)
    }

    fn walk<'p>(&self, mut segments: impl Iterator<Item = &'p str>) -> Option<&'a RawValue> {
        let mut raw = self.0.last(segments.next()?)?;
        for segment in segments {
            raw = Members::parse(raw.get().as_bytes())?.last(segment)?;
        }
        Some(raw)
    }

    /// The payload's own `exp`, where it has one. Errors: [`Rejection::MalformedToken`].
    fn exp(&self) -> Result<Option<UnixTime>, Rejection> {
        match self.top_level("exp") {
            None => Ok(None),
            Some(Claim::Number(text)) => {
                let seconds = serde_json::from_str(text).map_err(|_| Rejection::MalformedToken)?;
                Ok(Some(UnixTime::from_secs_f64(seconds)))
            }
            Some(_) => Err(Rejection::MalformedToken),
        }
    }

    /// The payload's `iss`, if there is one, is the protected header's: claims of one issuer must not pass under
    /// the name of another one, whatever the configuration accepts.
    fn issuer_is(&self, issuer: &str) -> bool {
        match self.top_level("iss") {
            None => true,
            Some(Claim::String(own)) => own == issuer,
            Some(_) => false,
        }
    }

    /// One value for each mapping, `None` where an optional claim is absent. All are looked for before
    /// any is judged: `MissingClaim` goes before `UnusableClaim`.
    fn header_values(&self, mappings: &[ClaimToHeader]) -> Result<Vec<Option<String>>, Rejection> {
        let found: Vec<Option<Claim<'a>>> = mappings
            .iter()
            .map(|mapping| match self.find(&mapping.claim) {
                None | Some(Claim::Null) if mapping.required => Err(Rejection::MissingClaim),
                None | Some(Claim::Null) => Ok(None),
                found => Ok(found),
            })
            .collect::<Result<_, _>>()?;
        mappings
            .iter()
            .zip(found)
            .map(|(mapping, claim)| {
                claim
                    .map(|claim| claim.into_header_value(mapping))
                    .transpose()
            })
            .collect()
    }

    fn satisfies(&self, required: &RequiredClaim) -> bool {
        let is_one = |text: &str| required.any_of.iter().any(|value| value == text);
        match self.find(&required.claim) {
            Some(Claim::Array(items)) => items
                .into_iter()
                .any(|item| Claim::read(item).scalar().is_some_and(|t| is_one(&t))),
            Some(claim) => claim.scalar().is_some_and(|text| is_one(&text)),
            None => false,
        }
    }

    fn email_is_verified(&self, rule: EmailVerified) -> bool {
        let is_true = |claim: &Claim<'_>| match claim {
            Claim::Bool(value) => *value,
            // Cognito's userinfo sends strings.
            Claim::String(text) => text == "true",
            _ => false,
        };
        match (rule, self.top_level("email_verified")) {
            (EmailVerified::Ignored, _) | (EmailVerified::IfPresent, None) => true,
            (_, claim) => claim.as_ref().is_some_and(is_true),
        }
    }
}

/// A claim's value; numbers as they were written.
enum Claim<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<&'a RawValue>),
    /// An object, or a string that is no Unicode (a lone surrogate).
    Other,
}

impl<'a> Claim<'a> {
    fn read(raw: &'a RawValue) -> Self {
        let text = raw.get();
        match text.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Text::of(raw).map_or(Self::Other, Self::String),
            Some(b'[') => serde_json::from_str(text).map_or(Self::Other, Self::Array),
            Some(b'{') | None => Self::Other,
            Some(_) => Self::Number(text),
        }
    }

    fn into_string(self) -> Option<String> {
        match self {
            Self::String(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// A string as it is, numbers and booleans as JSON text.
    fn scalar(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::String(text) => Some(Cow::Borrowed(text)),
            Self::Null | Self::Array(_) | Self::Other => None,
        }
    }

    fn into_header_value(self, mapping: &ClaimToHeader) -> Result<String, Rejection> {
        let value = match self {
            Self::Array(items) => join(items),
            claim => claim
                .scalar()
                .filter(|text| is_safe(text))
                .map(Cow::into_owned),
        };
        let mut value = value.ok_or(Rejection::UnusableClaim)?;
        if mapping.lowercase {
            value.make_ascii_lowercase();
        }
        // `partner:` inside a value could pass for another mapping's prefix, or for two of them.
        if !mapping.prefix.is_empty() && value.contains(&mapping.prefix) {
            return Err(Rejection::UnusableClaim);
        }
        value.insert_str(0, &mapping.prefix);
        if names_another_load_balancers_user(&value, mapping)
            || mapping.reserves_system && names_kubernetes_itself(&value)
        {
            return Err(Rejection::UnusableClaim);
        }
        Ok(value)
    }
}

/// Policies match the elements of a list one by one, and readers trim them. A prefix may hold commas itself
/// (`o=partner,uid=`), so what follows the start or a comma is looked at whole, not element by element. Only
/// the start has the mapping's own prefix, and so every prefix that its own begins with.
fn names_another_load_balancers_user(value: &str, mapping: &ClaimToHeader) -> bool {
    list_starts(value).enumerate().any(|(i, tail)| {
        mapping.other_prefixes.iter().any(|other| {
            let is_our_own = i == 0 && mapping.prefix.starts_with(other);
            tail.starts_with(other) && !is_our_own
        })
    })
}

/// `system:masters`, `system:serviceaccount:…`: names that Kubernetes gives, and no identity provider may.
fn names_kubernetes_itself(value: &str) -> bool {
    list_starts(value).any(|tail| tail.starts_with(SYSTEM_PREFIX))
}

/// The value from its start, and from each comma on, without leading whitespace.
fn list_starts(value: &str) -> impl Iterator<Item = &str> {
    let tails = iter::successors(Some(value), |tail| {
        tail.split_once(',').map(|(_, rest)| rest)
    });
    tails.map(str::trim_start)
}

/// Elements joined with `,`. Policies match list elements by the comma, so none may hold one, and
/// readers trim, so none may have blanks around it.
fn join(items: Vec<&RawValue>) -> Option<String> {
    let mut joined = String::new();
    for (i, item) in items.into_iter().enumerate() {
        let element = Claim::read(item).into_string()?;
        if !is_safe(&element) || element.contains(',') {
            return None;
        }
        if i > 0 {
            joined.push(',');
        }
        joined.push_str(&element);
    }
    (!joined.is_empty()).then_some(joined)
}

/// Can the text stand in a header and be read back the same? Control characters split headers; blanks at
/// the ends are trimmed on the way (RFC 9110 section 5.5), so ` admin` would arrive as `admin`.
fn is_safe(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
