//! Fuzzes `coracle_fuzz::modem`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::modem(data));
