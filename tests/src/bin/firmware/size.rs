//! `size`: what each example takes on each board.

use std::fs;

use coracle_tests::firmware::{
    Board, Chain, Dialect, Error, Image, Inspection, Result, Scenario, Spec,
};
use serde_json::json;

use crate::table::{Table, difference, number};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");

/// An image may grow by this part, a fiftieth, before the README has to say so.
const GROWTH: u64 = 50;

/// Where the table stands in the README.
const BEGIN: &str = "<!-- size:begin -->\n";
const END: &str = "<!-- size:end -->";

/// Readings of a run that finds the deepest stack: the way through is the same for each.
const READINGS: u32 = 3;

/// What the Ethereum example may take on the reference board, in bytes.
const BUDGET: Budget = Budget {
    board: Board::Mps2An386,
    flash: 96 * 1024,
    ram: 24 * 1024,
};

struct Budget {
    board: Board,
    flash: u64,
    /// Variables and stack together.
    ram: u64,
}

/// What to print, and what to do with it.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Prints only an array, of the examples on the boards.
    #[arg(long)]
    json: bool,
    /// Puts the table into the README.
    #[arg(long)]
    write: bool,
    /// Fails where an image holds what no release should, or has grown over what the README
    /// says.
    #[arg(long)]
    check: bool,
    /// Leaves out what the choices of features, target and log change.
    #[arg(long)]
    brief: bool,
}

/// An example on a board.
struct Row {
    example: &'static str,
    board: Board,
    inspection: Inspection,
    stack_bytes: u64,
    store_bytes: u64,
}

impl Row {
    fn ram(&self) -> u64 {
        self.inspection.size.static_ram_bytes + self.stack_bytes
    }
}

pub(crate) fn command(args: &Args) -> Result {
    let chain = Chain::devnet()?;
    let rows: Result<Vec<Row>> = Board::ALL
        .into_iter()
        .map(|board| measure(&chain, board))
        .collect();
    let rows = rows?;
    if args.json {
        return print_json(&rows);
    }
    let table = table(&rows);
    println!("{table}");
    println!("{}", code_by_crate(&rows));
    println!("{}", store(&rows));
    println!("{}", panic_sites(&rows));
    println!("{}", budget(&rows));
    if !args.brief {
        println!("{}", differences(&rows)?);
    }
    if args.write {
        write(&table)?;
    }
    match args.check {
        true => check(&rows),
        false => Ok(()),
    }
}

/// The meter that reports to an Ethereum-like chain. It runs on a chain until it is done;
/// the stack is known only then.
fn measure(chain: &Chain, board: Board) -> Result<Row> {
    let scenario = Scenario::meter(board, Dialect::Quectel, READINGS);
    let inspection = Image::build(&scenario.image)?.inspect()?;
    let report = scenario.run(chain, |_| {})?;
    let stack_bytes = report.stack_bytes().filter(|_| report.is_success());
    let stack_bytes =
        stack_bytes.ok_or_else(|| Error::at(format!("meter on {board} failed"), report.log()))?;
    Ok(Row {
        example: "meter-eth",
        board,
        inspection,
        stack_bytes,
        store_bytes: report.store_bytes().unwrap_or_default(),
    })
}

fn print_json(rows: &[Row]) -> Result {
    let rows = rows.iter().map(|row| {
        json!({
            "example": row.example,
            "board": row.board.name(),
            "flash_bytes": row.inspection.size.flash_bytes,
            "static_ram_bytes": row.inspection.size.static_ram_bytes,
            "stack_bytes": row.stack_bytes,
        })
    });
    let rows: Vec<_> = rows.collect();
    let text = serde_json::to_string_pretty(&rows).map_err(|error| Error::at("JSON", error))?;
    println!("{text}");
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let head = [
        "example",
        "board",
        "target",
        "flash",
        "static RAM",
        "stack",
        "RAM",
    ];
    let mut table = Table::new(3, &head);
    for row in rows {
        let size = row.inspection.size;
        table.row(vec![
            format!("`{}`", row.example),
            format!("`{}`", row.board),
            format!("`{}`", row.board.target()),
            number(size.flash_bytes),
            number(size.static_ram_bytes),
            number(row.stack_bytes),
            number(row.ram()),
        ]);
    }
    table.to_markdown()
}

