//! The documents say what the code does: the same reasons, fields, defaults, ranges, metrics and alerts; links, files and
//! `make` targets that they name are there.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot read a document should fail loudly"
)]

mod markdown;
mod schema;

mod configuration;
mod configuration_and_code;
mod costs;
mod migration;
mod names;
mod operations;
mod rejections;
mod release;
mod tree;

#[path = "../yaml/mod.rs"]
mod yaml;

const CONFIGURATION: &str = include_str!("../../docs/configuration.md");
const GROUPS: &str = include_str!("../../docs/groups.md");
const OPERATIONS: &str = include_str!("../../docs/operations.md");
const REJECTIONS: &str = include_str!("../../docs/rejections.md");
