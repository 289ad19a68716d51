//! u-blox SARA-R4 and SARA-R5: sockets numbered by the modem, payload in quotes.
//!
//! Grammar: u-blox "SARA-R4 series AT commands manual" (UBX-17003787), "SARA-R5 series AT
//! commands manual" (UBX-19047455), "SARA-R4 / SARA-R5 Internet applications development
//! guide" (UBX-20032566).

#[cfg(feature = "tls")]
mod secure;

use core::net::IpAddr;

use embedded_hal_async::delay::DelayNs;

use super::{Dialect, Received, Table, Target, code, counted, optional};
use crate::at::{
    Answer, At, Block, Channel, Exchange, Form, Meaning, Piece, Prompt, Prompted, SocketId, Uart,
    Urc, address,
};
use crate::{AuthenticationMethod, Config, Error};

use Piece::{Number, Quoted, Text};

/// u-blox SARA-R4 and SARA-R5; which of them it is the modem says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ublox;

/// What differs between them.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Series {
    /// One bearer, which sockets share.
    SaraR4,
    /// Sockets use a profile that is mapped to the bearer.
    SaraR5,
}

const URCS: &[Urc] = &[
    Urc::new("+UUSORD:", Meaning::Readable(Channel::Any)),
    Urc::new("+UUSOCL:", Meaning::Closed(Channel::Any)),
    Urc::new("+UUPSDD:", Meaning::NetworkLost),
    Urc::new("+UUSOCO:", Meaning::Nothing),
    Urc::new("+UUPSMR:", Meaning::Nothing),
];

/// How long a modem needs from its prompt to the first byte.
const PROMPT_PAUSE_MS: u32 = 50;

impl Dialect for Ublox {
    const TABLE: Table = Table {
        urcs: URCS,
        sockets: 7,
        secure_sockets: 7,
        max_send: 1024,
        max_receive: 1024,
        pin_tries: ("+UPINCNT", Answer::with_numbers("+UPINCNT:", 1)),
        sleep: Some("+UPSV=3"),
        power_off: "+CPWROFF",
    };

    async fn set_up<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        // Payload as it is, not in hexadecimal.
        optional(at.command(&[Text("+UDCONF=1,0")]).await)
    }

    async fn activate<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        config: &Config<'_>,
    ) -> Result<(), Error> {
        let series = series(at).await?;
        authenticate(at, series, config).await?;
        match series {
            Series::SaraR4 => activate_bearer(at).await,
            Series::SaraR5 => activate_profile(at).await,
        }
    }

    async fn deactivate<U: Uart, T: DelayNs>(&mut self, at: &mut At<U, T>) -> Result<(), Error> {
        let command = match series(at).await? {
            Series::SaraR4 => "+CGACT=0,1",
            Series::SaraR5 => "+UPSDA=0,4",
        };
        let exchange = Exchange::ok(at.timeouts().close_ms);
        at.exchange(&[Text(command)], exchange).await.map(drop)
    }

    async fn resolve<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        name: &str,
    ) -> Result<IpAddr, Error> {
        resolve(at, name).await
    }

    async fn open<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        target: &Target<'_>,
    ) -> Result<(), Error> {
        #[cfg(not(feature = "tls"))]
        if target.tls.is_some() {
            return Err(Error::NoTls);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = target.tls {
            secure::prepare(at, target.host, tls).await?;
        }
        let number = create(at, target.slot).await?;
        #[cfg(feature = "tls")]
        if target.tls.is_some() {
            secure::attach(at, number).await?;
        }
        match connect(at, number, target).await {
            Err(Error::Refused | Error::RefusedWith(_)) => why(at, number, target).await,
            other => other,
        }
    }

    async fn send<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        bytes: &[u8],
    ) -> Result<usize, Error> {
        let len = u16::try_from(bytes.len()).map_err(|_| Error::SendFailed)?;
        let command = counted("+USOWR=", id.number, len);
        let exchange = Exchange {
            send: Some(&Prompted {
                prompt: Prompt::Character(b'@'),
                payload: bytes,
                pause_ms: PROMPT_PAUSE_MS,
            }),
            ..Exchange::answer(Answer::of("+USOWR:", 2, id.number), at.timeouts().send_ms)
        };
        at.exchange(&command, exchange).await?;
        let taken = at.fields().number_at(1).ok_or(Error::Malformed)?;
        usize::try_from(taken).map_err(|_| Error::Malformed)
    }

    async fn receive<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
        out: &mut [u8],
    ) -> Result<Received, Error> {
        let len = u16::try_from(out.len()).unwrap_or(u16::MAX);
        let command = counted("+USORD=", id.number, len);
        let exchange = Exchange {
            receive: Some(&mut Block {
                header: Answer::of("+USORD:", 2, id.number),
                length_field: 1,
                form: Form::Quoted,
                out,
            }),
            ..Exchange::ok(at.timeouts().command_ms)
        };
        let len = at.exchange(&command, exchange).await?;
        Ok(Received { len, more: len > 0 })
    }

    async fn close<U: Uart, T: DelayNs>(
        &mut self,
        at: &mut At<U, T>,
        id: SocketId,
    ) -> Result<(), Error> {
        close(at, id.number).await
    }
}

async fn series<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<Series, Error> {
    // The model is a bare line, and news may be as well: only the one is looked for.
    let exchange = super::maybe(Answer::new("SARA-R4"), at.timeouts().command_ms);
    at.exchange(&[Text("+CGMM")], exchange).await?;
    Ok(match at.was_answered() {
        true => Series::SaraR4,
        false => Series::SaraR5,
    })
}

