//! `docs/alb-token.md` says what `--help` says, and its terminal session prints what it says.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use support::run_with;

const DOCUMENT: &str = include_str!("../../../docs/alb-token.md");

fn help(arguments: &[&str]) -> String {
    let (status, help) = run_with(arguments, "");
    assert_eq!(status, Some(0), "{arguments:?}");
    help
}

/// The commands that `alb-token help` lists, but for `help`.
fn commands() -> Vec<String> {
    let help = help(&["help"]);
    let (_, list) = help.split_once("Commands:\n").expect("a list of commands");
    let (list, _) = list.split_once("\n\n").expect("an end of the list");
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 5, "{names:?}");
    names
}

/// Long options in a text, but for `--help`.
fn options(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    text.match_indices("--")
        .filter(|(at, _)| !text[..*at].ends_with(is_part))
        .map(|(at, _)| {
            let rest = &text[at..];
            &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]
        })
        // Not the rule below a table's head.
        .filter(|option| option.contains(char::is_alphabetic))
        .filter(|option| *option != "--help")
        .collect()
}

fn section(command: &str) -> &'static str {
    let heading = format!("\n## alb-token {command}\n");
    let (_, rest) = DOCUMENT
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no section {command}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

#[test]
fn every_command_has_a_section_and_there_are_no_others() {
    let sections = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("## alb-token "));
    let sections: BTreeSet<String> = sections.map(str::to_owned).collect();
    assert_eq!(sections, commands().into_iter().collect());
}

#[test]
fn the_sections_name_the_options_that_the_commands_have() {
    for command in commands() {
        let help = help(&[&command, "--help"]);
        let (known, named) = (options(&help), options(section(&command)));
        assert!(named.is_subset(&known), "{command}: {named:?}, {known:?}");
        // The stand-in's are described where it is used.
        if command != "standin" {
            assert_eq!(named, known, "{command}");
        }
    }
}

/// A line that stands for this one; `…` stands for anything.
fn stands_for(written: &str, printed: &str) -> bool {
    match written.split_once('…') {
        None => written == printed,
        Some((start, end)) => printed.starts_with(start) && printed.ends_with(end),
    }
}

#[test]
fn the_round_trip_prints_what_it_says() {
    let (_, rest) = DOCUMENT
        .split_once("document.rs runs it -->\n\n```console\n")
        .expect("a session");
    let (session, _) = rest.split_once("```").expect("an end");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder in the target directory");

    let tool = Path::new(env!("CARGO_BIN_EXE_alb-token"));
    let mut path = tool.parent().expect("a folder").as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let commands = session.lines().filter_map(|line| line.strip_prefix("$ "));
    // In one shell, which keeps variables; a mark shows where each command's output begins.
    let script: Vec<String> = commands
        .map(|command| format!("echo '$ '\n{command}"))
        .collect();
    let output = Command::new("bash")
        .args(["-c", &script.join("\n")])
        .current_dir(&folder)
        .env("PATH", path)
        .output()
        .expect("bash runs");
    let printed = String::from_utf8(output.stdout).expect("text");
    let written = session
        .lines()
        .map(|line| if line.starts_with("$ ") { "$ " } else { line });
    let written: Vec<&str> = written.collect();
    let printed: Vec<&str> = printed.lines().collect();
    let fits = written.len() == printed.len()
        && written
            .iter()
            .zip(&printed)
            .all(|(written, printed)| stands_for(written, printed));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        fits,
        "written: {written:#?}\nprinted: {printed:#?}\n{errors}"
    );
}
