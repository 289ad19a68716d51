//! The chores of the workspace. `cargo xtask help` lists them.
//!
//! Only the standard library is used: `cargo xtask demo` builds this program first,
//! on a machine that has nothing but Rust and a C compiler.

mod apt;
mod args;
mod book;
mod contracts;
mod features;
mod firmware;
mod lint;
mod manifest;
mod nostd;
mod programs;
mod setup;
mod sh;
mod test;
mod tidy;
mod toolchain;
mod tools;
mod workspace;

use std::process::ExitCode;

use crate::sh::Result;

/// One row of the command table.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        usage: "[METER ARGS]",
        about: "run the meter example against the embedded chain; needs no setup",
        run: programs::demo,
    },
    Command {
        name: "setup",
        usage: "[--full]",
        about: "install what the tests need (Debian, npm and PyPI); --full adds the cargo tools",
        run: setup::command,
    },
    Command {
        name: "test",
        usage: "[--full] [--keep-going] [STEP...]",
        about: "set up, then run every step or only the named ones; --list names them",
        run: test::command,
    },
    Command {
        name: "tidy",
        usage: "",
        about: "check the project's own rules: versions, feature tables, headings, paths, links",
        run: tidy::command,
    },
    Command {
        name: "lint",
        usage: "",
        about: "fmt, typos, clippy, rustdoc, and cargo deny for licences and sources",
        run: lint::command,
    },
    Command {
        name: "nostd",
        usage: "[--toolchain auto|rustup|distribution] [CRATE...]",
        about: "build the device crates for Cortex-M0, M4 and RV32IMAC with core alone",
        run: nostd::command,
    },
    Command {
        name: "firmware",
        usage: "[meter|selftest|bench] --board CHIP [--dialect quectel|simcom|ublox] \
                [--features F,..] [--log LEVEL] [--target T] [--profile P] [--path]",
        about: "build a program for an emulated board and print its size; --path prints only \
                where the image is",
        run: firmware::command,
    },
    Command {
        name: "features",
        usage: "[CRATE...]",
        about: "lint the device crates with no, each, every pair of and all features",
        run: features::command,
    },
    Command {
        name: "run",
        usage: "[meter|selftest] --board CHIP [--dialect D] [--readings N] [--rpc URL]",
        about: "run a program on an emulated board, with modem and chain, and show its log",
        run: programs::run,
    },
    Command {
        name: "size",
        usage: "[--json] [--write] [--check] [--brief]",
        about: "flash, RAM, stack and panic call sites of the examples on each board; \
                --write puts the table into the README",
        run: programs::size,
    },
    Command {
        name: "bench",
        usage: "[--json] [--board host|CHIP]",
        about: "count instructions, on a host with valgrind; --json prints only the array",
        run: programs::bench,
    },
    Command {
        name: "docs",
        usage: "",
        about: "check the book's pages, and build it where mdbook is installed",
        run: book::command,
    },
    Command {
        name: "contracts",
        usage: "[--check]",
        about: "compile contracts/*.sol; --check compares with the checked-in artifacts",
        run: contracts::command,
    },
    Command {
        name: "fuzz",
        usage: "[--seconds N] [TARGET...]",
        about: "run the fuzz targets (cargo-fuzz and a nightly toolchain needed)",
        run: programs::fuzz,
    },
    Command {
        name: "help",
        usage: "",
        about: "print this table",
        run: help,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result {
    let Some((name, rest)) = args.split_first() else {
        return help(&[]);
    };
    if matches!(name.as_str(), "-h" | "--help") {
        return help(rest);
    }
    let command = COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| format!("no command `{name}`; `cargo xtask help` lists them"))?;
    (command.run)(rest)
}

/// Whether the table has a command of this name.
fn is_command(name: &str) -> bool {
    COMMANDS.iter().any(|command| command.name == name)
}

fn help(_: &[String]) -> Result {
    println!("cargo xtask COMMAND\n");
    for Command {
        name, usage, about, ..
    } in COMMANDS
    {
        println!("  {name:<10} {about}");
        if !usage.is_empty() {
            println!("  {:<10}   {name} {usage}", "");
        }
    }
    println!("\n{}", tools::HELP);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_an_error() {
        let error = dispatch(&["tset".into()]).unwrap_err();
        assert!(error.to_string().contains("`tset`"));
    }

    #[test]
    fn every_command_is_named_once() {
        for command in COMMANDS {
            let same = COMMANDS.iter().filter(|other| other.name == command.name);
            assert_eq!(same.count(), 1, "{}", command.name);
        }
    }
}
