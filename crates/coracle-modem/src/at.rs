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

mod reader;
mod socket;
mod text;
mod urc;

use embassy_futures::select::{Either, select};
use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorKind, Read, Write};

pub use self::socket::SocketId;
pub use self::text::{Answer, Fields, Piece, address, number};
pub use self::urc::{Channel, Meaning, Urc};

use self::reader::{Awaited, Reader, Token, uart_error};
pub(crate) use self::socket::{Sockets, State};
use crate::{Error, Timeouts};

/// Any UART: what `embedded-io-async` needs of it.
///
/// Dropping a `read` that waits must lose no bytes; drivers that buffer by interrupt hold
/// to that.
pub trait Uart: Read + Write {}

impl<U: Read + Write> Uart for U {}

/// Bytes that an exchange may take beside its payload. More is a flood.
const MAX_EXCHANGE_LEN: u32 = 8 * 1024;

/// Longest answer that is kept; what is longer is cut.
const MAX_ANSWER_LEN: usize = 128;

/// Lines that are passed over while waiting for silence.
const MAX_DRAINED: u8 = 200;

/// What ends an exchange.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// `OK`; the answer, where one is awaited, before it.
    Ok,
    /// `OK`, and before it an answer or none.
    OkAnyway,
    /// The answer alone.
    Answer,
    /// `OK` and the answer, in whichever order.
    OkAndAnswer,
    /// A line of the command's own, or its opposite, which is [`Error::SendFailed`].
    Line(&'static Ends),
}

/// The lines that end a command which has its own.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// As wished.
    pub good: &'static str,
    /// Not as wished.
    pub bad: &'static str,
}

/// Payload that goes to the modem when it prompts.
#[derive(Clone, Copy)]
pub struct Prompted<'a> {
    /// What asks for it.
    pub prompt: Prompt,
    /// The payload, of the length that the command announced.
    pub payload: &'a [u8],
    /// How long to wait after the prompt.
    pub pause_ms: u32,
}

/// What asks for payload.
#[derive(Clone, Copy, Debug)]
pub enum Prompt {
    /// A character that no line's end follows.
    Character(u8),
    /// A line.
    Line(&'static str),
}

/// Payload that comes from the modem.
pub struct Block<'a> {
    /// The line that announces it.
    pub header: Answer<'a>,
    /// Which field of the header, from 0, is the payload's length in bytes.
    pub length_field: u8,
    /// How the payload comes.
    pub form: Form,
    /// Where it goes; several blocks one after another.
    pub out: &'a mut [u8],
}

/// How payload comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As it is, after the header's line.
    Lines,
    /// Two hexadecimal digits a byte, after the header's line.
    Hex,
    /// As it is, between quotes, as the header's last field.
    Quoted,
}

/// What a command brings about.
pub struct Exchange<'a> {
    /// The answer, where there is one.
    pub answer: Option<Answer<'a>>,
    /// Payload to the modem, where there is some.
    pub send: Option<&'a Prompted<'a>>,
    /// Payload from the modem, where there is some.
    pub receive: Option<&'a mut Block<'a>>,
    /// What ends it.
    pub end: End,
    /// How long each direction may take, in milliseconds.
    pub timeout_ms: u32,
}

impl<'a> Exchange<'a> {
    /// Nothing but `OK`.
    pub const fn ok(timeout_ms: u32) -> Self {
        Self {
            answer: None,
            send: None,
            receive: None,
            end: End::Ok,
            timeout_ms,
        }
    }

    /// An answer, then `OK`.
    pub const fn answer(answer: Answer<'a>, timeout_ms: u32) -> Self {
        Self {
            answer: Some(answer),
            ..Self::ok(timeout_ms)
        }
    }

    /// `OK`, and later, or sooner, an answer.
    pub const fn late(answer: Answer<'a>, timeout_ms: u32) -> Self {
        Self {
            end: End::OkAndAnswer,
            ..Self::answer(answer, timeout_ms)
        }
    }
}

