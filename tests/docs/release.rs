//! The workflows and what they publish.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::yaml;

fn workflows() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".github/workflows");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        (path.display().to_string(), text)
    };
    fs::read_dir(folder).unwrap().map(read).collect()
}

#[test]
fn every_action_is_pinned_by_commit_and_says_its_version() {
    let mut checked = 0_usize;
    for (path, text) in workflows() {
        for line in text.lines() {
            let Some((_, action)) = line.split_once("uses: ") else {
                continue;
            };
            let (name, version) = action.split_once(" # ").unwrap_or((action, ""));
            let (_, commit) = name.split_once('@').unwrap();
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit && version.starts_with('v'), "{path}: {line}");
            checked = checked.saturating_add(1);
        }
    }
    assert!(checked > 3, "{checked}");
}

#[test]
fn a_workflow_may_only_read_unless_a_job_says_more() {
    for (path, text) in workflows() {
        let workflow = yaml::documents(&text).remove(0);
        let expected = serde_json::json!({"contents": "read"});
        assert_eq!(workflow["permissions"], expected, "{path}");
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            assert!(job["timeout-minutes"].is_number(), "{path}: {name}");
        }
    }
}

fn release_notes(version: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/scripts/release-notes");
    let output = Command::new(script).arg(version).output().unwrap();
    let bytes = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(bytes).unwrap())
}

#[test]
fn the_release_notes_are_the_changelogs_of_that_version() {
    let (is_good, notes) = release_notes("unreleased");
    assert!(is_good && notes.contains("### Added"), "{notes}");
    assert!(!notes.contains("\n## "), "{notes}");
}

#[test]
fn a_release_of_another_version_than_the_sources_has_no_notes() {
    let (is_good, message) = release_notes("99.0.0");
    assert!(!is_good, "{message}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(message.contains(&format!("Cargo.toml has version {version}, not 99.0.0")));
}
