//! A water meter: on a host `cargo run -p meter -- --help`, on a board
//! `cargo xtask run meter --board mps2-an386`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware;

#[cfg(all(feature = "host", not(target_os = "none")))]
fn main() -> std::process::ExitCode {
    meter::host::main()
}

#[cfg(not(any(feature = "host", target_os = "none")))]
fn main() {
    eprintln!("meter: built without the feature `host`; firmware is built for a board's target");
}
