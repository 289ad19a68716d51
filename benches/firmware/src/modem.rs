//! The AT engine, with a modem that answers from memory at once.

use core::convert::Infallible;
use core::future::pending;

use coracle_modem::{Config, Modem, Pins, Quectel, Security};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorType, Read, Write};

use crate::{Meter, WrongResult, check, now};

const LEN: usize = 1024;
static PAYLOAD: [u8; LEN] = [b'x'; LEN];

/// What the modem says, by how the command starts. What is not here is answered `OK`.
const ANSWERS: [(&str, &str); 6] = [
    ("AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"),
    ("AT+CFUN?", "\r\n+CFUN: 1\r\n\r\nOK\r\n"),
    ("AT+CEREG?", "\r\n+CEREG: 0,1\r\n\r\nOK\r\n"),
    ("AT+QIACT?", "\r\n+QIACT: 1,1,1,\"10.0.0.1\"\r\n\r\nOK\r\n"),
    (
        "AT+QIOPEN=",
        "\r\nOK\r\n\r\n+QIOPEN: 0,0\r\n\r\n+QIURC: \"recv\",0\r\n",
    ),
    ("AT+QIRD=", "\r\n+QIRD: 1024\r\n"),
];

pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let config = Config::new("internet");
    let modem = Modem::new(Quectel, Script::default(), Pins::NONE, Hasty, config);
    let opened = now(modem.open("node.example", 8545, Security::Plain))?;
    let mut socket = opened.map_err(|_| WrongResult)?;
    let mut buf = [0; LEN];
    meter.count("at-receive-1024", &mut |_| {
        let read = now(socket.read(&mut buf))?.map_err(|_| WrongResult)?;
        check(read == LEN && buf.last() == PAYLOAD.last())
    })
}

/// Time that passes at once where nothing else happens, which is never while an answer is
/// waited for.
struct Hasty;

impl DelayNs for Hasty {
    async fn delay_ns(&mut self, _: u32) {}
}

/// A modem that answers from memory.
#[derive(Default)]
struct Script {
    /// The start of the command that is coming in, and its length.
    command: [u8; 12],
    len: usize,
    /// What is still to be said, piece by piece.
    answer: [&'static [u8]; 3],
}

impl Script {
    fn hear(&mut self, byte: u8) {
        match byte {
            b'\r' => self.say(),
            _ => {
                if let Some(slot) = self.command.get_mut(self.len) {
                    *slot = byte;
                    self.len += 1;
                }
            }
        }
    }

    fn say(&mut self) {
        let command = self.command.get(..self.len).unwrap_or_default();
        let known = ANSWERS
            .iter()
            .find(|(start, _)| command.starts_with(start.as_bytes()));
        self.answer = match known {
            None => [b"\r\nOK\r\n", b"", b""],
            Some(("AT+QIRD=", header)) => [header.as_bytes(), &PAYLOAD, b"\r\n\r\nOK\r\n"],
            Some((_, answer)) => [answer.as_bytes(), b"", b""],
        };
        self.len = 0;
    }
}

impl ErrorType for Script {
    type Error = Infallible;
}

impl Read for Script {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let Some(piece) = self.answer.iter_mut().find(|piece| !piece.is_empty()) else {
            return pending().await;
        };
        let len = buf.len().min(piece.len());
        let (now, later) = piece.split_at(len);
        for (slot, byte) in buf.iter_mut().zip(now) {
            *slot = *byte;
        }
        *piece = later;
        Ok(len)
    }
}

impl Write for Script {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        for byte in buf {
            self.hear(*byte);
        }
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
