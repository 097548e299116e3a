//! When an access token holds for a user: the rules, written a second time.

use alb_authn::time::UnixTime;

use super::KIDS;
use crate::json::Json;
use crate::support::{rsa_key, toy_rs256};
use crate::token::decode_canonical;

/// The user's verified token, the configuration, and the time.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) issuer: &'a str,
    pub(super) client: &'a str,
    /// `None` if it is no string.
    pub(super) sub: Option<&'a str>,
    /// The configured claim.
    pub(super) subject: &'a str,
    pub(super) audiences: &'a [&'a str],
    pub(super) now: UnixTime,
}

/// What must come of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    /// That alone is wrong with it.
    HasExpired,
    /// It may have expired as well.
    Invalid,
    /// It has not expired, or its claims can't be believed.
    InvalidInTime,
    /// Its payload is JSON that the second reader can't read.
    Unknown,
}

const CLOCK_SKEW_MS: f64 = 30_000.0;

impl Rules<'_> {
    pub(super) fn judge(&self, raw: &[u8]) -> Verdict {
        let parts: Vec<&[u8]> = raw.split(|byte| *byte == b'.').collect();
        let [header, payload, signature] = parts[..] else {
            return Verdict::InvalidInTime;
        };
        let decoded = [header, payload, signature].map(decode_canonical);
        let [Some(header_json), Some(payload_json), Some(signature_bytes)] = decoded else {
            return Verdict::InvalidInTime;
        };
        let input = [header, payload].join(&b'.');
        match is_signed(&header_json, &input, &signature_bytes) {
            None => Verdict::Unknown,
            Some(false) => Verdict::InvalidInTime,
            Some(true) => match serde_json::from_slice::<Json>(&payload_json) {
                Ok(payload) => self.judge_claims(&payload),
                Err(_) => Verdict::Unknown,
            },
        }
    }

    fn judge_claims(&self, payload: &Json) -> Verdict {
        let is_bound = payload.get("iss").and_then(Json::text) == Some(self.issuer)
            && self.sub.is_some()
            && self.subject_of(payload) == self.sub
            && self.is_for_client(payload)
            && payload
                .get("token_use")
                .is_none_or(|used| used.text() == Some("access"))
            && payload.get("typ").and_then(Json::text) != Some("ID");
        let now = millis(self.now);
        let is_begun = match payload.get("nbf") {
            None => true,
            Some(Json::Number(nbf)) => nbf * 1000.0 <= now + CLOCK_SKEW_MS,
            Some(_) => false,
        };
        let has_expired = match payload.get("exp") {
            Some(Json::Number(exp)) => now >= exp * 1000.0 + CLOCK_SKEW_MS,
            _ => return Verdict::InvalidInTime,
        };
        match (is_bound && is_begun, has_expired) {
            (true, false) => Verdict::Holds,
            (true, true) => Verdict::HasExpired,
            (false, true) => Verdict::Invalid,
            (false, false) => Verdict::InvalidInTime,
        }
    }

    fn subject_of<'p>(&self, payload: &'p Json) -> Option<&'p str> {
        let found = payload.get(self.subject).or_else(|| {
            let mut steps = self.subject.split('.');
            steps.try_fold(payload, |value, step| value.get(step))
        });
        found.and_then(Json::text)
    }

    fn is_for_client(&self, payload: &Json) -> bool {
        let audiences: Vec<&str> = match payload.get("aud") {
            Some(Json::Text(one)) => vec![one],
            Some(Json::List(several)) => several.iter().filter_map(Json::text).collect(),
            _ => Vec::new(),
        };
        let is_configured = self
            .audiences
            .iter()
            .any(|wanted| audiences.contains(wanted));
        if !self.audiences.is_empty() && !is_configured {
            return false;
        }
        let named: Vec<&Json> = ["client_id", "azp", "cid"]
            .iter()
            .filter_map(|name| payload.get(name))
            .collect();
        if named.is_empty() {
            is_configured || audiences.contains(&self.client)
        } else {
            named.iter().all(|name| name.text() == Some(self.client))
        }
    }
}

/// Whether the header is right, and the signature is that of the key that it names. `None`: the header is JSON that the
/// second reader can't read.
fn is_signed(header: &[u8], input: &[u8], signature: &[u8]) -> Option<bool> {
    let header = serde_json::from_slice::<Json>(header).ok()?;
    let kid = header.get("kid").and_then(Json::text);
    let number = KIDS
        .iter()
        .zip(1..)
        .find(|(own, _)| kid == Some(own))
        .map(|(_, number)| number);
    let is_signed = number.is_some_and(|number: u8| {
        let key = rsa_key("", number);
        signature.len() == 256 && signature.starts_with(&toy_rs256(key.spki(), input))
    });
    let is_rs256 = header.get("alg").and_then(Json::text) == Some("RS256");
    Some(header.is_clear_object() && is_rs256 && header.get("crit").is_none() && is_signed)
}

fn millis(time: UnixTime) -> f64 {
    time.as_millis() as f64
}
