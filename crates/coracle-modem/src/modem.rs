//! The modem as its user sees it.

mod attach;
mod info;
mod recover;

use core::cell::Cell;
use core::fmt::{self, Write as _};
use core::net::{IpAddr, SocketAddr};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::{Mutex, MutexGuard};
use embedded_hal_async::delay::DelayNs;
use embedded_nal_async::{AddrType, Dns, TcpConnect};

pub use self::info::{Identity, Operator, ShortText, Signal};
use crate::at::{At, State, Uart};
use crate::dialect::{Dialect, Target};
use crate::pins::ControlPins;
use crate::socket::Socket;
use crate::{Config, Error};

/// Whether a connection is wrapped in TLS by the modem.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS, the server verified as [`Config::tls`] says.
    Tls,
}

/// A modem on a UART.
///
/// Owns the UART; runs nothing in the background. Every operation takes the modem for
/// itself, mends what a dropped future or a timeout left behind, and drives the UART until
/// it has its answer. What the modem says while nobody operates waits in the UART's buffer.
///
/// One executor, one core: not `Sync`, and its futures are not `Send`.
pub struct Modem<'c, D, U, P, T> {
    core: Mutex<NoopRawMutex, Core<'c, D, U, P, T>>,
    /// Slots whose handles were dropped, a bit each: what a `Drop` can say without waiting.
    abandoned: Cell<u8>,
}

/// Everything that an operation has for itself.
pub(crate) struct Core<'c, D, U, P, T> {
    pub(crate) dialect: D,
    pub(crate) at: At<U, T>,
    pins: P,
    config: Config<'c>,
    stage: Stage,
    pin: PinUse,
    /// Whether the modem has ever answered since it was last restarted from here.
    heard: bool,
    /// Whether the data connection was lost and not yet ended.
    lost: bool,
    /// Whether DTR has been released.
    asleep: bool,
}

/// How far the modem is set up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Stage {
    /// Nothing is set up.
    Started,
    /// Echo, errors, flow control, the dialect's own.
    SetUp,
    /// There is a data connection.
    Attached,
}

/// What became of the PIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PinUse {
    Unused,
    /// Sent since the modem's last start.
    Sent,
    /// Refused: never sent again.
    Refused,
}

