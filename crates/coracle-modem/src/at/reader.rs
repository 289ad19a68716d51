//! Bytes of the line, cut into tokens.
//!
//! ```text
//! token   = line | prompt | opener
//! line    = *space 1*character end         ; the line's end is not kept
//! end     = CR | LF | CR LF | CR CR LF
//! prompt  = the prompt's character, first in a line, while one is awaited
//! opener  = an awaited header and the quote that precedes its payload
//! ```
//!
//! Payload is no token: it is taken by its announced length and never looked at.
//! NULs, other control characters and bytes above 0x7e are passed over: they are noise of
//! the line at power-up.

use embedded_io_async::{ErrorKind, Read};

use super::text::Answer;
use crate::Error;

/// Longest line that is understood; a longer one is passed over to its end.
pub(crate) const MAX_LINE_LEN: usize = 192;

/// Bytes that are taken from the UART's driver at once.
const WINDOW_LEN: usize = 64;

/// What [`Reader::token`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    /// A line: [`Reader::line`].
    Line,
    /// The awaited prompt.
    Prompt,
    /// The header of a payload in quotes; the payload comes next. The header is
    /// [`Reader::line`].
    Opener,
}

/// What would be a token beside lines.
#[derive(Clone, Copy, Default)]
pub(crate) struct Awaited<'a> {
    pub(crate) prompt: Option<u8>,
    pub(crate) opener: Option<Answer<'a>>,
}

/// Holds everything that was read and not yet used, so that a dropped future loses nothing.
pub(crate) struct Reader {
    window: [u8; WINDOW_LEN],
    unread: core::ops::Range<usize>,
    line: [u8; MAX_LINE_LEN],
    len: usize,
    /// The line is complete: the next byte begins another.
    complete: bool,
    too_long: bool,
    /// What ended the line was a CR, so a LF may follow.
    after_cr: bool,
    /// How many bytes may still be read as tokens.
    budget: u32,
    skipped: u16,
}

impl Reader {
    pub(crate) const fn new() -> Self {
        Self {
            window: [0; WINDOW_LEN],
            unread: 0..0,
            line: [0; MAX_LINE_LEN],
            len: 0,
            complete: false,
            too_long: false,
            after_cr: false,
            budget: 0,
            skipped: 0,
        }
    }

    /// Grants so many bytes for the tokens to come.
    pub(crate) const fn grant(&mut self, bytes: u32) {
        self.budget = bytes;
    }

    /// Forgets a line that has begun.
    pub(crate) const fn forget_line(&mut self) {
        self.len = 0;
        self.complete = false;
        self.too_long = false;
    }

    pub(crate) fn line(&self) -> &[u8] {
        self.line.get(..self.len).unwrap_or_default()
    }

    /// How many lines were too long.
    pub(crate) const fn skipped(&self) -> u16 {
        self.skipped
    }

    /// Reads up to the next token. Dropping the future loses nothing, if dropping the
    /// driver's loses nothing.
    pub(crate) async fn token<U: Read>(
        &mut self,
        uart: &mut U,
        awaited: Awaited<'_>,
    ) -> Result<Token, Error> {
        loop {
            while let Some(byte) = self.pop() {
                self.budget = self.budget.checked_sub(1).ok_or(Error::Flood)?;
                if let Some(token) = self.step(byte, awaited) {
                    return Ok(token);
                }
            }
            self.fill(uart).await?;
        }
    }

