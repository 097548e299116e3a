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
pub(crate) fn is_canonical_base64url(part: &[u8]) -> bool {
    decode_canonical(part).is_some()
}

/// The bytes of such a text, bit by bit.
pub(crate) fn decode_canonical(part: &[u8]) -> Option<Vec<u8>> {
    let digits = part.iter().take_while(|byte| **byte != b'=').count();
    let (text, padding) = part.split_at(digits);
    let values: Vec<u8> = text
        .iter()
        .map(|byte| digit(*byte))
        .collect::<Option<_>>()?;
    let (right_padding, spare_bits) = match values.len() % 4 {
        0 => (0, 0),
        2 => (2, 4),
        3 => (1, 2),
        _ => return None,
    };
    let last = values.last().copied()?;
    let is_canonical = (padding.is_empty() || padding == &b"=="[..right_padding])
        && last.trailing_zeros() >= spare_bits;
    is_canonical.then(|| {
        let bytes = values.chunks(4).flat_map(|digits| {
            let bits = digits
                .iter()
                .zip([18, 12, 6, 0])
                .fold(0_u32, |bits, (digit, shift)| {
                    bits | u32::from(*digit) << shift
                });
            bits.to_be_bytes()
                .into_iter()
                .skip(1)
                .take(digits.len() - 1)
        });
        bytes.collect()
    })
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}
