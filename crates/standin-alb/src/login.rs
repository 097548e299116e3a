//! The two ends of a login: the browser's way to the provider, and what it brings back. Between them
//! the load balancer keeps nothing: the sealed `state` holds it, and the nonce cookie says whose it is.

use alb_fixtures::server::Body;
use hyper::header::SET_COOKIE;
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};
use serde::{Deserialize, Serialize};

use crate::config::AuthenticateOidcConfig;
use crate::cookies::{self, NONCE_COOKIE};
use crate::error::AuthError;
use crate::reply;
use crate::sealed::{Purpose, Sealer, random};

/// Where providers send browsers back to.
pub(crate) const CALLBACK_PATH: &str = "/oauth2/idpresponse";

/// What a login is about.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct State {
    /// What the user came for.
    pub(crate) url: String,
    /// The nonce cookie's value.
    nonce: String,
    /// When it began, in Unix seconds.
    began: i64,
    issuer: String,
    client_id: String,
    cookie_name: String,
}

/// A provider's answer that belongs to a login of this browser.
pub(crate) struct Callback {
    pub(crate) state: State,
    pub(crate) code: String,
}

/// Sends the browser to log in.
pub(crate) fn begin(
    login: &AuthenticateOidcConfig,
    sealer: &Sealer,
    url: String,
    host: &str,
    now: i64,
) -> Response<Body> {
    let nonce = nonce();
    let state = State {
        url,
        nonce: nonce.clone(),
        began: now,
        issuer: login.issuer.clone(),
        client_id: login.client_id.clone(),
        cookie_name: login.session_cookie_name.clone(),
    };
    let state = serde_json::to_vec(&state).expect("strings and a number");
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &login.client_id)
        .append_pair("redirect_uri", &redirect_uri(host))
        .append_pair("response_type", "code")
        .append_pair("scope", &login.scope)
        .append_pair("state", &sealer.seal(Purpose::State, &state))
        .extend_pairs(&login.authentication_request_extra_params)
        .finish();
    let endpoint = &login.authorization_endpoint;
    let separator = if endpoint.contains('?') { '&' } else { '?' };
    let mut response = reply::redirect(StatusCode::FOUND, &format!("{endpoint}{separator}{query}"));
    response
        .headers_mut()
        .append(SET_COOKIE, cookies::set_nonce(&nonce));
    response
}

/// Where the provider sends the browser back to.
pub(crate) fn redirect_uri(host: &str) -> String {
    format!("https://{host}{CALLBACK_PATH}")
}

impl Callback {
    /// Reads a request for [`CALLBACK_PATH`].
    pub(crate) fn read(request: &Parts, sealer: &Sealer, now: i64) -> Result<Self, AuthError> {
        let query = request.uri.query().unwrap_or_default();
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        let sealed = parameter("state").ok_or(AuthError::MissingStateParam)?;
        let state: State = sealer
            .open(Purpose::State, &sealed)
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or(AuthError::InvalidStateParam)?;
        if now >= state.began.saturating_add(LOGIN_TIMEOUT) {
            return Err(AuthError::InvalidStateParam);
        }
        let nonce =
            cookies::value(&request.headers, NONCE_COOKIE).ok_or(AuthError::MissingNonce)?;
        if nonce != state.nonce {
            return Err(AuthError::InvalidNonce);
        }
        match parameter("error").as_deref() {
            None => {}
            Some("access_denied") => return Err(AuthError::AccessDenied),
            Some(_) => return Err(AuthError::ProviderError),
        }
        let code = parameter("code").ok_or(AuthError::MissingCodeParam)?;
        Ok(Self { state, code })
    }
}

impl State {
    /// Whether the login was begun by a rule with this configuration.
    pub(crate) fn is_of(&self, login: &AuthenticateOidcConfig) -> bool {
        self.issuer == login.issuer
            && self.client_id == login.client_id
            && self.cookie_name == login.session_cookie_name
    }
}

/// Sixteen letters and digits, as real ones are.
fn nonce() -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB";
    random::<16>()
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]))
        .collect()
}

/// 15 minutes (the ALB guide, "Client login timeout").
const LOGIN_TIMEOUT: i64 = 900;
