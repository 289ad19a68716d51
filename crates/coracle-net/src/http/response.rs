//! The answer as a whole, fed with bytes.

use core::fmt;

use coracle_core::{Error, ErrorKind};

use crate::http::BodyOut;
use crate::http::body::BodyReader;
use crate::http::head::{Head, HeadReader};

/// Reads one answer from pieces of any size and hands its body on as it comes.
///
/// Does no input or output. Holds fewer than 256 bytes whatever the answer is.
/// Strict where a lenient reader could be led astray: lines end in CR LF, folded fields,
/// a second or contradictory length and unknown encodings are refused.
///
/// # Examples
///
/// ```
/// use coracle_net::http::ResponseReader;
///
/// let mut body = Vec::new();
/// let mut reader = ResponseReader::new(1024);
/// let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
/// reader.feed(answer, &mut |piece| Ok(body.extend_from_slice(piece)))?;
/// assert!(reader.is_done());
/// assert_eq!(body, b"{}");
/// # Ok::<(), coracle_net::http::ResponseError>(())
/// ```
#[derive(Debug)]
pub struct ResponseReader {
    head_reader: HeadReader,
    head: Option<Head>,
    body: Option<BodyReader>,
    max_body_len: usize,
    at: usize,
}

impl ResponseReader {
    /// The longest head in bytes, interim answers before it included.
    pub const MAX_HEAD_LEN: usize = 8192;

    /// The most fields of a head, those of interim answers included.
    pub const MAX_FIELDS: u16 = 64;

    /// The most interim answers (1xx) before the real one.
    pub const MAX_INTERIM: u8 = 4;

    /// The longest size of a chunk with its extension, in bytes.
    pub const MAX_CHUNK_LINE_LEN: usize = 64;

    /// The longest trailer section in bytes.
    pub const MAX_TRAILER_LEN: usize = 1024;

    /// A reader before the first byte, for a body of up to `max_body_len` bytes.
    pub const fn new(max_body_len: usize) -> Self {
        Self {
            head_reader: HeadReader::new(),
            head: None,
            body: None,
            max_body_len,
            at: 0,
        }
    }

    /// Reads the next piece; returns how much of it belongs to this answer, which is
    /// all of it unless the answer is done.
    ///
    /// # Errors
    ///
    /// Each variant of [`ResponseErrorKind`] but `Truncated`. The reader is of no use
    /// afterwards, but [`Self::head`] still tells what is known.
    pub fn feed(&mut self, bytes: &[u8], out: &mut BodyOut<'_>) -> Result<usize, ResponseError> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.is_done() {
            let used = self.advance(rest, out).map_err(|what| self.error(what))?;
            self.at = self.at.saturating_add(used);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(bytes.len().saturating_sub(rest.len()))
    }

    /// Says that the connection is at its end.
    ///
    /// # Errors
    ///
    /// [`ResponseErrorKind::Truncated`] where the answer is not.
    pub fn finish(&self) -> Result<(), ResponseError> {
        let is_whole = |body: &BodyReader| body.is_done() || body.ends_with_connection();
        if self.body.as_ref().is_some_and(is_whole) {
            return Ok(());
        }
        Err(self.error(ResponseErrorKind::Truncated))
    }

    /// Whether the answer is complete. One that ends with the connection never is: see
    /// [`Self::finish`].
    pub fn is_done(&self) -> bool {
        self.body.as_ref().is_some_and(BodyReader::is_done)
    }

    /// What the head says, once it is complete.
    pub const fn head(&self) -> Option<Head> {
        self.head
    }

    /// Bytes of the answer read so far.
    pub const fn received(&self) -> usize {
        self.at
    }

    /// Takes one byte of framing or a piece of the body; returns the bytes used, at
    /// least one.
    fn advance(&mut self, rest: &[u8], out: &mut BodyOut<'_>) -> Result<usize, ResponseErrorKind> {
        let Some(first) = rest.first() else {
            return Ok(0);
        };
        let Some(body) = &mut self.body else {
            if let Some(head) = self.head_reader.step(*first)? {
                self.head = Some(head);
                self.body = Some(BodyReader::new(head.framing, self.max_body_len)?);
            }
            return Ok(1);
        };
        let piece = body.take(rest)?;
        if piece.is_empty() {
            body.step(*first)?;
            return Ok(1);
        }
        out(piece).map_err(|Stop| ResponseErrorKind::Stopped)?;
        Ok(piece.len())
    }

    const fn error(&self, what: ResponseErrorKind) -> ResponseError {
        ResponseError { what, at: self.at }
    }
}

/// The receiver of a body wants no more of it; it keeps the reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stop;

/// Why an answer was refused, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResponseError {
    /// What is wrong.
    pub what: ResponseErrorKind,
    /// Offset in bytes from the start of the answer.
    pub at: usize,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResponseErrorKind {
    /// It does not start as HTTP/1.0 or HTTP/1.1 with a status of `100..=599`.
    NotHttp,
    /// A line of the head is malformed: a bad name, a control character, a folded field,
    /// a line end without CR.
    BadHead,
    /// The head exceeds [`ResponseReader::MAX_HEAD_LEN`].
    HeadTooLong,
    /// The head has more fields than [`ResponseReader::MAX_FIELDS`].
    TooManyFields,
    /// More than [`ResponseReader::MAX_INTERIM`] interim answers, or 101.
    BadInterim,
    /// `Content-Length` is no number of 64 bits, comes twice, or comes with chunks.
    BadLength,
    /// The body is compressed or encoded in another way than in chunks.
    BadEncoding,
    /// The chunks are malformed, or their overhead exceeds
    /// [`ResponseReader::MAX_CHUNK_LINE_LEN`] or [`ResponseReader::MAX_TRAILER_LEN`].
    BadChunk,
    /// The body exceeds the caller's limit.
    BodyTooLong,
    /// The receiver of the body stopped; it knows why.
    Stopped,
    /// The connection ended before the answer did.
    Truncated,
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            ResponseErrorKind::NotHttp => "answer is not HTTP/1.1",
            ResponseErrorKind::BadHead => "malformed answer head",
            ResponseErrorKind::HeadTooLong => "answer head too long",
            ResponseErrorKind::TooManyFields => "too many answer fields",
            ResponseErrorKind::BadInterim => "too many or unknown interim answers",
            ResponseErrorKind::BadLength => "bad content length",
            ResponseErrorKind::BadEncoding => "unknown body encoding",
            ResponseErrorKind::BadChunk => "bad chunk",
            ResponseErrorKind::BodyTooLong => "answer body too long",
            ResponseErrorKind::Stopped => "answer not wanted",
            ResponseErrorKind::Truncated => "answer ends too early",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for ResponseError {}

impl Error for ResponseError {
    fn kind(&self) -> ErrorKind {
        match self.what {
            ResponseErrorKind::Truncated => ErrorKind::Retry,
            _ => ErrorKind::Remote,
        }
    }
}