/// What each choice adds to the example as it stands in the table, or takes from it.
fn differences(rows: &[Row]) -> Result<String> {
    let board = BUDGET.board;
    let Some(base) = rows.iter().find(|row| row.board == board) else {
        return Ok(String::new());
    };
    let usual = || Spec::meter(board, Dialect::Quectel);
    let dialect = |dialect: Dialect| Spec::meter(board, dialect);
    let choices = [
        (
            "feature `simcom` in place of `quectel`",
            dialect(Dialect::Simcom),
        ),
        (
            "feature `ublox` in place of `quectel`",
            dialect(Dialect::Ublox),
        ),
        (
            "feature `tls`: the modem's TLS",
            Spec {
                features: vec!["tls".into()],
                ..usual()
            },
        ),
        (
            "target `thumbv6m-none-eabi`",
            Spec {
                target: Some("thumbv6m-none-eabi".into()),
                ..usual()
            },
        ),
        (
            "log of errors alone, `DEFMT_LOG=error`",
            Spec {
                log: Some("error".into()),
                ..usual()
            },
        ),
    ];
    let mut table = Table::new(
        1,
        &["`meter-eth` on `mps2-an386` with", "flash", "static RAM"],
    );
    for (what, spec) in choices {
        let size = Image::build(&spec)?.inspect()?.size;
        let base = base.inspection.size;
        table.row(vec![
            what.to_owned(),
            difference(size.flash_bytes, base.flash_bytes),
            difference(size.static_ram_bytes, base.static_ram_bytes),
        ]);
    }
    Ok(table.to_markdown())
}

/// Crates with less code than this are told together.
const CRATE_BYTES: u64 = 1024;

/// Where the flash of the reference board is.
fn code_by_crate(rows: &[Row]) -> String {
    let mut table = Table::new(
        1,
        &["code of `meter-eth` on `mps2-an386`, by crate", "bytes"],
    );
    let row = rows.iter().find(|row| row.board == BUDGET.board);
    let crates = row.map(|row| &row.inspection.code_by_crate);
    let mut crates: Vec<_> = crates.into_iter().flatten().collect();
    crates.sort_by_key(|(name, bytes)| (std::cmp::Reverse(**bytes), name.as_str()));
    let (large, small): (Vec<_>, Vec<_>) = crates
        .into_iter()
        .partition(|(_, bytes)| **bytes >= CRATE_BYTES);
    for (name, bytes) in large {
        table.row(vec![format!("`{name}`"), number(*bytes)]);
    }
    let rest = small.iter().map(|(_, bytes)| **bytes).sum();
    table.row(vec![format!("{} others", small.len()), number(rest)]);
    table.to_markdown()
}

/// What seals a slot, and nothing else in the example needs.
const SEALING: [&str; 8] = [
    "aead",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "hkdf",
    "inout",
    "poly1305",
    "universal_hash",
];

/// What the store takes of it. The client's part, which writes entries for it, is not told
/// apart.
fn store(rows: &[Row]) -> String {
    let mut table = Table::new(
        1,
        &[
            "the store in `meter-eth` on `mps2-an386`",
            "code",
            "static RAM",
        ],
    );
    if let Some(row) = rows.iter().find(|row| row.board == BUDGET.board) {
        let code = &row.inspection.code_by_crate;
        let of = |name: &str| code.get(name).copied().unwrap_or_default();
        let sealing = SEALING.into_iter().map(of).sum();
        let lines = [
            ("`coracle_store`", of("coracle_store"), row.store_bytes),
            ("the crates that seal key slots", sealing, 0),
        ];
        for (what, code, ram) in lines {
            table.row(vec![what.to_owned(), number(code), number(ram)]);
        }
    }
    table.to_markdown()
}

