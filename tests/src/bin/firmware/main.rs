//! Firmware on emulated boards: what `cargo xtask run`, `size` and `bench` start.

mod air;
mod bench;
mod run;
mod size;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use coracle_tests::firmware::Result;

/// Firmware on emulated boards.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a program on a board, with modem and chain where it wants them.
    Run(run::Args),
    /// Flash, RAM and stack of every example on every board.
    Size(size::Args),
    /// Instructions of coracle's operations on a board.
    Bench(bench::Args),
}

fn main() -> ExitCode {
    let outcome: Result = match Cli::parse().command {
        Command::Run(args) => run::command(&args),
        Command::Size(args) => size::command(&args),
        Command::Bench(args) => bench::command(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
