//! Every input that the fuzzers ever found worth keeping, and three thousand more for each target.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot read its corpus should fail loudly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use invariants::{TARGETS, Target};

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn file_names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Says which input broke a rule, so that it can be kept.
fn attack(name: &str, target: Target, input: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(input));
    assert!(
        outcome.is_ok(),
        "{name} breaks on {:?}",
        String::from_utf8_lossy(input)
    );
}

#[test]
fn every_input_of_the_corpus_is_survived() {
    for (name, target) in TARGETS {
        let folder = fuzz_folder().join("corpus").join(name);
        let files = file_names(&folder);
        assert!(!files.is_empty(), "{name} has no corpus");
        for file in files {
            attack(name, target, &fs::read(folder.join(file)).unwrap());
        }
    }
}

/// Three thousand inputs that nobody chose.
fn try_many(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    for number in 0..3000_u64 {
        attack(name, *target, &bytes(name, number));
    }
}

#[test]
fn an_access_token_holds_exactly_as_the_second_rules_say() {
    try_many("access_token");
}

#[test]
fn every_value_of_any_payload_is_safe_in_a_header() {
    try_many("claims");
}

#[test]
fn any_configuration_holds_its_bounds_or_names_its_problems() {
    try_many("config");
}

#[test]
fn no_session_cookie_is_left_and_the_others_stay() {
    try_many("cookies");
}

#[test]
fn no_identity_header_exists_that_the_filter_did_not_set() {
    try_many("headers");
}

#[test]
fn the_keys_of_a_set_are_those_that_another_reader_finds() {
    try_many("key_set");
}

#[test]
fn no_sequence_of_events_loses_a_waiter_or_fetches_a_key_twice() {
    try_many("key_store");
}

#[test]
fn what_passes_without_a_token_is_public_however_it_is_read() {
    try_many("paths");
}

#[test]
fn an_answer_is_one_p256_key_or_none() {
    try_many("pem");
}

#[test]
fn no_sequence_of_events_accepts_anybody_but_by_the_served_key() {
    try_many("plugin");
}

#[test]
fn protected_headers_are_what_another_reader_finds() {
    try_many("protected_header");
}

#[test]
fn tokens_are_taken_apart_exactly_where_they_are_canonical() {
    try_many("token");
}

#[test]
fn no_reader_of_a_header_finds_an_element_or_a_name_that_the_rules_forbid() {
    try_many("values");
}

#[test]
fn no_sequence_of_events_gives_a_request_other_groups_than_its_own() {
    try_many("two_tokens");
}

#[test]
fn a_header_map_is_read_whole_or_not_at_all() {
    try_many("wire");
}

/// The same bytes each time, up to 500 of them (SplitMix64).
fn bytes(name: &str, number: u64) -> Vec<u8> {
    let mut state = name.bytes().fold(number, |state, byte| {
        state.wrapping_mul(31) ^ u64::from(byte)
    });
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    let length = usize::try_from(number % 500).unwrap();
    std::iter::repeat_with(&mut next)
        .flatten()
        .take(length)
        .collect()
}

#[test]
fn every_target_has_a_fuzzer_and_every_fuzzer_a_target() {
    let targets: BTreeSet<String> = TARGETS
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    assert_eq!(file_names(&fuzz_folder().join("fuzz_targets")), targets);
    let corpora: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(file_names(&fuzz_folder().join("corpus")), corpora);
}
