//! The arguments of the commands that judge and show, and of those that write files for the shell.

use std::path::PathBuf;

use alb_authn::time::UnixTime;
use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::config_file::ROOT_NAMESPACE;

/// Says what is wrong with a configuration, field by field.
///
/// FILE is a pluginConfig, in YAML or JSON, or manifests that hold WasmPlugins (or TrafficExtensions or
/// EnvoyExtensionPolicies with `wasm`), or an Envoy configuration.
/// Exit status: 0 no problem (warnings may be printed), 1 problems, 2 FILE can't be read.
#[derive(Args)]
pub(crate) struct CheckConfigArguments {
    /// The configuration; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The mesh's root namespace: a plugin there without a selector is for every proxy of the mesh.
    #[arg(long, value_name = "NAME", default_value = ROOT_NAMESPACE)]
    pub(crate) root_namespace: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Judges a token as the filter would, by the filter's own code.
///
/// Prints `ok` and the headers that the filter would set, or `REASON: sentence`. `mode: observe` changes nothing
/// here: what would only be counted is refused. Exit status: 0 ok, 1 refused, 2 wrong usage, or no verdict without
/// the key.
#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// The configuration: a pluginConfig, or a manifest with exactly one WasmPlugin.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The public key that the token names, in PEM. Without it the URL that holds the key is printed.
    #[arg(long, value_name = "PEM")]
    pub(crate) key: Option<PathBuf>,
    /// Judge as of this time: 2026-01-31T12:00:00Z, or Unix seconds [default: now].
    #[arg(long, value_name = "RFC3339|UNIX", value_parser = time, allow_negative_numbers = true)]
    pub(crate) at: Option<UnixTime>,
    /// The token; standard input where it is absent or `-`. Others can see arguments in the process list.
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Shows what a token says, and what is wrong with its form. Proves nothing: see `verify`.
///
/// Exit status: 0 header and claims could be decoded, 1 they could not, 2 wrong usage.
#[derive(Args)]
pub(crate) struct InspectArguments {
    /// Reckon expiry as of this time: 2026-01-31T12:00:00Z, or Unix seconds [default: now].
    #[arg(long, value_name = "RFC3339|UNIX", value_parser = time, allow_negative_numbers = true)]
    pub(crate) at: Option<UnixTime>,
    /// The token; standard input where it is absent or `-`. Others can see arguments in the process list.
    #[arg(value_name = "TOKEN")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Prints the completion script of a shell.
#[derive(Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints the manual page of alb-token, or of one of its commands.
#[derive(Args)]
pub(crate) struct ManArguments {
    /// A command, such as `verify`.
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Option<String>,
}

#[derive(Args)]
pub(crate) struct OutputArguments {
    /// For people or for scripts.
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