/// SARA-R4 takes the password first, SARA-R5 the user name.
async fn authenticate<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    series: Series,
    config: &Config<'_>,
) -> Result<(), Error> {
    let Some(known) = config.authentication else {
        return optional(at.command(&[Text("+UAUTHREQ=1,0")]).await);
    };
    let method = match known.method {
        AuthenticationMethod::Pap => "1,",
        AuthenticationMethod::Chap => "2,",
    };
    let (first, second) = match series {
        Series::SaraR4 => (known.password, known.user),
        Series::SaraR5 => (known.user, known.password),
    };
    let command = [
        Text("+UAUTHREQ=1,"),
        Text(method),
        Quoted(first),
        Text(","),
        Quoted(second),
    ];
    at.command(&command).await.map(drop)
}

/// SARA-R4: the bearer of context 1, which attaching has made in most networks.
async fn activate_bearer<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<(), Error> {
    let exchange = super::maybe(Answer::of("+CGACT:", 2, 1), at.timeouts().command_ms);
    at.exchange(&[Text("+CGACT?")], exchange).await?;
    if at.fields().number_at(1) == Some(1) {
        return Ok(());
    }
    let exchange = Exchange::ok(at.timeouts().attach_ms);
    refused_is_no_data(at.exchange(&[Text("+CGACT=1,1")], exchange).await)
}

/// SARA-R5: profile 0 for IPv4 and IPv6, on context 1.
async fn activate_profile<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<(), Error> {
    let active = Answer::with_numbers("+UPSND:", 3);
    at.query(&[Text("+UPSND=0,8")], active).await?;
    if at.fields().number_at(2) == Some(1) {
        return Ok(());
    }
    // 2: both, IPv4 preferred, 0: IPv4 alone.
    let both = at.command(&[Text("+UPSD=0,0,2")]).await;
    if let Err(Error::Refused | Error::RefusedWith(_)) = both {
        at.command(&[Text("+UPSD=0,0,0")]).await?;
    }
    at.command(&[Text("+UPSD=0,100,1")]).await?;
    let answer = Answer::with_numbers("+UUPSDA:", 1);
    let exchange = Exchange::late(answer, at.timeouts().attach_ms);
    refused_is_no_data(at.exchange(&[Text("+UPSDA=0,3")], exchange).await)?;
    match code(at.fields().number())? {
        0 => Ok(()),
        code => Err(Error::NoDataConnection(code)),
    }
}

fn refused_is_no_data(result: Result<usize, Error>) -> Result<(), Error> {
    match result {
        Ok(_) => Ok(()),
        Err(Error::Refused) => Err(Error::NoDataConnection(0)),
        Err(Error::RefusedWith(code)) => Err(Error::NoDataConnection(code)),
        Err(error) => Err(error),
    }
}

/// Makes a TCP socket, which the modem numbers.
async fn create<U: Uart, T: DelayNs>(at: &mut At<U, T>, slot: u8) -> Result<u8, Error> {
    at.query(&[Text("+USOCR=6")], Answer::with_numbers("+USOCR:", 1))
        .await?;
    let number = at.fields().number().ok_or(Error::Malformed)?;
    let number = u8::try_from(number).map_err(|_| Error::Malformed)?;
    at.assign(slot, number);
    Ok(number)
}

/// Connects; `OK` comes when the connection is there.
async fn connect<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    number: u8,
    target: &Target<'_>,
) -> Result<(), Error> {
    let command = [
        Text("+USOCO="),
        Number(number.into()),
        Text(","),
        Quoted(target.host),
        Text(","),
        Number(target.port.into()),
    ];
    let exchange = Exchange::ok(at.timeouts().open_ms);
    at.exchange(&command, exchange).await.map(drop)
}

/// One refusal stands for a name that does not resolve, a host that does not accept and a
/// certificate that does not verify. Asks until it is known which.
async fn why<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    number: u8,
    target: &Target<'_>,
) -> Result<(), Error> {
    at.query(&[Text("+USOER")], Answer::with_numbers("+USOER:", 1))
        .await?;
    let code = code(at.fields().number())?;
    resolve(at, target.host).await?;
    if target.tls.is_none() {
        return Err(Error::Connect(code));
    }
    optional(close(at, number).await)?;
    let number = create(at, target.slot).await?;
    match connect(at, number, target).await {
        Ok(()) => Err(Error::TlsHandshake(code)),
        Err(Error::Refused | Error::RefusedWith(_)) => Err(Error::Connect(code)),
        Err(error) => Err(error),
    }
}

async fn resolve<U: Uart, T: DelayNs>(at: &mut At<U, T>, name: &str) -> Result<IpAddr, Error> {
    if let Ok(address) = name.parse() {
        return Ok(address);
    }
    let command = [Text("+UDNSRN=0,"), Quoted(name)];
    let exchange = Exchange::answer(Answer::new("+UDNSRN:"), at.timeouts().open_ms);
    match at.exchange(&command, exchange).await {
        Ok(_) => address(at.fields().text().unwrap_or_default()),
        Err(Error::Refused) => Err(Error::Dns(0)),
        Err(Error::RefusedWith(code)) => Err(Error::Dns(code)),
        Err(error) => Err(error),
    }
}

async fn close<U: Uart, T: DelayNs>(at: &mut At<U, T>, number: u8) -> Result<(), Error> {
    let command = [Text("+USOCL="), Number(number.into())];
    let exchange = Exchange::ok(at.timeouts().close_ms);
    at.exchange(&command, exchange).await.map(drop)
}
