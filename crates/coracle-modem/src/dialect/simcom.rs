//! SIMCom SIM7500, SIM7600, A76xx: sockets in buffer access mode.
//!
//! Grammar: SIMCom "SIM7500_SIM7600 Series AT Command Manual", "A76XX Series AT Command
//! Manual", "A7600 Series TCPIP Application Note", "A7600 Series SSL Application Note".

mod plain;
#[cfg(feature = "tls")]
mod secure;

use core::net::IpAddr;

use embedded_hal_async::delay::DelayNs;

use super::{Dialect, Received, Table, Target, code, optional};
use crate::at::{Answer, At, Channel, Exchange, Meaning, Piece, SocketId, Uart, Urc, address};
use crate::{AuthenticationMethod, Config, Error};

use Piece::{Number, Quoted, Text};

/// SIMCom SIM7500, SIM7600 and A76xx.
///
/// # Security
///
/// These modems verify who signed a certificate, and no manual says that they compare its
/// name. TLS is refused with [`Error::TlsNameUnchecked`] unless
/// [`Tls::dangerous_any_name`](crate::Tls::dangerous_any_name) waives that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simcom;

const URCS: &[Urc] = &[
    Urc::new("+CIPRXGET: 1", Meaning::Readable(Channel::Plain)),
    Urc::new("+IPCLOSE:", Meaning::Closed(Channel::Plain)),
    Urc::new("+CIPEVENT:", Meaning::NetworkLost),
    Urc::new("+CCHEVENT:", Meaning::Readable(Channel::Secure)),
    Urc::new("+CCH_PEER_CLOSED:", Meaning::Closed(Channel::Secure)),
    Urc::new("+CCH_RECV_CLOSED:", Meaning::Closed(Channel::Secure)),
    Urc::new("*ATREADY", Meaning::Restarted),
    Urc::new("START", Meaning::Restarted),
    Urc::new("NORMAL POWER DOWN", Meaning::Restarted),
    Urc::new("SMS DONE", Meaning::Nothing),
    Urc::new("PB DONE", Meaning::Nothing),
];

impl Dialect for Simcom {
    const TABLE: Table = Table {
        urcs: URCS,
        sockets: 10,
        secure_sockets: 2,
        max_send: 1024,
        max_receive: 1024,
        pin_tries: ("+SPIC", Answer::new("+SPIC:")),
        sleep: Some("+CSCLK=1"),
        power_off: "+CPOF",
    };

