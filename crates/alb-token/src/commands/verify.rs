//! `verify`: the filter's verdict on a token, by the filter's own core.

mod backend;
mod inputs;
mod verdict;

use std::process::ExitCode;
use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::keys::{KeySet, PublicKey};
use alb_authn::reason::Rejection;
use alb_authn::request::{AwaitingKey, AwaitingKeySet, Caches, Judge, Judgement, Request, Step};
use alb_authn::time::UnixTime;
use alb_authn::token_kind::{ACCESS_TOKEN_HEADER, ALB};
use alb_fixtures::mint::unix_now;

use crate::arguments::{OutputFormat, VerifyArguments};
use crate::failure::Failure;
use crate::inspect::Inspection;
use crate::pretty_json;

use backend::NativeBackend;
use verdict::{AccessVerdict, Verdict};

pub(crate) fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    inputs::check_stdin_is_read_once(arguments)?;
    let config = inputs::config(arguments)?;
    let keys = Keys {
        users: inputs::key(arguments)?,
        set: inputs::key_set(arguments)?,
    };
    let tokens = inputs::tokens(arguments)?;
    let now = arguments
        .at
        .unwrap_or_else(|| UnixTime::from_secs(unix_now()));
    let verdict = judge(&tokens, &config, &keys, now)?;
    match arguments.common.output.format {
        OutputFormat::Text => {
            verdict.text().print()?;
            verdict.advise();
        }
        OutputFormat::Json => pretty_json::page(&verdict.json())?.print()?,
    }
    Ok(verdict.status())
}

/// What a request carries.
struct Tokens {
    users: Vec<u8>,
    access: Option<Vec<u8>>,
}

/// The keys that are given; what is absent is named by its URL.
struct Keys {
    users: Option<Rc<PublicKey>>,
    set: Option<KeySet>,
}

/// Judges a request that carries nothing but the tokens: with a path it could match `allowMissingToken` or
/// `logout`, which are no verdict on a token.
fn judge(tokens: &Tokens, config: &Config, keys: &Keys, now: UnixTime) -> Result<Verdict, Failure> {
    let caches = &mut Caches::new(0, false);
    let mut pairs: Vec<(&[u8], &[u8])> = vec![(ALB.header.as_bytes(), &tokens.users)];
    if let Some(token) = &tokens.access {
        pairs.push((ACCESS_TOKEN_HEADER.as_bytes(), token));
    }
    let request = Request::handle_headers(&Headers::new(&pairs), config, &caches.user, now);
    let mut judge = Judge {
        config,
        backend: &NativeBackend,
        caches,
    };
    let judgement = match request {
        Request::Decided(decision) => {
            return Verdict::of(decision, None, |rejection| {
                Inspection::of_users_token(&tokens.users, now).detail(rejection)
            });
        }
        Request::AwaitingKey(waiting) => {
            let Some(key) = &keys.users else {
                let url = key_url(&waiting, config);
                return Ok(Verdict::KeyNeeded { url });
            };
            match judge.decide(waiting, Ok(Rc::clone(key)), now) {
                Step::Decided(judgement) => judgement,
                Step::AwaitingKeySet(waiting) => {
                    let Some(set) = &keys.set else {
                        let url = key_set_url(&waiting, config);
                        return Ok(Verdict::KeySetNeeded { url });
                    };
                    let key = set.find(waiting.kid()).cloned();
                    // As the filter does once it has fetched the set for this very key id.
                    let key = key.ok_or(Rejection::InvalidAccessToken);
                    judge.decide_with_set_key(waiting, key, now)
                }
            }
        }
    };
    verdict(judgement, tokens, keys, now)
}

fn verdict(
    judgement: Judgement,
    tokens: &Tokens,
    keys: &Keys,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let detail = |rejection: Rejection| match rejection {
        Rejection::InvalidAccessToken | Rejection::AccessTokenExpired => {
            access_detail(tokens, keys, rejection, now)
        }
        Rejection::MissingAccessToken => Some(match tokens.access {
            Some(_) => "The file of --access-token is empty.".to_owned(),
            None => "No access token is given: see --access-token.".to_owned(),
        }),
        _ => Inspection::of_users_token(&tokens.users, now).detail(rejection),
    };
    let access = match judgement.access_token {
        Some(Ok(())) => Some(AccessVerdict::Holds),
        Some(Err(rejection)) => Some(AccessVerdict::Withheld {
            rejection,
            detail: detail(rejection),
        }),
        None if tokens.access.is_some() => Some(AccessVerdict::NotRead),
        None => None,
    };
    Verdict::of(judgement.decision, access, detail)
}

/// Why the access token does not hold: what it shows by itself, then what differs from the user's token, then its key.
fn access_detail(
    tokens: &Tokens,
    keys: &Keys,
    rejection: Rejection,
    now: UnixTime,
) -> Option<String> {
    let access = Inspection::of_access_token(tokens.access.as_ref()?, now);
    let users = Inspection::of_users_token(&tokens.users, now);
    let own = access.detail(rejection);
    let other = || access.differs_from(&users);
    let key = || {
        let kid = access.kid()?;
        let is_there = keys.set.as_ref()?.find(&kid).is_some();
        Some(if is_there {
            "It was changed, its `kid` names another key in --jwks than the one that signed it, or `audiences` or \
             `subject` in the configuration do not fit it."
                .to_owned()
        } else {
            "The key set in --jwks has no usable key with its `kid`.".to_owned()
        })
    };
    own.or_else(other).or_else(key)
}

fn key_url(waiting: &AwaitingKey<'_>, config: &Config) -> String {
    let key = waiting.key();
    let source = config.key_sources().get(key.source.0);
    let url = source.map(|source| {
        let path = source.path(key.kid.as_str());
        format!("https://{}{path}", source.authority)
    });
    url.unwrap_or_default()
}

fn key_set_url(waiting: &AwaitingKeySet<'_>, config: &Config) -> String {
    let source = config.key_set_sources().get(waiting.set().0);
    let url = source.map(|source| format!("https://{}{}", source.authority, source.path));
    url.unwrap_or_default()
}
