//! Every way a request can end, each with its one stable name.
//!
//! The name is the same in the response body, the metric, the access log, the log line and
//! `docs/rejections.md`; a test keeps the documents and this table equal.

/// The longest value of a log line's field, in bytes.
pub const MAX_LOG_VALUE: usize = 128;

/// Why a request is rejected. The order is the order of the checks: of several faults the first is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// No `x-amzn-oidc-data`, or an empty one.
    MissingToken,
    /// Longer than `maxTokenBytes`.
    TokenTooLarge,
    /// Not a token in the form that a load balancer writes.
    MalformedToken,
    /// `alg` is not `ES256`, or there is a `crit`.
    UnsupportedAlgorithm,
    /// `kid` is not a UUID.
    InvalidKeyId,
    /// `signer` is not a configured load balancer.
    UntrustedSigner,
    /// `iss` is not an issuer of that load balancer.
    WrongIssuer,
    /// `client` is not a client of that load balancer.
    WrongClient,
    /// `exp` has passed.
    TokenExpired,
    /// The key endpoint does not know the `kid`.
    UnknownKey,
    /// The signature does not verify.
    InvalidSignature,
    /// The access token is needed, and there is none.
    MissingAccessToken,
    /// The access token is needed, and its `exp` has passed.
    AccessTokenExpired,
    /// The access token is needed, and does not hold.
    InvalidAccessToken,
    /// A required claim is absent.
    MissingClaim,
    /// A claim cannot safely become a header value.
    UnusableClaim,
    /// A `requiredClaims` entry does not hold.
    ClaimMismatch,
    /// The e-mail address is not known to be the user's.
    UnverifiedEmail,
    /// The public key could not be fetched.
    KeyUnavailable,
    /// Too many requests wait for keys.
    Overloaded,
}

/// What is promised of a rejection.
struct Row {
    name: &'static str,
    status: u16,
    message: &'static str,
    advice: &'static str,
}

const fn row(name: &'static str, status: u16, message: &'static str, advice: &'static str) -> Row {
    Row {
        name,
        status,
        message,
        advice,
    }
}

/// Every request gets a new token, so loading the page again tells an accident from a fault of the gateway.
const LOAD_AGAIN: &str = "Load the page again. If that does not help, send the reason and the request ID to the administrators.";
/// The person came another way than the gateway expects.
const USUAL_ADDRESS: &str = "Open the site at its usual address. If you did, send the reason and the request ID to the administrators.";
/// The load balancer keeps the claims of the login, so a change shows only after the next one.
const ASK_ABOUT_ACCOUNT: &str =
    "Ask the administrators to check your account. After a change, log out and log in again.";
/// Only a login brings another access token if the identity provider gives no refresh token.
const LOG_IN_AGAIN: &str = "Log out and log in again. If that does not help, send the reason and the request ID to the administrators.";
const WAIT: &str = "Wait a few seconds, then load the page again.";

