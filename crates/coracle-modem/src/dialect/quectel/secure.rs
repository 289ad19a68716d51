//! TLS of the modem: one SSL context, set anew for each connection.

use embedded_hal_async::delay::DelayNs;

use super::{CONTEXT, Piece, Quectel, optional, plain};
use crate::at::Piece::{Number, Quoted, Text};
use crate::at::{Answer, At, Exchange, Prompt, Prompted, SocketId, Uart};
use crate::dialect::{Dialect, FileName, Target, maybe};
use crate::{Error, Roots, Tls};

/// The SSL context that everything uses.
const SSL: &str = "1";

/// Code of a connection that failed, be it TCP or TLS.
const CONNECT_FAILED: u16 = 566;

pub(super) async fn open<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    target: &Target<'_>,
    tls: &Tls<'_>,
) -> Result<(), Error> {
    match tls.roots {
        Roots::Stored(name) => configure(at, name, tls).await?,
        Roots::Pem(pem) => {
            let name = FileName::of(pem);
            upload(at, name.as_str(), pem).await?;
            configure(at, name.as_str(), tls).await?;
        }
    }
    let command = [
        Text("+QSSLOPEN="),
        Number(CONTEXT),
        Text(","),
        Text(SSL),
        Text(","),
        Number(target.slot.into()),
        Text(","),
        Quoted(target.host),
        Text(","),
        Number(target.port.into()),
        // Buffer access mode.
        Text(",0"),
    ];
    let answer = Answer::of("+QSSLOPEN:", 2, target.slot);
    match plain::opened(at, &command, answer).await {
        Err(Error::Connect(CONNECT_FAILED)) => why(at, target).await,
        Err(Error::Connect(code)) if is_handshake(code) => Err(Error::TlsHandshake(code)),
        other => other,
    }
}

/// Codes of the SSL layer, above those of TCP/IP.
const fn is_handshake(code: u16) -> bool {
    matches!(code, 550 | 575..)
}

/// Most firmware has one code for a server that cannot be reached and for one whose
/// certificate does not verify. A plain connection tells which it was.
async fn why<U: Uart, T: DelayNs>(at: &mut At<U, T>, target: &Target<'_>) -> Result<(), Error> {
    close_quietly(at, target.slot, true).await?;
    let reached = plain::open(at, target).await;
    close_quietly(at, target.slot, false).await?;
    match reached {
        Ok(()) => Err(Error::TlsHandshake(CONNECT_FAILED)),
        Err(error) => Err(error),
    }
}

async fn close_quietly<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    number: u8,
    secure: bool,
) -> Result<(), Error> {
    optional(Quectel.close(at, SocketId { number, secure }).await)
}

async fn configure<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    roots: &str,
    tls: &Tls<'_>,
) -> Result<(), Error> {
    let dates = if tls.check_dates { "0" } else { "1" };
    // TLS 1.2 and nothing older; the server's certificate is verified; whatever ciphers
    // the modem has; whether dates are left out.
    let needed = [
        ("\"sslversion\"", "3"),
        ("\"seclevel\"", "1"),
        ("\"ciphersuite\"", "0XFFFF"),
        ("\"ignorelocaltime\"", dates),
    ];
    for (name, value) in needed {
        at.command(&setting(name, Text(value))).await?;
    }
    at.command(&setting("\"cacert\"", Quoted(roots))).await?;
    // Without it servers of many names refuse, and nothing is less safe.
    optional(at.command(&setting("\"sni\"", Text("1"))).await)?;
    match at.command(&setting("\"checkhost\"", Text("1"))).await {
        Ok(_) => Ok(()),
        Err(Error::Refused | Error::RefusedWith(_)) if tls.dangerous_any_name => Ok(()),
        Err(Error::Refused | Error::RefusedWith(_)) => Err(Error::TlsNameUnchecked),
        Err(error) => Err(error),
    }
}

const fn setting<'a>(name: &'static str, value: Piece<'a>) -> [Piece<'a>; 6] {
    [
        Text("+QSSLCFG="),
        Text(name),
        Text(","),
        Text(SSL),
        Text(","),
        value,
    ]
}

/// Writes the certificate into a file of the modem, unless it is there already.
async fn upload<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    name: &str,
    pem: &[u8],
) -> Result<(), Error> {
    let len = u16::try_from(pem.len()).map_err(|_| Error::BadText)?;
    let command = [Text("+QFLST="), Quoted(name)];
    let exchange = maybe(Answer::new("+QFLST:"), at.timeouts().command_ms);
    optional(at.exchange(&command, exchange).await)?;
    if at.fields().number_at(1) == Some(len.into()) {
        return Ok(());
    }
    optional(at.command(&[Text("+QFDEL="), Quoted(name)]).await)?;
    let command = [
        Text("+QFUPL="),
        Quoted(name),
        Text(","),
        Number(len.into()),
        // Seconds that the modem waits for it.
        Text(",30"),
    ];
    let exchange = Exchange {
        send: Some(&Prompted {
            prompt: Prompt::Line("CONNECT"),
            payload: pem,
            pause_ms: 0,
        }),
        ..Exchange::answer(Answer::with_numbers("+QFUPL:", 1), at.timeouts().send_ms)
    };
    at.exchange(&command, exchange).await?;
    match at.fields().number() {
        Some(written) if written == u32::from(len) => Ok(()),
        _ => Err(Error::Malformed),
    }
}
