//! Each row of `docs/threat-model.md` names the tests that show it, and each of them exists.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot read a document should fail loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Names of all functions that are tests, of every crate.
fn tests_in(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            tests_in(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after_attribute = text.split("#[test]").skip(1);
            let names_of_tests = after_attribute.filter_map(|rest| {
                let (_, rest) = rest.split_once("fn ")?;
                Some(rest.split_once('(')?.0.to_owned())
            });
            names.extend(names_of_tests);
        }
    }
}

/// The rows of the tables, without their headings: (attack, cell with the tests).
fn rows(document: &str) -> Vec<(&str, &str)> {
    let lines = document.lines().filter(|line| line.starts_with("| "));
    let rows = lines.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{line}");
        (cells[0], cells[2])
    });
    rows.filter(|(attack, _)| *attack != "attack").collect()
}

#[test]
fn each_row_of_the_threat_model_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests", "crates", "wasm-tests"] {
        tests_in(&root.join(folder), &mut tests);
    }
    let document = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let rows = rows(&document);
    assert!(rows.len() > 40, "only {} rows", rows.len());
    for (attack, named) in rows {
        let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test for: {attack}");
        for name in named {
            assert!(tests.contains(name), "no such test: {name}, for: {attack}");
        }
    }
}
