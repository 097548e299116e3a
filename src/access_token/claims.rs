//! What a verified access token says, and whether it is this user's.

use std::rc::Rc;

use super::VerifiedAccessToken;
use crate::claims::{Claim, Claims, Evaluation, UserClaims};
use crate::config::{AccessTokenPolicy, ClaimSource, Signer};
use crate::reason::Rejection;
use crate::time::{Clock, UnixTime};
use crate::token::CheckedHeader;

/// The claims that name the OAuth client, by identity provider: Cognito; Keycloak, Auth0 and OpenID Connect; Okta.
const CLIENT_CLAIMS: [&str; 3] = ["client_id", "azp", "cid"];

/// The claims of a verified access token, as one entry of `loadBalancers` reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    issuer: Rc<str>,
    subject: Rc<str>,
    client: Client,
    expires: UnixTime,
    not_before: Option<UnixTime>,
    evaluation: Evaluation,
}

/// For which client the token was made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Client {
    /// Every claim that names the client names this one.
    Named(Rc<str>),
    /// No such claim; `aud` holds these.
    Audiences(Vec<Rc<str>>),
    /// No such claim; `aud` holds a configured audience.
    ConfiguredAudience,
}

impl AccessClaims {
    /// Reads the payload. `policy` is that of `signer`, the entry that accepts the user's token.
    ///
    /// # Errors
    /// [`Rejection::AccessTokenExpired`], whatever else is wrong; `InvalidAccessToken` for what can hold for no user:
    /// no JSON object, another issuer, no subject, no `exp`, clients that differ, an audience that is missing, or an
    /// ID token.
    pub fn read(
        token: &VerifiedAccessToken,
        signer: &Signer,
        policy: &AccessTokenPolicy,
        clock: Clock,
    ) -> Result<Self, Rejection> {
        let claims = Claims::parse(token.payload()).ok_or(Rejection::InvalidAccessToken)?;
        let expires = claims.time("exp").ok().flatten();
        let expires = expires.ok_or(Rejection::InvalidAccessToken)?;
        if clock.has_expired(expires) {
            return Err(Rejection::AccessTokenExpired);
        }
        Self::read_claims(&claims, expires, signer, policy).ok_or(Rejection::InvalidAccessToken)
    }

    fn read_claims(
        claims: &Claims<'_>,
        expires: UnixTime,
        signer: &Signer,
        policy: &AccessTokenPolicy,
    ) -> Option<Self> {
        let audiences = audiences(claims);
        let is_configured = |audience: &String| audiences.iter().any(|own| **own == **audience);
        let holds_audience = policy.audiences.iter().any(is_configured);
        if !is_access_token(claims) || !policy.audiences.is_empty() && !holds_audience {
            return None;
        }
        let issuer = claims.top_level("iss").and_then(Claim::into_string)?;
        let subject = claims.find(&policy.subject).into_string()?;
        let client = match named_client(claims, signer)? {
            Some(client) => Client::Named(client),
            None if holds_audience => Client::ConfiguredAudience,
            None => Client::Audiences(audiences),
        };
        Some(Self {
            issuer: signer.issuers.accept(&issuer)?,
            subject: subject.into(),
            client,
            expires,
            not_before: claims.time("nbf").ok()?,
            evaluation: claims.evaluate(signer, ClaimSource::AccessToken),
        })
    }

    /// Whether the token holds for this user at this time. Asked on each request: the user's token beside it is
    /// another one each time.
    ///
    /// # Errors
    /// [`Rejection::AccessTokenExpired`], `InvalidAccessToken`.
    pub fn check(
        &self,
        header: &CheckedHeader,
        user: &UserClaims,
        clock: Clock,
    ) -> Result<(), Rejection> {
        if clock.has_expired(self.expires) {
            return Err(Rejection::AccessTokenExpired);
        }
        let is_users = self.issuer == header.issuer
            && user.subject() == Some(&self.subject)
            && header.client.as_ref().is_some_and(|c| self.is_for(c));
        let is_early = self.not_before.is_some_and(|nbf| clock.is_before(nbf));
        if is_users && !is_early {
            Ok(())
        } else {
            Err(Rejection::InvalidAccessToken)
        }
    }

    fn is_for(&self, client: &Rc<str>) -> bool {
        match &self.client {
            Client::Named(own) => own == client,
            Client::Audiences(audiences) => audiences.contains(client),
            Client::ConfiguredAudience => true,
        }
    }

    /// `exp`, without clock skew.
    pub fn expires(&self) -> UnixTime {
        self.expires
    }

    /// What the entries make of it.
    pub fn evaluation(&self) -> &Evaluation {
        &self.evaluation
    }

    /// Bytes of text in it, for the cache's account.
    pub fn heap_bytes(&self) -> usize {
        let client = match &self.client {
            // Shared with the configuration, unless that accepts any client.
            Client::Named(client) => client.len(),
            Client::Audiences(audiences) => audiences
                .iter()
                .map(|audience| audience.len().saturating_add(AUDIENCE_BYTES))
                .sum(),
            Client::ConfiguredAudience => 0,
        };
        self.evaluation
            .heap_bytes()
            .saturating_add(self.subject.len())
            .saturating_add(client)
    }
}

/// What an audience takes besides its text, rounded up.
const AUDIENCE_BYTES: usize = 32;

/// Whether it is no ID token, as far as that can be told: Cognito writes `token_use`, Keycloak `typ`.
fn is_access_token(claims: &Claims<'_>) -> bool {
    let is_use = |claim: Claim<'_>| matches!(claim, Claim::Text(text) if text == "access");
    let is_id = |claim: Claim<'_>| matches!(claim, Claim::Text(text) if text == "ID");
    claims.top_level("token_use").is_none_or(is_use) && !claims.top_level("typ").is_some_and(is_id)
}

/// The client that the token names; `Some(None)` if it names none. `None` if a name is no string or two differ: such a
/// token is for nobody's client.
fn named_client(claims: &Claims<'_>, signer: &Signer) -> Option<Option<Rc<str>>> {
    let mut client: Option<String> = None;
    for claim in CLIENT_CLAIMS
        .iter()
        .filter_map(|name| claims.top_level(name))
    {
        let name = claim.into_string()?;
        if client.as_ref().is_some_and(|known| *known != name) {
            return None;
        }
        client = Some(name);
    }
    let accepted = |name: String| {
        let shared = signer.client_ids.accept(&name);
        shared.unwrap_or_else(|| Rc::from(name))
    };
    Some(client.map(accepted))
}

/// The strings of `aud` (RFC 7519 section 4.1.3): one, or a list.
fn audiences(claims: &Claims<'_>) -> Vec<Rc<str>> {
    match claims.top_level("aud") {
        Some(Claim::Text(text)) => vec![Rc::from(text)],
        Some(Claim::List(items)) => items
            .into_iter()
            .filter_map(|item| Claim::read(item).into_string())
            .map(Rc::from)
            .collect(),
        _ => Vec::new(),
    }
}
