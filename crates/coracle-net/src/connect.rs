//! How the client comes to a connection.

use core::fmt;
use core::net::{IpAddr, SocketAddr};

use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use crate::endpoint::Endpoint;

/// Opens byte streams to endpoints: plain for `http`, TLS with a verified certificate
/// for `https`.
///
/// Who does the TLS is this side's business: a modem, the host's library, a TLS stack
/// on the microcontroller. An implementation that cannot do it refuses; it never
/// connects an `https` endpoint without it.
///
/// Timeouts belong here as well, since the client holds no clock: an implementation
/// gives up by itself, or the caller drops the client's future.
pub trait Connect {
    /// Why connecting, reading or writing failed.
    type Error: embedded_io_async::Error + 'static;

    /// An open connection. Closes when it is dropped.
    type Connection<'a>: Read<Error = Self::Error> + Write<Error = Self::Error>
    where
        Self: 'a;

    /// Connects to an endpoint; the TLS handshake included, where it is `https`.
    ///
    /// # Errors
    ///
    /// Those of the implementation. [`ErrorKind::Unsupported`] for `https` where it has
    /// no TLS.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the connection up; nothing of it remains.
    #[expect(
        async_fn_in_trait,
        reason = "one executor on one core; whether futures are Send is the stack's choice"
    )]
    async fn connect<'a>(
        &'a self,
        endpoint: &Endpoint<'_>,
    ) -> Result<Self::Connection<'a>, Self::Error>;
}

impl<T: Connect> Connect for &T {
    type Error = T::Error;
    type Connection<'a>
        = T::Connection<'a>
    where
        Self: 'a;

    async fn connect<'a>(
        &'a self,
        endpoint: &Endpoint<'_>,
    ) -> Result<Self::Connection<'a>, Self::Error> {
        T::connect(self, endpoint).await
    }
}

/// Any `embedded-nal-async` stack: plain TCP, names resolved by the stack.
///
/// Does not do TLS: an `https` endpoint is [`NalError::NoTls`].
pub struct Nal<S> {
    stack: S,
    family: AddrType,
}

impl<S> Nal<S> {
    /// Connects to whichever kind of address the stack finds for a name.
    pub const fn new(stack: S) -> Self {
        Self::with_family(stack, AddrType::Either)
    }

    /// Asks for one kind of address, for a network that carries no other.
    pub const fn with_family(stack: S, family: AddrType) -> Self {
        Self { stack, family }
    }

    /// Gives the stack back.
    pub fn into_inner(self) -> S {
        self.stack
    }
}

impl<S: Dns> Nal<S> {
    async fn resolve<T>(
        &self,
        endpoint: &Endpoint<'_>,
    ) -> Result<SocketAddr, NalError<T, S::Error>> {
        let address = match endpoint.address() {
            Some(address) => address,
            None => self
                .stack
                .get_host_by_name(endpoint.host(), self.family.clone())
                .await
                .map_err(NalError::Dns)?,
        };
        Ok(SocketAddr::new(address, endpoint.port()))
    }
}

impl<S> Connect for Nal<S>
where
    S: TcpConnect<Error: 'static> + Dns<Error: 'static>,
{
    type Error = NalError<<S as TcpConnect>::Error, <S as Dns>::Error>;
    type Connection<'a>
        = NalConnection<S::Connection<'a>, <S as Dns>::Error>
    where
        Self: 'a;

    async fn connect<'a>(
        &'a self,
        endpoint: &Endpoint<'_>,
    ) -> Result<Self::Connection<'a>, Self::Error> {
        if endpoint.is_tls() {
            return Err(NalError::NoTls);
        }
        let address = self.resolve(endpoint).await?;
        let connection = self.stack.connect(address).await.map_err(NalError::Io)?;
        Ok(NalConnection {
            connection,
            dns: core::marker::PhantomData,
        })
    }
}

/// The stack's own, for whoever needs a plain socket beside the client.
impl<S: TcpConnect> TcpConnect for Nal<S> {
    type Error = S::Error;
    type Connection<'a>
        = S::Connection<'a>
    where
        Self: 'a;

    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<S::Connection<'a>, S::Error> {
        self.stack.connect(remote).await
    }
}

/// The stack's own.
impl<S: Dns> Dns for Nal<S> {
    type Error = S::Error;

    async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, S::Error> {
        self.stack.get_host_by_name(host, addr_type).await
    }

    async fn get_host_by_address(
        &self,
        addr: IpAddr,
        result: &mut [u8],
    ) -> Result<usize, S::Error> {
        self.stack.get_host_by_address(addr, result).await
    }
}

/// Why a stack gave no connection, or lost it: `T` is its TCP error, `D` its DNS error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NalError<T, D> {
    /// Connecting, reading or writing failed.
    Io(T),
    /// The name was not resolved.
    Dns(D),
    /// The endpoint is `https` and this adapter has no TLS.
    NoTls,
}

impl<T: fmt::Display, D> fmt::Display for NalError<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Dns(_) => f.write_str("host name not resolved"),
            Self::NoTls => f.write_str("https needs a stack with TLS"),
        }
    }
}

impl<T: core::error::Error, D: fmt::Debug> core::error::Error for NalError<T, D> {}

impl<T: embedded_io_async::Error, D: fmt::Debug> embedded_io_async::Error for NalError<T, D> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io(error) => error.kind(),
            Self::Dns(_) => ErrorKind::NotFound,
            Self::NoTls => ErrorKind::Unsupported,
        }
    }
}

/// A connection of [`Nal`].
pub struct NalConnection<C, D> {
    connection: C,
    dns: core::marker::PhantomData<D>,
}

impl<C: ErrorType, D: fmt::Debug> ErrorType for NalConnection<C, D> {
    type Error = NalError<C::Error, D>;
}

impl<C: Read, D: fmt::Debug> Read for NalConnection<C, D> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Self::Error> {
        self.connection.read(buf).await.map_err(NalError::Io)
    }
}

impl<C: Write, D: fmt::Debug> Write for NalConnection<C, D> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Self::Error> {
        self.connection.write(buf).await.map_err(NalError::Io)
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        self.connection.flush().await.map_err(NalError::Io)
    }
}
