//! The built binary, and a place for its files.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod records;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use coracle_testkit::Case;
use serde_json::Value as Json;

pub(crate) fn coracle(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
    command.args(args);
    command
}

/// Runs a command with this standard input.
pub(crate) fn run_with(args: &[&str], input: &[u8]) -> Output {
    let mut child = coracle(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Beside the reader, or both would wait for ever. A command that reads no input may
    // be gone already.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub(crate) fn run(args: &[&str]) -> Output {
    run_with(args, b"")
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command that must succeed without a word on standard error.
pub(crate) fn answer(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    assert_eq!(stderr(&output), "", "{args:?}");
    stdout(&output)
}

/// Runs a command that must fail; gives its one line of complaint.
pub(crate) fn complaint(args: &[&str]) -> String {
    complaint_of(args, &run(args))
}

pub(crate) fn complaint_of(args: &[&str], output: &Output) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
    assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
    assert!(text.starts_with("coracle: "), "{args:?}: {text}");
    text
}

/// Feeds lines to a data command; one answer a line, in order.
pub(crate) fn lines(args: &[&str], input: &[u8]) -> Vec<Json> {
    let args = [args, &["--jsonl"]].concat();
    let output = run_with(&args, input);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    let text = stdout(&output);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Feeds a vector file as it is.
pub(crate) fn vectors(args: &[&str], file: &str) -> Vec<(Case, Json)> {
    let path = coracle_testkit::root()
        .join("tests/vectors/ethereum")
        .join(file);
    let answers = lines(args, &std::fs::read(path).unwrap());
    pair(coracle_testkit::cases(&format!("ethereum/{file}")), answers)
}

/// Feeds a vector file with a field under another name.
pub(crate) fn renamed(args: &[&str], file: &str, from: &str, to: &str) -> Vec<(Case, Json)> {
    let mut cases = coracle_testkit::cases(&format!("ethereum/{file}"));
    let mut text = String::new();
    for case in &mut cases {
        let mut line = case.0.clone();
        let value = line[from].take();
        line[to] = value;
        text.push_str(&format!("{line}\n"));
    }
    let answers = lines(args, text.as_bytes());
    pair(cases, answers)
}

fn pair(cases: Vec<Case>, answers: Vec<Json>) -> Vec<(Case, Json)> {
    assert_eq!(cases.len(), answers.len());
    cases.into_iter().zip(answers).collect()
}

/// Whether an answer is an error, which has a kind and a message and nothing else.
pub(crate) fn is_error(answer: &Json) -> bool {
    let fields = answer.as_object().unwrap();
    if !fields.contains_key("error") {
        return false;
    }
    assert_eq!(fields.len(), 2, "{answer}");
    let kind = fields["error"].as_str().unwrap();
    let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(!kind.is_empty() && kind.chars().all(is_kebab), "{answer}");
    assert!(fields["message"].is_string(), "{answer}");
    true
}

/// Without the case of addresses, some of which the vectors have in EIP-55 form.
pub(crate) fn lower(json: &Json) -> Json {
    match json {
        Json::String(text) if text.starts_with("0x") && text.len() == 42 => {
            Json::String(text.to_lowercase())
        }
        Json::Array(members) => members.iter().map(lower).collect(),
        Json::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), lower(value)))
            .collect(),
        other => other.clone(),
    }
}

/// A folder that goes away with the test.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.text(name)
    }
}
