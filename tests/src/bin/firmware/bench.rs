//! `bench`: instructions of coracle's operations on a board, counted by QEMU.
//!
//! Every instruction takes a nanosecond of virtual time (`-icount shift=0`), which the
//! board's clock shows. The counts repeat exactly for the same image.

use std::time::Duration;

use coracle_tests::firmware::{Board, Config, Ended, Error, Image, Line, Qemu, Result, Spec};
use serde_json::json;

use crate::air;
use crate::table::{Table, number};

/// Ten times what the slowest run took, on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(600);

/// Where to count, and how to print it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The board: mps2-an386, mps2-an505, riscv32-virt.
    #[arg(long)]
    board: Board,
    /// A target other than the board's usual one.
    #[arg(long)]
    target: Option<String>,
    /// Prints only an array.
    #[arg(long)]
    json: bool,
}

/// A name and the instructions of one run.
type Row = (String, u64);

pub(crate) fn command(args: &Args) -> Result {
    let mut spec = Spec::new("bench", args.board);
    spec.target.clone_from(&args.target);
    let rows = measure(&spec)?;
    match args.json {
        true => print_json(&spec, &rows),
        false => {
            print_table(&spec, &rows);
            air::print(args.board)
        }
    }
}

fn measure(spec: &Spec) -> Result<Vec<Row>> {
    let image = Image::build(spec)?;
    let mut config = Config::closed(LIMIT);
    config.icount = Some(0);
    let outcome = Qemu::start(&image, &config)?.finish()?;
    let rows: Vec<Row> = outcome.rest.iter().filter_map(row).collect();
    if outcome.ended != Ended::Exited(0) || rows.is_empty() {
        let log: String = outcome
            .rest
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        return Err(Error::at(format!("bench on {} failed", spec.board), log));
    }
    Ok(rows)
}

/// A line of the form `NAME COUNT`.
fn row(line: &Line) -> Option<Row> {
    let (name, count) = line.message.split_once(' ')?;
    Some((name.to_owned(), count.parse().ok()?))
}

fn print_json(spec: &Spec, rows: &[Row]) -> Result {
    let (board, target) = (spec.board.name(), spec.target());
    let rows = rows.iter().map(|(name, instructions)| {
        json!({ "name": name, "board": board, "target": target, "instructions": instructions })
    });
    let rows: Vec<_> = rows.collect();
    let text = serde_json::to_string_pretty(&rows).map_err(|error| Error::at("JSON", error))?;
    println!("{text}");
    Ok(())
}

fn print_table(spec: &Spec, rows: &[Row]) {
    println!("instructions on {} ({})\n", spec.board, spec.target());
    let mut table = Table::new(1, &["operation", "instructions", "against baseline"]);
    for (name, instructions) in rows {
        let against =
            ours(name, rows).map(|ours| format!("ours {:.2} x", ratio(ours, *instructions)));
        table.row(vec![
            format!("`{name}`"),
            number(*instructions),
            against.unwrap_or_default(),
        ]);
    }
    print!("{}", table.to_markdown());
}

/// What we take for the operation that a baseline, `ours/theirs`, is compared with.
fn ours(name: &str, rows: &[Row]) -> Option<u64> {
    let (ours, _) = name.split_once('/')?;
    let row = rows.iter().find(|(name, _)| name == ours)?;
    Some(row.1)
}

#[expect(clippy::cast_precision_loss, reason = "two digits are printed")]
fn ratio(ours: u64, baseline: u64) -> f64 {
    ours as f64 / baseline as f64
}

#[cfg(test)]
mod tests {
    use coracle_tests::firmware::Level;

    use super::*;

    fn line(message: &str) -> Line {
        Line {
            level: Level::Info,
            message: message.into(),
            timestamp: None,
            place: None,
        }
    }

    #[test]
    fn takes_lines_of_a_name_and_a_count() {
        let row = row(&line("secp256k1-sign/libsecp256k1 3070000"));
        assert_eq!(row, Some(("secp256k1-sign/libsecp256k1".into(), 3_070_000)));
    }

    #[test]
    fn leaves_other_lines_alone() {
        for message in [
            "done",
            "stack 928 bytes",
            "keccak256-32",
            "keccak256-32 -1",
            "",
        ] {
            assert_eq!(row(&line(message)), None, "{message}");
        }
    }

    #[test]
    fn a_baseline_is_compared_with_ours() {
        let rows = [("a".to_owned(), 10), ("a/b".to_owned(), 5)];
        assert_eq!(ours("a/b", &rows), Some(10));
        assert_eq!(ours("a", &rows), None);
    }
}
