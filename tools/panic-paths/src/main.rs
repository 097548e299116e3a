//! `panic-paths MODULE`: fails if a function that Envoy can reach may panic or trap and `allowed.txt` gives
//! no reason for it, or if a line of `allowed.txt` fits nothing any more.
//!
//! A trap ends the VM of an Envoy worker: every request of every plugin in it answers 503 from then on. The
//! lints of the crate forbid what panics by its name; this looks at what the linker left in the module, of
//! the packages and the standard library too. MODULE is the release build with its names
//! (`make panic-paths`); what is reachable starts from the exports that `keep-exports` keeps.

mod module;

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
    let reasons = reasons(ALLOWED);
    let allowed: Vec<(&str, &str)> = reasons
        .iter()
        .flat_map(|(reason, patterns)| patterns.iter().map(move |pattern| (*reason, *pattern)))
        .collect();
    let found = module.traps(&lines(KEPT).collect::<Vec<_>>());
    let allows = |function: &str, how: &[String]| {
        allowed
            .iter()
            .any(|(_, pattern)| fits(pattern, function, how))
    };
    for (reason, patterns) in &reasons {
        let covers =
            |(name, how): &(&String, &Vec<String>)| patterns.iter().any(|p| fits(p, name, how));
        println!("{:4}  {reason}", found.iter().filter(covers).count());
    }
    println!("{:4}  functions in all that may panic or trap", found.len());
    let surplus: Vec<_> = found
        .iter()
        .filter(|(name, how)| !allows(name, how))
        .collect();
    for (function, how) in &surplus {
        eprintln!("no reason is given for: {function} ({})", how.join(", "));
    }
    let is_stale = |pattern: &str| !found.iter().any(|(name, how)| fits(pattern, name, how));
    let stale: Vec<_> = allowed
        .iter()
        .filter(|(_, pattern)| is_stale(pattern))
        .collect();
    for (_, pattern) in &stale {
        eprintln!("fits nothing any more: {pattern}");
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

/// `[REASON]`, then a line for each pattern that it covers.
fn reasons(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in lines(text) {
        match line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(reason) => reasons.push((reason, Vec::new())),
            None => {
                if let Some((_, patterns)) = reasons.last_mut() {
                    patterns.push(line);
                }
            }
        }
    }
    reasons
}

/// A pattern is a function's name, or the beginning of names before a `*`, or `only` and the one function
/// without return that it may call.
fn fits(pattern: &str, function: &str, how: &[String]) -> bool {
    if let Some(called) = pattern.strip_prefix("only ") {
        return how.iter().all(|one| one == called);
    }
    match pattern.strip_suffix('*') {
        Some(beginning) => function.starts_with(beginning),
        None => function == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_under_their_reason() {
        let text = "# why\n[a reason]\none\ntwo::*\n\n[another]\nthree\n";
        let expected = vec![
            ("a reason", vec!["one", "two::*"]),
            ("another", vec!["three"]),
        ];
        assert_eq!(reasons(text), expected);
    }

    #[test]
    fn a_star_fits_the_rest_of_a_name() {
        assert!(fits("a::b", "a::b", &[]) && fits("a::*", "a::b", &[]));
        assert!(!fits("a::b", "a::bc", &[]));
    }

    #[test]
    fn only_fits_what_calls_nothing_else() {
        let how = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(fits("only oom", "a::b", &how(&["oom"])));
        assert!(!fits("only oom", "a::b", &how(&["oom", "panic"])));
    }

    #[test]
    fn no_reason_covers_the_filters_own_code_as_a_whole() {
        for (reason, patterns) in reasons(ALLOWED) {
            for pattern in patterns {
                let own = ["alb_authn::*", "<alb_authn::*", "*"].contains(&pattern);
                assert!(!own, "{reason}: {pattern}");
            }
        }
    }
}
