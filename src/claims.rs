//! A payload's claims → what each entry of the configuration makes of them.
//!
//! Values are kept as the JSON text that was signed until one is needed: numbers stay exact (as doubles,
//! two large user numbers could become one), and what is not used is not parsed.

mod claim;
mod elements;
mod value;

use std::rc::Rc;

use serde_json::value::RawValue;

use crate::config::{
    ClaimPath, ClaimSource, EmailVerified, HeaderEntry, HeaderPolicy, RequiredClaim, Signer,
};
use crate::json::{self, Members};
use crate::reason::Rejection;
use crate::time::{Clock, UnixTime};
use crate::verify::VerifiedToken;
pub(crate) use claim::Claim;
use elements::Elements;
use value::{Written, write};

/// What a verified token of the load balancer says. Only [`read_user_claims`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserClaims {
    subject: Option<Rc<str>>,
    expires: UnixTime,
    evaluation: Evaluation,
}

impl UserClaims {
    /// The payload's `sub`.
    pub fn subject(&self) -> Option<&Rc<str>> {
        self.subject.as_ref()
    }

    /// The sooner of both `exp`, without clock skew.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Bytes of text in it, for the cache's account.
    pub fn heap_bytes(&self) -> usize {
        let subject = self.subject.as_ref().map_or(0, |text| text.len());
        self.evaluation.heap_bytes().saturating_add(subject)
    }

    /// What the entries make of it.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }
}

/// What the entries for one token make of its claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluation {
    /// For each header and each of its entries; `None` if the entry reads the other token.
    pub headers: Vec<Vec<Option<EntryOutcome>>>,
    /// For each required claim; `None` if it reads the other token.
    pub requirements: Vec<Option<RequirementOutcome>>,
}

impl Evaluation {
    pub(crate) fn heap_bytes(&self) -> usize {
        let outcomes = self.headers.iter().flatten();
        let texts = outcomes.map(|outcome| match outcome {
            Some(EntryOutcome::Value { text, .. }) => text.len().saturating_add(OUTCOME_BYTES),
            _ => OUTCOME_BYTES,
        });
        texts.sum::<usize>().saturating_add(self.requirements.len())
    }
}

/// What an outcome takes besides its text, rounded up.
const OUTCOME_BYTES: usize = 48;

/// What an entry ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryOutcome {
    /// The header's value; later entries are not looked at.
    Value {
        /// The value.
        text: Rc<str>,
        /// Elements that are not in it because they are unusable.
        left_out: usize,
    },
    /// Nothing is there. The next entry is tried.
    Absent,
    /// Something is there that may not be used. No further entry is tried: a weaker claim never replaces
    /// evidence that failed.
    Withheld {
        /// What a required header is rejected with.
        rejection: Rejection,
        /// Unusable elements.
        left_out: usize,
    },
}

/// Whether a required claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequirementOutcome {
    /// It does.
    Holds,
    /// It does not, for this reason.
    Fails(Rejection),
}

/// Reads the payload of a verified token.
///
/// # Errors
/// In this order: [`Rejection::MalformedToken`], `WrongIssuer`, `TokenExpired`.
pub fn read_user_claims(token: &VerifiedToken, clock: Clock) -> Result<UserClaims, Rejection> {
    let claims = Claims::parse(token.payload()).ok_or(Rejection::MalformedToken)?;
    let header = token.header();
    let payload_exp = claims.time("exp")?;
    if !claims.issuer_is(&header.issuer) {
        return Err(Rejection::WrongIssuer);
    }
    let expires = payload_exp.map_or(header.exp, |exp| exp.min(header.exp));
    if clock.has_expired(expires) {
        return Err(Rejection::TokenExpired);
    }
    Ok(UserClaims {
        subject: claims
            .top_level("sub")
            .and_then(Claim::into_string)
            .map(Rc::from),
        expires,
        evaluation: claims.evaluate(&header.signer, ClaimSource::UserClaims),
    })
}

/// The payload's members; of duplicates the last counts.
pub(crate) struct Claims<'a>(Members<'a>);

impl<'a> Claims<'a> {
    /// `None` for what is no JSON object in UTF-8.
    pub(crate) fn parse(payload: &'a [u8]) -> Option<Self> {
        Members::parse(payload).map(Self)
    }

