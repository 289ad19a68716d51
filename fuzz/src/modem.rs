//! A modem that says whatever it likes.

use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};

use coracle_modem::{
    Config, Dialect, Modem, Pin, Pins, Quectel, Roots, Security, Simcom, Tls, Ublox,
};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// Ends what a modem says to one command; the next command frees the rest.
const MARK: u8 = 0x1e;

/// More polls than any session has.
const MAX_POLLS: usize = 100_000;

struct Line<'a> {
    said: &'a [u8],
}

impl ErrorType for Line<'_> {
    type Error = ErrorKind;
}

impl Read for Line<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let end = self.said.iter().position(|c| *c == MARK);
        let ready = &self.said[..end.unwrap_or(self.said.len())];
        if ready.is_empty() {
            return pending().await;
        }
        let len = ready.len().min(buf.len());
        buf[..len].copy_from_slice(&ready[..len]);
        self.said = &self.said[len..];
        Ok(len)
    }
}

impl Write for Line<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        if buf.contains(&b'\r') {
            self.said = self.said.strip_prefix(&[MARK]).unwrap_or(self.said);
        }
        Ok(buf.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Time passes when nothing else can: the line is always asked first.
struct Hurry;

impl DelayNs for Hurry {
    async fn delay_ns(&mut self, _: u32) {}
}

fn run(future: impl Future) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_POLLS {
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
    }
    panic!("a modem can hold the driver for ever");
}

async fn session<D: Dialect>(dialect: D, said: &[u8], security: Security) {
    let mut config = Config::new("internet");
    config.pin = Pin::new("1234");
    config.timeouts.register_ms = 3_000;
    config.timeouts.read_ms = 10_000;
    config.tls = Some(Tls {
        roots: Roots::Pem(b"-----BEGIN CERTIFICATE-----"),
        check_dates: true,
        dangerous_any_name: true,
    });
    let modem = Modem::new(dialect, Line { said }, Pins::NONE, Hurry, config);
    for _ in 0..2 {
        let Ok(mut socket) = modem.open("example.org", 443, security).await else {
            continue;
        };
        let _ = socket.write(b"hello").await;
        let _ = socket.read(&mut [0; 100]).await;
    }
    let _ = modem.resolve("example.org").await;
    let _ = modem.signal().await;
    let _ = modem.operator().await;
    let _ = modem.network_time().await;
    let _ = modem.identity().await;
}

/// The first byte chooses the dialect, the rest is what the modem says.
pub fn modem(data: &[u8]) {
    let Some((choice, said)) = data.split_first() else {
        return;
    };
    let security = match choice & 4 {
        0 => Security::Plain,
        _ => Security::Tls,
    };
    match choice & 3 {
        0 => run(session(Quectel, said, security)),
        1 => run(session(Simcom, said, security)),
        _ => run(session(Ublox, said, security)),
    }
}
