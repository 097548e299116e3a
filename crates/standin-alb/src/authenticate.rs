//! The action `authenticate-oidc`.

use alb_fixtures::server::Body;
use hyper::header::{HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Response, StatusCode};

use crate::config::{AuthenticateOidcConfig, Listener, OnUnauthenticatedRequest};
use crate::error::AuthError;
use crate::identity_provider::IdentityProvider;
use crate::login::{self, Callback};
use crate::reply;
use crate::sealed::Sealer;
use crate::session::{Found, Session};

/// Logs users in, and knows them again.
pub struct Authenticator {
    sealer: Sealer,
    identity_provider: IdentityProvider,
}

/// What the action came to.
pub(crate) enum Outcome {
    /// The request goes on: as the session's user, or as nobody. The cookies go with the response.
    Continue(Option<Session>, Vec<HeaderValue>),
    /// It is answered.
    Answer(Response<Body>),
}

impl Authenticator {
    /// With a key of its own for cookies.
    pub fn new(identity_provider: IdentityProvider) -> Self {
        Self {
            sealer: Sealer::new(),
            identity_provider,
        }
    }

    /// Sees to it that somebody is logged in, or that the rule lets nobody pass.
    pub(crate) async fn authenticate(
        &self,
        login: &AuthenticateOidcConfig,
        request: &Parts,
        host: &str,
        now: i64,
    ) -> Result<Outcome, AuthError> {
        let (name, timeout) = (&login.session_cookie_name, login.session_timeout);
        match Session::find(&request.headers, &self.sealer, name, timeout, now)? {
            Found::Valid(session) => Ok(Outcome::Continue(Some(session), Vec::new())),
            Found::Refreshable(session) => match self.refresh(login, session, now).await {
                Ok(session) => {
                    let cookies = session.cookies(&request.headers, &self.sealer, name)?;
                    Ok(Outcome::Continue(Some(session), cookies))
                }
                Err(_) => self.unauthenticated(login, request, host, now, Knowledge::Expired),
            },
            Found::Expired => self.unauthenticated(login, request, host, now, Knowledge::Expired),
            Found::Nothing => self.unauthenticated(login, request, host, now, Knowledge::Nothing),
        }
    }

    /// Takes the browser back from the provider, and sends it to what the user came for.
    pub(crate) async fn finish(
        &self,
        listener: &Listener,
        request: &Parts,
        host: &str,
        now: i64,
    ) -> Result<Response<Body>, AuthError> {
        let callback = Callback::read(request, &self.sealer, now)?;
        let login = listener
            .logins()
            .find(|login| callback.state.is_of(login))
            .ok_or(AuthError::InvalidStateParam)?;
        let redirect_uri = login::redirect_uri(host);
        let grant = self
            .identity_provider
            .redeem(login, &callback.code, &redirect_uri, now)
            .await?;
        let claims = self
            .identity_provider
            .claims(login, &grant.access_token)
            .await?;
        let session = Session::begin(&login.issuer, &login.client_id, grant, claims, now);
        let cookies =
            session.cookies(&request.headers, &self.sealer, &login.session_cookie_name)?;
        let mut response = reply::redirect(StatusCode::FOUND, &callback.state.url);
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    async fn refresh(
        &self,
        login: &AuthenticateOidcConfig,
        session: Session,
        now: i64,
    ) -> Result<Session, AuthError> {
        let refresh_token = session.refresh_token.as_deref().unwrap_or_default();
        let grant = self.identity_provider.refresh(login, refresh_token).await?;
        let claims = self
            .identity_provider
            .claims(login, &grant.access_token)
            .await?;
        Ok(session.refreshed(grant, claims, now))
    }

    /// `deny` refuses only who shows nothing at all: a session that is over is sent to log in (the ALB
    /// guide, "Configure user authentication", on single-page applications).
    fn unauthenticated(
        &self,
        login: &AuthenticateOidcConfig,
        request: &Parts,
        host: &str,
        now: i64,
        knowledge: Knowledge,
    ) -> Result<Outcome, AuthError> {
        let answer = match (login.on_unauthenticated_request, knowledge) {
            (OnUnauthenticatedRequest::Allow, _) => return Ok(Outcome::Continue(None, Vec::new())),
            (OnUnauthenticatedRequest::Deny, Knowledge::Nothing) => {
                reply::error(StatusCode::UNAUTHORIZED)
            }
            _ if host.is_empty() => return Err(AuthError::MissingHostHeader),
            _ => {
                let target = request
                    .uri
                    .path_and_query()
                    .map_or("/", |target| target.as_str());
                let url = format!("https://{host}{target}");
                login::begin(login, &self.sealer, url, host, now)
            }
        };
        Ok(Outcome::Answer(answer))
    }
}

#[derive(Clone, Copy)]
enum Knowledge {
    Nothing,
    Expired,
}