impl<'c, D, U, P, T> Modem<'c, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    /// A modem of which nothing is known yet. Does no I/O.
    pub const fn new(dialect: D, uart: U, pins: P, delay: T, config: Config<'c>) -> Self {
        Self {
            core: Mutex::new(Core {
                dialect,
                at: At::new(uart, delay, config.timeouts, D::TABLE.urcs),
                pins,
                config,
                stage: Stage::Started,
                pin: PinUse::Unused,
                heard: false,
                lost: false,
                asleep: true,
            }),
            abandoned: Cell::new(0),
        }
    }

    /// Makes the data connection: modem, SIM, network, access point. Does nothing where
    /// there is one. The other operations do this by themselves where they need it.
    ///
    /// # Errors
    ///
    /// [`Error::kind`](coracle_core::Error::kind) tells what can be done. Bounded by
    /// [`Timeouts`](crate::Timeouts); the next call tries again.
    ///
    /// # Cancel safety
    ///
    /// What was reached stays; the next operation mends the line and goes on.
    pub async fn attach(&self) -> Result<(), Error> {
        self.enter().await.attach().await
    }

    /// Connects to a host, whose name the modem resolves.
    ///
    /// # Errors
    ///
    /// As [`Modem::attach`], then [`Error::Dns`], [`Error::Connect`],
    /// [`Error::TlsHandshake`], [`Error::TlsNameUnchecked`], [`Error::NoTls`],
    /// [`Error::NoSocket`].
    ///
    /// # Cancel safety
    ///
    /// The modem's socket is closed by the next operation.
    pub async fn open(
        &self,
        host: &str,
        port: u16,
        security: Security,
    ) -> Result<Socket<'_, 'c, D, U, P, T>, Error> {
        let slot = self.enter().await.open(host, port, security).await?;
        Ok(Socket::new(self, slot))
    }

    /// Resolves a name.
    ///
    /// # Errors
    ///
    /// As [`Modem::attach`], then [`Error::Dns`].
    ///
    /// # Cancel safety
    ///
    /// Nothing remains but a line that the next operation mends.
    pub async fn resolve(&self, name: &str) -> Result<IpAddr, Error> {
        let mut core = self.enter().await;
        core.attach().await?;
        let core = &mut *core;
        core.dialect.resolve(&mut core.at, name).await
    }

    /// Takes the modem for an operation.
    pub(crate) async fn enter(&self) -> MutexGuard<'_, NoopRawMutex, Core<'c, D, U, P, T>> {
        let mut core = self.core.lock().await;
        let abandoned = self.abandoned.take();
        for slot in 0..8 {
            if abandoned & (1 << slot) != 0 {
                core.at.sockets().abandon(slot);
            }
        }
        core
    }

    /// Marks a slot whose handle was dropped.
    pub(crate) fn abandon(&self, slot: u8) {
        let bit = 1u8.checked_shl(slot.into()).unwrap_or(0);
        self.abandoned.set(self.abandoned.get() | bit);
    }
}

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Core<'_, D, U, P, T> {
    async fn open(&mut self, host: &str, port: u16, security: Security) -> Result<u8, Error> {
        let tls = match security {
            Security::Plain => None,
            Security::Tls => Some(self.config.tls.as_ref().ok_or(Error::NoTls)?),
        };
        // The borrow of the configuration ends here; it is `Copy`.
        let tls = tls.copied();
        self.attach().await?;
        let limit = match security {
            Security::Plain => D::TABLE.sockets,
            Security::Tls => D::TABLE.secure_sockets,
        };
        if limit == 0 {
            return Err(Error::NoTls);
        }
        let slot = self.at.sockets().reserve(tls.is_some(), limit)?;
        let target = Target {
            slot,
            host,
            port,
            tls: tls.as_ref(),
        };
        let opened = self.dialect.open(&mut self.at, &target).await;
        let state = match opened {
            Ok(()) => State::Open,
            Err(_) => State::Closing,
        };
        self.at.sockets().set(slot, state);
        if matches!(opened, Err(Error::Connect(_) | Error::Dns(_))) {
            // Perhaps it is the data connection, whose loss nobody told: the next try looks.
            self.stage = self.stage.min(Stage::SetUp);
        }
        opened.map(|()| slot)
    }
}

impl<'c, D, U, P, T> TcpConnect for Modem<'c, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    type Error = Error;
    type Connection<'a>
        = Socket<'a, 'c, D, U, P, T>
    where
        Self: 'a;

    async fn connect<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Result<Self::Connection<'a>, Self::Error> {
        let mut text = AddressText::new();
        let host = text.write(remote.ip())?;
        self.open(host, remote.port(), Security::Plain).await
    }
}

impl<D, U, P, T> Dns for Modem<'_, D, U, P, T>
where
    D: Dialect,
    U: Uart,
    P: ControlPins,
    T: DelayNs,
{
    type Error = Error;

    async fn get_host_by_name(
        &self,
        host: &str,
        addr_type: AddrType,
    ) -> Result<IpAddr, Self::Error> {
        let address = self.resolve(host).await?;
        let wanted = match addr_type {
            AddrType::IPv4 => address.is_ipv4(),
            AddrType::IPv6 => address.is_ipv6(),
            AddrType::Either => true,
        };
        wanted.then_some(address).ok_or(Error::Dns(0))
    }

    /// Not offered: no dialect has a command for it.
    async fn get_host_by_address(
        &self,
        _addr: IpAddr,
        _result: &mut [u8],
    ) -> Result<usize, Self::Error> {
        Err(Error::Unsupported)
    }
}

/// An address as text.
struct AddressText {
    text: [u8; Self::MAX_LEN],
    len: usize,
}

impl AddressText {
    /// Eight groups of four digits, seven colons.
    const MAX_LEN: usize = 39;

    const fn new() -> Self {
        Self {
            text: [0; Self::MAX_LEN],
            len: 0,
        }
    }

    fn write(&mut self, address: IpAddr) -> Result<&str, Error> {
        let written = match address {
            IpAddr::V4(address) => write!(self, "{address}"),
            IpAddr::V6(address) => write!(self, "{address}"),
        };
        written.map_err(|_| Error::BadText)?;
        let text = self.text.get(..self.len).unwrap_or_default();
        core::str::from_utf8(text).map_err(|_| Error::BadText)
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len.saturating_add(part.len());
        let room = self.text.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}
