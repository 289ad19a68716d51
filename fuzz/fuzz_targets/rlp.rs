//! Fuzzes `coracle_fuzz::rlp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::rlp(data));
