//! What the documents name in the repository: links, files and `make` targets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::markdown::{anchors, section};

/// Folders that are built or installed, wherever they stand.
const NOT_OURS: [&str; 7] = [
    ".cache",
    ".git",
    ".venv",
    "dist",
    "node_modules",
    "target",
    "test-results",
];

/// Files that a release has and the repository has not.
const MADE_BY_A_RELEASE: [&str; 1] = ["release-notes.md"];

/// What kubectl calls a Deployment.
const DEPLOYMENTS: [&str; 2] = ["deploy/istio-ingressgateway", "deploy/istiod"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file and folder of the repository, by its path in it.
fn tree() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        // Another test's temporary folder may be gone by now.
        let entries = fs::read_dir(&folder).into_iter().flatten();
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if NOT_OURS.contains(&name) {
                continue;
            }
            found.insert(path.strip_prefix(root()).unwrap().to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Every Markdown file with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let paths = tree().into_iter();
    let documents = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    documents.map(read).collect()
}

/// What stands between a document's backticks, blocks' lines included, each with whether it is a block's.
fn code_of(text: &str) -> Vec<(bool, &str)> {
    let mut code = Vec::new();
    for (index, part) in text.split("```").enumerate() {
        if index % 2 == 1 {
            code.extend(part.lines().skip(1).map(|line| (true, line)));
        } else {
            code.extend(part.split('`').skip(1).step_by(2).map(|span| (false, span)));
        }
    }
    code
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let mut checked = 0_usize;
    for (document, text) in documents() {
        let links = text.split("](").skip(1);
        for rest in links.chain(text.split("src=\"").skip(1)) {
            let target = rest.split([')', ' ', '"']).next().unwrap();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = document.parent().unwrap();
            let path = match file {
                "" => root().join(&document),
                file => root().join(folder).join(file),
            };
            assert!(path.exists(), "{}: {target}", document.display());
            if !heading.is_empty() {
                let linked = fs::read_to_string(&path).unwrap();
                let is_there = anchors(&linked).any(|anchor| anchor == heading);
                assert!(is_there, "{}: {target}", document.display());
            }
            checked = checked.saturating_add(1);
        }
    }
    assert!(checked > 50, "{checked} links");
}

/// The visible directories in `folder`.
fn directories(folder: &str) -> BTreeSet<PathBuf> {
    let paths = tree().into_iter();
    let in_folder = paths.filter(|path| path.parent() == Some(Path::new(folder)));
    let visible =
        in_folder.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
    visible.filter(|path| root().join(path).is_dir()).collect()
}

/// The directories whose README a row of a table in `map` links to. Links are relative to `folder`.
fn mapped(map: &str, folder: &str) -> BTreeSet<PathBuf> {
    let rows = map.lines().filter(|line| line.starts_with('|'));
    let links = rows.filter_map(|row| row.split("](").nth(1)?.split_once("/README.md)"));
    links
        .map(|(directory, _)| Path::new(folder).join(directory))
        .collect()
}

#[test]
fn the_maps_list_every_directory_with_its_readme() {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap();

    let readme = read("README.md");
    let mut expected = directories("");
    expected.remove(Path::new("crates"));
    expected.extend(directories("crates"));
    assert_eq!(mapped(section(&readme, "## Repository map"), ""), expected);

    for folder in ["crates", "e2e"] {
        let map = read(&format!("{folder}/README.md"));
        assert_eq!(
            mapped(&map, folder),
            directories(folder),
            "{folder}/README.md"
        );
    }
}

/// Whether `word` can only be the name of a file or folder of the repository.
fn is_a_path(word: &str, tops: &BTreeSet<String>) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if !word.chars().all(plain) || word.starts_with(['/', '.', '-']) || word.contains("//") {
        return false;
    }
    let (first, rest) = word.split_once('/').unwrap_or((word, ""));
    if NOT_OURS.contains(&first) || DEPLOYMENTS.contains(&word) {
        return false;
    }
    let is_below_a_top = !rest.is_empty() && tops.contains(first);
    let is_a_source = [".rs", ".md", ".mk"].iter().any(|end| word.ends_with(end));
    is_below_a_top || is_a_source
}

/// `fuzz/corpus/TARGET` as far as it can be looked up: a segment in capitals stands for any.
fn before_placeholder(path: &str) -> PathBuf {
    let is_placeholder = |segment: &&str| segment.chars().all(|c| c.is_ascii_uppercase());
    let segments = path.split('/').enumerate();
    let named = segments.take_while(|(index, segment)| *index == 0 || !is_placeholder(segment));
    named.map(|(_, segment)| segment).collect()
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let tree = tree();
    let tops: BTreeSet<String> = tree
        .iter()
        .filter(|path| path.components().count() == 1 && root().join(path).is_dir())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect();
    let mut checked = 0_usize;
    for (document, text) in documents() {
        for (is_in_a_block, code) in code_of(&text) {
            let words = code.split([' ', '(', ')', '"', '\'', '=', ',', ':', ';']);
            for word in words.map(|word| word.trim_end_matches('.')) {
                // A block may name its reader's own files, and URLs that end like ours.
                if !is_a_path(word, &tops) || (is_in_a_block && !word.contains('/')) {
                    continue;
                }
                let named = before_placeholder(word.trim_end_matches('/'));
                let is_there = tree.iter().any(|path| path.ends_with(&named));
                let is_made = MADE_BY_A_RELEASE.contains(&word);
                assert!(is_there || is_made, "{}: `{word}`", document.display());
                checked = checked.saturating_add(1);
            }
        }
    }
    assert!(checked > 15, "{checked} names");
}

fn make_targets() -> BTreeSet<String> {
    let tree = tree();
    let files = tree.iter().filter(|path| {
        path.ends_with("Makefile") || path.extension().is_some_and(|ending| ending == "mk")
    });
    let mut targets = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(root().join(file)).unwrap();
        for line in text.lines() {
            let name = line.split(':').next().unwrap();
            let is_of_a_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if line.contains(':') && !name.is_empty() && name.chars().all(is_of_a_name) {
                targets.insert(name.to_owned());
            }
        }
    }
    targets
}

#[test]
fn every_make_target_that_a_document_names_is_there() {
    let targets = make_targets();
    let mut checked = 0_usize;
    for (document, text) in documents() {
        for (_, code) in code_of(&text) {
            let Some((before, arguments)) = code.split_once("make ") else {
                continue;
            };
            let is_a_command = before
                .split(' ')
                .all(|word| word.is_empty() || word == "$" || word.contains('='));
            if !is_a_command {
                continue;
            }
            let arguments = arguments.split(['#', '|', '&', '>', ';']).next().unwrap();
            // What stands in quotes is a variable's value.
            let unquoted = arguments.split(['\'', '"']).step_by(2);
            let arguments = unquoted.collect::<Vec<_>>().join("");
            for target in arguments
                .split_whitespace()
                .filter(|word| !word.contains('='))
            {
                let is_there = targets.contains(target);
                assert!(is_there, "{}: make {target}", document.display());
                checked = checked.saturating_add(1);
            }
        }
    }
    assert!(checked > 10, "{checked} targets");
}
