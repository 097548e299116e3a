//! `completions` and `man`: what a package installs beside the program.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::failure::Failure;

const NAME: &str = "alb-token";

pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<(), Failure> {
    // Collected first: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        NAME,
        &mut script,
    );
    Ok(io::stdout().write_all(&script)?)
}

pub(crate) fn man(arguments: &ManArguments) -> Result<(), Failure> {
    let mut program = Arguments::command();
    program.build();
    let command = match &arguments.command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            let found = found.ok_or_else(|| {
                Failure::Usage(format!("no command {name}: `alb-token help` lists them"))
            })?;
            // `alb-token-verify(1)`, as git's pages are called.
            found.display_name(format!("{NAME}-{name}"))
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(io::stdout().write_all(&page)?)
}
