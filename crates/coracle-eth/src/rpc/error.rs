//! Errors of answers.

use core::fmt;

use coracle_core::{Error, ErrorKind};

/// Why a node's answer was not believed: it is not of the form that the API prescribes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AnswerError {
    /// The result is not of the JSON type that the request has for an answer.
    BadShape,
    /// A member that must be there is not.
    MissingField {
        /// Its name.
        name: &'static str,
    },
    /// A member has a value that its type does not allow.
    BadField {
        /// Its name; `result` for the result itself.
        name: &'static str,
    },
    /// A member is there twice.
    RepeatedField {
        /// Its name.
        name: &'static str,
    },
    /// The answer is longer than the caller's buffer.
    TooLong {
        /// Length of the buffer in bytes.
        max: usize,
    },
    /// The receiver of logs wants no more.
    Stopped,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadShape => f.write_str("answer of another shape"),
            Self::MissingField { name } => write!(f, "answer without {name}"),
            Self::BadField { name } => write!(f, "bad {name} in answer"),
            Self::RepeatedField { name } => write!(f, "{name} twice in answer"),
            Self::TooLong { max } => write!(f, "answer longer than {max} bytes"),
            Self::Stopped => f.write_str("receiver of logs stopped"),
        }
    }
}

impl core::error::Error for AnswerError {}

impl Error for AnswerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLong { .. } | Self::Stopped => ErrorKind::Caller,
            _ => ErrorKind::Remote,
        }
    }
}
