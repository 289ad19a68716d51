//! The size table of the README is one that `cargo xtask size --write` made.
//!
//! Only its form is checked: making the figures takes every image and a run of each.

use super::Findings;
use crate::firmware::BOARDS;

const BEGIN: &str = "<!-- size:begin -->\n";
const END: &str = "<!-- size:end -->";
const HEAD: &str = "| example | board | target | flash | static RAM | stack | RAM |";

/// What is wrong with the table between the marks.
pub(crate) fn table(readme: &str) -> Findings {
    let inside = readme.split_once(BEGIN).map(|(_, rest)| rest);
    let inside = inside.and_then(|rest| rest.split_once(END));
    let Some((table, _)) = inside else {
        return vec!["no size table; mark its place and run `cargo xtask size --write`".into()];
    };
    let mut lines = table.lines();
    if lines.next() != Some(HEAD) {
        return vec!["the size table was not made by `cargo xtask size --write`".into()];
    }
    let rows: Vec<&str> = lines.skip(1).collect();
    let mut findings: Findings = rows.iter().filter_map(|row| fault(row)).collect();
    for board in BOARDS {
        let name = format!("| `{}` |", board.name);
        if !rows.iter().any(|row| row.contains(&name)) {
            findings.push(format!("the size table has no row of {}", board.name));
        }
    }
    findings
}

/// Why a row is none of the command's.
fn fault(row: &str) -> Option<String> {
    let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
    let numbers = cells.get(3..).unwrap_or_default();
    let numbers: Option<Vec<u64>> = numbers.iter().map(|cell| number(cell)).collect();
    let is_sum = match numbers.as_deref() {
        Some([_, static_ram, stack, ram]) => static_ram + stack == *ram,
        _ => false,
    };
    (!is_sum).then(|| format!("the size table has a row that does not add up: {row}"))
}

fn number(cell: &str) -> Option<u64> {
    cell.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readme(rows: &str) -> String {
        format!("text\n{BEGIN}{HEAD}\n| --- |\n{rows}{END}\ntext\n")
    }

    fn rows() -> String {
        let rows = BOARDS.iter().map(|board| {
            let name = board.name;
            format!("| `meter-eth` | `{name}` | `t` | 90,000 | 2,332 | 1,000 | 3,332 |\n")
        });
        rows.collect()
    }

    #[test]
    fn a_table_of_the_command_passes() {
        assert!(
            table(&readme(&rows())).is_empty(),
            "{:?}",
            table(&readme(&rows()))
        );
    }

    #[test]
    fn a_missing_table_is_found() {
        assert_eq!(table("").len(), 1);
        assert_eq!(table(BEGIN).len(), 1);
    }

    #[test]
    fn a_table_by_hand_is_found() {
        let text = readme(&rows());
        assert_eq!(table(&text.replace(HEAD, "| example | flash |")).len(), 1);
        assert_eq!(table(&text.replace("3,332", "3,000")).len(), BOARDS.len());
        assert_eq!(table(&text.replace("90,000", "88 KiB")).len(), BOARDS.len());
    }

    #[test]
    fn a_board_without_a_row_is_found() {
        assert_eq!(table(&readme("")).len(), BOARDS.len());
    }
}
