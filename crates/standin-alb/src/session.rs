//! A user's session, kept by the browser in the session cookie.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cookies;
use crate::error::AuthError;
use crate::identity_provider::Grant;
use crate::sealed::{Purpose, Sealer};

/// Who is logged in, since when, and by whose word.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Session {
    /// The issuer that said so.
    pub issuer: String,
    /// The client it said it to.
    pub client_id: String,
    /// The claims of the userinfo endpoint, in its order.
    pub claims: Map<String, Value>,
    /// The access token.
    pub access_token: String,
    /// When the access token ends, in Unix seconds.
    pub access_token_ends: i64,
    /// With which it is renewed, where the provider gave one.
    pub refresh_token: Option<String>,
    /// When the user logged in, in Unix seconds; a refresh doesn't change it.
    pub began: i64,
}

/// What a request's session cookie is worth.
#[derive(Debug)]
pub enum Found {
    /// There is none.
    Nothing,
    /// The session is over.
    Expired,
    /// It can be used as it is.
    Valid(Session),
    /// The access token is over, and can be renewed.
    Refreshable(Session),
}

impl Session {
    /// A session that begins `now`; the access token ends as the grant says.
    pub fn begin(
        issuer: &str,
        client_id: &str,
        grant: Grant,
        claims: Map<String, Value>,
        now: i64,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            claims,
            access_token_ends: now.saturating_add(grant.expires_in),
            access_token: grant.access_token,
            refresh_token: grant.refresh_token,
            began: now,
        }
    }

    /// The same session with what a refresh brought.
    pub fn refreshed(self, grant: Grant, claims: Map<String, Value>, now: i64) -> Self {
        // A provider that rotates refresh tokens sends the next one; else the old one stays good.
        let refresh_token = grant.refresh_token.or(self.refresh_token);
        Self {
            claims,
            access_token_ends: now.saturating_add(grant.expires_in),
            access_token: grant.access_token,
            refresh_token,
            ..self
        }
    }

    /// Reads the request's session cookie. A cookie that isn't this load balancer's is an error.
    pub(crate) fn find(
        headers: &HeaderMap,
        sealer: &Sealer,
        cookie_name: &str,
        timeout: u64,
        now: i64,
    ) -> Result<Found, AuthError> {
        let Some(cookie) = cookies::session(headers, cookie_name) else {
            return Ok(Found::Nothing);
        };
        let session: Self = sealer
            .open(Purpose::Session, &cookie)
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or(AuthError::InvalidCookie)?;
        Ok(session.judge(timeout, now))
    }

    /// The session timeout counts first, then the access token's end, which matters only where there is
    /// a refresh token (the ALB guide, "Session timeout").
    fn judge(self, timeout: u64, now: i64) -> Found {
        let ends = self.began.saturating_add_unsigned(timeout);
        if now >= ends {
            Found::Expired
        } else if now >= self.access_token_ends && self.refresh_token.is_some() {
            Found::Refreshable(self)
        } else {
            Found::Valid(self)
        }
    }

    /// `set-cookie` values that give the session to the browser. Claims and access token of more than
    /// 11 KB are an error (the ALB guide, step 8 of "Authentication flow").
    pub(crate) fn cookies(
        &self,
        request: &HeaderMap,
        sealer: &Sealer,
        cookie_name: &str,
    ) -> Result<Vec<HeaderValue>, AuthError> {
        let claims = Value::Object(self.claims.clone()).to_string();
        if claims.len() + self.access_token.len() > MAX_CLAIMS_BYTES {
            return Err(AuthError::UserinfoResponseSizeExceeded);
        }
        let plain = serde_json::to_vec(self).expect("strings, numbers and claims");
        let sealed = sealer.seal(Purpose::Session, &plain);
        cookies::set_session(request, cookie_name, &sealed)
            .ok_or(AuthError::UserinfoResponseSizeExceeded)
    }
}

/// 11K bytes.
const MAX_CLAIMS_BYTES: usize = 11 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn session(refresh_token: Option<&str>) -> Session {
        Session {
            issuer: "https://idp.example.com".into(),
            client_id: "client".into(),
            claims: Map::new(),
            access_token: "access".into(),
            access_token_ends: 1_300,
            refresh_token: refresh_token.map(Into::into),
            began: 1_000,
        }
    }

    fn found(refresh_token: Option<&str>, now: i64) -> &'static str {
        match session(refresh_token).judge(600, now) {
            Found::Nothing => "nothing",
            Found::Expired => "expired",
            Found::Valid(_) => "valid",
            Found::Refreshable(_) => "refreshable",
        }
    }

    #[test]
    fn the_session_timeout_ends_it_whatever_the_tokens_say() {
        for (refresh_token, now, expected) in [
            (Some("r"), 1_299, "valid"),
            (Some("r"), 1_300, "refreshable"),
            (Some("r"), 1_599, "refreshable"),
            (Some("r"), 1_600, "expired"),
            (None, 1_300, "valid"),
            (None, 1_599, "valid"),
            (None, 1_600, "expired"),
        ] {
            assert_eq!(
                found(refresh_token, now),
                expected,
                "{refresh_token:?} at {now}"
            );
        }
    }

    #[test]
    fn claims_and_access_token_share_eleven_kilobytes() {
        let (sealer, request) = (Sealer::new(), HeaderMap::new());
        let mut session = session(None);
        session
            .claims
            .insert("pad".into(), "a".repeat(6_000).into());
        // `{"pad":"…"}` is ten bytes longer than its value.
        session.access_token = "t".repeat(MAX_CLAIMS_BYTES - 6_010);
        assert!(session.cookies(&request, &sealer, "S").is_ok());
        session.access_token.push('t');
        assert_eq!(
            session.cookies(&request, &sealer, "S").unwrap_err(),
            AuthError::UserinfoResponseSizeExceeded
        );
    }
}
