//! The arguments of the commands that check, verify and inspect, and of those that write files for the shell.

use std::path::PathBuf;

use alb_authn::time::UnixTime;
use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::config_file::ROOT_NAMESPACE;

/// Checks a configuration and names each problem by its field.
///
/// FILE is a pluginConfig in YAML or JSON, a stream of manifests with WasmPlugins (or with TrafficExtensions or
/// EnvoyExtensionPolicies that have `wasm`), or an Envoy configuration.
/// Exit status: 0 no problem (warnings may be printed), 1 problems, 2 FILE can't be read.
#[derive(Args)]
pub(crate) struct CheckConfigArguments {
    /// The configuration. `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Root namespace of the mesh. A plugin there without a selector applies to every proxy of the mesh.
    #[arg(long, value_name = "NAME", default_value = ROOT_NAMESPACE)]
    pub(crate) root_namespace: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Verifies a token with the filter's own code.
///
/// Prints `ok` and the headers that the filter would set, or `REASON: sentence`. `mode: observe` has no effect here:
/// a token that the filter would only count is rejected. Exit status: 0 ok, 1 rejected, 2 wrong usage, or the key is
/// needed for a result.
#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// The configuration: a pluginConfig, or a manifest with exactly one WasmPlugin.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Public key of the token's key id, in PEM. Without it, the URL of that key is printed.
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,
    /// File with the access token that came with the token. Optional headers that read it are not set without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) access_token: Option<PathBuf>,
    /// Key set (JWKS) of the identity provider. Without it, the URL of the key set is printed.
    #[arg(long, value_name = "FILE", requires = "access_token")]
    pub(crate) jwks: Option<PathBuf>,
    /// Verify as of this time: 2026-01-31T12:00:00Z, or Unix seconds [default: now].
    #[arg(long, value_name = "RFC3339|UNIX", value_parser = time, allow_negative_numbers = true)]
    pub(crate) at: Option<UnixTime>,
    #[command(flatten)]
    pub(crate) common: TokenArguments,
}

/// Decodes a token and names the faults in its format. Verifies nothing: see `verify`.
///
/// Exit status: 0 header and claims were decoded, 1 they could not be decoded, 2 wrong usage.
#[derive(Args)]
pub(crate) struct InspectArguments {
    /// Evaluate expiry as of this time: 2026-01-31T12:00:00Z, or Unix seconds [default: now].
    #[arg(long, value_name = "RFC3339|UNIX", value_parser = time, allow_negative_numbers = true)]
    pub(crate) at: Option<UnixTime>,
    #[command(flatten)]
    pub(crate) common: TokenArguments,
}

/// What `verify` and `inspect` share.
#[derive(Args)]
pub(crate) struct TokenArguments {
    /// The token. Standard input if absent or `-`. Other users can see arguments in the process list.
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Prints the completion script for a shell.
#[derive(Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints the manual page of alb-token or of one of its commands.
#[derive(Args)]
pub(crate) struct ManArguments {
    /// A command, such as `verify`.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Args)]
pub(crate) struct OutputArguments {
    /// Output format: text for people, json for scripts.
    #[arg(long = "output", value_name = "FORMAT", default_value = "text")]
    pub(crate) format: OutputFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

fn time(text: &str) -> Result<UnixTime, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(UnixTime::from_secs(seconds));
    }
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| "expected a time such as 2026-01-31T12:00:00Z, or Unix seconds".to_owned())?;
    Ok(UnixTime::from_millis(time.as_millisecond()))
}
