//! What the filter refuses in any access token.

use alb_authn::time::UnixTime;

use super::form::Parts;
use super::members::Members;
use super::{Fault, times};
use crate::config_file::quoted;

/// Claims of which each names the client, by the provider: Cognito's, OpenID Connect's, Okta's.
pub(super) const CLIENT_CLAIMS: [&str; 3] = ["client_id", "azp", "cid"];
/// Lengths of an RS256 signature for keys of 2048 to 4096 bits, in bytes.
const SIGNATURE_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
const MAX_KID_CHARS: usize = 256;

pub(super) fn faults(
    parts: &Parts,
    (header, claims): (Option<&Members>, Option<&Members>),
    now: UnixTime,
) -> Vec<Fault> {
    let mut invalid: Vec<String> = parts.faults.iter().map(|f| f.message.clone()).collect();
    invalid.extend(header.map(of_header).unwrap_or_default());
    if !parts.signature.is_empty() && !SIGNATURE_BYTES.contains(&parts.signature.len()) {
        invalid.push(format!(
            "The signature is {} bytes long; one of RS256 has 256 to 512, as many as its key's modulus.",
            parts.signature.len()
        ));
    }
    let mut expired = None;
    match claims {
        Some(claims) => {
            invalid.extend(of_claims(claims, now));
            let exp = claims.number("exp").map(UnixTime::from_secs_f64);
            expired = times::expired("claims", exp, now);
        }
        None if parts.payload.is_empty() => {}
        None => invalid.push("The payload is no JSON object in UTF-8.".to_owned()),
    }
    let fault = |reason| move |message| Fault { reason, message };
    let invalid = invalid.into_iter().map(fault("invalid_access_token"));
    invalid
        .chain(expired.map(fault("access_token_expired")))
        .collect()
}

fn of_header(header: &Members) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(algorithm(header));
    faults.extend(
        match (header.raw("kid"), header.text("kid")) {
            (None, _) => {
                Some("The header lacks `kid`, which names the key in the issuer's key set.")
            }
            (Some(_), None) => Some("The header's `kid` is no string."),
            (Some(_), Some(kid)) if !is_key_id(&kid) => {
                Some("`kid` is not 1 to 256 printable characters.")
            }
            _ => None,
        }
        .map(str::to_owned),
    );
    if header.raw("crit").is_some() {
        faults.push("The header contains `crit`: extensions that no provider uses.".to_owned());
    }
    let twice = header.duplicates().into_iter();
    faults.extend(twice.map(|name| format!("The header holds {} more than once.", quoted(name))));
    faults
}

fn algorithm(header: &Members) -> Option<String> {
    match header.text("alg") {
        None => Some("The header has no `alg` that is a string.".to_owned()),
        Some(alg) if alg == "RS256" => None,
        Some(alg) => Some(format!(
            "`alg` is {}; only RS256 is verified.",
            quoted(&alg)
        )),
    }
}

fn is_key_id(kid: &str) -> bool {
    (1..=MAX_KID_CHARS).contains(&kid.chars().count()) && !kid.contains(|c: char| c.is_control())
}

fn of_claims(claims: &Members, now: UnixTime) -> Vec<String> {
    let mut faults = Vec::new();
    if claims.text("iss").is_none() {
        faults.push("It has no `iss` that is a string.".to_owned());
    }
    faults.extend(client(claims));
    if let Some(raw) = claims.raw("token_use").filter(|raw| *raw != "\"access\"") {
        faults.push(format!("Its `token_use` is {raw}, not \"access\"."));
    }
    if claims.text("typ").as_deref() == Some("ID") {
        faults.push("Its `typ` is \"ID\": an ID token.".to_owned());
    }
    if claims.number("exp").is_none() {
        faults.push("It has no `exp` that is a number.".to_owned());
    }
    if claims.raw("nbf").is_some() && claims.number("nbf").is_none() {
        faults.push("Its `nbf` is no number.".to_owned());
    }
    let nbf = claims.number("nbf").map(UnixTime::from_secs_f64);
    faults.extend(times::early(nbf, now));
    faults
}

/// All names of the client must be the one in the user's token.
fn client(claims: &Members) -> Vec<String> {
    let names = CLIENT_CLAIMS.into_iter();
    let there: Vec<&str> = names.filter(|name| claims.raw(name).is_some()).collect();
    let Some(first) = there.first() else {
        let nobody = claims.raw("aud").is_none();
        let fault = "It has neither `client_id`, `azp`, `cid` nor `aud`: it names no client.";
        return nobody.then(|| fault.to_owned()).into_iter().collect();
    };
    let mut faults = Vec::new();
    for name in &there {
        if claims.text(name).is_none() {
            faults.push(format!("Its `{name}` is no string."));
        } else if claims.text(name) != claims.text(first) {
            faults.push(format!("Its `{name}` is not its `{first}`."));
        }
    }
    faults
}
