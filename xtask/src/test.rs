//! `test`: setup, then every step that a change must pass.

use std::time::{Duration, Instant};

use crate::{
    args::{Args, Spec},
    book, contracts, features, lint, nostd, programs, setup,
    sh::{Cmd, Result},
    tidy, tools,
};

const SPEC: Spec = Spec {
    switches: &["--full", "--keep-going", "--list"],
    options: &[],
    words: true,
};

struct Step {
    name: &'static str,
    about: &'static str,
    full_only: bool,
    run: fn(full: bool) -> Result,
}

/// In the order they run: what fails fast comes first.
const STEPS: &[Step] = &[
    step("setup", "what the tests need is installed", setup::run),
    step("tidy", "the project's own rules", |_| tidy::command(&[])),
    step("fmt", "formatting", |_| lint::format()),
    step("typos", "spelling", |_| lint::spelling()),
    step("book", "pages and links of the guide", |_| book::check()),
    step("deny", "licences and sources of dependencies", |_| {
        lint::dependencies()
    }),
    step(
        "contracts",
        "artifacts are what their sources compile to",
        |_| contracts::command(&["--check".into()]),
    ),
    step("clippy", "lints of every crate and test", |_| {
        lint::clippy()
    }),
    step(
        "host",
        "tests of every crate, doc tests, vectors, real nodes, fuzz corpora",
        host,
    ),
    step("demo", "the meter against the embedded chain", |_| {
        programs::demo(&[])
    }),
    step("rustdoc", "docs of every crate", |_| lint::rustdoc()),
    step(
        "nostd",
        "device crates for bare metal, without alloc",
        |_| nostd::command(&[]),
    ),
    step(
        "features",
        "feature combinations of the device crates",
        |_| features::command(&[]),
    ),
    step(
        "firmware",
        "the emulated boards: self test, meter, modem, faults",
        firmware,
    ),
    step(
        "size",
        "flash, RAM and stack: no more than the README says",
        |_| programs::size(&["--check".into()]),
    ),
    step("bench", "instruction counts on the host", |_| {
        programs::bench(&[])
    }),
    step(
        "bench-board",
        "instruction counts on the reference board",
        |_| programs::bench(&["--board".into(), "mps2-an386".into()]),
    ),
    full_step("mdbook", "the guide as HTML", |_| book::build_with_mdbook()),
    full_step("fuzz", "each fuzz target for a minute", |_| {
        programs::fuzz(&[])
    }),
];

const fn step(name: &'static str, about: &'static str, run: fn(bool) -> Result) -> Step {
    Step {
        name,
        about,
        full_only: false,
        run,
    }
}

const fn full_step(name: &'static str, about: &'static str, run: fn(bool) -> Result) -> Step {
    Step {
        name,
        about,
        full_only: true,
        run,
    }
}

pub(crate) fn command(args: &[String]) -> Result {
    let args = SPEC.parse(args)?;
    if args.has("--list") {
        list();
        return Ok(());
    }
    let steps = choose(&args)?;
    let outcomes = run_all(&steps, args.has("--full"), args.has("--keep-going"));
    summarize(&steps, &outcomes);
    verdict(&steps, &outcomes)
}

fn list() {
    for step in STEPS {
        let when = if step.full_only { " (--full)" } else { "" };
        println!("{:<10} {}{when}", step.name, step.about);
    }
}

/// All steps of this run, or the named ones in the order of the table.
fn choose(args: &Args) -> Result<Vec<&'static Step>> {
    let named = |step: &Step| args.words.iter().any(|word| word == step.name);
    if let Some(word) = args
        .words
        .iter()
        .find(|word| !STEPS.iter().any(|s| s.name == **word))
    {
        return Err(format!("no step `{word}`; `cargo xtask test --list` names them").into());
    }
    let full = args.has("--full");
    let wanted = |step: &&Step| match args.words.is_empty() {
        true => full || !step.full_only,
        false => named(step),
    };
    Ok(STEPS.iter().filter(wanted).collect())
}

