//! The command line of `standin-alb`. Exit status: 0 done, 1 failed, 2 wrong usage.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use standin_alb::config::Config;
use standin_alb::{certificates, run};

/// Simulates an Application Load Balancer that logs users in at an OpenID provider. For demos and tests only.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(ServeArguments),
    Certificates(CertificatesArguments),
}

/// Runs a load balancer as configured in FILE. docs/standin-alb.md describes the format.
#[derive(Args)]
struct ServeArguments {
    /// The configuration, in JSON.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Creates a CA and a certificate for each name.
#[derive(Args)]
struct CertificatesArguments {
    /// Directory for ca.pem, FILE.pem and FILE.key.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Host names and SPIFFE IDs. FILE names the files if the name itself can't be a file name.
    #[arg(value_name = "[FILE=]NAME", required = true)]
    leaves: Vec<certificates::Leaf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve(&arguments),
        Command::Certificates(CertificatesArguments { directory, leaves }) => {
            certificates::write(&directory, &leaves).map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standin-alb: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(arguments: &ServeArguments) -> Result<(), String> {
    let config = Config::read(&arguments.file).map_err(|error| error.to_string())?;
    run::run(config).await.map_err(|error| error.to_string())
}