impl Rejection {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 20] = [
        Self::MissingToken,
        Self::TokenTooLarge,
        Self::MalformedToken,
        Self::UnsupportedAlgorithm,
        Self::InvalidKeyId,
        Self::UntrustedSigner,
        Self::WrongIssuer,
        Self::WrongClient,
        Self::TokenExpired,
        Self::UnknownKey,
        Self::InvalidSignature,
        Self::MissingAccessToken,
        Self::AccessTokenExpired,
        Self::InvalidAccessToken,
        Self::MissingClaim,
        Self::UnusableClaim,
        Self::ClaimMismatch,
        Self::UnverifiedEmail,
        Self::KeyUnavailable,
        Self::Overloaded,
    ];

    /// The one table: name, status (401 a bad token, 403 a good token of the wrong user, 503 our own trouble), and
    /// one sentence for the client and what a person can do. Neither ever holds any part of a token or a claim.
    const fn row(self) -> Row {
        match self {
            Self::MissingToken => row(
                "missing_token",
                401,
                "The request carries no token of the load balancer.",
                USUAL_ADDRESS,
            ),
            Self::TokenTooLarge => row(
                "token_too_large",
                401,
                "The token is longer than this gateway accepts.",
                ASK_ABOUT_ACCOUNT,
            ),
            Self::MalformedToken => row(
                "malformed_token",
                401,
                "The token is malformed.",
                LOAD_AGAIN,
            ),
            Self::UnsupportedAlgorithm => row(
                "unsupported_algorithm",
                401,
                "The token's signature algorithm is not allowed.",
                USUAL_ADDRESS,
            ),
            Self::InvalidKeyId => row(
                "invalid_key_id",
                401,
                "The token's key id is not a UUID.",
                USUAL_ADDRESS,
            ),
            Self::UntrustedSigner => row(
                "untrusted_signer",
                401,
                "The token was not signed by a trusted load balancer.",
                USUAL_ADDRESS,
            ),
            Self::WrongIssuer => row(
                "wrong_issuer",
                401,
                "The token's issuer is not trusted for this load balancer.",
                USUAL_ADDRESS,
            ),
            Self::WrongClient => row(
                "wrong_client",
                401,
                "The token's client is not trusted for this load balancer.",
                USUAL_ADDRESS,
            ),
            Self::TokenExpired => row("token_expired", 401, "The token has expired.", LOAD_AGAIN),
            Self::UnknownKey => row(
                "unknown_key",
                401,
                "The token names a key that does not exist.",
                LOAD_AGAIN,
            ),
            Self::InvalidSignature => row(
                "invalid_signature",
                401,
                "The token's signature is not valid.",
                LOAD_AGAIN,
            ),
            Self::MissingAccessToken => row(
                "missing_access_token",
                401,
                "The request carries no access token of the identity provider.",
                LOG_IN_AGAIN,
            ),
            Self::AccessTokenExpired => row(
                "access_token_expired",
                401,
                "The access token has expired.",
                LOG_IN_AGAIN,
            ),
            Self::InvalidAccessToken => row(
                "invalid_access_token",
                401,
                "The access token is not valid for this user.",
                LOG_IN_AGAIN,
            ),
            Self::MissingClaim => row(
                "missing_claim",
                403,
                "The token lacks a claim that this gateway requires.",
                ASK_ABOUT_ACCOUNT,
            ),
            Self::UnusableClaim => row(
                "unusable_claim",
                403,
                "A claim of the token cannot be used as a header value.",
                ASK_ABOUT_ACCOUNT,
            ),
            Self::ClaimMismatch => row(
                "claim_mismatch",
                403,
                "A claim of the token does not have a required value.",
                "Ask the administrators for access. Once you have it, log out and log in again.",
            ),
            Self::UnverifiedEmail => row(
                "unverified_email",
                403,
                "The user's email address is not verified.",
                "Confirm your email address with the service that you log in with. Then log out and log in again.",
            ),
            Self::KeyUnavailable => row(
                "key_unavailable",
                503,
                "The public key cannot be fetched right now.",
                WAIT,
            ),
            Self::Overloaded => row(
                "overloaded",
                503,
                "Too many requests are waiting for public keys.",
                WAIT,
            ),
        }
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// One sentence for the client.
    pub const fn message(self) -> &'static str {
        self.row().message
    }

    /// Whether a new login can help, because it brings another access token.
    pub const fn asks_for_login(self) -> bool {
        matches!(
            self,
            Self::MissingAccessToken | Self::AccessTokenExpired | Self::InvalidAccessToken
        )
    }

    /// What a person can do, for the page that a browser shows.
    pub const fn advice(self) -> &'static str {
        self.row().advice
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Rejection {}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Forwarded with a verified identity.
    Ok,
    /// Forwarded without identity, because `allowMissingToken` says so.
    NoToken,
    /// `logout` responded.
    Logout,
    /// Rejected (or, in `mode: observe`, forwarded without identity).
    Rejected(Rejection),
}

impl Reason {
    /// All of them, in the order of the documented table.
    pub fn all() -> impl Iterator<Item = Self> {
        let good = [Self::Ok, Self::NoToken, Self::Logout];
        let rejected = Rejection::ALL.into_iter().map(Self::Rejected);
        good.into_iter().chain(rejected)
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoToken => "no_token",
            Self::Logout => "logout",
            Self::Rejected(rejection) => rejection.name(),
        }
    }

    /// The HTTP status of a rejection; `None` if the request is forwarded or `logout` chooses.
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Ok | Self::NoToken | Self::Logout => None,
            Self::Rejected(rejection) => Some(rejection.status()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rejection_is_listed_once_in_order() {
        assert!(Rejection::ALL.is_sorted_by(|a, b| a < b));
        let names: std::collections::BTreeSet<&str> = Reason::all().map(Reason::name).collect();
        assert_eq!(names.len(), Reason::all().count());
    }
}
