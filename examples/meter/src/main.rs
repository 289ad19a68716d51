//! A water meter: on a host `cargo run -p meter -- --help`, on a board
//! `cargo xtask run meter --board mps2-an386`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware;

#[cfg(all(feature = "host", not(target_os = "none")))]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    use std::{env, io};

    use meter::host::{self, Ask};

    let outcome = Ask::parse(env::args().skip(1)).and_then(|ask| match ask {
        Ask::Help => {
            println!("{}", host::USAGE);
            Ok(())
        }
        Ask::Run(options) => host::run(&options, &mut io::stdout()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("meter: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(any(feature = "host", target_os = "none")))]
fn main() {
    eprintln!("meter: built without the feature `host`; firmware is built for a board's target");
}
