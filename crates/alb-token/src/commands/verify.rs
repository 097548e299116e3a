//! `verify`: the filter's verdict on a token, by the filter's own core.

use std::process::ExitCode;
use std::rc::Rc;

use alb_authn::config::Config;
use alb_authn::header_plan::HeaderEdit;
use alb_authn::headers::Headers;
use alb_authn::keys::PublicKey;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::request::{AwaitingKey, Decision, Effect, Request, decide_once};
use alb_authn::time::UnixTime;
use alb_authn::token_cache::TokenCache;
use alb_authn::verify::WasmBackend;
use alb_fixtures::mint::unix_now;
use serde_json::{Map, Value, json};

use crate::arguments::{OutputFormat, VerifyArguments};
use crate::config_file::{ConfigFile, Finding, ROOT_NAMESPACE, quoted};
use crate::failure::Failure;
use crate::input;
use crate::inspect::Inspection;
use crate::pretty_json;
use crate::terminal::{Page, Tone, harmless};

/// How the judging ended.
enum Verdict {
    Accepted {
        headers: Vec<(String, String)>,
    },
    Refused {
        rejection: Rejection,
        /// The configured name of the claim, if it is one that is missing or wrong.
        claim: Option<String>,
        /// What the token shows of the cause.
        detail: Option<String>,
    },
    /// All that can be judged without the key is good.
    KeyNeeded {
        url: String,
    },
}

pub(crate) fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    check_stdin_is_read_once(arguments)?;
    let config = read_config(arguments)?;
    let key = read_key(arguments)?;
    let token = input::token(arguments.common.token.as_deref())?;
    let now = arguments
        .at
        .unwrap_or_else(|| UnixTime::from_secs(unix_now()));
    let verdict = judge(&token, &config, key, now)?;
    match arguments.common.output.format {
        OutputFormat::Text => {
            verdict.text().print()?;
            verdict.advise();
        }
        OutputFormat::Json => pretty_json::page(&verdict.json())?.print()?,
    }
    Ok(verdict.status())
}

fn check_stdin_is_read_once(arguments: &VerifyArguments) -> Result<(), Failure> {
    let uses = [
        ("--config", input::is_stdin(&arguments.config)),
        (
            "--key",
            arguments.key.as_deref().is_some_and(input::is_stdin),
        ),
        (
            "the token",
            arguments
                .common
                .token
                .as_deref()
                .is_none_or(|token| token == "-"),
        ),
    ];
    let named: Vec<&str> = uses
        .iter()
        .filter(|(_, is_used)| *is_used)
        .map(|(name, _)| *name)
        .collect();
    if named.len() < 2 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "standard input can't be {} at once: name a file, or give the token as an argument",
        named.join(" and ")
    )))
}

fn read_config(arguments: &VerifyArguments) -> Result<Config, Failure> {
    let unusable = |why: &str| {
        let file = arguments.config.display();
        Failure::Usage(format!("--config {file}: {why}"))
    };
    let list = |problems: &[Finding]| {
        let lines: Vec<String> = problems
            .iter()
            .map(|p| format!("\n  {}", harmless(&p.to_string())))
            .collect();
        unusable(&format!(
            "the filter would not start with it; `alb-token check-config` says all:{}",
            lines.concat()
        ))
    };
    let text = input::text("--config", &arguments.config)?;
    let file = ConfigFile::parse(&text, ROOT_NAMESPACE);
    if !file.problems.is_empty() {
        return Err(list(&file.problems));
    }
    match file.plugins.as_slice() {
        [plugin] => plugin.config().map_err(|problems| list(&problems)),
        plugins => Err(unusable(&format!(
            "holds {} configurations; give a file with one of them",
            plugins.len()
        ))),
    }
}

fn read_key(arguments: &VerifyArguments) -> Result<Option<Rc<PublicKey>>, Failure> {
    let Some(file) = &arguments.key else {
        return Ok(None);
    };
    let pem = input::bytes("--key", file)?;
    let key = PublicKey::from_pem(&pem).ok_or_else(|| {
        let next = if pem.windows(12).any(|part| part == b"PRIVATE KEY-") {
            "this one is private: `openssl pkey -pubout` makes the public key of it, and `alb-token keygen` wrote it \
             beside it (.pub)"
        } else {
            "`verify` without --key prints the URL that holds it"
        };
        Failure::Usage(format!(
            "--key {}: not one P-256 public key in PEM (-----BEGIN PUBLIC KEY-----); {next}",
            file.display()
        ))
    })?;
    Ok(Some(Rc::new(key)))
}

