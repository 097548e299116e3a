#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| attacks::pem::run(data));
