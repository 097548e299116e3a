//! The command line of `alb-token`. Exit status: 0 done, 1 failed, rejected or with problems, 2 wrong usage.

mod arguments;
mod commands;
mod config_file;
mod failure;
mod input;
mod inspect;
mod pretty_json;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    // clap itself ends the program with status 2 on arguments that it can't read.
    match run(Arguments::parse().command) {
        Ok(status) => status,
        Err(failure) => {
            let message = failure.to_string();
            let lines: Vec<String> = message.lines().map(terminal::harmless).collect();
            eprintln!("alb-token: {}", lines.join("\n"));
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Io(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::CheckConfig(arguments) => commands::check_config(&arguments),
        Command::Verify(arguments) => commands::verify(&arguments),
        Command::Inspect(arguments) => commands::inspect(&arguments),
        Command::Keygen(arguments) => commands::keygen(&arguments).map(done),
        Command::Mint(arguments) => commands::mint(&arguments).map(done),
        Command::KeySet(arguments) => commands::key_set(&arguments).map(done),
        Command::Standin(arguments) => commands::standin(*arguments).map(done),
        Command::Upstream(arguments) => commands::upstream(&arguments).map(done),
        Command::Completions(arguments) => commands::completions(&arguments).map(done),
        Command::Man(arguments) => commands::man(&arguments).map(done),
    }
}
