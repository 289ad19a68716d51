//! Fuzzes `coracle_fuzz::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::record(data));
