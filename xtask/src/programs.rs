//! `demo`, `run`, `size`, `bench` and `fuzz`: programs of the workspace that only need
//! starting.

use std::fs;

use crate::{
    args::Spec,
    sh::{Cmd, Result},
    tools::{self, CargoTool},
    workspace,
};

const FUZZ: Spec = Spec {
    switches: &[],
    options: &["--seconds"],
    words: true,
};

/// The meter against the chain that is built into it; arguments are its own.
pub(crate) fn demo(args: &[String]) -> Result {
    Cmd::cargo()
        .args(["run", "--package", "meter", "--"])
        .args(args)
        .run()
}

/// Standard output is what the benches print, and nothing else. An emulated board counts
/// by itself; the host needs valgrind.
pub(crate) fn bench(args: &[String]) -> Result {
    let board = args.iter().skip_while(|arg| *arg != "--board").nth(1);
    if board.is_some_and(|board| board != "host") {
        return firmware("bench", args);
    }
    let run = ["run", "--release", "--package", "coracle-benches", "--"];
    Cmd::cargo().args(run).args(args).run()
}

/// Firmware on an emulated board, with modem and chain.
pub(crate) fn run(args: &[String]) -> Result {
    firmware("run", args)
}

/// Flash, RAM and stack of the examples on the emulated boards.
pub(crate) fn size(args: &[String]) -> Result {
    firmware("size", args)
}

/// A command of the harness, which has dependencies that this program does without.
fn firmware(command: &str, args: &[String]) -> Result {
    let package = ["run", "--quiet", "--package", "coracle-tests"];
    let program = ["--features", "firmware", "--bin", "firmware", "--", command];
    let mut cmd = Cmd::cargo().args(package).args(program).args(args);
    for (name, path) in tools::test_env() {
        cmd = cmd.env(name, path);
    }
    cmd.run()
}

pub(crate) fn fuzz(args: &[String]) -> Result {
    let args = FUZZ.parse(args)?;
    let seconds: u32 = match args.option("--seconds").unwrap_or("60").parse() {
        Ok(seconds) => seconds,
        Err(_) => return Err("--seconds takes a number of seconds".into()),
    };
    let targets = if args.words.is_empty() {
        fuzz_targets()
    } else {
        args.words
    };
    if targets.is_empty() {
        return Err("fuzz/fuzz_targets has no target".into());
    }
    let tool = tools::cargo_tool("cargo-fuzz").filter(|tool| tool.is_installed());
    let tool = tool.ok_or("cargo-fuzz is not installed; run `cargo xtask setup --full`")?;
    for target in targets {
        run_fuzzer(tool, &target, seconds)?;
    }
    Ok(())
}

/// New inputs go to the target folder; the checked-in corpus is read only.
fn run_fuzzer(tool: &CargoTool, target: &str, seconds: u32) -> Result {
    let found = workspace::target_dir().join("fuzz-corpus").join(target);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let seeds = workspace::root().join("fuzz/corpus").join(target);
    // The sanitizer's switch is unstable; a stable compiler has it behind this variable.
    Cmd::new(tool.path())
        .args(["run", "--fuzz-dir", "fuzz", target])
        .args([found, seeds])
        .args(["--".to_owned(), format!("-max_total_time={seconds}")])
        .env("RUSTC_BOOTSTRAP", "1")
        .dir(&workspace::root())
        .run()
}

fn fuzz_targets() -> Vec<String> {
    let files = workspace::entries(&workspace::root().join("fuzz/fuzz_targets"));
    let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    files.into_iter().filter_map(stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fuzzing_time_is_a_number() {
        assert!(fuzz(&["--seconds".into(), "long".into()]).is_err());
    }
}
