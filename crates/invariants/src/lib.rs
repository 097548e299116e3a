//! Attacks on the filter's core, kept as functions of bytes.
//!
//! Each module of [`TARGETS`] takes any bytes and panics where a rule of the filter is broken. Two callers
//! share them, so that what a fuzzer finds stays found: `fuzz/` (cargo-fuzz, for hours) and
//! `tests/replay.rs` (the committed corpus and some thousand more inputs, with each `make test`).
//!
//! The rules are written here a second time and otherwise than in `src/`: a copy would repeat its mistakes.

pub mod access_token;
pub mod claims;
pub mod config;
pub mod cookies;
pub mod headers;
pub mod json;
pub mod key_set;
pub mod key_store;
pub mod paths;
pub mod pem;
pub mod plugin;
pub mod protected_header;
pub mod support;
pub mod token;
pub mod two_tokens;
pub mod values;
pub mod wire;

/// One attack: any bytes.
pub type Target = fn(&[u8]);

/// All of them, by name; `fuzz/fuzz_targets/NAME.rs` and `fuzz/corpus/NAME/` belong to each.
pub const TARGETS: [(&str, Target); 15] = [
    ("access_token", access_token::run),
    ("claims", claims::run),
    ("config", config::run),
    ("cookies", cookies::run),
    ("headers", headers::run),
    ("key_set", key_set::run),
    ("key_store", key_store::run),
    ("paths", paths::run),
    ("pem", pem::run),
    ("plugin", plugin::run),
    ("protected_header", protected_header::run),
    ("token", token::run),
    ("two_tokens", two_tokens::run),
    ("values", values::run),
    ("wire", wire::run),
];
