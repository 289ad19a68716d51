//! What every error of coracle has in common.

use core::convert::Infallible;
use core::fmt;

/// What a caller can do about an error, whatever chain or part it came from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ErrorKind {
    /// The same call may succeed later: no signal, busy part, rate limit.
    Retry,
    /// The caller's input or configuration is wrong; repeating it is useless.
    Caller,
    /// The other side (node, contract, server) refused, failed or lied.
    Remote,
    /// A part of this device failed: flash, modem, random source, secure element.
    Device,
    /// A state that coracle's own logic excludes; please report it.
    Bug,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retry => "retry",
            Self::Caller => "caller",
            Self::Remote => "remote",
            Self::Device => "device",
            Self::Bug => "bug",
        })
    }
}

/// An error that says what can be done about it.
///
/// Every error enum of coracle implements it, and every part that a user brings
/// (signer, store, transport) does so for its own, so that generic code decides by
/// [`ErrorKind`] without knowing the part.
pub trait Error: core::error::Error + 'static {
    /// What the caller can do about this error.
    fn kind(&self) -> ErrorKind;
}

impl Error for Infallible {
    fn kind(&self) -> ErrorKind {
        match *self {}
    }
}
