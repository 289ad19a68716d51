//! The sockets of a host (Linux, macOS, Windows) behind [`Connect`].
//!
//! Everything here blocks the calling thread, inside async functions too: they finish
//! at their first poll. That suits command line tools and tests, with [`block_on`];
//! inside an async server, run it on a thread of its own.

mod block_on;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use core::fmt;
use core::time::Duration;
#[cfg(feature = "tls")]
use std::boxed::Box;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Instant;

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use crate::connect::Connect;
use crate::endpoint::Endpoint;

pub use self::block_on::block_on;
use self::stream::TimedStream;

/// How long a host waits.
#[derive(Clone, Copy, Debug)]
pub struct HostConfig {
    /// For a connection to one address. Looking the name up is left to the system and
    /// its own limits.
    pub connect_timeout: Duration,
    /// For the next byte to come or go.
    pub io_timeout: Duration,
    /// For a whole request: from its first byte out to the last byte of its answer.
    /// Connecting, with the TLS handshake, has the same time for itself.
    pub deadline: Duration,
}

impl Default for HostConfig {
    /// 10 s to connect, 20 s for a byte, 60 s for a request.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            io_timeout: Duration::from_secs(20),
            deadline: Duration::from_secs(60),
        }
    }
}

/// Connections of this host: TCP for `http`, and with the feature `tls` for `https`.
///
/// # Security
///
/// Certificates are always verified, for the name in the address and against the roots
/// of the platform; roots can be added, and nothing turns verification off. Without the
/// feature `tls` an `https` endpoint is refused.
pub struct HostStack {
    config: HostConfig,
    #[cfg(feature = "tls")]
    tls: tls::Tls,
}

impl HostStack {
    /// Trusts the roots of the platform; they are loaded for the first `https` endpoint.
    pub const fn new(config: HostConfig) -> Self {
        Self {
            config,
            #[cfg(feature = "tls")]
            tls: tls::Tls::new(),
        }
    }

    /// Trusts `extra` certificate authorities (DER) as well as those of the platform,
    /// for a private network or a test.
    ///
    /// # Errors
    ///
    /// [`HostError::BadRoot`] where one of them is no certificate.
    #[cfg(feature = "tls")]
    pub fn with_roots(config: HostConfig, extra: &[&[u8]]) -> Result<Self, HostError> {
        let tls = tls::Tls::with_roots(extra)?;
        Ok(Self { config, tls })
    }

    fn open(&self, endpoint: &Endpoint<'_>) -> Result<HostConnection, HostError> {
        let stream = TimedStream::new(self.connect_tcp(endpoint)?, self.config);
        if !endpoint.is_tls() {
            return Ok(HostConnection(Stream::Plain(stream)));
        }
        #[cfg(feature = "tls")]
        return Ok(HostConnection(Stream::Tls(Box::new(
            self.tls.handshake(endpoint, stream)?,
        ))));
        #[cfg(not(feature = "tls"))]
        Err(HostError::NoTls)
    }

    fn connect_tcp(&self, endpoint: &Endpoint<'_>) -> Result<TcpStream, HostError> {
        if endpoint.is_tls() && !cfg!(feature = "tls") {
            return Err(HostError::NoTls);
        }
        let until = Instant::now().checked_add(self.config.deadline);
        let addresses = (endpoint.host(), endpoint.port())
            .to_socket_addrs()
            .map_err(|_| HostError::Resolve)?;
        let mut last = HostError::Resolve;
        for address in addresses {
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            let timeout = left.min(self.config.connect_timeout);
            if timeout.is_zero() {
                return Err(HostError::Deadline);
            }
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = HostError::from_io(&error),
            }
        }
        Err(last)
    }
}

impl fmt::Debug for HostStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostStack")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Connect for HostStack {
    type Error = HostError;
    type Connection<'a> = HostConnection;

    async fn connect(&self, endpoint: &Endpoint<'_>) -> Result<HostConnection, HostError> {
        self.open(endpoint)
    }
}

/// Plain TCP, for whoever needs a socket beside the client.
impl TcpConnect for HostStack {
    type Error = HostError;
    type Connection<'a> = HostConnection;

    async fn connect(&self, remote: SocketAddr) -> Result<HostConnection, HostError> {
        let stream = TcpStream::connect_timeout(&remote, self.config.connect_timeout)
            .map_err(|error| HostError::from_io(&error))?;
        Ok(HostConnection(Stream::Plain(TimedStream::new(
            stream,
            self.config,
        ))))
    }
}

/// The system's resolver. Does not look names up by address:
/// [`HostError::Resolve`].
impl Dns for HostStack {
    type Error = HostError;

