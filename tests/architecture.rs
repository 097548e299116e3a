//! Dependencies between the modules of `src/` point one way, as `docs/architecture.md` draws them.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read the source should fail loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module uses only modules that stand before it. `docs/architecture.md` shows the same order.
const ORDER: &str = include_str!("../docs/architecture.md");

fn order() -> Vec<&'static str> {
    let (_, list) = ORDER
        .split_once("<!-- modules, each using only earlier ones -->")
        .unwrap();
    let (_, block) = list.split_once("```text\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block
        .split_whitespace()
        .filter(|word| *word != "→")
        .collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a module, its tests left out.
fn files(module: &str) -> Vec<PathBuf> {
    let mut files = vec![source().join(format!("{module}.rs"))];
    let mut folders = vec![source().join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let is_test = |path: &PathBuf| {
        path.iter()
            .any(|part| part == "tests" || part == "tests.rs")
    };
    files.retain(|path| !is_test(path));
    files
}

/// The top-level modules that a module names by `crate::`.
fn used_by(module: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for file in files(module) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = code
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"))
            .collect();
        for rest in code.join("\n").split("crate::").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')
                .collect();
            used.insert(name);
        }
    }
    used.remove(module);
    used
}

#[test]
fn each_module_uses_only_modules_that_stand_before_it() {
    let order = order();
    for (position, module) in order.iter().enumerate() {
        for used in used_by(module) {
            let place = order.iter().position(|known| *known == used);
            assert!(
                place.is_some_and(|place| place < position),
                "src/{module} uses {used}, which does not stand before it"
            );
        }
    }
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let declared = fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared = declared.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    let declared: BTreeSet<&str> = declared.filter(|name| *name != "testing").collect();
    assert_eq!(declared, order().into_iter().collect());
}