    pub(crate) fn top_level(&self, name: &str) -> Option<Claim<'a>> {
        self.0.last(name).map(Claim::read)
    }

    pub(crate) fn find(&self, path: &ClaimPath) -> Claim<'a> {
        let raw = match path {
            ClaimPath::Name(name) => self.0.last(name).or_else(|| self.walk(name.split('.'))),
            ClaimPath::Path(segments) => self.walk(segments.iter().map(String::as_str)),
        };
        raw.map_or(Claim::Null, Claim::read)
    }

    fn walk<'p>(&self, mut segments: impl Iterator<Item = &'p str>) -> Option<&'a RawValue> {
        let mut raw = self.0.last(segments.next()?)?;
        for segment in segments {
            raw = Members::parse(raw.get().as_bytes())?.last(segment)?;
        }
        Some(raw)
    }

    /// A time (RFC 7519 section 2, NumericDate), if there is one.
    ///
    /// # Errors
    /// [`Rejection::MalformedToken`] for anything but a number.
    pub(crate) fn time(&self, name: &str) -> Result<Option<UnixTime>, Rejection> {
        match self.top_level(name) {
            None => Ok(None),
            Some(Claim::Number(text)) => {
                let seconds = json::number(text).ok_or(Rejection::MalformedToken)?;
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
            Some(Claim::Text(own)) => own == issuer,
            Some(_) => false,
        }
    }

    /// What each entry and requirement on this token makes of it.
    pub(crate) fn evaluate(&self, signer: &Signer, source: ClaimSource) -> Evaluation {
        let entries = |policy: &HeaderPolicy| {
            let outcome = |entry: &HeaderEntry| {
                (entry.mapping.source == source).then(|| self.fill(policy, entry))
            };
            policy.entries.iter().map(outcome).collect()
        };
        let requirement =
            |claim: &RequiredClaim| (claim.source == source).then(|| self.requirement(claim));
        Evaluation {
            headers: signer.headers.iter().map(entries).collect(),
            requirements: signer.required_claims.iter().map(requirement).collect(),
        }
    }

    fn fill(&self, policy: &HeaderPolicy, entry: &HeaderEntry) -> EntryOutcome {
        let mapping = &entry.mapping;
        let elements = Elements::of(self.find(&mapping.claim), mapping.format);
        let withheld = |rejection, left_out| EntryOutcome::Withheld {
            rejection,
            left_out,
        };
        match write(elements, policy, entry) {
            Written::Absent => EntryOutcome::Absent,
            Written::Unusable(left_out) => withheld(Rejection::UnusableClaim, left_out),
            // Of a required header nothing is left out without a word.
            Written::Value(_, left_out) if policy.required && left_out > 0 => {
                withheld(Rejection::UnusableClaim, left_out)
            }
            Written::Value(..) if !self.email_is_verified(entry.email_rule) => {
                withheld(Rejection::UnverifiedEmail, 0)
            }
            Written::Value(text, left_out) => EntryOutcome::Value { text, left_out },
        }
    }

    fn requirement(&self, required: &RequiredClaim) -> RequirementOutcome {
        let elements = Elements::of(self.find(&required.claim), required.format);
        let is_one = |text: &str| {
            let mut patterns = required.any_of.iter();
            patterns.any(|pattern| pattern.matches(text, required.ignore_case))
        };
        let matches = elements.all.iter().flatten().any(|text| is_one(text));
        if !matches {
            RequirementOutcome::Fails(Rejection::ClaimMismatch)
        } else if self.email_is_verified(required.email_rule) {
            RequirementOutcome::Holds
        } else {
            RequirementOutcome::Fails(Rejection::UnverifiedEmail)
        }
    }

    fn email_is_verified(&self, rule: EmailVerified) -> bool {
        let is_true = |claim: &Claim<'_>| match claim {
            Claim::Bool(value) => *value,
            // Cognito's userinfo sends strings.
            Claim::Text(text) => text == "true",
            _ => false,
        };
        match (rule, self.top_level("email_verified")) {
            (EmailVerified::Ignored, _) | (EmailVerified::IfPresent, None) => true,
            (_, claim) => claim.as_ref().is_some_and(is_true),
        }
    }
}
