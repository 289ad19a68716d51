//! Answers, for people and as JSON Lines.

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value as Json};

use crate::failure::{Failure, Plain};
use crate::input::Input;

/// What a command gives: its exit code, or why it failed.
pub(crate) type Outcome = Result<ExitCode, Failure>;

/// Answers one object with another.
pub(crate) type Job<'a> = &'a dyn Fn(Input<'_>) -> Result<Json, Failure>;

/// The flag of every data command.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// Answer each line of standard input, a JSON object, with one on standard output.
    #[arg(long)]
    pub(crate) jsonl: bool,
}

/// A sink that remembers that its reader went away, which is no failure.
pub(crate) struct Output<W> {
    inner: W,
    pub(crate) is_closed: bool,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(inner: W) -> Self {
        Self {
            inner,
            is_closed: false,
        }
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.is_closed |= error.kind() == io::ErrorKind::BrokenPipe;
        }
        result
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(buf);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}

/// Prints the fields of an answer one a line, or a single one alone.
pub(crate) fn show(out: &mut dyn Write, answer: &Json) -> Outcome {
    match answer.as_object() {
        Some(fields) => show_fields(out, fields)?,
        None => writeln!(out, "{}", text(answer))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show_fields(out: &mut dyn Write, fields: &Map<String, Json>) -> io::Result<()> {
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    let mut members = fields.iter();
    if let (Some((_, value)), true) = (members.next(), fields.len() == 1) {
        return writeln!(out, "{}", text(value));
    }
    fields
        .iter()
        .try_for_each(|(name, value)| writeln!(out, "{name:width$}  {}", text(value)))
}

/// Strings without quotes, everything else as JSON.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => Plain(text).to_string(),
        other => other.to_string(),
    }
}

/// Prints one `name  value` line.
pub(crate) fn line(out: &mut dyn Write, name: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "{name:12}  {}", Plain(&value.to_string()))
}

/// Answers standard input line by line, in order. Exit code 1 if a line is not JSON;
/// such a line is named on standard error, and those after it are answered still.
pub(crate) fn answer_lines(out: &mut dyn Write, job: Job<'_>) -> Outcome {
    let mut input = io::stdin().lock();
    let mut buf = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for number in 1_u64.. {
        buf.clear();
        if input.read_until(b'\n', &mut buf)? == 0 {
            break;
        }
        match answer_line(&buf, job) {
            None => {}
            Some(Ok(answer)) => {
                writeln!(out, "{answer}")?;
                out.flush()?;
            }
            Some(Err(error)) => {
                // Nobody is left to tell where standard error is closed.
                let _ = writeln!(io::stderr(), "coracle: line {number} is not JSON: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// `None` for the lines that only hold a vector file together.
fn answer_line(line: &[u8], job: Job<'_>) -> Option<Result<Json, serde_json::Error>> {
    let line = line.trim_ascii();
    if matches!(line, b"" | b"[" | b"]") {
        return None;
    }
    let line = line.strip_suffix(b",").unwrap_or(line);
    Some(serde_json::from_slice(line).map(|value: Json| answer(&value, job)))
}

fn answer(value: &Json, job: Job<'_>) -> Json {
    let result = match value.as_object() {
        Some(fields) => job(Input(fields)),
        None => Err(Failure::new("wrong-type", "line is not an object")),
    };
    result.unwrap_or_else(|failure| {
        serde_json::json!({
            "error": failure.kind(),
            "message": failure.to_string(),
        })
    })
}

/// Runs a job on lines, or on the one object that the arguments make.
pub(crate) fn run(
    out: &mut dyn Write,
    lines: Lines,
    job: Job<'_>,
    args: impl FnOnce() -> Result<Map<String, Json>, Failure>,
) -> Outcome {
    if lines.jsonl {
        return answer_lines(out, job);
    }
    let fields = args()?;
    show(out, &job(Input(&fields))?)
}

/// An argument that a command needs where it reads no lines.
pub(crate) fn needed<T>(value: Option<T>, name: &str) -> Result<T, Failure> {
    value.ok_or_else(|| {
        Failure::new(
            "missing-argument",
            format!("{name} is missing; give it, or --jsonl and lines on standard input"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Option<Result<Json, serde_json::Error>> {
        answer_line(line.as_bytes(), &|input| Ok(input.json("a")?.clone()))
    }

    #[test]
    fn lines_of_a_vector_file_are_taken_as_they_are() {
        for line in ["", "  \r\n", "[", "]\n"] {
            assert!(answered(line).is_none(), "{line:?}");
        }
        for line in [r#"{"a":1}"#, " {\"a\":1,\"b\":2},\r\n"] {
            assert_eq!(answered(line).unwrap().unwrap(), 1, "{line:?}");
        }
    }

    #[test]
    fn json_that_is_no_object_is_answered_and_what_is_no_json_is_not() {
        for line in ["5", "[1]", "null", "\"a\"", "{}"] {
            assert!(answered(line).unwrap().unwrap()["error"].is_string());
        }
        for line in ["{", "{'a':1}", "x", "{} {}", ",", "{\"a\":1},,"] {
            assert!(answered(line).unwrap().is_err(), "{line:?}");
        }
    }
}
