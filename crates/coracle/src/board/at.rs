//! A network made of a UART and an AT modem.

use core::net::{IpAddr, SocketAddr};

use coracle_modem::{Config, ControlPins, Dialect, Error, Modem, Security, Socket, Uart};
use coracle_net::{Connect, Endpoint};
use embedded_hal_async::delay::DelayNs;
use embedded_nal_async::{AddrType, Dns, TcpConnect};

use super::{Network, NetworkTime};

/// The network of a board with an AT modem.
///
/// Opens nothing before it is first used, attaches by itself, and recovers when the modem
/// does; see [`Modem`].
///
/// # Security
///
/// TLS is the modem's, and verified: an `https` endpoint needs [`Config::tls`].
pub struct AtNetwork<'c, D, U, P, T>(Modem<'c, D, U, P, T>);

/// A connection of [`AtNetwork`].
pub type AtConnection<'m, 'c, D, U, P, T> = Socket<'m, 'c, D, U, P, T>;

impl<'c, D: Dialect, U: Uart, P: ControlPins, T: DelayNs> AtNetwork<'c, D, U, P, T> {
    /// Takes the UART and the control pins of a modem. Does no I/O.
    pub const fn new(dialect: D, uart: U, pins: P, delay: T, config: Config<'c>) -> Self {
        Self(Modem::new(dialect, uart, pins, delay, config))
    }

    /// The modem, for what is not a network: signal, operator, power saving.
    pub const fn modem(&self) -> &Modem<'c, D, U, P, T> {
        &self.0
    }
}

/// Hands the modem's futures on as they are: another layer of them would take flash.
impl<'c, D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Connect for AtNetwork<'c, D, U, P, T> {
    type Error = Error;
    type Connection<'a>
        = AtConnection<'a, 'c, D, U, P, T>
    where
        Self: 'a;

    fn connect<'a>(
        &'a self,
        endpoint: &Endpoint<'_>,
    ) -> impl Future<Output = Result<Self::Connection<'a>, Error>> {
        let security = match endpoint.is_tls() {
            true => Security::Tls,
            false => Security::Plain,
        };
        self.0.open(endpoint.host(), endpoint.port(), security)
    }
}

impl<'c, D: Dialect, U: Uart, P: ControlPins, T: DelayNs> TcpConnect for AtNetwork<'c, D, U, P, T> {
    type Error = Error;
    type Connection<'a>
        = AtConnection<'a, 'c, D, U, P, T>
    where
        Self: 'a;

    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<Self::Connection<'a>, Error> {
        TcpConnect::connect(&self.0, remote).await
    }
}

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Dns for AtNetwork<'_, D, U, P, T> {
    type Error = Error;

    async fn get_host_by_name(&self, host: &str, kind: AddrType) -> Result<IpAddr, Error> {
        self.0.get_host_by_name(host, kind).await
    }

    async fn get_host_by_address(
        &self,
        address: IpAddr,
        result: &mut [u8],
    ) -> Result<usize, Error> {
        self.0.get_host_by_address(address, result).await
    }
}

impl<D: Dialect, U: Uart, P: ControlPins, T: DelayNs> Network for AtNetwork<'_, D, U, P, T> {
    /// The modem's clock, once the network has set it.
    async fn time(&self) -> Option<NetworkTime> {
        let time = self.0.network_time().await.ok()?;
        Some(NetworkTime {
            unix_s: time.unix_s,
        })
    }
}
