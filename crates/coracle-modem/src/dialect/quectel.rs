//! Quectel BG9x, EC2x, EG9x, EC200: sockets in buffer access mode.
//!
//! Grammar: Quectel "TCP/IP Application Note" and "SSL Application Note" of these series.

mod plain;
#[cfg(feature = "tls")]
mod secure;

use core::net::IpAddr;

use embedded_hal_async::delay::DelayNs;

use super::{Dialect, Received, Table, Target, counted, maybe, optional};
use crate::at::{
    Answer, At, Block, Channel, End, Ends, Exchange, Form, Meaning, Piece, Prompt, Prompted,
    SocketId, Uart, Urc, address,
};
use crate::{AuthenticationMethod, Config, Error, NetworkTime};

use Piece::{Number, Quoted, Text};

/// Quectel BG9x, EC2x, EG9x and EC200.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quectel;

/// The data connection that everything uses.
const CONTEXT: u32 = 1;

const URCS: &[Urc] = &[
    Urc::new("+QIURC: \"recv\"", Meaning::Readable(Channel::Plain)),
    Urc::new("+QIURC: \"closed\"", Meaning::Closed(Channel::Plain)),
    Urc::new("+QIURC: \"pdpdeact\"", Meaning::NetworkLost),
    Urc::new("+QSSLURC: \"recv\"", Meaning::Readable(Channel::Secure)),
    Urc::new("+QSSLURC: \"closed\"", Meaning::Closed(Channel::Secure)),
    Urc::new("APP RDY", Meaning::Restarted),
    Urc::new("NORMAL POWER DOWN", Meaning::Restarted),
    Urc::new("POWERED DOWN", Meaning::Restarted),
    Urc::new("+QIND:", Meaning::Nothing),
    Urc::new("+QUSIM:", Meaning::Nothing),
];

/// What ends a send.
const SENT: Ends = Ends {
    good: "SEND OK",
    bad: "SEND FAIL",
};

impl Dialect for Quectel {
    const TABLE: Table = Table {
        urcs: URCS,
        sockets: 12,
        secure_sockets: 12,
        max_send: 1460,
        max_receive: 1500,
        pin_tries: ("+QPINC=\"SC\"", Answer::new("+QPINC: \"SC\"")),
        sleep: Some("+QSCLK=1"),
        power_off: "+QPOWD=1",
    };

    async fn set_up<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        // What is sent does not come back, whatever echo does.
        optional(at.command(&[Text("+QISDE=0")]).await)
    }

    async fn activate<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        config: &Config<'_>,
    ) -> Result<(), Error> {
        if is_active(at).await? {
            return Ok(());
        }
        // 3: IPv4 and IPv6, 1: IPv4 alone.
        let mut refusal = Error::NoDataConnection(0);
        for family in [3, 1] {
            match activate_as(at, config, family).await {
                Err(Error::Refused) => {}
                Err(Error::RefusedWith(code)) => refusal = Error::NoDataConnection(code),
                other => return other,
            }
        }
        Err(refusal)
    }

    async fn deactivate<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        let command = [Text("+QIDEACT="), Number(CONTEXT)];
        let exchange = Exchange::ok(at.timeouts().close_ms);
        at.exchange(&command, exchange).await.map(drop)
    }

    async fn resolve<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        name: &str,
    ) -> Result<IpAddr, Error> {
        let command = [Text("+QIDNSGIP="), Number(CONTEXT), Text(","), Quoted(name)];
        let timeout_ms = at.timeouts().open_ms;
        let news = Answer::new("+QIURC: \"dnsgip\"");
        at.exchange(&command, Exchange::late(news, timeout_ms))
            .await?;
        let code = at.fields().short().ok_or(Error::Malformed)?;
        if code != 0 {
            return Err(Error::Dns(code));
        }
        // One line for each address follows; those after the first are passed over.
        at.wait(news, timeout_ms).await?;
        address(at.fields().text().unwrap_or_default())
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
        let len = u16::try_from(bytes.len()).map_err(|_| Error::SendFailed)?;
        let name = if id.secure { "+QSSLSEND=" } else { "+QISEND=" };
        let command = counted(name, id.number, len);
        let exchange = Exchange {
            send: Some(&Prompted {
                prompt: Prompt::Character(b'>'),
                payload: bytes,
                pause_ms: 0,
            }),
            end: End::Line(&SENT),
            ..Exchange::ok(at.timeouts().send_ms)
        };
        at.exchange(&command, exchange).await?;
        Ok(bytes.len())
    }

    async fn receive<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        out: &mut [u8],
    ) -> Result<Received, Error> {
        let len = u16::try_from(out.len()).unwrap_or(u16::MAX);
        let (name, header) = match id.secure {
            false => ("+QIRD=", "+QIRD:"),
            true => ("+QSSLRECV=", "+QSSLRECV:"),
        };
        let command = counted(name, id.number, len);
        let exchange = Exchange {
            receive: Some(&mut Block {
                header: Answer::with_numbers(header, 1),
                length_field: 0,
                form: Form::Lines,
                out,
            }),
            ..Exchange::ok(at.timeouts().command_ms)
        };
        let len = at.exchange(&command, exchange).await?;
        // Only an empty read ends what one notice announced.
        Ok(Received { len, more: len > 0 })
    }

    async fn close<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
    ) -> Result<(), Error> {
        let name = if id.secure {
            "+QSSLCLOSE="
        } else {
            "+QICLOSE="
        };
        let command = [Text(name), Number(id.number.into())];
        let exchange = Exchange::ok(at.timeouts().close_ms);
        at.exchange(&command, exchange).await.map(drop)
    }

    async fn time<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<NetworkTime, Error> {
        // 1: what the network said, run on to now, as UTC. Its clock of 27.007 shows either.
        at.query(&[Text("+QLTS=1")], Answer::new("+QLTS:")).await?;
        let shown = at.fields().bytes().unwrap_or_default();
        NetworkTime::from_utc(shown).ok_or(Error::NoTime)
    }
}

/// Whether there is a data connection already.
async fn is_active<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<bool, Error> {
    // Without one there is no line at all.
    let exchange = maybe(Answer::of("+QIACT:", 2, 1), at.timeouts().command_ms);
    at.exchange(&[Text("+QIACT?")], exchange).await?;
    Ok(at.fields().number_at(1) == Some(1))
}

async fn activate_as<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    config: &Config<'_>,
    family: u32,
) -> Result<(), Error> {
    let (user, password, method) = match config.authentication {
        None => ("", "", 0),
        Some(known) => (
            known.user,
            known.password,
            match known.method {
                AuthenticationMethod::Pap => 1,
                AuthenticationMethod::Chap => 2,
            },
        ),
    };
    let command = [
        Text("+QICSGP="),
        Number(CONTEXT),
        Text(","),
        Number(family),
        Text(","),
        Quoted(config.apn),
        Text(","),
        Quoted(user),
        Text(","),
        Quoted(password),
        Text(","),
        Number(method),
    ];
    at.command(&command).await?;
    let command = [Text("+QIACT="), Number(CONTEXT)];
    let exchange = Exchange::ok(at.timeouts().attach_ms);
    at.exchange(&command, exchange).await.map(drop)
}
