//! The verdict table, as far as a client sees it.

use crate::http::Response;

/// Every reason and the status of its answer; 0 where it is none of the module's.
pub const REASONS: [(&str, u16); 23] = [
    ("ok", 0),
    ("no_token", 0),
    ("logout", 0),
    ("missing_token", 401),
    ("token_too_large", 401),
    ("malformed_token", 401),
    ("unsupported_algorithm", 401),
    ("invalid_key_id", 401),
    ("untrusted_signer", 401),
    ("wrong_issuer", 401),
    ("wrong_client", 401),
    ("token_expired", 401),
    ("unknown_key", 401),
    ("invalid_signature", 401),
    ("missing_access_token", 401),
    ("access_token_expired", 401),
    ("invalid_access_token", 401),
    ("missing_claim", 403),
    ("unusable_claim", 403),
    ("claim_mismatch", 403),
    ("unverified_email", 403),
    ("key_unavailable", 503),
    ("overloaded", 503),
];

/// A row of a table of refusals.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is wrong.
    pub name: &'static str,
    /// The values of `x-amzn-oidc-data`, a header line each.
    pub tokens: Vec<String>,
    /// The reason that must be named.
    pub reason: &'static str,
}

impl Case {
    /// One token, and the reason of its refusal.
    pub fn new(name: &'static str, token: impl Into<String>, reason: &'static str) -> Self {
        Self::with_tokens(name, vec![token.into()], reason)
    }

    /// Any number of tokens, and the reason of their refusal.
    pub fn with_tokens(name: &'static str, tokens: Vec<String>, reason: &'static str) -> Self {
        Self {
            name,
            tokens,
            reason,
        }
    }
}

/// Fails unless `response` is the whole refusal for `reason`; `case` tells which row of a table.
#[track_caller]
pub fn assert_refused(response: &Response, reason: &str, case: &str) {
    let found = (response.status, response.reason());
    assert_eq!(found, (status_of(reason), reason.to_owned()), "{case}");
    assert_eq!(
        response.values("content-type"),
        ["application/json"],
        "{case}"
    );
    assert_eq!(response.values("cache-control"), ["no-store"], "{case}");
    let challenge = format!(r#"Bearer error="invalid_token", error_description="{reason}""#);
    let challenges = match (response.status, reason) {
        (_, "missing_token") => vec!["Bearer"],
        (401, _) => vec![challenge.as_str()],
        _ => vec![],
    };
    assert_eq!(response.values("www-authenticate"), challenges, "{case}");
    let retry_after: &[&str] = if response.status == 503 { &["1"] } else { &[] };
    assert_eq!(response.values("retry-after"), retry_after, "{case}");
    let body = response.json();
    let members: Vec<_> = body.as_object().into_iter().flatten().collect();
    assert_eq!(members.len(), 2, "{case}: {body}");
    let message = body["message"].as_str().unwrap_or_default();
    assert!(message.len() > 10, "{case}: {body}");
}

fn status_of(reason: &str) -> u16 {
    let row = REASONS.iter().find(|(name, _)| *name == reason);
    row.unwrap_or_else(|| panic!("{reason} is no reason")).1
}
