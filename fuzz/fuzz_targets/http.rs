//! Fuzzes `coracle_fuzz::http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::http(data));
