//! A water meter on a host: `cargo run -p meter -- --help`.

use std::env;
use std::io;
use std::process::ExitCode;

use meter::host::{self, Ask};

fn main() -> ExitCode {
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
