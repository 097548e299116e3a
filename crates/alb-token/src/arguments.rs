//! What can be said on the command line.

mod judging;

pub(crate) use judging::{
    CheckConfigArguments, CompletionsArguments, InspectArguments, ManArguments, OutputFormat,
    VerifyArguments,
};

use std::path::PathBuf;

use alb_fixtures::example::{ARN, CLIENT, ISSUER};
use alb_fixtures::mint::LoadBalancer;
use alb_fixtures::standin::Caller;
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value};

/// Checks configurations of alb-authn, judges and mints tokens, and stands in for the load balancer.
///
/// Nothing that `check-config`, `verify` and `inspect` read is sent anywhere.
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
    Standin(Box<StandinArguments>),
    Upstream(UpstreamArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

/// Writes a fresh P-256 key pair: FILE holds the private key, FILE.pub the public one. Prints the key id.
#[derive(Args)]
pub(crate) struct KeygenArguments {
    /// Where to write the private key (PKCS#8 PEM); an existing file is left alone.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Prints a token as the load balancer signs it.
#[derive(Args)]
pub(crate) struct MintArguments {
    /// A P-256 private key in PEM, PKCS#8 or SEC1 (`alb-token keygen` writes one).
    #[arg(long, value_name = "PEM")]
    pub(crate) key: PathBuf,
    /// The key id [default: a UUID made from the public key, always the same for one key].
    #[arg(long, value_name = "UUID")]
    pub(crate) kid: Option<String>,
    /// The load balancer's ARN, `signer` of the token.
    #[arg(long, value_name = "ARN")]
    arn: String,
    #[command(flatten)]
    identity_provider: IdentityProviderArguments,
    /// The user's claims, a JSON object; `exp` and `iss` are appended.
    #[arg(long, value_name = "JSON", value_parser = json_object)]
    pub(crate) claims: Map<String, Value>,
    /// The token's lifetime from now on; negative for one that has ended.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 120,
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: i64,
    /// The token's end in Unix seconds.
    #[arg(
        long,
        value_name = "UNIX",
        conflicts_with = "expires_in",
        allow_negative_numbers = true
    )]
    pub(crate) exp: Option<i64>,
    /// Leave out the `=` padding that the load balancer writes.
    #[arg(long)]
    pub(crate) no_padding: bool,
}

/// What a listener rule says about the identity provider.
#[derive(Args)]
struct IdentityProviderArguments {
    /// The identity provider's issuer, `iss` of the token.
    #[arg(long, value_name = "URL", default_value = ISSUER)]
    issuer: String,
    /// The client id at the identity provider, `client` of the token.
    #[arg(long, value_name = "ID", default_value = CLIENT)]
    client: String,
}

/// Stands in for the load balancer: signs a fresh token for each request and passes it to the gateway.
///
/// The user of a request: the header `x-standin-user`, the query parameter `as` (kept in a cookie), the
/// cookie, else `--user`. `anonymous` is nobody: no token. The header `x-standin-attack` or the query parameter
/// `attack` makes the token a bad one: `forged`, `other-alb`, `expired`; `bypass` forwards what the client sent.
#[derive(Args)]
pub(crate) struct StandinArguments {
    /// Where to listen for requests.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub(crate) listen: String,
    /// The gateway's address.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10000")]
    pub(crate) gateway: String,
    /// Where to serve the public key, at `/KID`.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10002")]
    pub(crate) keys_listen: String,
    /// The user of a request that names none.
    #[arg(long, value_name = "EMAIL", default_value = "alice@example.com")]
    pub(crate) user: Caller,
    /// Claims of every user, beside `sub`, `email`, `email_verified` and `username`.
    #[arg(long, value_name = "JSON", value_parser = json_object, default_value = CLAIMS)]
    pub(crate) claims: Map<String, Value>,
    /// The load balancer's ARN.
    #[arg(long, value_name = "ARN", default_value = ARN)]
    arn: String,
    #[command(flatten)]
    identity_provider: IdentityProviderArguments,
    /// How long each token lives.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) expires_in: i64,
    /// Sign with this P-256 private key in PEM [default: a fresh one at each start].
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,
    /// The key id [default: as `mint` has it].
    #[arg(long, value_name = "UUID", requires = "key")]
    pub(crate) kid: Option<String>,
}

/// Answers every request with what arrived: a page for browsers, JSON for others.
#[derive(Args)]
pub(crate) struct UpstreamArguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:10001")]
    pub(crate) listen: String,
    /// The application's name on its page, in the place of what `make run` lets visitors try.
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
    /// A link on that page.
    #[arg(long = "link", value_name = "PATH", requires = "title")]
    pub(crate) links: Vec<String>,
}

impl MintArguments {
    pub(crate) fn load_balancer(&self) -> LoadBalancer {
        self.identity_provider.with_arn(&self.arn)
    }
}

impl StandinArguments {
    pub(crate) fn load_balancer(&self) -> LoadBalancer {
        self.identity_provider.with_arn(&self.arn)
    }
}

impl IdentityProviderArguments {
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

const CLAIMS: &str = r#"{"custom:groups":"data-science"}"#;
