//! Plain sockets: `CIP...`.

use embedded_hal_async::delay::DelayNs;

use super::opened;
use crate::Error;
use crate::at::Piece::{Number, Quoted, Text};
use crate::at::{Answer, At, Block, Exchange, Form, Prompt, Prompted, Uart};
use crate::dialect::{Received, Target, counted};

/// Codes of `CIPOPEN`.
const NO_NETWORK: u16 = 2;
const DNS_FAILED: u16 = 11;
const UNKNOWN: u16 = 12;

pub(super) async fn open<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    target: &Target<'_>,
) -> Result<(), Error> {
    let command = [
        Text("+CIPOPEN="),
        Number(target.slot.into()),
        Text(",\"TCP\","),
        Quoted(target.host),
        Text(","),
        Number(target.port.into()),
    ];
    let answer = Answer::of("+CIPOPEN:", 2, target.slot);
    match opened(at, &command, answer, UNKNOWN).await? {
        0 => Ok(()),
        code @ DNS_FAILED => Err(Error::Dns(code)),
        NO_NETWORK => {
            at.lose_network();
            Err(Error::DataConnectionLost)
        }
        code => Err(Error::Connect(code)),
    }
}

/// Hands bytes over: the modem says how many it was asked to take and how many it took.
pub(super) async fn send<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    id: u8,
    bytes: &[u8],
) -> Result<usize, Error> {
    let len = u16::try_from(bytes.len()).map_err(|_| Error::SendFailed)?;
    let command = counted("+CIPSEND=", id, len);
    let exchange = Exchange {
        send: Some(&Prompted {
            prompt: Prompt::Character(b'>'),
            payload: bytes,
            pause_ms: 0,
        }),
        ..Exchange::late(Answer::of("+CIPSEND:", 2, id), at.timeouts().send_ms)
    };
    at.exchange(&command, exchange).await?;
    // -1 where nothing went out.
    let taken = at.fields().number_at(2).ok_or(Error::SendFailed)?;
    usize::try_from(taken).map_err(|_| Error::SendFailed)
}

pub(super) async fn receive<U: Uart, T: DelayNs>(
    at: &mut At<U, T>,
    id: u8,
    out: &mut [u8],
) -> Result<Received, Error> {
    let len = u16::try_from(out.len()).unwrap_or(u16::MAX);
    let command = counted("+CIPRXGET=2,", id, len);
    let exchange = Exchange {
        receive: Some(&mut Block {
            header: Answer::of("+CIPRXGET:", 4, 2),
            length_field: 2,
            form: Form::Lines,
            out,
        }),
        ..Exchange::ok(at.timeouts().command_ms)
    };
    match at.exchange(&command, exchange).await {
        Ok(len) => Ok(Received {
            len,
            more: at.fields().number_at(3) != Some(0),
        }),
        // "No data", and "no socket", come as the same error.
        Err(Error::Refused | Error::RefusedWith(_)) => match waiting(at, id).await? {
            0 => Ok(Received {
                len: 0,
                more: false,
            }),
            _ => Err(Error::Refused),
        },
        Err(error) => Err(error),
    }
}

/// How many bytes wait in the modem; refused for a socket that is gone.
async fn waiting<U: Uart, T: DelayNs>(at: &mut At<U, T>, id: u8) -> Result<u32, Error> {
    let command = [Text("+CIPRXGET=4,"), Number(id.into())];
    at.query(&command, Answer::of("+CIPRXGET:", 3, 4)).await?;
    at.fields().number_at(2).ok_or(Error::Malformed)
}
