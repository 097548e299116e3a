//! What each kind of token looks like: constants only. They are few and known, and this is all that tells
//! them apart before a key is needed.

/// A signature algorithm of JOSE (RFC 7518 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Its hash, as Envoy's `verify_signature` names it.
    pub const fn hash(self) -> &'static str {
        match self {
            Self::Es256 | Self::Rs256 => "sha256",
        }
    }
}

/// How one kind of token is carried and signed.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenKind {
    /// The header that carries it, in lower case. It is removed from every request in each spelling.
    pub header: &'static str,
    /// The only algorithm: a choice by the sender is algorithm confusion (RFC 8725 section 3.1).
    pub algorithm: Algorithm,
    /// The member of the protected header that names the OAuth client; `None` if its signer writes none.
    pub client_member: Option<&'static str>,
}

/// The user's claims, which an Application Load Balancer signs. Source: the ALB guide, "User claims encoding and
/// signature verification".
pub const ALB: TokenKind = TokenKind {
    header: "x-amzn-oidc-data",
    algorithm: Algorithm::Es256,
    client_member: Some("client"),
};

/// The headers that a load balancer writes besides [`ALB`]'s, unsigned: the access token, and the `sub` claim.
pub const ACCESS_TOKEN_HEADER: &str = "x-amzn-oidc-accesstoken";
/// See [`ACCESS_TOKEN_HEADER`].
pub const IDENTITY_HEADER: &str = "x-amzn-oidc-identity";
/// What all of a load balancer's headers begin with.
pub const HEADER_PREFIX: &str = "x-amzn-oidc-";
