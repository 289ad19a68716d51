//! A transport that counts what would go over the air.

use core::cell::Cell;
use core::net::{IpAddr, SocketAddr};
use core::ops::Sub;

use coracle::net::{Connect, Endpoint};
use embedded_io_async::{ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};

/// What was exchanged so far. Inside TLS where there is some: its own bytes come on top.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cost {
    /// Bytes that were sent.
    pub up: u64,
    /// Bytes that came.
    pub down: u64,
    /// Requests that were answered, one after the other: round trips.
    pub round_trips: u64,
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            up: self.up.saturating_sub(before.up),
            down: self.down.saturating_sub(before.down),
            round_trips: self.round_trips.saturating_sub(before.round_trips),
        }
    }
}

/// Counts what goes through another transport.
#[derive(Debug)]
pub struct Counted<C> {
    inner: C,
    cost: Cell<Cost>,
}

impl<C> Counted<C> {
    /// Counts from zero.
    pub const fn new(inner: C) -> Self {
        Self {
            inner,
            cost: Cell::new(Cost {
                up: 0,
                down: 0,
                round_trips: 0,
            }),
        }
    }

    /// What was exchanged so far, also while a client holds the transport.
    pub const fn counter(&self) -> &Cell<Cost> {
        &self.cost
    }
}

impl<C> Counted<C> {
    /// What is counted.
    pub(super) const fn inner(&self) -> &C {
        &self.inner
    }
}

/// Not counted: the client does not use it.
impl<C: TcpConnect> TcpConnect for Counted<C> {
    type Error = C::Error;
    type Connection<'a>
        = C::Connection<'a>
    where
        Self: 'a;

    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<C::Connection<'a>, C::Error> {
        self.inner.connect(remote).await
    }
}

impl<C: Dns> Dns for Counted<C> {
    type Error = C::Error;

    async fn get_host_by_name(&self, host: &str, kind: AddrType) -> Result<IpAddr, C::Error> {
        self.inner.get_host_by_name(host, kind).await
    }

    async fn get_host_by_address(
        &self,
        address: IpAddr,
        result: &mut [u8],
    ) -> Result<usize, C::Error> {
        self.inner.get_host_by_address(address, result).await
    }
}

impl<C: Connect> Connect for Counted<C> {
    type Error = C::Error;
    type Connection<'a>
        = CountedConnection<'a, C::Connection<'a>>
    where
        Self: 'a;

    async fn connect<'a>(
        &'a self,
        endpoint: &Endpoint<'_>,
    ) -> Result<Self::Connection<'a>, Self::Error> {
        Ok(CountedConnection {
            inner: self.inner.connect(endpoint).await?,
            cost: &self.cost,
            is_asking: false,
        })
    }
}

/// A connection of [`Counted`].
#[derive(Debug)]
pub struct CountedConnection<'a, T> {
    inner: T,
    cost: &'a Cell<Cost>,
    is_asking: bool,
}

impl<T: ErrorType> ErrorType for CountedConnection<'_, T> {
    type Error = T::Error;
}

impl<T: Read> Read for CountedConnection<'_, T> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, T::Error> {
        let len = self.inner.read(buf).await?;
        let mut cost = self.cost.get();
        cost.down = cost.down.saturating_add(len as u64);
        // The first bytes after a question end a round trip.
        cost.round_trips += u64::from(core::mem::take(&mut self.is_asking));
        self.cost.set(cost);
        Ok(len)
    }
}

impl<T: Write> Write for CountedConnection<'_, T> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, T::Error> {
        let len = self.inner.write(buf).await?;
        let mut cost = self.cost.get();
        cost.up = cost.up.saturating_add(len as u64);
        self.is_asking = true;
        self.cost.set(cost);
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), T::Error> {
        self.inner.flush().await
    }
}