/// What is known of the modem beside its sockets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    /// An exchange was begun and not ended: what comes next may belong to it.
    pub(crate) dirty: bool,
    /// The modem restarted since this was last cleared.
    pub(crate) restarted: bool,
    /// The data connection went away since this was last cleared.
    pub(crate) network_lost: bool,
    /// A command came back since this was last cleared.
    pub(crate) echo: bool,
    /// How many bytes of payload the modem may be waiting for.
    pub(crate) owed: u16,
    /// A command was begun and its line not ended.
    pub(crate) half_written: bool,
    /// The modem said anything at all since this was last cleared.
    pub(crate) heard: bool,
}

impl Status {
    /// Nothing is known of the modem.
    const UNKNOWN: Self = Self {
        dirty: true,
        restarted: false,
        network_lost: false,
        echo: false,
        owed: 0,
        half_written: false,
        heard: false,
    };

    /// Nothing is known but that it forgot everything.
    pub(crate) const RESTARTED: Self = Self {
        restarted: true,
        ..Self::UNKNOWN
    };
}

/// The line to a modem, what was read from it, and what it said unasked.
pub struct At<U, T> {
    uart: U,
    delay: T,
    timeouts: Timeouts,
    core: Core,
}

/// [`At`] without its drivers, so that the one delay can run beside an exchange.
struct Core {
    reader: Reader,
    answer: [u8; MAX_ANSWER_LEN],
    answer_len: usize,
    answered: bool,
    urcs: &'static [Urc],
    sockets: Sockets,
    status: Status,
}

/// What is written next.
#[derive(Clone, Copy)]
enum Out<'a> {
    Nothing,
    Command(&'a [Piece<'a>]),
    Payload(&'a [u8]),
}

/// How far an exchange is.
#[derive(Default)]
struct Progress {
    ok: bool,
    answered: bool,
    received: usize,
}

/// What a token means for an exchange.
enum Step {
    Continue,
    Prompt,
    Block(usize),
    Done(Result<(), Error>),
}

