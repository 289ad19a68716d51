//! Tables as Markdown, so that what a command prints can stand in a README.

/// A table; every column but the first `text` ones holds numbers.
pub(crate) struct Table {
    head: Vec<String>,
    text: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(text: usize, head: &[&str]) -> Self {
        Self {
            head: head.iter().map(|&cell| cell.to_owned()).collect(),
            text,
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(crate) fn to_markdown(&self) -> String {
        let rules = (0..self.head.len()).map(|column| match column < self.text {
            true => "---".to_owned(),
            false => "---:".to_owned(),
        });
        let rules: Vec<String> = rules.collect();
        let lines = [&self.head, &rules].into_iter().chain(&self.rows);
        lines
            .map(|cells| format!("| {} |\n", cells.join(" | ")))
            .collect()
    }
}

/// A number with a comma between each three digits.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How much more than `base`, with its sign.
pub(crate) fn difference(value: u64, base: u64) -> String {
    match value < base {
        true => format!("-{}", number(base - value)),
        false => format!("+{}", number(value - base)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_threes() {
        let written = [0, 7, 999, 1_000, 98_304, 1_234_567].map(number);
        assert_eq!(written, ["0", "7", "999", "1,000", "98,304", "1,234,567"]);
    }

    #[test]
    fn a_difference_has_its_sign() {
        assert_eq!(difference(5, 5), "+0");
        assert_eq!(difference(3_000, 5_000), "-2,000");
    }

    #[test]
    fn a_table_says_which_columns_hold_numbers() {
        let mut table = Table::new(1, &["what", "bytes"]);
        table.row(vec!["`a`".into(), number(1_000)]);
        assert_eq!(
            table.to_markdown(),
            "| what | bytes |\n| --- | ---: |\n| `a` | 1,000 |\n"
        );
    }
}
