//! Fuzzes `coracle_fuzz::abi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| coracle_fuzz::abi(data));
