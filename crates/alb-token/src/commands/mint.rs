//! `mint` and `key-set`: tokens for tests and demos, and the keys of access tokens.

use std::path::Path;

use alb_fixtures::access_token::{ACCESS_TOKEN_LIFETIME, sign};
use alb_fixtures::example::user_pool;
use alb_fixtures::mint::unix_now;
use alb_fixtures::rsa::{RsaSigner, key_set as key_set_of};

use super::{read_key, say};
use crate::arguments::{KeySetArguments, MintArguments};
use crate::failure::Failure;
use crate::input;

/// How long a load balancer's token lives by default, in seconds.
const TOKEN_LIFETIME: i64 = 120;

pub(crate) fn mint(arguments: &MintArguments) -> Result<(), Failure> {
    if arguments.access_token {
        return say(&access_token(arguments)?);
    }
    let Some(file) = &arguments.key else {
        return Err(Failure::Usage("--key is needed".to_owned()));
    };
    let key = read_key(file, arguments.kid.as_deref())?;
    let exp = expiry(arguments, unix_now(), TOKEN_LIFETIME);
    let padded = !arguments.no_padding;
    let load_balancer = arguments.load_balancer();
    say(&load_balancer.mint_padded(&key, &arguments.claims, exp, padded))
}

pub(crate) fn key_set(arguments: &KeySetArguments) -> Result<(), Failure> {
    let set = match &arguments.key {
        Some(file) => key_set_of(&[read_rsa_key(file, arguments.kid.as_deref())?]),
        None => user_pool().key_set(),
    };
    say(&set)
}

fn access_token(arguments: &MintArguments) -> Result<String, Failure> {
    let Some(sub) = arguments.claims.get("sub") else {
        return Err(Failure::Usage(
            "--claims: an access token needs `sub`, the one of the user's token".to_owned(),
        ));
    };
    let pool = arguments.user_pool();
    let mut key = match &arguments.key {
        Some(file) => read_rsa_key(file, None)?,
        None => pool.access_key.clone(),
    };
    if let Some(kid) = &arguments.kid {
        key = key.named(kid);
    }
    let now = unix_now();
    let mut claims = pool.access_claims(sub.as_str().unwrap_or_default(), &[], now);
    let exp = expiry(arguments, now, ACCESS_TOKEN_LIFETIME);
    claims.insert("exp".into(), exp.into());
    claims.extend(arguments.claims.clone());
    Ok(sign(&key, &claims))
}

/// In Unix seconds.
fn expiry(arguments: &MintArguments, now: i64, lifetime: i64) -> i64 {
    let from_now = arguments.expires_in.unwrap_or(lifetime);
    arguments.exp.unwrap_or(now.saturating_add(from_now))
}

fn read_rsa_key(file: &Path, kid: Option<&str>) -> Result<RsaSigner, Failure> {
    let pem = input::text("--key", file)?;
    let key = RsaSigner::from_pem("", &pem)
        .map_err(|error| Failure::Usage(format!("--key {}: {error}", file.display())))?;
    Ok(match kid {
        Some(kid) => key.named(kid),
        None => key.named_by_thumbprint(),
    })
}