    async fn set_up<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        // Commands, not a transparent line.
        optional(at.command(&[Text("+CIPMODE=0")]).await)
    }

    async fn activate<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        config: &Config<'_>,
    ) -> Result<(), Error> {
        if !is_open(at).await? {
            authenticate(at, config).await?;
        }
        // Data wait in the modem until they are read.
        at.command(&[Text("+CIPRXGET=1")]).await?;
        if is_open(at).await? {
            return Ok(());
        }
        let exchange = Exchange::late(
            Answer::with_numbers("+NETOPEN:", 1),
            at.timeouts().attach_ms,
        );
        match at.exchange(&[Text("+NETOPEN")], exchange).await {
            Ok(_) => match code(at.fields().number())? {
                0 => Ok(()),
                code => Err(Error::NoDataConnection(code)),
            },
            // "Network is already opened" comes with an error too.
            Err(Error::Refused | Error::RefusedWith(_)) => match is_open(at).await? {
                true => Ok(()),
                false => Err(Error::NoDataConnection(0)),
            },
            Err(error) => Err(error),
        }
    }

    async fn deactivate<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        let exchange = Exchange::late(
            Answer::with_numbers("+NETCLOSE:", 1),
            at.timeouts().close_ms,
        );
        at.exchange(&[Text("+NETCLOSE")], exchange).await.map(drop)
    }

    async fn resolve<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        name: &str,
    ) -> Result<IpAddr, Error> {
        let command = [Text("+CDNSGIP="), Quoted(name)];
        let answer = Answer::with_numbers("+CDNSGIP:", 1);
        let exchange = Exchange::late(answer, at.timeouts().open_ms);
        let asked = at.exchange(&command, exchange).await;
        let mut fields = at.fields();
        match (asked, fields.number()) {
            (Ok(_), Some(1)) => {
                let _name = fields.bytes();
                address(fields.text().unwrap_or_default())
            }
            (Ok(_) | Err(Error::Refused), _) => Err(Error::Dns(fields.short().unwrap_or(0))),
            (Err(Error::RefusedWith(code)), _) => Err(Error::Dns(code)),
            (Err(error), _) => Err(error),
        }
    }

    async fn open<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        target: &Target<'_>,
    ) -> Result<(), Error> {
        at.assign(target.slot, target.slot);
        match target.tls {
            None => plain::open(at, target).await,
            #[cfg(feature = "tls")]
            Some(tls) => secure::open(at, target, tls).await,
            #[cfg(not(feature = "tls"))]
            Some(_) => Err(Error::NoTls),
        }
    }

    async fn send<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        bytes: &[u8],
    ) -> Result<usize, Error> {
        match id.secure {
            false => plain::send(at, id.number, bytes).await,
            #[cfg(feature = "tls")]
            true => secure::send(at, id.number, bytes).await,
            #[cfg(not(feature = "tls"))]
            true => Err(Error::NoTls),
        }
    }

    async fn receive<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        out: &mut [u8],
    ) -> Result<Received, Error> {
        match id.secure {
            false => plain::receive(at, id.number, out).await,
            #[cfg(feature = "tls")]
            true => secure::receive(at, id.number, out).await,
            #[cfg(not(feature = "tls"))]
            true => Err(Error::NoTls),
        }
    }

    async fn close<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
    ) -> Result<(), Error> {
        let (name, prefix) = match id.secure {
            false => ("+CIPCLOSE=", "+CIPCLOSE:"),
            true => ("+CCHCLOSE=", "+CCHCLOSE:"),
        };
        let command = [Text(name), Number(id.number.into())];
        let answer = Answer::of(prefix, 2, id.number);
        let exchange = Exchange::late(answer, at.timeouts().close_ms);
        at.exchange(&command, exchange).await.map(drop)
    }
}

/// Runs a command that opens, and gives the code of its outcome: 0 for success, `unknown`
/// where the modem does not say.
async fn opened<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    command: &[Piece<'_>],
    answer: Answer<'_>,
    unknown: u16,
) -> Result<u16, Error> {
    let exchange = Exchange::late(answer, at.timeouts().open_ms);
    match at.exchange(command, exchange).await {
        Ok(_) => code(at.fields().number_at(1)),
        // The outcome may come before an error as well.
        Err(Error::Refused) => Ok(code(at.fields().number_at(1)).unwrap_or(unknown)),
        Err(Error::RefusedWith(code)) => Ok(code),
        Err(error) => Err(error),
    }
}

/// Whether there is a data connection already.
async fn is_open<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<bool, Error> {
    let answer = Answer::with_numbers("+NETOPEN:", 1);
    match at.query(&[Text("+NETOPEN?")], answer).await {
        Ok(_) => Ok(at.fields().number() == Some(1)),
        Err(Error::Refused | Error::RefusedWith(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn authenticate<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    config: &Config<'_>,
) -> Result<(), Error> {
    let Some(known) = config.authentication else {
        return optional(at.command(&[Text("+CGAUTH=1,0")]).await);
    };
    let method = match known.method {
        AuthenticationMethod::Pap => "1,",
        AuthenticationMethod::Chap => "2,",
    };
    let command = [
        Text("+CGAUTH=1,"),
        Text(method),
        // The password comes first here.
        Quoted(known.password),
        Text(","),
        Quoted(known.user),
    ];
    at.command(&command).await.map(drop)
}
