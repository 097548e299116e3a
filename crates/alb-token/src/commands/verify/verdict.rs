//! The result of `verify`, for people and for scripts.

use std::process::ExitCode;

use alb_authn::header_plan::HeaderEdit;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::request::{Decision, Effect};
use serde_json::{Map, Value, json};

use crate::config_file::quoted;
use crate::failure::Failure;
use crate::terminal::{Page, Tone, harmless};

/// How the judging ended.
pub(super) enum Verdict {
    Accepted {
        headers: Vec<(String, String)>,
        access: Option<AccessVerdict>,
    },
    Refused {
        rejection: Rejection,
        /// The configured name of the claim, if it is one that is missing or wrong.
        claim: Option<String>,
        /// What the token shows of the cause.
        detail: Option<String>,
    },
    /// All that can be judged without the key is good.
    KeyNeeded { url: String },
    /// The user's token is good, and the form of the access token.
    KeySetNeeded { url: String },
}

/// What became of the access token of an accepted request.
pub(super) enum AccessVerdict {
    Holds,
    /// Optional headers that read it are not set.
    Withheld {
        rejection: Rejection,
        detail: Option<String>,
    },
    /// Nothing in the configuration reads it.
    NotRead,
}

impl Verdict {
    /// The reason and not the action decides: `mode: observe` forwards what it would refuse.
    pub(super) fn of(
        decision: Decision,
        access: Option<AccessVerdict>,
        detail: impl FnOnce(Rejection) -> Option<String>,
    ) -> Result<Self, Failure> {
        match (decision.reason, decision.effect) {
            (Reason::Rejected(rejection), _) => Ok(Self::Refused {
                rejection,
                claim: decision.log_context.claim,
                detail: detail(rejection),
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
                    access,
                })
            }
            // Neither a logout nor a public route: there is no path.
            (reason, _) => Err(Failure::Usage(format!(
                "no verdict on a token: {}",
                reason.name()
            ))),
        }
    }

    pub(super) fn status(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Accepted { .. } => 0,
            Self::Refused { .. } => 1,
            Self::KeyNeeded { .. } | Self::KeySetNeeded { .. } => 2,
        })
    }

    pub(super) fn text(&self) -> Page {
        let mut page = Page::new();
        match self {
            Self::Accepted { headers, .. } => {
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
            Self::KeySetNeeded { url } => {
                page.words(&[
                    (Tone::Caution, "key set needed"),
                    (
                        Tone::Plain,
                        ": the user's token is verified; the access token is not judged yet.",
                    ),
                ]);
                page.line("Save what this URL answers, and give the file as --jwks:");
                page.line(url);
            }
        }
        page
    }

    /// What helps a person on, on standard error: standard output holds the verdict alone.
    pub(super) fn advise(&self) {
        match self {
            Self::Refused {
                rejection,
                claim,
                detail,
            } => {
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
            Self::Accepted {
                access: Some(access),
                ..
            } => access.advise(),
            Self::Accepted { .. } | Self::KeyNeeded { .. } | Self::KeySetNeeded { .. } => {}
        }
    }

    pub(super) fn json(&self) -> Value {
        match self {
            Self::Accepted { headers, access } => {
                let headers = headers
                    .iter()
                    .cloned()
                    .map(|(name, value)| (name, value.into()));
                let headers = headers.collect::<Map<_, Value>>();
                let mut json = json!({"verdict": "ok", "reason": "ok", "headers": headers});
                if let (Some(access), Some(members)) = (access, json.as_object_mut()) {
                    members.extend(access.json());
                }
                json
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
            Self::KeySetNeeded { url } => json!({"verdict": "key_needed", "keySetUrl": url}),
        }
    }
}

impl AccessVerdict {
    fn advise(&self) {
        match self {
            Self::Holds => {}
            Self::Withheld { rejection, detail } => {
                let message = rejection.message();
                eprintln!("{}: {message}", rejection.name());
                if let Some(detail) = detail {
                    eprintln!("{}", harmless(detail));
                }
                eprintln!("Optional headers that read the access token are not set.");
            }
            Self::NotRead => eprintln!(
                "Nothing reads the access token: no mapping or required claim has `source: accessToken`, and it is not \
                 forwarded verified."
            ),
        }
    }

    /// Further members of the JSON.
    fn json(&self) -> Map<String, Value> {
        let (name, detail) = match self {
            Self::Holds => ("ok", &None),
            Self::Withheld { rejection, detail } => (rejection.name(), detail),
            Self::NotRead => ("not_read", &None),
        };
        let mut members = Map::new();
        members.insert("accessToken".to_owned(), name.into());
        if let Some(detail) = detail {
            members.insert("accessTokenDetail".to_owned(), detail.as_str().into());
        }
        members
    }
}
