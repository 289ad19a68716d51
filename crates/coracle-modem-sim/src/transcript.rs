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
        let text = without_secrets(text);
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

/// Commands with a secret or payload in them, and the quoted words that may be shown.
const GUARDED: [(&str, usize); 8] = [
    ("+CPIN=", 0),
    ("+CGAUTH=", 0),
    ("+UAUTHREQ=", 0),
    ("+UPSD=0,2,", 0),
    ("+UPSD=0,3,", 0),
    ("+QICSGP=", 1),
    ("+QISENDEX=", 0),
    ("+USOWR=", 0),
];

/// PINs, passwords and payload in a command are shown by their length.
fn without_secrets(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let found = GUARDED.iter().find_map(|(name, kept)| {
        let place = upper.find(name)?;
        Some((place + name.len(), *kept))
    });
    let Some((head, args)) = found.and_then(|(at, _)| text.split_at_checked(at)) else {
        return text.to_owned();
    };
    let kept = found.map_or(0, |(_, kept)| kept);
    let words = args.split('"').enumerate().map(|(place, word)| {
        let is_hidden = place % 2 == 1 && place / 2 >= kept && !word.is_empty();
        match is_hidden {
            true => format!("({})", word.len()),
            false => word.to_owned(),
        }
    });
    let args = words.collect::<Vec<_>>().join("\"");
    match upper.contains("+CPIN=") && !args.contains('"') && !args.starts_with('?') {
        true => format!("{head}({})", args.trim_end_matches("\\r").len()),
        false => format!("{head}{args}"),
    }
}

/// Bytes of a line as printable text.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let cases = [
            ("AT+CPIN=\"1234\"", "AT+CPIN=\"(4)\""),
            ("at+cpin=1234", "at+cpin=(4)"),
            ("AT+CPIN=1234\\r", "AT+CPIN=(4)"),
            ("AT+CPIN=?", "AT+CPIN=?"),
            ("AT+CPIN?", "AT+CPIN?"),
            (
                "AT+QICSGP=1,1,\"iot\",\"me\",\"secret\",1",
                "AT+QICSGP=1,1,\"iot\",\"(2)\",\"(6)\",1",
            ),
            ("AT+CGAUTH=1,2,\"a\",\"b\"", "AT+CGAUTH=1,2,\"(1)\",\"(1)\""),
            ("AT+UPSD=0,3,\"pass\"", "AT+UPSD=0,3,\"(4)\""),
            ("AT+UPSD=0,1,\"iot\"", "AT+UPSD=0,1,\"iot\""),
            ("AT+QISENDEX=0,\"4142\"", "AT+QISENDEX=0,\"(4)\""),
            ("AT+COPS=1,2,\"00101\"", "AT+COPS=1,2,\"00101\""),
        ];
        for (text, want) in cases {
            assert_eq!(without_secrets(text), want);
        }
    }

    #[test]
    fn the_newest_lines_are_kept() {
        let mut transcript = Transcript::new(2, None).unwrap();
        for text in ["one", "two", "three"] {
            transcript.add('*', text);
        }
        let text = transcript.text();
        assert!(text.starts_with("(1 lines forgotten)\n"), "{text}");
        assert!(
            text.ends_with("* three\n") && !text.contains("one"),
            "{text}"
        );
    }
}