type Outcome = (Duration, Result);

fn run_all(steps: &[&Step], full: bool, keep_going: bool) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for step in steps {
        println!("\n=== {}: {}", step.name, step.about);
        let start = Instant::now();
        let result = (step.run)(full);
        let took = start.elapsed();
        let failed = result.is_err();
        match &result {
            Ok(()) => println!("=== {} passed in {}", step.name, seconds(took)),
            Err(error) => println!("=== {} FAILED after {}: {error}", step.name, seconds(took)),
        }
        outcomes.push((took, result));
        if failed && !keep_going {
            break;
        }
    }
    outcomes
}

fn summarize(steps: &[&Step], outcomes: &[Outcome]) {
    println!("\n=== summary");
    for (at, step) in steps.iter().enumerate() {
        let (took, word) = match outcomes.get(at) {
            Some((took, Ok(()))) => (seconds(*took), "ok"),
            Some((took, Err(_))) => (seconds(*took), "FAILED"),
            None => (String::new(), "not run"),
        };
        println!("{:<10} {took:>9}  {word}", step.name);
    }
    let total = outcomes.iter().map(|(took, _)| *took).sum();
    println!("{:<10} {:>9}", "total", seconds(total));
}

fn verdict(steps: &[&Step], outcomes: &[Outcome]) -> Result {
    let failed = steps
        .iter()
        .zip(outcomes)
        .filter(|(_, (_, result))| result.is_err());
    let names: Vec<&str> = failed.map(|(step, _)| step.name).collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", names.join(", ")).into())
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

/// Unit, integration and doc tests of the whole workspace, the README's code among them.
fn host(full: bool) -> Result {
    cargo_test(&["--workspace"], full)
}

/// What runs in QEMU. The images are built by the first test that wants them.
fn firmware(full: bool) -> Result {
    let package = ["--package", "coracle-tests", "--features", "firmware"];
    cargo_test(&[&package[..], &["--test", "firmware*"]].concat(), full)
}

fn cargo_test(what: &[&str], full: bool) -> Result {
    let mut cmd = Cmd::cargo().args(["test", "--no-fail-fast"]).args(what);
    for (name, path) in tools::test_env() {
        cmd = cmd.env(name, path);
    }
    if full {
        cmd = cmd.env("CORACLE_FULL", "1");
    }
    cmd.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        Ok(choose(&SPEC.parse(&args)?)?
            .iter()
            .map(|step| step.name)
            .collect())
    }

    #[test]
    fn the_default_run_leaves_out_slow_steps() {
        assert!(!names(&[]).unwrap().contains(&"fuzz"));
        assert!(names(&["--full"]).unwrap().contains(&"fuzz"));
    }

    #[test]
    fn named_steps_run_alone_in_table_order() {
        assert_eq!(names(&["host", "tidy"]).unwrap(), ["tidy", "host"]);
        assert_eq!(names(&["fuzz"]).unwrap(), ["fuzz"]);
    }

    #[test]
    fn refuses_an_unknown_step() {
        assert!(names(&["hosts"]).is_err());
    }

    const GOOD: Step = step("good", "", |_| Ok(()));
    const BAD: Step = step("bad", "", |_| Err("no".into()));

    #[test]
    fn stops_at_the_first_failure() {
        let outcomes = run_all(&[&BAD, &GOOD], false, false);
        assert_eq!(outcomes.len(), 1);
        let error = verdict(&[&BAD, &GOOD], &outcomes).unwrap_err();
        assert_eq!(error.to_string(), "failed: bad");
    }

    #[test]
    fn keeps_going_when_told_and_still_fails() {
        let outcomes = run_all(&[&BAD, &GOOD], false, true);
        assert_eq!(outcomes.len(), 2);
        assert!(verdict(&[&BAD, &GOOD], &outcomes).is_err());
    }

    #[test]
    fn all_good_passes() {
        assert!(verdict(&[&GOOD], &run_all(&[&GOOD], false, false)).is_ok());
    }
}
