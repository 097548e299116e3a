//! `panic-paths MODULE`: fails where a function that Envoy can reach may panic or trap and `allowed.txt` gives
//! no reason for it, and where a line of `allowed.txt` fits nothing any more.
//!
//! A trap ends the VM of an Envoy worker: every request of every plugin in it answers 503 from then on. The
//! lints of the crate forbid what panics by its name; this looks at what the linker left in the module, of
//! the packages and the standard library too. MODULE is the release build with its names
//! (`make panic-paths`); what is reachable starts from the exports that `keep-exports` keeps.

mod module;

use std::collections::BTreeMap;
use std::process::ExitCode;

use module::Module;

/// The functions that may panic, each with its reason.
const ALLOWED: &str = include_str!("../allowed.txt");

/// The exports that stay.
const KEPT: &str = include_str!("../../keep-exports/exports.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path] = arguments.as_slice() else {
        eprintln!("usage: panic-paths MODULE");
        return ExitCode::from(2);
    };
    let module = std::fs::read(path)
        .map_err(Into::into)
        .and_then(|bytes| Module::parse(&bytes));
    match module {
        Ok(module) => judge(&module),
        Err(error) => {
            eprintln!("panic-paths: {path}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn judge(module: &Module) -> ExitCode {
    let allowed: Vec<Allowed<'_>> = lines(ALLOWED).filter_map(Allowed::parse).collect();
    let found = module.traps(&lines(KEPT).collect::<Vec<_>>());
    let mut used = vec![0_usize; allowed.len()];
    let mut surplus = BTreeMap::new();
    for (function, how) in &found {
        match allowed.iter().position(|line| line.fits(function, how)) {
            Some(index) => used[index] += 1,
            None => _ = surplus.insert(function, how),
        }
    }
    for (line, count) in allowed.iter().zip(&used) {
        println!("{count:4}  {}  # {}", line.pattern, line.reason);
    }
    println!("{} reachable functions that may panic or trap", found.len());
    for (function, how) in &surplus {
        eprintln!("no reason is given for: {function} ({})", how.join(", "));
    }
    let stale: Vec<_> = allowed
        .iter()
        .zip(&used)
        .filter(|(_, count)| **count == 0)
        .collect();
    for (line, _) in &stale {
        eprintln!("fits nothing any more: {}", line.pattern);
    }
    if surplus.is_empty() && stale.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The lines without comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    text.lines().map(str::trim).filter(is_line)
}

/// `PATTERN # REASON`; a pattern is a function's name, or the beginning of names before a `*`.
struct Allowed<'a> {
    pattern: &'a str,
    reason: &'a str,
}

impl<'a> Allowed<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (pattern, reason) = line.split_once('#')?;
        Some(Self {
            pattern: pattern.trim(),
            reason: reason.trim(),
        })
    }

    fn fits(&self, function: &str, _how: &[String]) -> bool {
        match self.pattern.strip_suffix('*') {
            Some(beginning) => function.starts_with(beginning),
            None => function == self.pattern,
        }
    }
}
