#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::two_tokens::run(data));
