//! What the filter refuses in any protected header.

use alb_authn::alb::AlbArn;
use alb_authn::keys::KeyId;
use alb_authn::reason::Rejection;
use alb_authn::time::UnixTime;
use alb_authn::token::ProtectedHeader;
use alb_authn::token_kind::ALB;

use super::members::Members;
use super::{Fault, times};
use crate::config_file::quoted;

const TEXTS: [&str; 5] = ["alg", "kid", "signer", "iss", "client"];

pub(super) fn faults(header: Option<&Members>, json: &[u8], now: UnixTime) -> Vec<Fault> {
    let Some(header) = header else {
        return vec![Fault::malformed("The header is no JSON object in UTF-8.")];
    };
    let mut faults = malformed(header);
    // Whatever the words above miss, the filter's own reading does not.
    if faults.is_empty() && ProtectedHeader::parse(json, &ALB).is_err() {
        faults.push(Fault::malformed("The header can't be read."));
    }
    faults.extend(algorithm(header));
    faults.extend(key_id(header));
    faults.extend(signer(header));
    let exp = header.integer("exp").map(UnixTime::from_secs);
    let expired = times::expired("header", exp, now);
    faults.extend(expired.map(|message| Fault::new(Rejection::TokenExpired, message)));
    faults
}

fn malformed(header: &Members) -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in TEXTS {
        faults.extend(match (header.raw(name), header.text(name)) {
            (None, _) => Some(format!(
                "The header lacks `{name}`, which every load balancer writes."
            )),
            (Some(_), None) => Some(format!("The header's `{name}` is no string.")),
            _ => None,
        });
    }
    faults.extend(match (header.raw("exp"), header.integer("exp")) {
        (None, _) => Some("The header lacks `exp`, which every load balancer writes.".to_owned()),
        (Some(_), None) => Some("The header's `exp` is no whole number of 64 bits.".to_owned()),
        _ => None,
    });
    let twice = header.duplicates().into_iter();
    faults.extend(twice.map(|name| format!("The header holds {} more than once.", quoted(name))));
    faults.into_iter().map(Fault::malformed).collect()
}

fn algorithm(header: &Members) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(alg) = header.text("alg").filter(|alg| alg != "ES256") {
        faults.push(format!(
            "`alg` is {}, not ES256. An identity provider's own token looks so; the load balancer's comes in \
             the header x-amzn-oidc-data.",
            quoted(&alg)
        ));
    }
    if header.raw("crit").is_some() {
        faults.push("The header holds `crit`: extensions that no load balancer uses.".to_owned());
    }
    let fault = |message| Fault::new(Rejection::UnsupportedAlgorithm, message);
    faults.into_iter().map(fault).collect()
}

fn key_id(header: &Members) -> Option<Fault> {
    let kid = header.text("kid")?;
    KeyId::parse(&kid).is_none().then(|| {
        let message = "`kid` is no UUID (8-4-4-4-12 digits, all in lower or all in upper case).";
        Fault::new(Rejection::InvalidKeyId, message)
    })
}

fn signer(header: &Members) -> Option<Fault> {
    let signer = header.text("signer")?;
    AlbArn::parse(&signer).is_none().then(|| {
        let message = "`signer` is not the full ARN of an application load balancer: no configuration can trust it.";
        Fault::new(Rejection::UntrustedSigner, message)
    })
}
