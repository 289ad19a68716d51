//! What was said, as text with time stamps.
//!
//! `>` to the modem, `<` from it, `!` a fault, `*` what happened besides. Payload is
//! shown by its length.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    path::Path,
    time::Instant,
};

/// Lines of one modem.
#[derive(Debug)]
pub(crate) struct Transcript {
    start: Instant,
    lines: VecDeque<String>,
    limit: usize,
    forgotten: u64,
    file: Option<File>,
}

impl Transcript {
    pub(crate) fn new(limit: usize, file: Option<&Path>) -> io::Result<Self> {
        Ok(Self {
            start: Instant::now(),
            lines: VecDeque::new(),
            limit,
            forgotten: 0,
            file: file.map(File::create).transpose()?,
        })
    }

    pub(crate) fn add(&mut self, sign: char, text: &str) {
        let at = self.start.elapsed();
        let line = format!("{:>10.3} {sign} {text}", at.as_secs_f64());
        if let Some(file) = &mut self.file {
            // A full disk costs the transcript, not the run.
            let _ = writeln!(file, "{line}");
        }
        self.lines.push_back(line);
        while self.lines.len() > self.limit {
            self.lines.pop_front();
            self.forgotten += 1;
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        if self.forgotten > 0 {
            let _ = writeln!(text, "({} lines forgotten)", self.forgotten);
        }
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

/// Bytes of a line as printable text.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"")
}
