//! What verified tokens say together → the identity headers of a request.

use std::rc::Rc;

use crate::claims::{EntryOutcome, Evaluation, RequirementOutcome, UserClaims};
use crate::config::{ClaimPath, ClaimSource, HeaderPolicy, RequiredClaim, Signer};
use crate::header_name::HeaderName;
use crate::reason::Rejection;

/// The user of a request. Only [`compose`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    headers: Vec<(HeaderName, Rc<str>)>,
    user: Option<Rc<str>>,
    subject: Option<Rc<str>>,
    values_left_out: usize,
}

impl Identity {
    /// The headers to set, in the order of `outputClaimToHeaders`.
    pub fn headers(&self) -> &[(HeaderName, Rc<str>)] {
        &self.headers
    }

    /// The value of the user's header, for access logs.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The payload's `sub`.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// How many unusable elements of optional headers are not in them.
    pub fn values_left_out(&self) -> usize {
        self.values_left_out
    }
}

/// A user who is rejected, and for which claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedClaim {
    /// Why.
    pub rejection: Rejection,
    /// The claim's configured name.
    pub claim: String,
}

/// What the access token of a request says.
#[derive(Clone, Copy, Debug)]
pub enum AccessEvaluation<'a> {
    /// Nothing: nothing reads it.
    NotRead,
    /// It holds, and the entries make this of it.
    Holds(&'a Evaluation),
    /// It could not be looked at, or does not hold: what reads it is withheld for this reason.
    Withheld(Rejection),
}

impl<'a> AccessEvaluation<'a> {
    /// What an entry of a header made of it; `None` if nothing was read.
    fn entry(self, header: usize, entry: usize) -> Result<Option<&'a EntryOutcome>, Rejection> {
        let evaluation = self.evaluation()?;
        let entries = evaluation.and_then(|evaluation| evaluation.headers.get(header));
        Ok(entries.and_then(|entries| entries.get(entry)?.as_ref()))
    }

    /// Whether a required claim holds; `None` if nothing was read.
    fn requirement(self, index: usize) -> Result<Option<RequirementOutcome>, Rejection> {
        let evaluation = self.evaluation()?;
        Ok(evaluation.and_then(|evaluation| *evaluation.requirements.get(index)?))
    }

    fn evaluation(self) -> Result<Option<&'a Evaluation>, Rejection> {
        match self {
            Self::NotRead => Ok(None),
            Self::Holds(evaluation) => Ok(Some(evaluation)),
            Self::Withheld(rejection) => Err(rejection),
        }
    }
}

/// Fills the headers and checks the requirements. Of several faults the first in the table's order counts, and of
/// those the first in the configuration's order.
///
/// # Errors
/// [`Rejection::MissingClaim`], `UnusableClaim`, `ClaimMismatch`, `UnverifiedEmail`, and why the access token is
/// withheld.
pub fn compose(
    signer: &Signer,
    user: &UserClaims,
    access: AccessEvaluation<'_>,
) -> Result<Identity, RejectedClaim> {
    let mut composer = Composer {
        user: user.evaluation(),
        access,
        values_left_out: 0,
    };
    let mut faults: Vec<RejectedClaim> = Vec::new();
    let mut headers = Vec::with_capacity(signer.headers.len());
    for (index, policy) in signer.headers.iter().enumerate() {
        match composer.fill(index, policy) {
            Ok(Some(text)) => headers.push((policy.name.clone(), text)),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    for (index, required) in signer.required_claims.iter().enumerate() {
        faults.extend(composer.check(index, required).err());
    }
    // `min_by_key` takes the first of equals.
    if let Some(first) = faults.into_iter().min_by_key(|fault| fault.rejection) {
        return Err(first);
    }
    Ok(Identity {
        user: headers.first().map(|(_, text)| Rc::clone(text)),
        headers,
        subject: user.subject().cloned(),
        values_left_out: composer.values_left_out,
    })
}

/// What the tokens say, and what is left out of it.
struct Composer<'a> {
    user: &'a Evaluation,
    access: AccessEvaluation<'a>,
    values_left_out: usize,
}

impl<'a> Composer<'a> {
    /// Tries a header's entries in order; `None` if the header is not set.
    fn fill(
        &mut self,
        header: usize,
        policy: &HeaderPolicy,
    ) -> Result<Option<Rc<str>>, RejectedClaim> {
        for (index, entry) in policy.entries.iter().enumerate() {
            let (rejection, left_out) = match self.entry(header, index, entry.mapping.source) {
                Ok(Some(EntryOutcome::Absent)) => continue,
                Ok(Some(EntryOutcome::Value { text, left_out })) => {
                    self.values_left_out = self.values_left_out.saturating_add(*left_out);
                    return Ok(Some(Rc::clone(text)));
                }
                Ok(Some(EntryOutcome::Withheld {
                    rejection,
                    left_out,
                })) => (*rejection, *left_out),
                // What was not looked at is withheld: no weaker claim takes its place.
                Ok(None) => (Rejection::MissingClaim, 0),
                Err(rejection) => (rejection, 0),
            };
            if policy.required {
                return Err(rejected(rejection, &entry.mapping.claim));
            }
            self.values_left_out = self.values_left_out.saturating_add(left_out);
            return Ok(None);
        }
        match policy.entries.first() {
            Some(first) if policy.required => {
                Err(rejected(Rejection::MissingClaim, &first.mapping.claim))
            }
            _ => Ok(None),
        }
    }

    fn entry(
        &self,
        header: usize,
        entry: usize,
        source: ClaimSource,
    ) -> Result<Option<&'a EntryOutcome>, Rejection> {
        match source {
            ClaimSource::UserClaims => {
                let entries = self.user.headers.get(header);
                Ok(entries.and_then(|entries| entries.get(entry)?.as_ref()))
            }
            ClaimSource::AccessToken => self.access.entry(header, entry),
        }
    }

    fn check(&self, index: usize, required: &RequiredClaim) -> Result<(), RejectedClaim> {
        let outcome = match required.source {
            ClaimSource::UserClaims => Ok(self.user.requirements.get(index).copied().flatten()),
            ClaimSource::AccessToken => self.access.requirement(index),
        };
        let rejection = match outcome {
            Ok(Some(RequirementOutcome::Holds)) => return Ok(()),
            Ok(Some(RequirementOutcome::Fails(rejection))) | Err(rejection) => rejection,
            // What was not looked at does not hold.
            Ok(None) => Rejection::ClaimMismatch,
        };
        Err(rejected(rejection, &required.claim))
    }
}

fn rejected(rejection: Rejection, claim: &ClaimPath) -> RejectedClaim {
    RejectedClaim {
        rejection,
        claim: claim.label(),
    }
}

#[cfg(test)]
mod tests;
