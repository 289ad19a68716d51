//! Opening a plain socket.

use embedded_hal_async::delay::DelayNs;

use super::CONTEXT;
use crate::Error;
use crate::at::Piece::{Number, Quoted, Text};
use crate::at::{Answer, At, Exchange, Uart};
use crate::dialect::{Target, code};

/// Codes that say that a name was not resolved: DNS busy, DNS failed.
const DNS: core::ops::RangeInclusive<u16> = 564..=565;

/// Codes that say that there is no data connection.
const NETWORK: [u16; 3] = [561, 570, 573];

pub(super) async fn open<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    target: &Target<'_>,
) -> Result<(), Error> {
    let command = [
        Text("+QIOPEN="),
        Number(CONTEXT),
        Text(","),
        Number(target.slot.into()),
        Text(",\"TCP\","),
        Quoted(target.host),
        Text(","),
        Number(target.port.into()),
        // Any local port, buffer access mode.
        Text(",0,0"),
    ];
    opened(at, &command, Answer::of("+QIOPEN:", 2, target.slot)).await
}

/// Runs a command that opens, and reads its outcome.
pub(super) async fn opened<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    command: &[super::Piece<'_>],
    answer: Answer<'_>,
) -> Result<(), Error> {
    let exchange = Exchange::late(answer, at.timeouts().open_ms);
    let code = match at.exchange(command, exchange).await {
        Ok(_) => code(at.fields().number_at(1))?,
        Err(Error::RefusedWith(code)) => code,
        Err(Error::Refused) => last_error(at).await?,
        Err(error) => return Err(error),
    };
    match code {
        0 => Ok(()),
        code if DNS.contains(&code) => Err(Error::Dns(code)),
        code if NETWORK.contains(&code) => {
            at.lose_network();
            Err(Error::DataConnectionLost)
        }
        code => Err(Error::Connect(code)),
    }
}

/// Why the last command of a socket failed; 550, "unknown", where the modem does not say.
async fn last_error<U: Uart, T: DelayNs>(at: &mut At<U, T>) -> Result<u16, Error> {
    let answer = Answer::with_numbers("+QIGETERROR:", 1);
    match at.query(&[Text("+QIGETERROR")], answer).await {
        Ok(_) => Ok(code(at.fields().number())?.max(1)),
        Err(Error::Refused | Error::RefusedWith(_)) => Ok(550),
        Err(error) => Err(error),
    }
}
