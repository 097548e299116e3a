//! What the filter refuses in any payload.

use alb_authn::reason::Rejection;
use alb_authn::time::UnixTime;

use super::members::Members;
use super::{Fault, times};

pub(super) fn faults(
    claims: Option<&Members>,
    header: Option<&Members>,
    now: UnixTime,
) -> Vec<Fault> {
    let Some(claims) = claims else {
        return vec![Fault::malformed("The payload is no JSON object in UTF-8.")];
    };
    let mut faults = Vec::new();
    if claims.raw("exp").is_some() && claims.number("exp").is_none() {
        faults.push(Fault::malformed("The claim `exp` is no number."));
    }
    faults.extend(issuer(claims, header));
    let exp = claims.number("exp").map(UnixTime::from_secs_f64);
    let expired = times::expired("claims", exp, now);
    faults.extend(expired.map(|message| Fault::new(Rejection::TokenExpired, message)));
    faults
}

fn issuer(claims: &Members, header: Option<&Members>) -> Option<Fault> {
    claims.raw("iss")?;
    let message = match claims.text("iss") {
        None => "The claim `iss` is no string.",
        Some(iss) if header?.text("iss")? != iss => {
            "The claim `iss` is not the header's `iss`: both must be in `issuers`, which is unusual."
        }
        Some(_) => return None,
    };
    Some(Fault::new(Rejection::WrongIssuer, message))
}
