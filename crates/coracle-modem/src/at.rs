//! The AT engine: one command at a time, its answer told apart from everything else.
//!
//! An exchange is, as seen from here (`>` goes to the modem):
//!
//! ```text
//! > AT command CR
//! < [echo] { news }
//! < [prompt]                          ; then > payload, of exactly the length announced
//! < { header CR LF payload | answer } ; payload by its announced length, never looked at
//! < { news } result                   ; OK, ERROR, +CME ERROR: n, or the command's own
//! ```
//!
//! News (unsolicited lines) may stand between any two of these. They are noted in flags and
//! never end an exchange, except that of a restart.

mod core;
mod exchange;
mod reader;
mod socket;
mod text;
mod urc;

use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorKind, Read, Write};

pub use self::exchange::{Block, End, Ends, Exchange, Form, Prompt, Prompted};
pub use self::socket::SocketId;
pub use self::text::{Answer, Fields, Piece, address, number};
pub use self::urc::{Channel, Meaning, Urc};

pub(crate) use self::core::Status;
use self::core::{Core, Out, Progress, write_all};
use self::reader::Awaited;
pub(crate) use self::socket::{Sockets, State};
use crate::{Error, Timeouts};

/// Any UART: what `embedded-io-async` needs of it.
///
/// Dropping a `read` that waits must lose no bytes; drivers that buffer by interrupt hold
/// to that.
pub trait Uart: Read + Write {}

impl<U: Read + Write> Uart for U {}

/// Lines that are passed over while waiting for silence.
const MAX_DRAINED: u8 = 200;

/// The line to a modem, what was read from it, and what it said unasked.
pub struct At<U, T> {
    uart: U,
    delay: T,
    timeouts: Timeouts,
    core: Core,
}

impl<U: Uart, T: DelayNs> At<U, T> {
    pub(crate) const fn new(uart: U, delay: T, timeouts: Timeouts, urcs: &'static [Urc]) -> Self {
        Self {
            uart,
            delay,
            timeouts,
            core: Core::new(urcs),
        }
    }

