//! Running other programs, with what is run shown first.

use std::{
    ffi::OsStr,
    fmt,
    io::ErrorKind,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

/// Why a chore failed: one line for the user.
#[derive(Debug)]
pub(crate) struct Error(String);

pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Error {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A program about to be run.
pub(crate) struct Cmd {
    inner: Command,
    shown: String,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = Command::new(&program);
        for name in std::env::vars_os().map(|(name, _)| name) {
            if is_of_this_package(&name.to_string_lossy()) {
                inner.env_remove(name);
            }
        }
        let shown = program.as_ref().to_string_lossy().into_owned();
        Self { inner, shown }
    }

    pub(crate) fn cargo() -> Self {
        Self::new("cargo").dir(&crate::workspace::root())
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown
            .push_str(&quoted(&arg.as_ref().to_string_lossy()));
        self.inner.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let text = quoted(&value.as_ref().to_string_lossy());
        self.shown.insert_str(0, &format!("{name}={text} "));
        self.inner.env(name, value);
        self
    }

    /// Flags of the compiler for the target alone. They may hold spaces, which cargo's
    /// usual variable cannot; shown is the usual one.
    pub(crate) fn rustflags(mut self, flags: &[String]) -> Self {
        let text = quoted(&flags.join(" "));
        self.shown.insert_str(0, &format!("RUSTFLAGS={text} "));
        self.inner
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Shows the command, runs it on this terminal, and fails unless it exits with 0.
    pub(crate) fn run(mut self) -> Result {
        eprintln!("$ {}", self.shown);
        let status = self.inner.status();
        self.check(status).map(drop)
    }

    /// Runs without showing anything and returns standard output.
    pub(crate) fn read(mut self) -> Result<String> {
        let output = self.inner.stdin(Stdio::null()).output();
        let (status, text, complaint) = match output {
            Ok(output) => (Ok(output.status), output.stdout, output.stderr),
            Err(error) => (Err(error), Vec::new(), Vec::new()),
        };
        self.check(status).map_err(|error| {
            let complaint = String::from_utf8_lossy(&complaint);
            match complaint.trim().lines().last() {
                Some(line) => Error(format!("{error}: {line}")),
                None => error,
            }
        })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Whether the program exists and exits with 0; nothing is shown.
    pub(crate) fn succeeds(self) -> bool {
        self.read().is_ok()
    }

    fn check(&self, status: std::io::Result<ExitStatus>) -> Result<ExitStatus> {
        let program = self.inner.get_program().to_string_lossy();
        match status {
            Ok(status) if status.success() => Ok(status),
            Ok(status) => Err(Error(format!("`{}` failed ({status})", self.shown))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error(format!("`{program}` is not installed")))
            }
            Err(error) => Err(Error(format!("`{program}` does not start: {error}"))),
        }
    }
}

/// What cargo sets for this program itself. Passed on, it would be taken for a change
/// by build scripts that watch such variables, and their crates built again.
fn is_of_this_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || matches!(
            name,
            "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE"
        )
}

fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_a_shell_would_take() {
        let cmd = Cmd::new("cargo")
            .args(["check", "-p", "a b"])
            .env("RUSTFLAGS", "--cfg x=\"32\"");
        assert_eq!(cmd.shown, "RUSTFLAGS='--cfg x=\"32\"' cargo check -p 'a b'");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Cmd::new("no-such-program-here").read().unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program-here` is not installed");
    }

    #[test]
    fn hides_only_what_cargo_sets_for_this_package() {
        assert!(is_of_this_package("CARGO_PKG_NAME"));
        assert!(!is_of_this_package("CARGO_HOME"));
        assert!(!is_of_this_package("CARGO_TARGET_DIR"));
    }
}
