//! Why a call gave no result.

use core::fmt;

use coracle_core::json::JsonError;
use coracle_core::{Error, ErrorKind};

use crate::http::HttpError;

/// Why a call gave no result; `E` is the transport's error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CallError<E> {
    /// No answer came, or it was not HTTP, or it told a status of failure without an
    /// error object.
    Http(HttpError<E>),
    /// An answer came that is no result.
    Answer(AnswerError),
}

impl<E> CallError<E> {
    /// The node's own error object, where that is what came.
    pub const fn rpc(&self) -> Option<&RpcError> {
        match self {
            Self::Answer(AnswerError::Rpc(error)) => Some(error),
            _ => None,
        }
    }
}

impl<E> From<HttpError<E>> for CallError<E> {
    fn from(error: HttpError<E>) -> Self {
        Self::Http(error)
    }
}

impl<E> From<AnswerError> for CallError<E> {
    fn from(error: AnswerError) -> Self {
        Self::Answer(error)
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Answer(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Http(error) => Some(error),
            Self::Answer(error) => Some(error),
        }
    }
}

impl<E: embedded_io_async::Error + 'static> Error for CallError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Http(error) => error.kind(),
            Self::Answer(error) => error.kind(),
        }
    }
}

/// Why an answer is no result.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no answer to this call at all.
    Envelope(EnvelopeError),
    /// The node refused or failed, and says how.
    Rpc(RpcError),
    /// The visitor of the result refused it; it knows why.
    Rejected,
}

impl From<EnvelopeError> for AnswerError {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::Rpc(error) => error.fmt(f),
            Self::Rejected => f.write_str("result refused"),
        }
    }
}

impl core::error::Error for AnswerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Envelope(error) => Some(error),
            Self::Rpc(error) => Some(error),
            Self::Rejected => None,
        }
    }
}

impl Error for AnswerError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Envelope(error) => error.kind(),
            Self::Rpc(error) => error.kind(),
            Self::Rejected => ErrorKind::Remote,
        }
    }
}

/// Why a text is no answer to a call, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EnvelopeError {
    /// What is wrong.
    pub what: EnvelopeErrorKind,
    /// Offset in bytes from the start of the text.
    pub at: usize,
}

/// What is wrong with the text of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EnvelopeErrorKind {
    /// It is not JSON, is cut short, or goes on after its end.
    Json(JsonError),
    /// It is an array, the answer to a batch that nobody sent.
    Batch,
    /// It is another value than an object.
    NotObject,
    /// A member that decides comes twice.
    Duplicate,
    /// `jsonrpc` is not `"2.0"`.
    BadVersion,
    /// `id` is missing or is not the number of the call.
    WrongId,
    /// `error` is no object with an integer `code`.
    BadError,
    /// Both a result and an error.
    Both,
    /// Neither a result nor an error.
    Neither,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            EnvelopeErrorKind::Json(error) => return write!(f, "answer is not JSON: {error}"),
            EnvelopeErrorKind::Batch => "answer to a batch",
            EnvelopeErrorKind::NotObject => "answer is no object",
            EnvelopeErrorKind::Duplicate => "answer has a member twice",
            EnvelopeErrorKind::BadVersion => "answer is not JSON-RPC 2.0",
            EnvelopeErrorKind::WrongId => "answer to another call",
            EnvelopeErrorKind::BadError => "malformed error object",
            EnvelopeErrorKind::Both => "answer has both result and error",
            EnvelopeErrorKind::Neither => "answer has neither result nor error",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for EnvelopeError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.what {
            EnvelopeErrorKind::Json(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for EnvelopeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// The error object of a node, without its words: the caller's [`ErrorText`] holds those.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RpcError {
    /// The code. Nodes agree on few: 3 or -32000 for a revert, -32601 for an unknown
    /// method, -32005 or 429 for a rate limit.
    pub code: i64,
    /// The length in bytes of the hexadecimal payload, such as a revert reason; `None`
    /// where there is none. The caller's buffer holds its start, which is all of it
    /// where the buffer is long enough.
    pub data_len: Option<u32>,
}

impl RpcError {
    const RATE_LIMIT: [i64; 2] = [-32005, 429];
    const METHOD_NOT_FOUND: i64 = -32601;
    const INVALID_PARAMS: i64 = -32602;
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node error {}", self.code)
    }
}

