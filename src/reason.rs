//! Every way a request can end, each with its one stable name.
//!
//! The name is the same in the response body, the metric, the access log, the log line and
//! `docs/rejections.md`; a test keeps the documents and this table equal.

/// Why a request is refused. The order is the order of the checks: of several faults the first is named.
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

impl Rejection {
    /// All of them, in the order of the checks.
    pub const ALL: [Self; 17] = [
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
        Self::MissingClaim,
        Self::UnusableClaim,
        Self::ClaimMismatch,
        Self::UnverifiedEmail,
        Self::KeyUnavailable,
        Self::Overloaded,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::TokenTooLarge => "token_too_large",
            Self::MalformedToken => "malformed_token",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
            Self::InvalidKeyId => "invalid_key_id",
            Self::UntrustedSigner => "untrusted_signer",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongClient => "wrong_client",
            Self::TokenExpired => "token_expired",
            Self::UnknownKey => "unknown_key",
            Self::InvalidSignature => "invalid_signature",
            Self::MissingClaim => "missing_claim",
            Self::UnusableClaim => "unusable_claim",
            Self::ClaimMismatch => "claim_mismatch",
            Self::UnverifiedEmail => "unverified_email",
            Self::KeyUnavailable => "key_unavailable",
            Self::Overloaded => "overloaded",
        }
    }

    /// The HTTP status: 401 a bad token, 403 a good token of the wrong user, 503 our own trouble.
    pub const fn status(self) -> u16 {
        match self {
            Self::MissingClaim
            | Self::UnusableClaim
            | Self::ClaimMismatch
            | Self::UnverifiedEmail => 403,
            Self::KeyUnavailable | Self::Overloaded => 503,
            _ => 401,
        }
    }

    /// One sentence for the client. It never holds any part of a token or a claim.
    pub const fn message(self) -> &'static str {
        match self {
            Self::MissingToken => "The request carries no token of the load balancer.",
            Self::TokenTooLarge => "The token is longer than this gateway accepts.",
            Self::MalformedToken => "The token does not have the form of a load balancer's token.",
            Self::UnsupportedAlgorithm => "The token is not signed with ES256.",
            Self::InvalidKeyId => "The token's key id is not a UUID.",
            Self::UntrustedSigner => "The token was not signed by a trusted load balancer.",
            Self::WrongIssuer => "The token's issuer is not trusted for this load balancer.",
            Self::WrongClient => "The token's client is not trusted for this load balancer.",
            Self::TokenExpired => "The token has expired.",
            Self::UnknownKey => "The token names a key that does not exist.",
            Self::InvalidSignature => "The token's signature is not valid.",
            Self::MissingClaim => "The token lacks a claim that this gateway requires.",
            Self::UnusableClaim => "A claim of the token cannot be used as a header value.",
            Self::ClaimMismatch => "A claim of the token does not have a required value.",
            Self::UnverifiedEmail => "The user's e-mail address is not verified.",
            Self::KeyUnavailable => "The load balancer's public key cannot be fetched right now.",
            Self::Overloaded => "Too many requests are waiting for public keys.",
        }
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
    /// Forwarded without identity, where `allowMissingToken` says so.
    NoToken,
    /// Answered by `logout`.
    Logout,
    /// Refused (or, in `mode: observe`, forwarded without identity).
    Rejected(Rejection),
}

impl Reason {
    /// All of them, in the order of the documented table.
    pub const ALL: [Self; 20] = [
        Self::Ok,
        Self::NoToken,
        Self::Logout,
        Self::Rejected(Rejection::MissingToken),
        Self::Rejected(Rejection::TokenTooLarge),
        Self::Rejected(Rejection::MalformedToken),
        Self::Rejected(Rejection::UnsupportedAlgorithm),
        Self::Rejected(Rejection::InvalidKeyId),
        Self::Rejected(Rejection::UntrustedSigner),
        Self::Rejected(Rejection::WrongIssuer),
        Self::Rejected(Rejection::WrongClient),
        Self::Rejected(Rejection::TokenExpired),
        Self::Rejected(Rejection::UnknownKey),
        Self::Rejected(Rejection::InvalidSignature),
        Self::Rejected(Rejection::MissingClaim),
        Self::Rejected(Rejection::UnusableClaim),
        Self::Rejected(Rejection::ClaimMismatch),
        Self::Rejected(Rejection::UnverifiedEmail),
        Self::Rejected(Rejection::KeyUnavailable),
        Self::Rejected(Rejection::Overloaded),
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoToken => "no_token",
            Self::Logout => "logout",
            Self::Rejected(rejection) => rejection.name(),
        }
    }

    /// The HTTP status of a refusal; `None` where the request is forwarded or `logout` chooses.
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
    fn reasons_are_the_three_good_ends_and_every_rejection_in_order() {
        let rejections: Vec<Reason> = Rejection::ALL.into_iter().map(Reason::Rejected).collect();
        assert_eq!(Reason::ALL[3..], rejections);
        assert!(Rejection::ALL.is_sorted());
    }
}