    /// Takes payload: exactly `out.len()` bytes, whatever they are.
    pub(crate) async fn payload<U: Read>(
        &mut self,
        uart: &mut U,
        mut out: &mut [u8],
    ) -> Result<(), Error> {
        while !out.is_empty() {
            let mut read = self.take(out);
            if read == 0 {
                read = uart.read(out).await.map_err(uart_error)?;
                if read == 0 {
                    return Err(Error::Uart(ErrorKind::NotConnected));
                }
            }
            out = out.get_mut(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes payload that comes as two hexadecimal digits a byte.
    pub(crate) async fn hex_payload<U: Read>(
        &mut self,
        uart: &mut U,
        out: &mut [u8],
    ) -> Result<(), Error> {
        for byte in out {
            *byte = 0;
            for _ in 0..2 {
                let digit = hex_digit(self.byte(uart).await?).ok_or(Error::Malformed)?;
                *byte = byte.wrapping_shl(4) | digit;
            }
        }
        Ok(())
    }

    /// Takes one byte, whatever it is.
    pub(crate) async fn byte<U: Read>(&mut self, uart: &mut U) -> Result<u8, Error> {
        if self.unread.is_empty() {
            self.fill(uart).await?;
        }
        self.pop().ok_or(Error::Malformed)
    }

    /// Takes the rest of the end of a line, after which payload begins: any more CR and
    /// the LF.
    pub(crate) async fn line_feed<U: Read>(&mut self, uart: &mut U) -> Result<(), Error> {
        // Not more than three: CR CR LF, of which one CR ended the line.
        for _ in 0..3 {
            if !self.after_cr {
                return Ok(());
            }
            self.after_cr = match self.byte(uart).await? {
                b'\r' => true,
                b'\n' => false,
                _ => return Err(Error::Malformed),
            };
        }
        Err(Error::Malformed)
    }

    async fn fill<U: Read>(&mut self, uart: &mut U) -> Result<(), Error> {
        let read = uart.read(&mut self.window).await.map_err(uart_error)?;
        self.unread = 0..read.min(WINDOW_LEN);
        if read == 0 {
            return Err(Error::Uart(ErrorKind::NotConnected));
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<u8> {
        let place = self.unread.next()?;
        self.window.get(place).copied()
    }

    /// Moves what is in the window to `out`, as far as it fits.
    fn take(&mut self, out: &mut [u8]) -> usize {
        let ready = self.window.get(self.unread.clone()).unwrap_or_default();
        let len = ready.len().min(out.len());
        for (to, from) in out.iter_mut().zip(ready) {
            *to = *from;
        }
        self.unread.start = self.unread.start.saturating_add(len);
        len
    }

    fn step(&mut self, byte: u8, awaited: Awaited<'_>) -> Option<Token> {
        if self.complete {
            self.forget_line();
        }
        if matches!(byte, b'\r' | b'\n') {
            self.after_cr = byte == b'\r';
            return self.end_line();
        }
        if self.len == 0 && awaited.prompt == Some(byte) {
            return Some(Token::Prompt);
        }
        if !matches!(byte, b' '..=b'~') || (self.len == 0 && byte == b' ') {
            return None;
        }
        self.push(byte);
        (byte == b'"' && self.is_opened(awaited.opener?)).then(|| {
            self.complete = true;
            Token::Opener
        })
    }

    fn end_line(&mut self) -> Option<Token> {
        if self.too_long {
            self.skipped = self.skipped.saturating_add(1);
            self.forget_line();
        }
        if self.len == 0 {
            return None;
        }
        self.len = self.line().trim_ascii_end().len();
        self.complete = true;
        Some(Token::Line)
    }

    fn push(&mut self, byte: u8) {
        match self.line.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len = self.len.saturating_add(1);
            }
            None => self.too_long = true,
        }
    }

    /// Whether the line so far is the header and nothing but the quote after it.
    fn is_opened(&self, header: Answer<'_>) -> bool {
        let Some(fields) = self.line().strip_suffix(b",\"") else {
            return false;
        };
        let commas = fields.iter().filter(|c| **c == b',').count();
        header.find(fields).is_some() && commas.saturating_add(1) == usize::from(header.numbers)
    }
}

fn hex_digit(c: u8) -> Option<u8> {
    let base = match c {
        b'0'..=b'9' => b'0',
        b'A'..=b'F' => b'A'.wrapping_sub(10),
        b'a'..=b'f' => b'a'.wrapping_sub(10),
        _ => return None,
    };
    Some(c.wrapping_sub(base))
}

pub(crate) fn uart_error<E: embedded_io_async::Error>(error: E) -> Error {
    Error::Uart(error.kind())
}