/// Judges a request that carries nothing but the token: with a path it could match `allowMissingToken` or
/// `logout`, which are no verdict on a token.
fn judge(
    token: &[u8],
    config: &Config,
    key: Option<Rc<PublicKey>>,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", token)];
    let inspection = || Inspection::of_users_token(token, now);
    let decision =
        match Request::handle_headers(&Headers::new(&pairs), config, &TokenCache::new(0), now) {
            Request::Decided(decision) => decision,
            Request::AwaitingKey(waiting) => match key {
                Some(key) => with_key(waiting, key, config, now),
                None => {
                    let url = key_url(&waiting, config);
                    return Ok(Verdict::KeyNeeded { url });
                }
            },
        };
    Verdict::of(decision, inspection)
}

fn with_key(
    waiting: AwaitingKey<'_>,
    key: Rc<PublicKey>,
    config: &Config,
    now: UnixTime,
) -> Decision {
    decide_once(waiting, key, config, &WasmBackend, now).decision
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

impl Verdict {
    /// The reason and not the action decides: `mode: observe` forwards what it would refuse.
    fn of(decision: Decision, inspection: impl FnOnce() -> Inspection) -> Result<Self, Failure> {
        match (decision.reason, decision.effect) {
            (Reason::Rejected(rejection), _) => Ok(Self::Refused {
                rejection,
                claim: decision.log_context.claim,
                detail: inspection().detail(rejection),
            }),
            (Reason::Ok, Effect::Forward { plan, .. }) => {
                let set = plan.edits().iter().filter_map(|edit| match edit {
                    HeaderEdit::Set(name, value) => {
                        Some((name.clone(), String::from_utf8_lossy(value).into_owned()))
                    }
                    HeaderEdit::Remove(_) | HeaderEdit::Append(..) => None,
                });
                Ok(Self::Accepted {
                    headers: set.collect(),
                })
            }
            // Neither a logout nor a public route: there is no path.
            (reason, _) => Err(Failure::Usage(format!(
                "no verdict on a token: {}",
                reason.name()
            ))),
        }
    }

    fn status(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Accepted { .. } => 0,
            Self::Refused { .. } => 1,
            Self::KeyNeeded { .. } => 2,
        })
    }

    fn text(&self) -> Page {
        let mut page = Page::new();
        match self {
            Self::Accepted { headers } => {
                page.words(&[(Tone::Good, "ok")]);
                for (name, value) in headers {
                    page.line(&format!("{name}: {value}"));
                }
            }
            Self::Refused { rejection, .. } => page.words(&[
                (Tone::Bad, rejection.name()),
                (Tone::Plain, ": "),
                (Tone::Plain, rejection.message()),
            ]),
            Self::KeyNeeded { url } => {
                page.words(&[
                    (Tone::Caution, "key needed"),
                    (
                        Tone::Plain,
                        ": what needs no key is good; signature and claims are not judged yet.",
                    ),
                ]);
                page.line("Save what this URL answers, and give the file as --key:");
                page.line(url);
            }
        }
        page
    }

    /// What helps a person on, on standard error: standard output holds the verdict alone.
    fn advise(&self) {
        if let Self::Refused {
            rejection,
            claim,
            detail,
        } = self
        {
            if let Some(claim) = claim {
                eprintln!("The claim is {}.", harmless(&quoted(claim)));
            }
            if let Some(detail) = detail {
                eprintln!("{}", harmless(detail));
            }
            eprintln!(
                "`alb-token inspect` shows the whole token; docs/rejections.md says what to do about {}.",
                rejection.name()
            );
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Accepted { headers } => {
                let headers = headers
                    .iter()
                    .cloned()
                    .map(|(name, value)| (name, value.into()));
                json!({"verdict": "ok", "reason": "ok", "headers": headers.collect::<Map<_, Value>>()})
            }
            Self::Refused {
                rejection,
                claim,
                detail,
            } => json!({
                "verdict": "refused",
                "reason": rejection.name(),
                "status": rejection.status(),
                "message": rejection.message(),
                "claim": claim,
                "detail": detail,
            }),
            Self::KeyNeeded { url } => json!({"verdict": "key_needed", "keyUrl": url}),
        }
    }
}