impl core::error::Error for RpcError {}

impl Error for RpcError {
    fn kind(&self) -> ErrorKind {
        match self.code {
            code if Self::RATE_LIMIT.contains(&code) => ErrorKind::Retry,
            Self::METHOD_NOT_FOUND | Self::INVALID_PARAMS => ErrorKind::Caller,
            _ => ErrorKind::Remote,
        }
    }
}

/// The start of a text that a node sent.
///
/// Prints safely: what is not UTF-8 becomes U+FFFD, and control characters and those
/// that turn the direction of text are escaped. Ends in `...` where it was cut.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct ErrorText {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
    is_cut: bool,
}

impl ErrorText {
    /// Bytes that are kept.
    pub const MAX_LEN: usize = 72;

    /// No text.
    pub const EMPTY: Self = Self {
        bytes: [0; Self::MAX_LEN],
        len: 0,
        is_cut: false,
    };

    /// The bytes as they came, escapes of JSON resolved; whatever the node liked.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Whether the node's text was longer.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) fn push(&mut self, text: &[u8]) {
        for c in text {
            let Some(to) = self.bytes.get_mut(usize::from(self.len)) else {
                self.is_cut = true;
                return;
            };
            *to = *c;
            self.len = self.len.saturating_add(1);
        }
    }
}

const _: () = assert!(ErrorText::MAX_LEN <= u8::MAX as usize);

impl Default for ErrorText {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chunks = self.as_bytes().utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            for c in chunk.valid().chars() {
                write_safe(f, c)?;
            }
            // A character that the cut went through is no fault of the node.
            let is_cut_here = self.is_cut && chunks.peek().is_none();
            if !chunk.invalid().is_empty() && !is_cut_here {
                fmt::Write::write_char(f, char::REPLACEMENT_CHARACTER)?;
            }
        }
        f.write_str(if self.is_cut { "..." } else { "" })
    }
}

impl fmt::Debug for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ErrorText {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:a}", self.as_bytes());
    }
}

fn write_safe(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns {
        return write!(f, "{}", c.escape_default());
    }
    fmt::Write::write_char(f, c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn printed(text: &[u8]) -> std::string::String {
        let mut kept = ErrorText::EMPTY;
        kept.push(text);
        kept.to_string()
    }

    #[test]
    fn prints_nothing_that_drives_a_terminal() {
        assert_eq!(printed(b"a\x1b[2J\r\n\0b"), r"a\u{1b}[2J\r\n\u{0}b");
        assert_eq!(printed("x\u{202e}y\u{85}".as_bytes()), r"x\u{202e}y\u{85}");
        assert_eq!(printed(b"\xff\xfeok\xc3"), "\u{fffd}\u{fffd}ok\u{fffd}");
        assert_eq!(printed("Zähler 😀".as_bytes()), "Zähler 😀");
    }

    #[test]
    fn says_that_it_was_cut() {
        assert_eq!(printed(&[b'a'; 72]), "a".repeat(72));
        assert_eq!(printed(&[b'a'; 73]), "a".repeat(72) + "...");
        let through = [&[b'a'; 71][..], "é".as_bytes()].concat();
        assert_eq!(printed(&through), "a".repeat(71) + "...");
    }

    #[test]
    fn kind_says_what_to_do() {
        for (code, kind) in [
            (429, ErrorKind::Retry),
            (-32005, ErrorKind::Retry),
            (-32601, ErrorKind::Caller),
            (-32602, ErrorKind::Caller),
            (3, ErrorKind::Remote),
            (i64::MIN, ErrorKind::Remote),
        ] {
            let error = RpcError {
                code,
                data_len: None,
            };
            assert_eq!(error.kind(), kind, "{code}");
        }
    }
}
