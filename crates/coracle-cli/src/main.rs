//! The `coracle` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    coracle_cli::main()
}
