//! Any entries of `outputClaimToHeaders` and any payload: the headers are what a second set of rules makes of them,
//! and nobody who reads them finds an element, a name or a prefix that the rules forbid.

mod input;
mod model;
mod readers;

use std::time::Duration;

use alb_authn::claims::read_user_claims;
use alb_authn::config::Config;
use alb_authn::identity::{AccessEvaluation, Identity, compose};
use alb_authn::reason::Rejection;
use alb_authn::time::Clock;
use alb_authn::token::{UnverifiedToken, check_locally};
use alb_authn::verify::verify;
use arbitrary::Unstructured;
use serde_json::Value;

use crate::support::{Toy, after_noon, header, public_key, toy_token};
use input::Case;

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let Ok(case) = Case::read(&mut Unstructured::new(data)) else {
        return;
    };
    let Ok(config) = Config::parse(case.config().to_string().as_bytes()) else {
        return;
    };
    let ours = judge(&config, &case.payload);
    let expected = model::compose(&case);
    let shown = || format!("{case:#?}");
    match (&ours, &expected) {
        (Err(ours), Err(expected)) => assert_eq!(ours, expected, "{}", shown()),
        (Ok(identity), Ok(expected)) => {
            let headers = identity.headers().iter();
            let headers: Vec<(&str, &str)> = headers
                .map(|(name, text)| (name.as_str(), &**text))
                .collect();
            let filled = expected.headers.iter();
            let filled: Vec<(&str, &str)> = filled
                .map(|filled| (filled.entry.header, filled.text.as_str()))
                .collect();
            assert_eq!(headers, filled, "{}", shown());
            assert_eq!(identity.values_left_out(), expected.left_out, "{}", shown());
            for filled in &expected.headers {
                readers::check(&case, filled);
            }
        }
        _ => panic!("{ours:?}, but by the rules {expected:?}: {}", shown()),
    }
}

fn judge(config: &Config, payload: &Value) -> Result<Identity, Rejection> {
    let key = public_key(1);
    let raw = toy_token(
        header().to_string().as_bytes(),
        payload.to_string().as_bytes(),
        &key,
    );
    let token = UnverifiedToken::parse(raw.as_bytes())?;
    let token = check_locally(token, &alb_authn::token_kind::ALB, config, after_noon(0))
        .map_err(|refused| refused.rejection)?;
    let token = verify(token, &key, &Toy)?;
    let clock = Clock {
        now: after_noon(0),
        skew: Duration::ZERO,
    };
    let claims = read_user_claims(&token, clock)?;
    compose(&token.header().signer, &claims, AccessEvaluation::NotRead)
        .map_err(|rejected| rejected.rejection)
}
