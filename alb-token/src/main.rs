//! The command line of `alb-token`. Exit status: 0 done, 1 failed, 2 wrong usage.

mod arguments;
mod commands;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use commands::Failure;

fn main() -> ExitCode {
    // clap itself ends the program with status 2 on arguments that it can't read.
    let done = match Arguments::parse().command {
        Command::Keygen(arguments) => commands::keygen(&arguments),
        Command::Mint(arguments) => commands::mint(&arguments),
        Command::Standin(arguments) => commands::standin(*arguments),
        Command::Upstream(arguments) => commands::upstream(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("alb-token: {failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Io(_) => ExitCode::FAILURE,
            }
        }
    }
}
