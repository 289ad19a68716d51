//! What differs from modem to modem.

mod file;
mod quectel;
mod simcom;
mod ublox;

use core::net::IpAddr;

use embedded_hal_async::delay::DelayNs;

pub use self::file::FileName;
pub use self::quectel::Quectel;
pub use self::simcom::Simcom;
pub use self::ublox::Ublox;
use crate::at::{Answer, At, End, Exchange, Piece, SocketId, Uart, Urc};
use crate::{Config, Error, NetworkTime, Tls};

/// What a dialect is beside its functions.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// What the modem says unasked. Registration, `RDY` and a few others are known already.
    pub urcs: &'static [Urc],
    /// How many plain sockets there are, numbered from 0.
    pub sockets: u8,
    /// How many sockets with TLS there are, numbered from 0; 0 for a modem without.
    pub secure_sockets: u8,
    /// Most bytes of one send.
    pub max_send: u16,
    /// Most bytes of one receive.
    pub max_receive: u16,
    /// Asks how many tries the SIM grants for its PIN: the first number of the answer.
    pub pin_tries: (&'static str, Answer<'static>),
    /// Lets the modem sleep while DTR is released; none where it cannot.
    pub sleep: Option<&'static str>,
    /// Switches the modem off.
    pub power_off: &'static str,
}

/// Where a socket is to lead.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The driver's own number for the socket, below [`Table::sockets`] or
    /// [`Table::secure_sockets`]; free in the modem.
    pub slot: u8,
    /// Name or address.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// What TLS trusts; none for a plain connection.
    pub tls: Option<&'a Tls<'a>>,
}

/// What [`Dialect::receive`] took.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// How many bytes.
    pub len: usize,
    /// Whether there may be more in the modem, of which it will say nothing.
    pub more: bool,
}

/// How one family of modems is spoken to.
///
/// Not sealed: `docs/adding-a-modem.md` shows how to write one. Each function runs with the
/// modem to itself, the line in step, and may use as many commands as it needs. Every
/// command is bounded in time and bytes by [`At::exchange`], so a dialect is bounded if its
/// loops are.
///
/// # Cancel safety
///
/// Dropping any of the futures leaves the line out of step, which the next operation of
/// the modem mends before it does anything else; sockets with a transfer under way are
/// given up.
#[expect(
    async_fn_in_trait,
    reason = "one executor on one core; whether futures are Send is the UART's choice"
)]
pub trait Dialect {
    /// The constant part.
    const TABLE: Table;

    /// Sets the modem up after it has started: what is lost at a restart and needed
    /// whatever comes. Echo is off and errors are numbers already.
    ///
    /// # Errors
    ///
    /// Those of [`At::exchange`].
    async fn set_up<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error>;

    /// Makes the data connection, the modem being registered; succeeds where there is one.
    ///
    /// # Errors
    ///
    /// [`Error::NoDataConnection`], and those of [`At::exchange`].
    async fn activate<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        config: &Config<'_>,
    ) -> Result<(), Error>;

    /// Ends a data connection that is reported lost, so that it can be made again.
    ///
    /// # Errors
    ///
    /// Those of [`At::exchange`]; a refusal means that there was none.
    async fn deactivate<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error>;

    /// Resolves a name.
    ///
    /// # Errors
    ///
    /// [`Error::Dns`], and those of [`At::exchange`].
    async fn resolve<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        name: &str,
    ) -> Result<IpAddr, Error>;

    /// Opens a socket and calls [`At::assign`] with its number as soon as that is known:
    /// before the first command that may leave something to close.
    ///
    /// Fails closed: with [`Target::tls`] it is open only after the server's certificate
    /// was verified as that says.
    ///
    /// # Errors
    ///
    /// [`Error::Dns`], [`Error::Connect`], [`Error::TlsHandshake`],
    /// [`Error::TlsNameUnchecked`], [`Error::NoTls`], and those of [`At::exchange`]. The
    /// socket is closed by the caller then.
    async fn open<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        target: &Target<'_>,
    ) -> Result<(), Error>;

    /// Hands bytes to the modem, at most [`Table::max_send`]; gives how many it took.
    ///
    /// # Errors
    ///
    /// [`Error::SendFailed`], and those of [`At::exchange`].
    async fn send<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        bytes: &[u8],
    ) -> Result<usize, Error>;

    /// Takes received bytes from the modem, at most [`Table::max_receive`]; none where
    /// there are none now, also where there will be none any more.
    ///
    /// # Errors
    ///
    /// Those of [`At::exchange`].
    async fn receive<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        out: &mut [u8],
    ) -> Result<Received, Error>;

    /// Closes a socket, open or not.
    ///
    /// # Errors
    ///
    /// Those of [`At::exchange`]; a refusal means that it was closed already.
    async fn close<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
    ) -> Result<(), Error>;

    /// What the modem's clock shows. The provided way is `+CCLK` of 27.007.
    ///
    /// # Errors
    ///
    /// [`Error::NoTime`] for a clock that nobody set, and those of [`At::exchange`].
    async fn time<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<NetworkTime, Error> {
        at.query(&[Piece::Text("+CCLK?")], Answer::new("+CCLK:"))
            .await?;
        let shown = at.fields().bytes().unwrap_or_default();
        NetworkTime::from_local(shown).ok_or(Error::NoTime)
    }
}

/// A refusal counts as success: for what not every firmware knows and none needs.
///
/// # Errors
///
/// All but refusals.
pub fn optional<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Ok(_) | Err(Error::Refused | Error::RefusedWith(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A command for so many bytes of a socket: `NAME<id>,<len>`.
pub const fn counted(name: &'static str, id: u8, len: u16) -> [Piece<'static>; 4] {
    // Both fit: nothing is cut off.
    let (id, len) = (id as u32, len as u32);
    [
        Piece::Text(name),
        Piece::Number(id),
        Piece::Text(","),
        Piece::Number(len),
    ]
}

/// A command that brings a line or none, then `OK`: see
/// [`At::was_answered`](crate::at::At::was_answered).
pub const fn maybe(answer: Answer<'_>, timeout_ms: u32) -> Exchange<'_> {
    Exchange {
        answer: Some(answer),
        end: End::OkAnyway,
        ..Exchange::ok(timeout_ms)
    }
}

/// A modem's code as an error carries it; [`Error::Malformed`] for none.
///
/// # Errors
///
/// [`Error::Malformed`].
pub fn code(number: Option<u32>) -> Result<u16, Error> {
    let number = number.ok_or(Error::Malformed)?;
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}
