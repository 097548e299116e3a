//! The OpenID provider's endpoints, as a load balancer uses them: the code becomes tokens, the access
//! token becomes claims.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::config::AuthenticateOidcConfig;
use crate::error::AuthError;
use crate::id_token;
pub use local_names::LocalNames;

mod local_names;

/// A client by TLS.
pub type HttpsClient = Client<HttpsConnector<HttpConnector<LocalNames>>, Full<Bytes>>;

/// A client of OpenID providers.
pub struct IdentityProvider {
    client: HttpsClient,
}

/// An HTTPS client that trusts the CA in a PEM file, and knows that names under `localhost` are this machine.
pub fn https_client(ca_file: &Path) -> io::Result<HttpsClient> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(ca_file).map_err(io::Error::other)?;
    roots.add(certificate).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new_with_resolver(LocalNames);
    http.enforce_http(false);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// What a token endpoint gave (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Debug, Deserialize)]
pub struct Grant {
    /// The access token.
    pub access_token: String,
    /// Absent in the answer to a refresh, perhaps.
    pub id_token: Option<String>,
    /// With which the access token can be renewed.
    pub refresh_token: Option<String>,
    /// How long the access token lives, in seconds. Recommended, not required: an hour where absent.
    #[serde(default = "an_hour")]
    pub expires_in: i64,
}

impl IdentityProvider {
    /// One that trusts the CA in a PEM file, and nobody else.
    pub fn trusting(ca_file: &Path) -> io::Result<Self> {
        Ok(Self {
            client: https_client(ca_file)?,
        })
    }

    /// Exchanges an authorization code, and checks the ID token that comes with it.
    pub async fn redeem(
        &self,
        login: &AuthenticateOidcConfig,
        code: &str,
        redirect_uri: &str,
        now: i64,
    ) -> Result<Grant, AuthError> {
        let grant = self
            .token_request(
                login,
                &[
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", redirect_uri),
                ],
            )
            .await?;
        // "The requested scope doesn't return an ID token" is a 401 (the ALB guide, "HTTP 401").
        let id_token = grant
            .id_token
            .as_deref()
            .ok_or(AuthError::InvalidTokenResponse)?;
        id_token::check(id_token, &login.issuer, &login.client_id, now)?;
        Ok(grant)
    }

    /// Renews an access token.
    pub async fn refresh(
        &self,
        login: &AuthenticateOidcConfig,
        refresh_token: &str,
    ) -> Result<Grant, AuthError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
        ];
        self.token_request(login, &form).await
    }

    /// The user's claims.
    pub async fn claims(
        &self,
        login: &AuthenticateOidcConfig,
        access_token: &str,
    ) -> Result<Map<String, Value>, AuthError> {
        let request = Request::get(&login.user_info_endpoint)
            .header(AUTHORIZATION, format!("Bearer {access_token}"))
            .header(ACCEPT, JSON)
            .body(Full::default())
            .map_err(|_| AuthError::InvalidTokenResponse)?;
        let (status, body) =
            self.exchange(request)
                .await
                .map_err(|unreachable| match unreachable {
                    NoAnswer::Unreachable => AuthError::UserinfoEpRequestTimeout,
                    NoAnswer::TooLong => AuthError::UserinfoResponseSizeExceeded,
                })?;
        if !status.is_success() {
            return Err(AuthError::UserinfoEpRequestFailed);
        }
        let claims: Map<String, Value> =
            serde_json::from_slice(&body).map_err(|_| AuthError::InvalidUserinfoResponse)?;
        // OpenID Connect Core section 5.3.2: `sub` is always there.
        match claims.get("sub") {
            Some(Value::String(_)) => Ok(claims),
            _ => Err(AuthError::InvalidUserinfoResponse),
        }
    }

    async fn token_request(
        &self,
        login: &AuthenticateOidcConfig,
        form: &[(&str, &str)],
    ) -> Result<Grant, AuthError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let request = Request::builder()
            .method(Method::POST)
            .uri(&login.token_endpoint)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, JSON)
            .header(AUTHORIZATION, basic(&login.client_id, &login.client_secret))
            .body(Full::from(body))
            .map_err(|_| AuthError::TokenEpRequestFailed)?;
        let (status, body) =
            self.exchange(request)
                .await
                .map_err(|unreachable| match unreachable {
                    NoAnswer::Unreachable => AuthError::TokenEpRequestTimeout,
                    NoAnswer::TooLong => AuthError::InvalidTokenResponse,
                })?;
        if status.is_success() {
            serde_json::from_slice(&body).map_err(|_| AuthError::InvalidTokenResponse)
        } else if is_invalid_grant(&body) {
            Err(AuthError::InvalidGrant)
        } else {
            Err(AuthError::TokenEpRequestFailed)
        }
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), NoAnswer> {
        let answer = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|_| NoAnswer::Unreachable)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
                .collect()
                .await
                .map_err(|_| NoAnswer::TooLong)?;
            Ok((status, body.to_bytes()))
        };
        tokio::time::timeout(TIMEOUT, answer)
            .await
            .unwrap_or(Err(NoAnswer::Unreachable))
    }
}

enum NoAnswer {
    Unreachable,
    TooLong,
}

/// RFC 6749 section 2.3.1: both are form-encoded first.
fn basic(client_id: &str, client_secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(client_id), encode(client_secret));
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// RFC 6749 section 5.2.
fn is_invalid_grant(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    serde_json::from_slice(body).is_ok_and(|refusal: Refusal| refusal.error == "invalid_grant")
}

fn an_hour() -> i64 {
    3600
}

const JSON: &str = "application/json";
/// How long a load balancer waits for a provider is not documented; users saw about five seconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Far above the 11 KB that claims may have.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
