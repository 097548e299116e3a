#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::access_token::run(data));
