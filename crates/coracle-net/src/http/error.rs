//! Why a request failed.

use core::fmt;

use coracle_core::{BufferTooSmall, Error, ErrorKind};
use embedded_io_async::ErrorKind as IoErrorKind;

use crate::http::response::{ResponseError, ResponseErrorKind};

/// Why a request failed; `E` is the transport's error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HttpError<E> {
    /// The caller's buffer is too small to work in.
    Buffer(BufferTooSmall),
    /// No connection came about: no signal, no such host, no TLS, a bad certificate.
    Connect(E),
    /// The connection failed while the request was written; the node may or may not
    /// have acted on it.
    Write(E),
    /// The connection failed while the answer was read; the node may have acted on the
    /// request.
    Read(E),
    /// The answer is malformed, too long, cut short, or was not wanted.
    Response(ResponseError),
    /// The server answered with another status than success. Its body went to the
    /// receiver as far as it was well-formed.
    Status {
        /// The status code, `400..=599`.
        status: u16,
        /// Seconds that the server asks to wait, where it says so.
        retry_after_s: Option<u32>,
    },
    /// The server points elsewhere. Not followed: the key that goes with a request is
    /// for this server alone; configure the right address.
    Redirect {
        /// The status code, `300..=399`.
        status: u16,
    },
    /// The body's encoder wrote less than it did when it was counted.
    UnsteadyEncoder,
}

impl<E: embedded_io_async::Error> HttpError<E> {
    /// Whether the other side closed the connection, as opposed to silence.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Write(error) | Self::Read(error) => matches!(
                error.kind(),
                IoErrorKind::ConnectionReset
                    | IoErrorKind::ConnectionAborted
                    | IoErrorKind::NotConnected
                    | IoErrorKind::BrokenPipe
                    | IoErrorKind::WriteZero
            ),
            Self::Response(error) => error.what == ResponseErrorKind::Truncated,
            _ => false,
        }
    }
}

impl<E: fmt::Display> fmt::Display for HttpError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buffer(error) => error.fmt(f),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Write(error) => write!(f, "cannot send: {error}"),
            Self::Read(error) => write!(f, "cannot receive: {error}"),
            Self::Response(error) => error.fmt(f),
            Self::Status { status, .. } => write!(f, "server answered with status {status}"),
            Self::Redirect { status } => write!(f, "server redirects with status {status}"),
            Self::UnsteadyEncoder => f.write_str("body came out shorter than counted"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for HttpError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Buffer(error) => Some(error),
            Self::Connect(error) | Self::Write(error) | Self::Read(error) => Some(error),
            Self::Response(error) => Some(error),
            Self::Status { .. } | Self::Redirect { .. } | Self::UnsteadyEncoder => None,
        }
    }
}

impl<E: embedded_io_async::Error + 'static> Error for HttpError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Buffer(error) => error.kind(),
            Self::Connect(error) | Self::Write(error) | Self::Read(error) => io_kind(error.kind()),
            Self::Response(error) => error.kind(),
            Self::Status { status, .. } => status_kind(*status),
            Self::Redirect { .. } => ErrorKind::Caller,
            Self::UnsteadyEncoder => ErrorKind::Bug,
        }
    }
}

/// A network comes and goes; what is not its fault is named here.
const fn io_kind(kind: IoErrorKind) -> ErrorKind {
    match kind {
        IoErrorKind::Unsupported | IoErrorKind::InvalidInput => ErrorKind::Caller,
        IoErrorKind::InvalidData => ErrorKind::Remote,
        IoErrorKind::OutOfMemory | IoErrorKind::PermissionDenied => ErrorKind::Device,
        _ => ErrorKind::Retry,
    }
}

const fn status_kind(status: u16) -> ErrorKind {
    match status {
        408 | 425 | 429 | 500 | 502..=504 => ErrorKind::Retry,
        // The address, the key or the request is wrong.
        400..=499 => ErrorKind::Caller,
        _ => ErrorKind::Remote,
    }
}
