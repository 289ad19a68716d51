//! The commands.

use std::io::{self, LineWriter, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::{Outcome, Output};
use crate::{devnet, eth, key, modem_sim, record, rlp};

/// Keys, transactions, ABI, records and an embedded chain.
#[derive(Debug, Parser)]
#[command(name = "coracle", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a small EVM chain on this machine, until stopped.
    Devnet(devnet::DevnetArgs),
    /// Run an emulated cellular modem on this machine, until stopped.
    ModemSim(Box<modem_sim::ModemSimArgs>),
    /// Keys in keystore files.
    #[command(subcommand)]
    Key(key::Command),
    /// Ethereum-like chains.
    #[command(subcommand)]
    Eth(Box<eth::Command>),
    /// RLP.
    #[command(subcommand)]
    Rlp(rlp::Command),
    /// Signed records.
    #[command(subcommand)]
    Record(record::Command),
}

impl Command {
    fn run(self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::Devnet(args) => args.run(out),
            Self::ModemSim(args) => args.run(out),
            Self::Key(command) => command.run(out),
            Self::Eth(command) => command.run(out),
            Self::Rlp(command) => command.run(out),
            Self::Record(command) => command.run(out),
        }
    }
}

/// Runs the command that the arguments name.
///
/// Exit code 0; 1 for a failure, with one line on standard error. A reader that goes
/// away ends the command without a word.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return bad_arguments(&error),
    };
    let mut out = Output::new(LineWriter::new(io::stdout().lock()));
    let outcome = cli.command.run(&mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    match outcome {
        Ok(code) => code,
        Err(_) if out.is_closed => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell where standard error is closed.
            let _ = writeln!(io::stderr(), "coracle: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Help goes out as it is, a complaint as one line.
fn bad_arguments(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !line.is_empty() && !line.starts_with("Usage:"));
    let line = lines.collect::<Vec<_>>().join(" ");
    let complaint = line.strip_prefix("error: ").unwrap_or(&line);
    let _ = writeln!(io::stderr(), "coracle: {complaint} (see --help)");
    ExitCode::FAILURE
}
