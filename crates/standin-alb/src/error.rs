//! Why a login fails: the error reason codes of the ALB's access log, and the status that each means.
//!
//! Codes and their meaning: the ALB guide, "Access log entries", "Error reason codes". Statuses: the
//! ALB guide, "Troubleshoot your Application Load Balancers", and docs/standin-alb.md for what they leave open.

use hyper::StatusCode;

/// Why a request that should have been authenticated was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The nonce cookie isn't the one that the state names.
    InvalidNonce,
    /// The session cookie isn't one of this load balancer's.
    InvalidCookie,
    /// The provider knows no such code, or it was used before.
    InvalidGrant,
    /// The ID token isn't the provider's, for this client, and in time.
    InvalidIdToken,
    /// The state isn't one of this load balancer's, or is too old.
    InvalidStateParam,
    /// The token endpoint's answer can't be read.
    InvalidTokenResponse,
    /// The userinfo endpoint's answer can't be read.
    InvalidUserinfoResponse,
    /// No nonce cookie.
    MissingNonce,
    /// No code in the provider's answer.
    MissingCodeParam,
    /// No host to send the browser back to.
    MissingHostHeader,
    /// No state in the provider's answer.
    MissingStateParam,
    /// The token endpoint answered with an error.
    TokenEpRequestFailed,
    /// The token endpoint can't be reached.
    TokenEpRequestTimeout,
    /// The userinfo endpoint answered with an error.
    UserinfoEpRequestFailed,
    /// The userinfo endpoint can't be reached.
    UserinfoEpRequestTimeout,
    /// Claims and access token are larger than 11 KB.
    UserinfoResponseSizeExceeded,
    /// The user was denied access by the provider.
    AccessDenied,
    /// The provider answered the authorization request with another error.
    ProviderError,
}

impl AuthError {
    /// The `error_reason` of the access log; `-` where the guide has none.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidNonce => "AuthInvalidAWSALBAuthNonce",
            Self::InvalidCookie => "AuthInvalidCookie",
            Self::InvalidGrant => "AuthInvalidGrantError",
            Self::InvalidIdToken => "AuthInvalidIdToken",
            Self::InvalidStateParam => "AuthInvalidStateParam",
            Self::InvalidTokenResponse => "AuthInvalidTokenResponse",
            Self::InvalidUserinfoResponse => "AuthInvalidUserinfoResponse",
            Self::MissingNonce => "AuthMissingAWSALBAuthNonce",
            Self::MissingCodeParam => "AuthMissingCodeParam",
            Self::MissingHostHeader => "AuthMissingHostHeader",
            Self::MissingStateParam => "AuthMissingStateParam",
            Self::TokenEpRequestFailed => "AuthTokenEpRequestFailed",
            Self::TokenEpRequestTimeout => "AuthTokenEpRequestTimeout",
            Self::UserinfoEpRequestFailed => "AuthUserinfoEpRequestFailed",
            Self::UserinfoEpRequestTimeout => "AuthUserinfoEpRequestTimeout",
            Self::UserinfoResponseSizeExceeded => "AuthUserinfoResponseSizeExceeded",
            Self::AccessDenied | Self::ProviderError => "-",
        }
    }

    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TokenEpRequestTimeout
            | Self::UserinfoEpRequestTimeout
            | Self::UserinfoResponseSizeExceeded => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TokenEpRequestFailed | Self::UserinfoEpRequestFailed | Self::ProviderError => {
                StatusCode::from_u16(561).expect("three digits")
            }
            _ => StatusCode::UNAUTHORIZED,
        }
    }
}
