//! The arguments of the commands that sign tokens, and show the keys of those.

use std::path::PathBuf;

use alb_fixtures::access_token::UserPool;
use alb_fixtures::mint::LoadBalancer;
use clap::Args;
use serde_json::{Map, Value};

use super::{IdentityProviderArguments, json_object};

/// Signs a token in the load balancer's format and prints it.
///
/// With `--access-token`: an access token as Cognito writes it, which the load balancer passes on next to its own token.
#[derive(Args)]
pub(crate) struct MintArguments {
    /// Sign an access token (RS256) in place of the load balancer's token (ES256).
    #[arg(long)]
    pub(crate) access_token: bool,
    /// P-256 private key in PEM, PKCS#8 or SEC1 (see `alb-token keygen`). For an access token, an RSA private key in PKCS#8
    /// [default: a test key that everybody can read].
    #[arg(long, value_name = "PEM", required_unless_present = "access_token")]
    pub(crate) key: Option<PathBuf>,
    /// Key id [default: one derived from the public key].
    #[arg(long, value_name = "ID")]
    pub(crate) kid: Option<String>,
    /// ARN of the load balancer: the token's `signer`.
    #[arg(
        long,
        value_name = "ARN",
        required_unless_present = "access_token",
        conflicts_with = "access_token"
    )]
    arn: Option<String>,
    #[command(flatten)]
    identity_provider: IdentityProviderArguments,
    /// The user's claims as a JSON object. `exp` and `iss` are added. An access token needs `sub`, the one of the user's
    /// token; what Cognito writes is added, unless it is given.
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) claims: Map<String, Value>,
    /// Lifetime from now [default: 120, for an access token 3600]. Negative for an expired token.
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) expires_in: Option<i64>,
    /// Expiry in Unix seconds.
    #[arg(
        long,
        value_name = "UNIX",
        conflicts_with = "expires_in",
        allow_negative_numbers = true
    )]
    pub(crate) exp: Option<i64>,
    /// Omit the `=` padding that the load balancer writes. Access tokens have none.
    #[arg(long, conflicts_with = "access_token")]
    pub(crate) no_padding: bool,
}

/// Prints the key set (JWKS) of the access tokens that `mint --access-token` signs.
#[derive(Args)]
pub(crate) struct KeySetArguments {
    /// RSA private key in PEM, PKCS#8 [default: the two test keys that everybody can read].
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,
    /// Key id [default: one derived from the public key].
    #[arg(long, value_name = "ID", requires = "key")]
    pub(crate) kid: Option<String>,
}

impl MintArguments {
    /// Without an ARN if it is for an access token.
    pub(crate) fn load_balancer(&self) -> LoadBalancer {
        self.identity_provider
            .with_arn(self.arn.as_deref().unwrap_or_default())
    }

    pub(crate) fn user_pool(&self) -> UserPool {
        self.identity_provider.user_pool()
    }
}
