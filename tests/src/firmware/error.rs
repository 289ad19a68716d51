//! Why firmware could not be built, run or read.

use std::fmt;

/// One line for the user. Nothing acts on the cause: a test fails, a command ends.
#[derive(Debug)]
pub struct Error(String);

/// What the firmware harness returns.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// Puts what was attempted before the cause.
    pub fn at(what: impl fmt::Display, cause: impl fmt::Display) -> Self {
        Self(format!("{what}: {cause}"))
    }
}

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
