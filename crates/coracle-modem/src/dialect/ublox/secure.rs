//! TLS of the modem: one security profile, set anew for each connection.

use embedded_hal_async::delay::DelayNs;

use super::{Piece, optional};
use crate::at::Piece::{Number, Quoted, Text};
use crate::at::{Answer, At, Exchange, Prompt, Prompted, Uart};
use crate::dialect::file::listed;
use crate::dialect::{FileName, maybe};
use crate::{Error, Roots, Tls};

/// Certificates of authorities, as the list of them names that.
const LISTED: &[u8] = b"CA,\"";
const LISTED_LEN: usize = LISTED.len() + FileName::LEN + 1;

/// Sets the security profile for a host.
pub(super) async fn prepare<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    host: &str,
    tls: &Tls<'_>,
) -> Result<(), Error> {
    // Nothing of an earlier use stays.
    at.command(&[Text("+USECPRF=0")]).await?;
    match tls.roots {
        Roots::Stored(name) => trust(at, name).await?,
        Roots::Pem(pem) => {
            let name = FileName::of(pem);
            upload(at, name.as_str(), pem).await?;
            trust(at, name.as_str()).await?;
        }
    }
    // TLS 1.2 and nothing older.
    at.command(&[Text("+USECPRF=0,1,3")]).await?;
    at.command(&[Text("+USECPRF=0,4,"), Quoted(host)]).await?;
    // Without it servers of many names refuse, and nothing is less safe.
    optional(at.command(&[Text("+USECPRF=0,10,"), Quoted(host)]).await)?;
    verify(at, tls).await
}

/// Levels: 1 the issuer, 2 the name as well, 3 the dates as well.
async fn verify<U: Uart, T: DelayNs>(at: &mut At<U, T>, tls: &Tls<'_>) -> Result<(), Error> {
    let level = match (tls.dangerous_any_name, tls.check_dates) {
        (false, true) => "3",
        (false, false) => "2",
        // The level with dates has names in it.
        (true, _) => "1",
    };
    match at.command(&[Text("+USECPRF=0,0,"), Text(level)]).await {
        Ok(_) => Ok(()),
        Err(Error::Refused | Error::RefusedWith(_)) if level != "1" => Err(Error::TlsNameUnchecked),
        Err(error) => Err(error),
    }
}

async fn trust<U: Uart, T: DelayNs>(at: &mut At<U, T>, name: &str) -> Result<(), Error> {
    let command: [Piece<'_>; 2] = [Text("+USECPRF=0,3,"), Quoted(name)];
    at.command(&command).await.map(drop)
}

/// Lets a socket use the profile.
pub(super) async fn attach<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    number: u8,
) -> Result<(), Error> {
    let command = [Text("+USOSEC="), Number(number.into()), Text(",1,0")];
    at.command(&command).await.map(drop)
}

/// Imports the certificate, unless it is there already.
async fn upload<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    name: &str,
    pem: &[u8],
) -> Result<(), Error> {
    let len = u16::try_from(pem.len()).map_err(|_| Error::BadText)?;
    let mut line = [0; LISTED_LEN];
    let listed = Answer::new(listed(LISTED, name, &mut line));
    let exchange = maybe(listed, at.timeouts().command_ms);
    optional(at.exchange(&[Text("+USECMNG=3")], exchange).await)?;
    if at.was_answered() {
        return Ok(());
    }
    let command = [
        Text("+USECMNG=0,0,"),
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
        ..Exchange::answer(Answer::of("+USECMNG:", 2, 0), at.timeouts().send_ms)
    };
    at.exchange(&command, exchange).await.map(drop)
}