    async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, HostError> {
        let found = (host, 0)
            .to_socket_addrs()
            .map_err(|_| HostError::Resolve)?;
        let wanted = |address: &IpAddr| match addr_type {
            AddrType::IPv4 => address.is_ipv4(),
            AddrType::IPv6 => address.is_ipv6(),
            AddrType::Either => true,
        };
        let mut addresses = found.map(|address| address.ip());
        addresses.find(wanted).ok_or(HostError::Resolve)
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, HostError> {
        Err(HostError::Resolve)
    }
}

/// A connection of [`HostStack`].
#[derive(Debug)]
pub struct HostConnection(Stream);

#[derive(Debug)]
enum Stream {
    Plain(TimedStream),
    #[cfg(feature = "tls")]
    /// Boxed: TLS holds a kilobyte, a plain socket next to nothing.
    Tls(Box<tls::TlsStream>),
}

impl HostConnection {
    fn io(&mut self) -> &mut dyn ReadWrite {
        match &mut self.0 {
            Stream::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.as_mut(),
        }
    }

    fn timed(&mut self) -> &mut TimedStream {
        match &mut self.0 {
            Stream::Plain(stream) => stream,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.get_mut(),
        }
    }
}

trait ReadWrite: io::Read + io::Write {}

impl<T: io::Read + io::Write> ReadWrite for T {}

impl ErrorType for HostConnection {
    type Error = HostError;
}

impl Read for HostConnection {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, HostError> {
        self.timed().begin_answer();
        self.io()
            .read(buf)
            .map_err(|error| HostError::from_io(&error))
    }
}

impl Write for HostConnection {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, HostError> {
        self.timed().begin_request();
        self.io()
            .write(buf)
            .map_err(|error| HostError::from_io(&error))
    }

    async fn flush(&mut self) -> Result<(), HostError> {
        self.io()
            .flush()
            .map_err(|error| HostError::from_io(&error))
    }
}

/// Why a socket of the host failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HostError {
    /// The name has no address, or the system could not look it up.
    Resolve,
    /// The socket failed, or [`HostConfig::connect_timeout`] or [`HostConfig::io_timeout`]
    /// passed.
    Io(ErrorKind),
    /// The other side closed the connection in the middle.
    Closed,
    /// [`HostConfig::deadline`] passed.
    Deadline,
    /// The endpoint is `https`; build with the feature `tls`.
    NoTls,
    /// The platform has no roots to trust; install its certificates.
    NoRoots,
    /// An added root is no certificate.
    BadRoot,
    /// The server's certificate was not accepted.
    Certificate(CertificateFault),
    /// The server does not speak TLS, or no version and cipher that is safe.
    Tls,
}

impl HostError {
    fn from_io(error: &io::Error) -> Self {
        if let Some(own) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return *own;
        }
        #[cfg(feature = "tls")]
        if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return tls::fault(error);
        }
        match error.kind() {
            // A stream that ends within a TLS record or without its farewell.
            io::ErrorKind::UnexpectedEof => Self::Closed,
            // What Unix calls a receive timeout.
            io::ErrorKind::WouldBlock => Self::Io(ErrorKind::TimedOut),
            kind => Self::Io(kind.into()),
        }
    }
}

/// What is wrong with a server's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CertificateFault {
    /// It has run out; or the clock of this host is wrong.
    Expired,
    /// It begins later; or the clock of this host is wrong.
    NotYetValid,
    /// It was issued for another name.
    WrongName,
    /// Nobody trusted has issued it.
    UnknownIssuer,
    /// It was revoked.
    Revoked,
    /// It is malformed, badly signed or not made for this use.
    Bad,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Resolve => "host name not found",
            Self::Io(kind) => return write!(f, "{}", Words(*kind)),
            Self::Closed => "connection closed in the middle",
            Self::Deadline => "request took too long",
            Self::NoTls => "built without https",
            Self::NoRoots => "no root certificates on this host",
            Self::BadRoot => "root is no certificate",
            Self::Certificate(fault) => match fault {
                CertificateFault::Expired => "certificate expired",
                CertificateFault::NotYetValid => "certificate not valid yet",
                CertificateFault::WrongName => "certificate for another name",
                CertificateFault::UnknownIssuer => "certificate of an unknown issuer",
                CertificateFault::Revoked => "certificate revoked",
                CertificateFault::Bad => "bad certificate",
            },
            Self::Tls => "no TLS with this server",
        };
        f.write_str(text)
    }
}

/// A kind of I/O error in words.
struct Words(ErrorKind);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            ErrorKind::ConnectionRefused => "connection refused",
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "connection reset",
            ErrorKind::BrokenPipe | ErrorKind::NotConnected => "connection closed",
            ErrorKind::TimedOut => "timed out",
            ErrorKind::AddrNotAvailable => "address not available",
            ErrorKind::PermissionDenied => "not permitted",
            _ => "network failure",
        })
    }
}

impl core::error::Error for HostError {}

impl embedded_io_async::Error for HostError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Resolve => ErrorKind::NotFound,
            Self::Io(kind) => *kind,
            Self::Closed => ErrorKind::ConnectionAborted,
            Self::Deadline => ErrorKind::TimedOut,
            Self::NoTls => ErrorKind::Unsupported,
            Self::NoRoots => ErrorKind::PermissionDenied,
            Self::BadRoot => ErrorKind::InvalidInput,
            Self::Certificate(_) | Self::Tls => ErrorKind::InvalidData,
        }
    }
}
