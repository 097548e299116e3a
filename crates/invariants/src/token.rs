//! Any bytes as a token: it is taken apart exactly where it has the canonical form.

use alb_authn::config::Config;
use alb_authn::headers::Headers;
use alb_authn::reason::{Reason, Rejection};
use alb_authn::request::Request;
use alb_authn::token::UnverifiedToken;
use alb_authn::token_cache::TokenCache;
use serde_json::json;

use crate::support::{after_noon, config_with};

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let parts: Vec<&[u8]> = data.split(|byte| *byte == b'.').collect();
    let is_canonical = parts.len() == 3 && parts.iter().all(|part| is_canonical_base64url(part));
    let parsed = UnverifiedToken::parse(data);
    assert_eq!(parsed.is_ok(), is_canonical, "{data:?}");
    if let Ok(token) = parsed {
        assert_eq!(token.raw(), data);
        assert_eq!(token.signing_input(), [parts[0], parts[1]].join(&b'.'));
    }
    judge_as_header(data, is_canonical);
}

thread_local! {
    static CONFIG: Config = config_with(json!({ "maxTokenBytes": 1024 }));
}

/// The same bytes as a request's header: no form but the canonical one gets past `malformed_token`.
fn judge_as_header(data: &[u8], is_canonical: bool) {
    let pairs: [(&[u8], &[u8]); 1] = [(b"x-amzn-oidc-data", data)];
    let headers = Headers::new(&pairs);
    let request = CONFIG.with(|config| {
        Request::handle_headers(&headers, config, &TokenCache::new(0), after_noon(0))
    });
    let reason = match request {
        Request::AwaitingKey(_) => return assert!(is_canonical),
        Request::Decided(decision) => decision.reason,
    };
    let expected = if data.is_empty() {
        Rejection::MissingToken
    } else if data.len() > 1024 {
        Rejection::TokenTooLarge
    } else if !is_canonical {
        Rejection::MalformedToken
    } else {
        // Which of them, the target `protected_header` asks.
        return assert!(matches!(reason, Reason::Rejected(_)));
    };
    assert_eq!(reason, Reason::Rejected(expected));
}

/// RFC 4648 section 5, not empty, with exactly the right padding or none, the trailing bits zero.
fn is_canonical_base64url(part: &[u8]) -> bool {
    let digits = part.iter().take_while(|byte| **byte != b'=').count();
    let (text, padding) = part.split_at(digits);
    let Some(values) = text
        .iter()
        .map(|byte| digit(*byte))
        .collect::<Option<Vec<u8>>>()
    else {
        return false;
    };
    let (right_padding, spare_bits) = match values.len() % 4 {
        0 => (0, 0),
        2 => (2, 4),
        3 => (1, 2),
        _ => return false,
    };
    let last = values.last().copied().unwrap_or(0);
    !values.is_empty()
        && (padding.is_empty() || padding == &b"=="[..right_padding])
        && last.trailing_zeros() >= spare_bits
}

fn digit(byte: u8) -> Option<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let index = alphabet.iter().position(|known| *known == byte)?;
    u8::try_from(index).ok()
}
