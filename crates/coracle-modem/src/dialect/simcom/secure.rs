//! Sockets with TLS: `CCH...`, two sessions, one SSL context.

use embedded_hal_async::delay::DelayNs;

use super::{Piece, code, opened, optional};
use crate::at::Piece::{Number, Quoted, Text};
use crate::at::{Answer, At, Block, Exchange, Form, Prompt, Prompted, Uart};
use crate::dialect::file::listed;
use crate::dialect::{FileName, Received, Target, counted, maybe};
use crate::{Error, Roots, Tls};

/// Codes of the SSL service.
const DNS_FAILED: u16 = 13;
const HANDSHAKE_FAILED: u16 = 15;
const NO_NETWORK: u16 = 17;
const NO_CERTIFICATE: u16 = 19;
const UNKNOWN: u16 = 2;

pub(super) async fn open<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    target: &Target<'_>,
    tls: &Tls<'_>,
) -> Result<(), Error> {
    if !tls.dangerous_any_name {
        return Err(Error::TlsNameUnchecked);
    }
    match tls.roots {
        Roots::Stored(name) => configure(at, name, tls).await?,
        Roots::Pem(pem) => {
            let name = FileName::of(pem);
            upload(at, name.as_str(), pem).await?;
            configure(at, name.as_str(), tls).await?;
        }
    }
    start(at).await?;
    let command = [Text("+CCHSSLCFG="), Number(target.slot.into()), Text(",0")];
    at.command(&command).await?;
    connect(at, target).await
}

async fn connect<U: Uart, T: DelayNs>(at: &mut At<U, T>, target: &Target<'_>) -> Result<(), Error> {
    let command = [
        Text("+CCHOPEN="),
        Number(target.slot.into()),
        Text(","),
        Quoted(target.host),
        Text(","),
        Number(target.port.into()),
        // TLS, not plain TCP.
        Text(",2"),
    ];
    let answer = Answer::of("+CCHOPEN:", 2, target.slot);
    match opened(at, &command, answer, UNKNOWN).await? {
        0 => Ok(()),
        code @ DNS_FAILED => Err(Error::Dns(code)),
        code @ (HANDSHAKE_FAILED | NO_CERTIFICATE) => Err(Error::TlsHandshake(code)),
        NO_NETWORK => {
            at.lose_network();
            Err(Error::DataConnectionLost)
        }
        code => Err(Error::Connect(code)),
    }
}

async fn configure<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    roots: &str,
    tls: &Tls<'_>,
) -> Result<(), Error> {
    let dates = if tls.check_dates { "0" } else { "1" };
    // TLS 1.2 and nothing older; the server's certificate is verified; whether dates are
    // left out.
    let needed = [
        ("\"sslversion\"", "3"),
        ("\"authmode\"", "1"),
        ("\"ignorelocaltime\"", dates),
    ];
    for (name, value) in needed {
        at.command(&setting(name, Text(value))).await?;
    }
    at.command(&setting("\"cacert\"", Quoted(roots))).await?;
    // Without it servers of many names refuse, and nothing is less safe.
    optional(at.command(&setting("\"enableSNI\"", Text("1"))).await)
}

const fn setting<'a>(name: &'static str, value: Piece<'a>) -> [Piece<'a>; 4] {
    [Text("+CSSLCFG="), Text(name), Text(",0,"), value]
}

/// Starts the SSL service with results of sending, and data that wait until they are read.
async fn start<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<(), Error> {
    // Refused where the service runs already, with the settings that it was started with.
    optional(at.command(&[Text("+CCHSET=1,1")]).await)?;
    let answer = Answer::with_numbers("+CCHSTART:", 1);
    let exchange = Exchange::late(answer, at.timeouts().attach_ms);
    match at.exchange(&[Text("+CCHSTART")], exchange).await {
        Ok(_) => match code(at.fields().number())? {
            0 => Ok(()),
            code => Err(Error::NoDataConnection(code)),
        },
        // It runs already; if it does not, the connection says so.
        Err(Error::Refused | Error::RefusedWith(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes the certificate into a file of the modem, unless it is there already.
async fn upload<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    name: &str,
    pem: &[u8],
) -> Result<(), Error> {
    let len = u16::try_from(pem.len()).map_err(|_| Error::BadText)?;
    let mut line = [0; LISTED_LEN];
    // A line for each file.
    let listed = Answer::new(listed(LISTED, name, &mut line));
    let exchange = maybe(listed, at.timeouts().command_ms);
    optional(at.exchange(&[Text("+CCERTLIST")], exchange).await)?;
    if at.was_answered() {
        return Ok(());
    }
    let command = [
        Text("+CCERTDOWN="),
        Quoted(name),
        Text(","),
        Number(len.into()),
    ];
    let exchange = Exchange {
        send: Some(&Prompted {
            prompt: Prompt::Character(b'>'),
            payload: pem,
            pause_ms: 0,
        }),
        ..Exchange::ok(at.timeouts().send_ms)
    };
    at.exchange(&command, exchange).await.map(drop)
}

const LISTED: &[u8] = b"+CCERTLIST: \"";
const LISTED_LEN: usize = LISTED.len() + FileName::LEN + 1;

pub(super) async fn send<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    id: u8,
    bytes: &[u8],
) -> Result<usize, Error> {
    let len = u16::try_from(bytes.len()).map_err(|_| Error::SendFailed)?;
    let command = counted("+CCHSEND=", id, len);
    let exchange = Exchange {
        send: Some(&Prompted {
            prompt: Prompt::Character(b'>'),
            payload: bytes,
            pause_ms: 0,
        }),
        ..Exchange::late(Answer::of("+CCHSEND:", 2, id), at.timeouts().send_ms)
    };
    at.exchange(&command, exchange).await?;
    match at.fields().number_at(1) {
        Some(0) => Ok(bytes.len()),
        _ => Err(Error::SendFailed),
    }
}

/// Takes bytes: `OK`, one or more blocks, then the outcome in a line of its own.
pub(super) async fn receive<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    id: u8,
    out: &mut [u8],
) -> Result<Received, Error> {
    if waiting(at, id).await? == 0 {
        return Ok(Received {
            len: 0,
            more: false,
        });
    }
    let len = u16::try_from(out.len()).unwrap_or(u16::MAX);
    let command = counted("+CCHRECV=", id, len);
    let exchange = Exchange {
        receive: Some(&mut Block {
            header: Answer::of("+CCHRECV: DATA", 2, id),
            length_field: 1,
            form: Form::Lines,
            out,
        }),
        ..Exchange::late(Answer::of("+CCHRECV:", 2, id), at.timeouts().command_ms)
    };
    let len = at.exchange(&command, exchange).await?;
    Ok(Received { len, more: true })
}

/// How many bytes wait in the modem, for one of its two sessions.
async fn waiting<U: Uart, T: DelayNs>(at: &mut At<U, T>, id: u8) -> Result<u32, Error> {
    let answer = Answer::with_numbers("+CCHRECV: LEN", 2);
    at.query(&[Text("+CCHRECV?")], answer).await?;
    at.fields().number_at(id).ok_or(Error::Malformed)
}