impl<U: Uart, T: DelayNs> At<U, T> {
    pub(crate) const fn new(uart: U, delay: T, timeouts: Timeouts, urcs: &'static [Urc]) -> Self {
        Self {
            uart,
            delay,
            timeouts,
            core: Core {
                reader: Reader::new(),
                answer: [0; MAX_ANSWER_LEN],
                answer_len: 0,
                answered: false,
                urcs,
                sockets: Sockets::new(),
                status: Status::UNKNOWN,
            },
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
        self.core.reader.grant(MAX_EXCHANGE_LEN);
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
        self.core.reader.grant(MAX_EXCHANGE_LEN);
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

impl Core {
    fn answer(&self) -> &[u8] {
        self.answer.get(..self.answer_len).unwrap_or_default()
    }

    fn begin(&mut self) {
        self.status.dirty = true;
        self.answer_len = 0;
        self.answered = false;
        self.reader.grant(MAX_EXCHANGE_LEN);
    }

    fn end(&mut self, progress: &Progress, result: Result<(), Error>) -> Result<usize, Error> {
        let in_step = !matches!(result, Err(Error::Malformed | Error::Restarted));
        self.status.dirty = !in_step;
        if in_step {
            self.status.owed = 0;
        }
        result.map(|()| progress.received)
    }

    /// Writes, then reads until the exchange ends (`Some`) or the modem prompts (`None`).
    async fn run<U: Uart>(
        &mut self,
        uart: &mut U,
        out: Out<'_>,
        exchange: &mut Exchange<'_>,
        progress: &mut Progress,
    ) -> Result<Option<Result<(), Error>>, Error> {
        self.write(uart, out).await?;
        if let (Out::Command(_), Some(send)) = (out, &exchange.send) {
            self.status.owed = send.payload.len().try_into().unwrap_or(u16::MAX);
        }
        loop {
            let token = self.reader.token(uart, awaited(exchange)).await?;
            match self.step(token, exchange, progress) {
                Step::Continue => {}
                Step::Prompt => return Ok(None),
                Step::Done(result) => return Ok(Some(result)),
                Step::Block(len) => {
                    self.block(uart, exchange, progress, len).await?;
                }
            }
        }
    }

    async fn write<U: Uart>(&mut self, uart: &mut U, out: Out<'_>) -> Result<(), Error> {
        let (head, pieces, tail, payload) = match out {
            Out::Nothing => return Ok(()),
            Out::Command(pieces) => ("AT", pieces, "\r", None),
            Out::Payload(payload) => ("", &[][..], "", Some(payload)),
        };
        self.status.half_written = payload.is_none();
        let head = [Piece::Text(head)];
        let tail = [Piece::Text(tail)];
        for piece in head.iter().chain(pieces).chain(&tail) {
            let mut digits = [0; 10];
            for part in piece.parts(&mut digits) {
                write_all(uart, part).await?;
            }
        }
        if let Some(payload) = payload {
            write_all(uart, payload).await?;
            self.status.owed = 0;
        }
        self.status.half_written = false;
        uart.flush().await.map_err(uart_error)
    }

    fn step(&mut self, token: Token, exchange: &Exchange<'_>, progress: &mut Progress) -> Step {
        if token == Token::Prompt {
            return Step::Prompt;
        }
        if let Some(block) = &exchange.receive
            && let Some(step) = self.announced(token, block, progress)
        {
            let header = block.header;
            self.keep(header);
            return step;
        }
        if let Some(answer) = exchange.answer
            && !progress.answered
            && !answer.prefix.is_empty()
            && self.keep(answer)
        {
            progress.answered = true;
            return finished(exchange, progress);
        }
        self.classify(exchange, progress)
    }

    /// Whether the line announces payload, and how much.
    fn announced(&self, token: Token, block: &Block<'_>, progress: &Progress) -> Option<Step> {
        let line = self.reader.line();
        let quoted = token == Token::Opener;
        let line = line.strip_suffix(b",\"").filter(|_| quoted).unwrap_or(line);
        let fields = Fields::new(block.header.find(line)?);
        let room = block.out.len().saturating_sub(progress.received);
        let len = fields
            .number_at(block.length_field)
            .and_then(|len| usize::try_from(len).ok())
            .filter(|len| *len <= room);
        Some(match len {
            Some(0) if !quoted => Step::Continue,
            Some(len) if quoted == (block.form == Form::Quoted) => Step::Block(len),
            _ => Step::Done(Err(Error::Malformed)),
        })
    }

    /// Keeps the line if it is the answer.
    fn keep(&mut self, answer: Answer<'_>) -> bool {
        let Some(rest) = answer.find(self.reader.line()) else {
            return false;
        };
        self.answered = true;
        self.answer_len = rest.len().min(MAX_ANSWER_LEN);
        for (to, from) in self.answer.iter_mut().zip(rest) {
            *to = *from;
        }
        true
    }

    /// What a line means that is neither answer nor header.
    fn classify(&mut self, exchange: &Exchange<'_>, progress: &mut Progress) -> Step {
        let line = self.reader.line();
        if line.starts_with(b"AT") {
            self.status.echo = true;
            return Step::Continue;
        }
        if let Some(result) = result_of(line, exchange) {
            if result.is_err() {
                return Step::Done(result);
            }
            progress.ok = true;
            return finished(exchange, progress);
        }
        if let Some(Prompted {
            prompt: Prompt::Line(prompt),
            ..
        }) = exchange.send
            && line == prompt.as_bytes()
        {
            return Step::Prompt;
        }
        match self.note() {
            Some(Meaning::Restarted) => return Step::Done(Err(Error::Restarted)),
            Some(_) => return Step::Continue,
            None => {}
        }
        if let Some(answer) = exchange.answer
            && answer.prefix.is_empty()
            && !progress.answered
        {
            progress.answered = self.keep(answer);
        }
        Step::Continue
    }

    /// Takes a block of payload.
    async fn block<U: Uart>(
        &mut self,
        uart: &mut U,
        exchange: &mut Exchange<'_>,
        progress: &mut Progress,
        len: usize,
    ) -> Result<(), Error> {
        let Some(block) = &mut exchange.receive else {
            return Err(Error::Malformed);
        };
        let end = progress.received.saturating_add(len);
        let out = block
            .out
            .get_mut(progress.received..end)
            .ok_or(Error::Malformed)?;
        if block.form != Form::Quoted {
            self.reader.line_feed(uart).await?;
        }
        match block.form {
            Form::Hex => self.reader.hex_payload(uart, out).await?,
            Form::Lines | Form::Quoted => self.reader.payload(uart, out).await?,
        }
        progress.received = end;
        // A length that was garbled on the line does not go unnoticed.
        match (block.form, self.reader.byte(uart).await?) {
            (Form::Quoted, b'"') | (Form::Lines | Form::Hex, b'\r' | b'\n') => Ok(()),
            _ => Err(Error::Malformed),
        }
    }

    /// Reads until something was said that matters to someone.
    async fn news<U: Uart>(&mut self, uart: &mut U) -> Result<(), Error> {
        loop {
            self.reader.token(uart, Awaited::default()).await?;
            if self
                .note()
                .is_some_and(|meaning| meaning != Meaning::Nothing)
            {
                return Ok(());
            }
        }
    }

    /// Notes the line, if it is one of those that are said unasked.
    fn note(&mut self) -> Option<Meaning> {
        self.status.heard = true;
        let line = self.reader.line();
        let mut known = self.urcs.iter().chain(urc::COMMON);
        let (urc, rest) = known.find_map(|urc| Some((urc, text::after(line, urc.prefix)?)))?;
        let number = Fields::new(rest).number();
        match (urc.meaning, number) {
            (Meaning::Readable(channel), Some(number)) => {
                self.sockets
                    .note(channel.secure(), number, |slot| slot.readable = true);
            }
            (Meaning::Closed(channel), Some(number)) => {
                self.sockets
                    .note(channel.secure(), number, |slot| slot.closed = true);
            }
            (Meaning::NetworkLost, _) => self.status.network_lost = true,
            (Meaning::Restarted, _) => self.status.restarted = true,
            _ => {}
        }
        Some(urc.meaning)
    }
}

const fn awaited<'a>(exchange: &Exchange<'a>) -> Awaited<'a> {
    let prompt = match exchange.send {
        Some(Prompted {
            prompt: Prompt::Character(prompt),
            ..
        }) => Some(*prompt),
        _ => None,
    };
    let opener = match &exchange.receive {
        Some(block) if matches!(block.form, Form::Quoted) => Some(block.header),
        _ => None,
    };
    Awaited { prompt, opener }
}

/// Whether everything is there that the exchange waits for.
fn finished(exchange: &Exchange<'_>, progress: &Progress) -> Step {
    let answered = progress.answered || exchange.answer.is_none();
    let complete = match exchange.end {
        End::OkAndAnswer => progress.ok && answered,
        End::Answer => answered,
        _ => progress.ok,
    };
    match complete {
        false => Step::Continue,
        // An `OK` of something else: we are out of step.
        true if !answered && !matches!(exchange.end, End::OkAnyway) => {
            Step::Done(Err(Error::Malformed))
        }
        true => Step::Done(Ok(())),
    }
}

/// What a line says about the whole command.
fn result_of(line: &[u8], exchange: &Exchange<'_>) -> Option<Result<(), Error>> {
    if let End::Line(ends) = exchange.end {
        if line == ends.good.as_bytes() {
            return Some(Ok(()));
        }
        if line == ends.bad.as_bytes() {
            return Some(Err(Error::SendFailed));
        }
    } else if line == b"OK" {
        return Some(Ok(()));
    }
    if line == b"ERROR" {
        return Some(Err(Error::Refused));
    }
    let code = text::after(line, "+CME ERROR:").or_else(|| text::after(line, "+CMS ERROR:"))?;
    let code = Fields::new(code).short();
    Some(Err(code.map_or(Error::Refused, Error::RefusedWith)))
}

async fn write_all<U: Write>(uart: &mut U, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        let written = uart.write(bytes).await.map_err(uart_error)?;
        if written == 0 {
            return Err(Error::Uart(ErrorKind::WriteZero));
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}
