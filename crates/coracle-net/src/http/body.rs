//! The body of an answer, RFC 9112 sections 6 and 7.

use coracle_core::hex;

use crate::http::head::{Framing, is_text};
use crate::http::response::{ResponseErrorKind, ResponseReader};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Bytes of the body: of this chunk, or of all of it.
    Bytes,
    /// The first digit of a chunk's size.
    SizeStart,
    Size,
    /// A chunk extension, passed over.
    Extension,
    SizeLineFeed,
    /// The end of the line behind a chunk.
    ChunkReturn,
    ChunkLineFeed,
    /// A trailer field, or the end.
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

/// Takes the bytes of a body out of its framing.
#[derive(Debug)]
pub(crate) struct BodyReader {
    framing: Framing,
    state: State,
    /// Bytes that the body, or the chunk, still has.
    left: u64,
    /// Bytes of the body that the limit still allows.
    allowed: u64,
    line_len: usize,
}

impl BodyReader {
    pub(crate) fn new(framing: Framing, max_body_len: usize) -> Result<Self, ResponseErrorKind> {
        let allowed = u64::try_from(max_body_len).unwrap_or(u64::MAX);
        let (state, left) = match framing {
            Framing::Length(0) => (State::Done, 0),
            Framing::Length(length) if length > allowed => {
                return Err(ResponseErrorKind::BodyTooLong);
            }
            Framing::Length(length) => (State::Bytes, length),
            Framing::Chunked => (State::SizeStart, 0),
            Framing::UntilClose => (State::Bytes, u64::MAX),
        };
        Ok(Self {
            framing,
            state,
            left,
            allowed,
            line_len: 0,
        })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection is the end of the body.
    pub(crate) fn ends_with_connection(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// The bytes at the start of `input` that belong to the body; none where the next
    /// byte belongs to the framing and wants [`Self::step`].
    pub(crate) fn take<'b>(&mut self, input: &'b [u8]) -> Result<&'b [u8], ResponseErrorKind> {
        if self.state != State::Bytes {
            return Ok(&[]);
        }
        let max = usize::try_from(self.left).unwrap_or(usize::MAX);
        let piece = input.get(..max).unwrap_or(input);
        let len = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.allowed = self
            .allowed
            .checked_sub(len)
            .ok_or(ResponseErrorKind::BodyTooLong)?;
        self.left = match self.framing {
            Framing::UntilClose => u64::MAX,
            Framing::Length(_) | Framing::Chunked => self.left.saturating_sub(len),
        };
        if self.left == 0 {
            self.state = match self.framing {
                Framing::Chunked => State::ChunkReturn,
                Framing::Length(_) | Framing::UntilClose => State::Done,
            };
        }
        Ok(piece)
    }

    /// Takes one byte of the chunked framing.
    pub(crate) fn step(&mut self, c: u8) -> Result<(), ResponseErrorKind> {
        self.state = match (self.state, c) {
            (State::SizeStart, _) => {
                self.left = 0;
                self.line_len = 0;
                self.size_digit(c)?
            }
            (State::Size, b'\r') | (State::Extension, b'\r') => State::SizeLineFeed,
            (State::Size, b';') => State::Extension,
            (State::Size, _) => self.size_digit(c)?,
            (State::Extension, _) if is_text(c) => {
                self.count_line(ResponseReader::MAX_CHUNK_LINE_LEN)?;
                State::Extension
            }
            (State::SizeLineFeed, b'\n') => self.begin_chunk()?,
            (State::ChunkReturn, b'\r') => State::ChunkLineFeed,
            (State::ChunkLineFeed, b'\n') => State::SizeStart,
            (State::TrailerStart, b'\r') => State::LastLineFeed,
            (State::Trailer, b'\r') => State::TrailerLineFeed,
            (State::TrailerStart | State::Trailer, _) if is_text(c) => {
                self.count_line(ResponseReader::MAX_TRAILER_LEN)?;
                State::Trailer
            }
            (State::TrailerLineFeed, b'\n') => State::TrailerStart,
            (State::LastLineFeed, b'\n') => State::Done,
            _ => return Err(ResponseErrorKind::BadChunk),
        };
        Ok(())
    }

    fn size_digit(&mut self, c: u8) -> Result<State, ResponseErrorKind> {
        let digit = hex::value(c).ok_or(ResponseErrorKind::BadChunk)?;
        self.count_line(ResponseReader::MAX_CHUNK_LINE_LEN)?;
        self.left = self
            .left
            .checked_mul(16)
            .and_then(|left| left.checked_add(u64::from(digit)))
            .ok_or(ResponseErrorKind::BadChunk)?;
        Ok(State::Size)
    }

    fn begin_chunk(&mut self) -> Result<State, ResponseErrorKind> {
        if self.left > self.allowed {
            return Err(ResponseErrorKind::BodyTooLong);
        }
        if self.left > 0 {
            return Ok(State::Bytes);
        }
        self.line_len = 0;
        Ok(State::TrailerStart)
    }

    fn count_line(&mut self, max: usize) -> Result<(), ResponseErrorKind> {
        if self.line_len == max {
            return Err(ResponseErrorKind::BadChunk);
        }
        self.line_len = self.line_len.saturating_add(1);
        Ok(())
    }
}
