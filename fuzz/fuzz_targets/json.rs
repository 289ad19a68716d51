//! Fuzzes `coracle_fuzz::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::json(data));
