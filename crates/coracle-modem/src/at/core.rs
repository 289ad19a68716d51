//! An exchange, from the first byte of the command to its result.

use embedded_io_async::{ErrorKind, Write};

use super::Uart;
use super::exchange::{Block, End, Exchange, Form, Prompt, Prompted};
use super::reader::{Awaited, Reader, Token, uart_error};
use super::socket::Sockets;
use super::text::{self, Answer, Fields, Piece};
use super::urc::{self, Meaning, Urc};
use crate::Error;

/// Bytes that an exchange may take beside its payload. More is a flood.
const MAX_EXCHANGE_LEN: u32 = 8 * 1024;

/// Longest answer that is kept; what is longer is cut.
const MAX_ANSWER_LEN: usize = 128;

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

/// [`At`] without its drivers, so that the one delay can run beside an exchange.
pub(crate) struct Core {
    pub(super) reader: Reader,
    answer: [u8; MAX_ANSWER_LEN],
    answer_len: usize,
    pub(super) answered: bool,
    urcs: &'static [Urc],
    pub(super) sockets: Sockets,
    pub(super) status: Status,
}

/// What is written next.
#[derive(Clone, Copy)]
pub(crate) enum Out<'a> {
    Nothing,
    Command(&'a [Piece<'a>]),
    Payload(&'a [u8]),
}

/// How far an exchange is.
#[derive(Default)]
pub(crate) struct Progress {
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

impl Core {
    pub(super) const fn new(urcs: &'static [Urc]) -> Self {
        Self {
            reader: Reader::new(),
            answer: [0; MAX_ANSWER_LEN],
            answer_len: 0,
            answered: false,
            urcs,
            sockets: Sockets::new(),
            status: Status::UNKNOWN,
        }
    }

    /// Grants the bytes of another exchange.
    pub(super) const fn grant(&mut self) {
        self.reader.grant(MAX_EXCHANGE_LEN);
    }

    pub(super) fn answer(&self) -> &[u8] {
        self.answer.get(..self.answer_len).unwrap_or_default()
    }

    pub(super) fn begin(&mut self) {
        self.status.dirty = true;
        self.answer_len = 0;
        self.answered = false;
        self.grant();
    }

    pub(super) fn end(
        &mut self,
        progress: &Progress,
        result: Result<(), Error>,
    ) -> Result<usize, Error> {
        let in_step = !matches!(result, Err(Error::Malformed | Error::Restarted));
        self.status.dirty = !in_step;
        if in_step {
            self.status.owed = 0;
        }
        result.map(|()| progress.received)
    }

    /// Writes, then reads until the exchange ends (`Some`) or the modem prompts (`None`).
    pub(super) async fn run<U: Uart>(
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
    pub(super) async fn news<U: Uart>(&mut self, uart: &mut U) -> Result<(), Error> {
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
    pub(super) fn note(&mut self) -> Option<Meaning> {
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

pub(super) async fn write_all<U: Write>(uart: &mut U, mut bytes: &[u8]) -> Result<(), Error> {
    while !bytes.is_empty() {
        let written = uart.write(bytes).await.map_err(uart_error)?;
        if written == 0 {
            return Err(Error::Uart(ErrorKind::WriteZero));
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}