fn panic_sites(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let (inspection, board) = (&row.inspection, row.board);
        let count = inspection.panic_site_count();
        let formatting = inspection.formatting.len();
        text += &format!(
            "{} on {board}: {count} panic call sites, {formatting} functions of core::fmt\n",
            row.example
        );
        let mut sites: Vec<_> = inspection.panic_sites.iter().collect();
        sites.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), name.as_str()));
        for (name, count) in sites {
            text += &format!("  {count:>4} {name}\n");
        }
    }
    text
}

/// What of the budget is met, and by how much the rest is missed.
fn budget(rows: &[Row]) -> String {
    let row = rows.iter().find(|row| row.board == BUDGET.board);
    let lines = row.into_iter().flat_map(|row| {
        [
            against("flash", row.inspection.size.flash_bytes, BUDGET.flash),
            against("RAM", row.ram(), BUDGET.ram),
        ]
    });
    lines.collect()
}

fn against(what: &str, bytes: u64, budget: u64) -> String {
    let (outcome, rest) = match bytes.checked_sub(budget) {
        Some(more @ 1..) => ("missed by", more),
        _ => ("met, to spare", budget - bytes),
    };
    let (bytes, rest, budget) = (number(bytes), number(rest), number(budget));
    format!("budget of {what}: {budget} bytes, {bytes} used: {outcome} {rest}\n")
}

fn check(rows: &[Row]) -> Result {
    let readme = fs::read_to_string(README).map_err(|error| Error::at("README.md", error))?;
    let mut faults = Vec::new();
    for row in rows {
        let place = format!("{} on {}", row.example, row.board);
        let found = row.inspection.faults().into_iter();
        faults.extend(found.map(|fault| format!("{place} {fault}")));
        let said = said(&readme, row).ok_or("the README's table lacks a row; use --write")?;
        faults.extend(growth(
            &place,
            "flash",
            row.inspection.size.flash_bytes,
            said.0,
        ));
        faults.extend(growth(&place, "RAM", row.ram(), said.1));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(faults.join("\n  ").into()),
    }
}

/// Flash and RAM of a row, as the README says.
fn said(readme: &str, row: &Row) -> Option<(u64, u64)> {
    let start = format!("| `{}` | `{}` |", row.example, row.board);
    let line = readme.lines().find(|line| line.starts_with(&start))?;
    let cells: Vec<String> = line
        .split('|')
        .map(|cell| cell.trim().replace(',', ""))
        .collect();
    Some((cells.get(4)?.parse().ok()?, cells.get(7)?.parse().ok()?))
}

/// Compilers differ by a little; more than that is said in the README first.
fn growth(place: &str, what: &str, bytes: u64, said: u64) -> Option<String> {
    let is_more = bytes > said + said / GROWTH;
    is_more.then(|| {
        let (bytes, said) = (number(bytes), number(said));
        format!("{place} takes {bytes} bytes of {what}, the README says {said}; use --write")
    })
}

/// Replaces what stands between the marks.
fn write(table: &str) -> Result {
    let text = fs::read_to_string(README).map_err(|error| Error::at("README.md", error))?;
    let text = replaced(&text, table).ok_or("README.md has no marks of the size table")?;
    fs::write(README, text).map_err(|error| Error::at("README.md", error))?;
    eprintln!("wrote the table into README.md");
    Ok(())
}

fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let readme = format!("a\n{BEGIN}old\n{END}\nb\n");
        let expected = format!("a\n{BEGIN}| new |\n{END}\nb\n");
        assert_eq!(replaced(&readme, "| new |\n"), Some(expected));
        assert_eq!(replaced("no marks", "| new |\n"), None);
    }

    #[test]
    fn a_missed_budget_says_by_how_much() {
        assert!(against("flash", 10, 12).contains("met, to spare 2"));
        assert!(against("flash", 12, 12).contains("met, to spare 0"));
        assert!(against("flash", 13, 12).contains("missed by 1"));
    }

    #[test]
    fn growth_beyond_a_fiftieth_is_named() {
        assert_eq!(growth("m", "flash", 102, 100), None);
        assert!(growth("m", "flash", 103, 100).is_some());
    }
}
