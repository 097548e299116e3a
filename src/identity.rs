//! What verified tokens say together → the identity headers of a request.

use std::rc::Rc;

use crate::claims::{EntryOutcome, RequirementOutcome, UserClaims};
use crate::config::{ClaimPath, HeaderPolicy, Signer};
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

/// What became of one header.
enum Filled {
    Value(Rc<str>),
    Nothing,
}

/// Fills the headers and checks the requirements. Of several faults the first in the table's order counts, and of
/// those the first in the configuration's order.
///
/// # Errors
/// [`Rejection::MissingClaim`], `UnusableClaim`, `ClaimMismatch`, `UnverifiedEmail`.
pub fn compose(signer: &Signer, user: &UserClaims) -> Result<Identity, RejectedClaim> {
    let evaluation = user.evaluation();
    let mut faults: Vec<RejectedClaim> = Vec::new();
    let mut headers = Vec::with_capacity(signer.headers.len());
    let mut values_left_out = 0_usize;
    for (policy, outcomes) in signer.headers.iter().zip(&evaluation.headers) {
        match fill(policy, outcomes, &mut values_left_out) {
            Ok(Filled::Value(text)) => headers.push((policy.name.clone(), text)),
            Ok(Filled::Nothing) => {}
            Err(fault) => faults.push(fault),
        }
    }
    let requirements = signer.required_claims.iter().zip(&evaluation.requirements);
    for (required, outcome) in requirements {
        match outcome {
            Some(RequirementOutcome::Holds) => {}
            Some(RequirementOutcome::Fails(rejection)) => {
                faults.push(rejected(*rejection, &required.claim));
            }
            // What was not looked at does not hold.
            None => faults.push(rejected(Rejection::ClaimMismatch, &required.claim)),
        }
    }
    // `min_by_key` takes the first of equals.
    if let Some(first) = faults.into_iter().min_by_key(|fault| fault.rejection) {
        return Err(first);
    }
    Ok(Identity {
        user: headers.first().map(|(_, text)| Rc::clone(text)),
        headers,
        subject: user.subject().cloned(),
        values_left_out,
    })
}

/// Tries a header's entries in order.
fn fill(
    policy: &HeaderPolicy,
    outcomes: &[Option<EntryOutcome>],
    values_left_out: &mut usize,
) -> Result<Filled, RejectedClaim> {
    for (entry, outcome) in policy.entries.iter().zip(outcomes) {
        match outcome {
            Some(EntryOutcome::Absent) => {}
            // What was not looked at is withheld: no weaker claim stands in for it.
            None => break,
            Some(EntryOutcome::Value { text, left_out }) => {
                *values_left_out = values_left_out.saturating_add(*left_out);
                return Ok(Filled::Value(Rc::clone(text)));
            }
            Some(EntryOutcome::Withheld {
                rejection,
                left_out,
            }) => {
                if policy.required {
                    return Err(rejected(*rejection, &entry.mapping.claim));
                }
                *values_left_out = values_left_out.saturating_add(*left_out);
                return Ok(Filled::Nothing);
            }
        }
    }
    match policy.entries.first() {
        Some(first) if policy.required => {
            Err(rejected(Rejection::MissingClaim, &first.mapping.claim))
        }
        _ => Ok(Filled::Nothing),
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
