//! Instructions of coracle's operations, counted by callgrind: `cargo xtask bench`.
//!
//! Each operation runs in a process of its own, once 10 and once 20 times; the
//! difference by 10 is what one run takes, without start-up. The counts repeat exactly
//! for the same binary.

use std::process::{Command, ExitCode};

use serde_json::json;

mod cases;

const FEW: u64 = 10;
const MANY: u64 = 20;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--run", name, count] => cases::run(name, count.parse().map_err(|_| "bad count")?),
        [] | ["--board", "host"] => table(&measure()?),
        ["--json"] | ["--board", "host", "--json"] | ["--json", "--board", "host"] => {
            json(&measure()?)
        }
        _ => Err("usage: bench [--board host] [--json]".into()),
    }
}

/// A name and the instructions of one run.
type Row = (&'static str, u64);

fn measure() -> Result<Vec<Row>, String> {
    let names = cases::names()?.into_iter();
    names.map(|name| Ok((name, instructions(name)?))).collect()
}

fn instructions(name: &str) -> Result<u64, String> {
    let many = count(name, MANY)?;
    let few = count(name, FEW)?;
    let difference = many
        .checked_sub(few)
        .ok_or("fewer instructions for more runs")?;
    Ok(difference / (MANY - FEW))
}

/// The instructions of a whole process that runs an operation `times` times.
fn count(name: &str, times: u64) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--run", name, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}; `cargo xtask setup` installs it"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{name} failed: {report}"));
    }
    let line = report
        .lines()
        .find_map(|line| line.split_once("Collected :"));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| format!("no count in the report of valgrind: {report}"))
}

fn target() -> String {
    format!(
        "{}-unknown-{}-gnu",
        std::env::consts::ARCH,
        std::env::consts::OS
    )
}

fn table(rows: &[Row]) -> Result<(), String> {
    println!(
        "instructions on the host ({}), release build, callgrind\n",
        target()
    );
    println!("| operation | instructions | against baseline |\n| --- | ---: | ---: |");
    for (name, instructions) in rows {
        let ours = name.split_once('/').and_then(|(ours, _)| {
            rows.iter()
                .find(|(name, _)| *name == ours)
                .map(|(_, instructions)| *instructions)
        });
        let ratio = ours.map(|ours| format!("ours {:.2} x", ratio(ours, *instructions)));
        println!(
            "| `{name}` | {instructions} | {} |",
            ratio.unwrap_or_default()
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
fn ratio(ours: u64, baseline: u64) -> f64 {
    ours as f64 / baseline as f64
}

fn json(rows: &[Row]) -> Result<(), String> {
    let target = target();
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, instructions)| {
            json!({ "name": name, "board": "host", "target": target, "instructions": instructions })
        })
        .collect();
    println!(
        "{}",
        serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?
    );
    Ok(())
}
