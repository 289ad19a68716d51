//! Why the modem did not do what was asked.

use core::fmt;

use coracle_core::{Error as CoracleError, ErrorKind};
use embedded_io_async::ErrorKind as IoErrorKind;

/// Why the modem did not do what was asked.
///
/// Numbers are the modem's own: of `+CME ERROR` as in 3GPP TS 27.007 section 9.2, or of
/// the dialect where a variant says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The UART's driver failed: overrun, framing, closed. Try again.
    Uart(IoErrorKind),
    /// No answer in time. The next call resynchronises first; try again.
    Timeout,
    /// More bytes than any answer has. The next call resynchronises; try again.
    Flood,
    /// An answer that contradicts itself or the request. Try again.
    Malformed,
    /// The modem answers nothing, also after what can be done about that: check power,
    /// wiring and line rate, or try again later.
    Silent,
    /// The modem restarted by itself. Connections are gone; open them again.
    Restarted,
    /// The command was refused without a reason.
    Refused,
    /// The command was refused with `+CME ERROR` or `+CMS ERROR`.
    RefusedWith(u16),
    /// There is no SIM, or it does not work.
    NoSim,
    /// The SIM wants a PIN and the configuration has none.
    PinWanted,
    /// The PIN was not sent: fewer than two tries are `left`, and the last is for a human.
    PinTriesLow {
        /// Tries that the SIM still grants.
        left: u8,
    },
    /// The SIM refused the PIN. It is not sent again by this driver.
    PinWrong,
    /// The SIM wants a PUK, a network code or something else that a human enters.
    SimLocked,
    /// No network was found in time: coverage, antenna, bands. Try again later.
    NotRegistered,
    /// The network refused the subscription: not provisioned, roaming not allowed.
    RegistrationDenied,
    /// The network gave no data connection: check access point and credentials.
    NoDataConnection(u16),
    /// The data connection went away, and connections with it. Open them again.
    DataConnectionLost,
    /// All sockets of the modem, or of this driver, are in use.
    NoSocket,
    /// The host name was not resolved; the dialect's code.
    Dns(u16),
    /// The other side did not accept the connection; the dialect's code.
    Connect(u16),
    /// The TLS handshake failed; the dialect's code. With verification on this is
    /// most often a certificate that does not verify: wrong root, wrong name, wrong date.
    TlsHandshake(u16),
    /// The modem cannot verify the server's name and the configuration does not waive it.
    TlsNameUnchecked,
    /// TLS is asked for and the configuration has no roots, or the modem knows no TLS.
    NoTls,
    /// The connection is gone: closed by us or by the modem, or left in doubt by a
    /// dropped future.
    ConnectionLost,
    /// The modem could not send what it was given; the connection is given up.
    SendFailed,
    /// A text of the configuration or of the call is too long or has characters that no
    /// AT command may carry.
    BadText,
    /// The dialect has no command for this.
    Unsupported,
    /// The modem's clock was never set. Ask again when it has been registered for a while.
    NoTime,
}

impl Error {
    /// Whether the connection itself is what failed.
    pub(crate) const fn is_fatal_to_socket(self) -> bool {
        !matches!(self, Self::BadText | Self::Unsupported)
    }
}

impl CoracleError for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Uart(_)
            | Self::Timeout
            | Self::Flood
            | Self::Malformed
            | Self::Restarted
            | Self::NotRegistered
            | Self::NoDataConnection(_)
            | Self::DataConnectionLost
            | Self::NoSocket
            | Self::Dns(_)
            | Self::Connect(_)
            | Self::ConnectionLost
            | Self::SendFailed
            | Self::NoTime
            | Self::Silent
            // Most refusals pass: busy, no service, unknown. Whoever retries counts.
            | Self::Refused
            | Self::RefusedWith(_) => ErrorKind::Retry,
            Self::PinWanted
            | Self::PinWrong
            | Self::PinTriesLow { .. }
            | Self::NoTls
            | Self::TlsNameUnchecked
            | Self::BadText
            | Self::Unsupported => ErrorKind::Caller,
            Self::RegistrationDenied | Self::TlsHandshake(_) => ErrorKind::Remote,
            Self::NoSim | Self::SimLocked => ErrorKind::Device,
        }
    }
}

/// Agrees with [`CoracleError::kind`] as far as a transport's user can tell: what passes by
/// itself is none of the kinds that say that it does not.
impl embedded_io_async::Error for Error {
    fn kind(&self) -> IoErrorKind {
        match self {
            Self::Timeout | Self::Silent | Self::NotRegistered => IoErrorKind::TimedOut,
            Self::Restarted | Self::DataConnectionLost | Self::ConnectionLost => {
                IoErrorKind::ConnectionReset
            }
            Self::SendFailed => IoErrorKind::ConnectionAborted,
            Self::Connect(_) => IoErrorKind::ConnectionRefused,
            Self::Dns(_) => IoErrorKind::NotFound,
            Self::NoSocket => IoErrorKind::AddrInUse,
            Self::NoTls | Self::TlsNameUnchecked | Self::Unsupported => IoErrorKind::Unsupported,
            _ => match CoracleError::kind(self) {
                ErrorKind::Caller => IoErrorKind::InvalidInput,
                ErrorKind::Remote => IoErrorKind::InvalidData,
                ErrorKind::Device => IoErrorKind::PermissionDenied,
                _ => IoErrorKind::Interrupted,
            },
        }
    }
}

impl Error {
    const fn text(self) -> &'static str {
        match self {
            Self::Uart(_) => "serial line failed",
            Self::Timeout => "no answer in time",
            Self::Flood => "modem floods the line",
            Self::Malformed => "answer makes no sense",
            Self::Silent => "modem does not answer at all",
            Self::Restarted => "modem restarted by itself",
            Self::Refused => "command refused",
            Self::RefusedWith(_) => "command refused with code ",
            Self::NoSim => "no working SIM",
            Self::PinWanted => "SIM wants a PIN",
            Self::PinTriesLow { .. } => "PIN kept back, tries left: ",
            Self::PinWrong => "SIM refused the PIN",
            Self::SimLocked => "SIM is locked",
            Self::NotRegistered => "no network found in time",
            Self::RegistrationDenied => "network refused the subscription",
            Self::NoDataConnection(_) => "no data connection, code ",
            Self::DataConnectionLost => "data connection lost",
            Self::NoSocket => "all sockets in use",
            Self::Dns(_) => "host name not resolved, code ",
            Self::Connect(_) => "connection not accepted, code ",
            Self::TlsHandshake(_) => "TLS handshake failed, code ",
            Self::TlsNameUnchecked => "modem cannot verify the server's name",
            Self::NoTls => "no TLS configured",
            Self::ConnectionLost => "connection lost",
            Self::SendFailed => "modem could not send",
            Self::BadText => "text not fit for an AT command",
            Self::Unsupported => "modem has no such command",
            Self::NoTime => "modem's clock is not set",
        }
    }

    const fn code(self) -> Option<u16> {
        match self {
            Self::RefusedWith(code)
            | Self::NoDataConnection(code)
            | Self::Dns(code)
            | Self::Connect(code)
            | Self::TlsHandshake(code) => Some(code),
            Self::PinTriesLow { left } => Some(left as u16),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        self.code().map_or(Ok(()), |code| code.fmt(f))
    }
}

impl core::error::Error for Error {}
