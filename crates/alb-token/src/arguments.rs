//! The command-line arguments.

mod judging;
mod minting;

pub(crate) use judging::{
    CheckConfigArguments, CompletionsArguments, InspectArguments, ManArguments, OutputFormat,
    VerifyArguments,
};
pub(crate) use minting::{KeySetArguments, MintArguments};

use std::path::PathBuf;

use alb_fixtures::access_token::UserPool;
use alb_fixtures::example::{ARN, CLIENT, ISSUER};
use alb_fixtures::mint::LoadBalancer;
use alb_fixtures::standin::{Caller, Groups};
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value};

/// Checks configurations of alb-authn, verifies and mints tokens, and simulates the load balancer for tests.
///
/// `check-config`, `verify` and `inspect` work offline: they send nothing anywhere.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    CheckConfig(CheckConfigArguments),
    Verify(VerifyArguments),
    Inspect(InspectArguments),
    Keygen(KeygenArguments),
    Mint(MintArguments),
    KeySet(KeySetArguments),
    Standin(Box<StandinArguments>),
    Upstream(UpstreamArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Generates a P-256 key pair: FILE for the private key, FILE.pub for the public key. Prints the key id.
#[derive(Args)]
pub(crate) struct KeygenArguments {
    /// File for the private key (PKCS#8 PEM). An existing file is never overwritten.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// The identity provider of a listener rule.
#[derive(Args)]
struct IdentityProviderArguments {
    /// Issuer of the identity provider: the token's `iss`.
    #[arg(long, value_name = "URL", default_value = ISSUER)]
    issuer: String,
    /// Client id at the identity provider: the token's `client`, an access token's `client_id`.
    #[arg(long, value_name = "ID", default_value = CLIENT)]
    client: String,
}

/// Simulates the load balancer: signs a new token for each request and forwards it to the gateway.
///
/// An access token as Cognito writes it goes with the token. It stays the same for five minutes.
///
/// The user of a request comes from the header `x-standin-user`, the query parameter `as` (stored in a cookie), that
/// cookie, or `--user`, in this order. `anonymous` sends no token. The header `x-standin-attack` or the query parameter
/// `attack` sends an invalid token: `forged`, `other-alb` or `expired`. `bypass` forwards the client's own headers.
/// `access-other-user`, `access-other-client`, `access-expired`, `access-id-token` and `access-forged` send a good token with
/// an access token that does not belong to it, and claims the group `admins`.
#[derive(Args)]
pub(crate) struct StandinArguments {
    /// Address to listen on for requests.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// Address of the gateway.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000")]
    pub(crate) gateway: String,
    /// Address to serve the public key on, at `/KID`, and the key set of the access tokens, at the issuer's path and
    /// `/.well-known/jwks.json`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10002")]
    pub(crate) keys_listen: String,
    /// User of a request that names none.
    #[arg(long, value_name = "EMAIL", default_value = "alice@example.com")]
    pub(crate) user: Caller,
    /// Claims of every user, in addition to `sub`, `email`, `email_verified` and `username`.
    #[arg(long, value_name = "JSON", value_parser = json_object, default_value = CLAIMS)]
    pub(crate) claims: Map<String, Value>,
    /// Groups in the access tokens, a list for each e-mail address. `*` is everybody else.
    #[arg(long, value_name = "JSON", default_value = GROUPS)]
    pub(crate) groups: Groups,
    /// ARN of the load balancer.
    #[arg(long, value_name = "ARN", default_value = ARN)]
    arn: String,
    #[command(flatten)]
    identity_provider: IdentityProviderArguments,
    /// Lifetime of each token.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) expires_in: i64,
    /// P-256 private key in PEM to sign with [default: a new one at each start].
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,
    /// Key id [default: a UUID derived from the public key].
    #[arg(long, value_name = "UUID", requires = "key")]
    pub(crate) kid: Option<String>,
}

/// Echoes every request: as a page for browsers, as JSON for other clients.
#[derive(Args)]
pub(crate) struct UpstreamArguments {
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10001")]
    pub(crate) listen: String,
    /// Name of the application on its page. Replaces the demo's attacks on the page.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// A link on that page.
    #[arg(long = "link", value_name = "PATH", requires = "title")]
    pub(crate) links: Vec<String>,
}

impl StandinArguments {
    pub(crate) fn load_balancer(&self) -> LoadBalancer {
        self.identity_provider.with_arn(&self.arn)
    }
}

impl IdentityProviderArguments {
    fn user_pool(&self) -> UserPool {
        UserPool::new(&self.issuer, &self.client)
    }

    fn with_arn(&self, arn: &str) -> LoadBalancer {
        LoadBalancer {
            arn: arn.into(),
            issuer: self.issuer.clone(),
            client: self.client.clone(),
        }
    }
}

fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

const CLAIMS: &str = r#"{"custom:groups":"[data-science, ml-team]"}"#;
const GROUPS: &str = r#"{"alice@example.com":["data-science","ml-team"],"*":["ml-team"]}"#;