    /// How long to wait for what.
    pub const fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// The fields of the last answer.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(self.core.answer())
    }

    /// Whether there was an answer, where there need not be one.
    pub const fn was_answered(&self) -> bool {
        self.core.answered
    }

    pub(crate) fn status(&mut self) -> &mut Status {
        &mut self.core.status
    }

    pub(crate) fn sockets(&mut self) -> &mut Sockets {
        &mut self.core.sockets
    }

    /// How many lines were passed over because they were too long.
    pub const fn skipped_lines(&self) -> u16 {
        self.core.reader.skipped()
    }

    /// Tells which number the modem gave to the socket that is being opened in a slot.
    pub fn assign(&mut self, slot: u8, number: u8) {
        self.core.sockets.set_number(slot, number);
    }

    /// Notes that an answer said that there is no data connection, as unsolicited lines do.
    pub fn lose_network(&mut self) {
        self.core.status.network_lost = true;
    }

    /// Waits.
    pub fn pause(&mut self, ms: u32) -> impl Future<Output = ()> {
        self.delay.delay_ms(ms)
    }

    /// Runs a command that brings nothing but `OK`.
    ///
    /// # Errors
    ///
    /// As [`At::exchange`].
    ///
    /// # Cancel safety
    ///
    /// As [`At::exchange`].
    pub fn command<'a>(
        &'a mut self,
        command: &'a [Piece<'a>],
    ) -> impl Future<Output = Result<usize, Error>> + 'a {
        let timeout_ms = self.timeouts.command_ms;
        self.exchange(command, Exchange::ok(timeout_ms))
    }

    /// Runs a command that brings one line and `OK`; the line is in [`At::fields`].
    ///
    /// # Errors
    ///
    /// As [`At::exchange`].
    ///
    /// # Cancel safety
    ///
    /// As [`At::exchange`].
    pub fn query<'a>(
        &'a mut self,
        command: &'a [Piece<'a>],
        answer: Answer<'a>,
    ) -> impl Future<Output = Result<usize, Error>> + 'a {
        let timeout_ms = self.timeouts.command_ms;
        self.exchange(command, Exchange::answer(answer, timeout_ms))
    }

    /// Runs a command to its end: gives how much payload came, and keeps the answer, or else
    /// the payload's header, in [`At::fields`], also where the modem refused after it.
    ///
    /// # Errors
    ///
    /// [`Error::BadText`] before anything is written; [`Error::Refused`],
    /// [`Error::RefusedWith`] and [`Error::SendFailed`] are the modem's. After
    /// [`Error::Timeout`], [`Error::Flood`], [`Error::Malformed`], [`Error::Restarted`] and
    /// [`Error::Uart`] the next operation of the modem begins by resynchronising.
    ///
    /// # Cancel safety
    ///
    /// After dropping the future the next operation begins by resynchronising. What the
    /// command did is unknown.
    pub fn exchange<'a>(
        &'a mut self,
        command: &'a [Piece<'a>],
        exchange: Exchange<'a>,
    ) -> impl Future<Output = Result<usize, Error>> + 'a {
        self.drive(Out::Command(command), exchange)
    }

    /// Waits for one more line of a command that brings several after its `OK`; it is in
    /// [`At::fields`].
    ///
    /// # Errors
    ///
    /// As [`At::exchange`].
    ///
    /// # Cancel safety
    ///
    /// As [`At::exchange`].
    pub fn wait<'a>(
        &'a mut self,
        answer: Answer<'a>,
        timeout_ms: u32,
    ) -> impl Future<Output = Result<usize, Error>> + 'a {
        let exchange = Exchange {
            end: End::Answer,
            ..Exchange::answer(answer, timeout_ms)
        };
        self.drive(Out::Nothing, exchange)
    }

    async fn drive<'a>(
        &'a mut self,
        mut out: Out<'a>,
        mut exchange: Exchange<'a>,
    ) -> Result<usize, Error> {
        if let Out::Command(command) = out
            && !command.iter().all(Piece::is_fit)
        {
            return Err(Error::BadText);
        }
        self.core.begin();
        let timeout_ms = exchange.timeout_ms;
        let mut progress = Progress::default();
        loop {
            let running = self
                .core
                .run(&mut self.uart, out, &mut exchange, &mut progress);
            let timeout = self.delay.delay_ms(timeout_ms);
            let done = match select(running, timeout).await {
                Either::First(done) => done?,
                Either::Second(()) => return Err(Error::Timeout),
            };
            if let Some(result) = done {
                return self.core.end(&progress, result);
            }
            let Some(send) = exchange.send.take() else {
                return Err(Error::Malformed);
            };
            if send.pause_ms > 0 {
                self.delay.delay_ms(send.pause_ms).await;
            }
            out = Out::Payload(send.payload);
        }
    }

    /// Waits for news, at most so long; whether there are some.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn listen(&mut self, ms: u32) -> Result<bool, Error> {
        self.core.grant();
        let news = self.core.news(&mut self.uart);
        match select(news, self.delay.delay_ms(ms)).await {
            Either::First(result) => result.map(|()| true).inspect_err(|_| {
                self.core.status.dirty = true;
            }),
            Either::Second(()) => Ok(false),
        }
    }

    /// Takes what the modem said while nobody listened.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) fn catch_up(&mut self) -> impl Future<Output = Result<(), Error>> {
        self.drain(0)
    }

    /// Passes over everything until the modem is silent for so long; news are noted.
    pub(crate) async fn drain(&mut self, quiet_ms: u32) -> Result<(), Error> {
        self.core.grant();
        for _ in 0..MAX_DRAINED {
            let token = self.core.reader.token(&mut self.uart, Awaited::default());
            match select(token, self.delay.delay_ms(quiet_ms)).await {
                Either::Second(()) => {
                    // What is only just arriving is not yet a torn line.
                    if quiet_ms > 0 {
                        self.core.reader.forget_line();
                    }
                    return Ok(());
                }
                Either::First(Ok(_)) => {
                    self.core.note();
                }
                // An overrun ends what we wanted to end anyway.
                Either::First(Err(Error::Uart(kind))) if kind != ErrorKind::NotConnected => {}
                Either::First(Err(error)) => return Err(error),
            }
        }
        Err(Error::Flood)
    }

    /// Gives the modem the rest of a payload that it may be waiting for.
    ///
    /// ESC aborts the prompt of most modems. One that counts instead takes it as payload,
    /// of a connection that is given up anyway, and no protocol above takes it for text.
    pub(crate) async fn abort_prompt(&mut self) -> Result<(), Error> {
        const ESCAPES: [u8; 16] = [0x1b; 16];
        let mut left = usize::from(self.core.status.owed);
        let timeout_ms = self.timeouts.send_ms;
        let writing = async {
            while left > 0 {
                let chunk = ESCAPES.get(..left.min(16)).unwrap_or(&ESCAPES);
                write_all(&mut self.uart, chunk).await?;
                left = left.saturating_sub(chunk.len());
            }
            write_all(&mut self.uart, b"\r").await
        };
        match select(writing, self.delay.delay_ms(timeout_ms)).await {
            Either::First(result) => result,
            Either::Second(()) => Err(Error::Timeout),
        }
    }

    /// Writes a command without waiting for an answer.
    pub(crate) async fn shout(&mut self, line: &[u8]) -> Result<(), Error> {
        let writing = write_all(&mut self.uart, line);
        match select(writing, self.delay.delay_ms(self.timeouts.command_ms)).await {
            Either::First(result) => result,
            Either::Second(()) => Err(Error::Timeout),
        }
    }
}
