//! The head of an answer: status line and fields, RFC 9112 sections 4 and 5.
//!
//! Read byte by byte. Only the fields that decide something are held, and of those no
//! more than [`Field::MAX_VALUE_LEN`] bytes; all others pass by.

use crate::http::header::is_token;
use crate::http::response::{ResponseErrorKind, ResponseReader};

/// What the head of an answer says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Head {
    /// The status code, `200..=599`.
    pub status: u16,
    /// Seconds that the server asks to wait (`Retry-After` as a number).
    pub retry_after_s: Option<u32>,
    /// Whether the connection may carry another request afterwards.
    pub keep_alive: bool,
    pub(crate) framing: Framing,
}

impl Head {
    /// Whether the status is one of success, `200..=299`.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// How the body ends, RFC 9112 section 6.3.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Inside `HTTP/1.`: what is still to come.
    Version(&'static [u8]),
    Minor,
    StatusSpace,
    /// Digits of the status that are still to come.
    Status(u8),
    ReasonSpace,
    Reason,
    /// The line feed after a status line or field.
    LineFeed,
    /// A field, or the end of the head.
    FieldStart,
    Name,
    Value,
    LastLineFeed,
}

/// Reads heads, those of interim answers (1xx) too.
#[derive(Debug)]
pub(crate) struct HeadReader {
    state: State,
    is_http_1_0: bool,
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    close: bool,
    retry_after_s: Option<u32>,
    field: Field,
    fields: u16,
    len: usize,
    interim: u8,
}

const VERSION: &[u8] = b"HTTP/1.";

impl HeadReader {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Version(VERSION),
            is_http_1_0: false,
            status: 0,
            length: None,
            is_chunked: false,
            close: false,
            retry_after_s: None,
            field: Field::new(),
            fields: 0,
            len: 0,
            interim: 0,
        }
    }

    /// Takes one byte; gives the head with its last one.
    pub(crate) fn step(&mut self, c: u8) -> Result<Option<Head>, ResponseErrorKind> {
        if self.len == ResponseReader::MAX_HEAD_LEN {
            return Err(ResponseErrorKind::HeadTooLong);
        }
        self.len = self.len.saturating_add(1);
        self.state = match (self.state, c) {
            (State::Version([next, rest @ ..]), _) if c == *next => match rest {
                [] => State::Minor,
                rest => State::Version(rest),
            },
            (State::Minor, b'0' | b'1') => {
                self.is_http_1_0 = c == b'0';
                State::StatusSpace
            }
            (State::StatusSpace, b' ') => State::Status(3),
            (State::Status(left), b'0'..=b'9') => self.status_digit(left, c)?,
            (State::ReasonSpace, b' ') => State::Reason,
            (State::ReasonSpace | State::Reason, b'\r') => State::LineFeed,
            (State::Reason, _) if is_text(c) => State::Reason,
            (State::LineFeed, b'\n') => State::FieldStart,
            (State::FieldStart, b'\r') => State::LastLineFeed,
            (State::FieldStart, _) if is_token(c) => self.begin_field(c)?,
            (State::Name, b':') => State::Value,
            (State::Name, _) if is_token(c) => {
                self.field.push_name(c);
                State::Name
            }
            (State::Value, b'\r') => {
                self.end_field()?;
                State::LineFeed
            }
            (State::Value, _) if is_text(c) => {
                self.field.push_value(c);
                State::Value
            }
            (State::LastLineFeed, b'\n') => return self.end(),
            (State::Version(_) | State::Minor | State::StatusSpace | State::Status(_), _) => {
                return Err(ResponseErrorKind::NotHttp);
            }
            _ => return Err(ResponseErrorKind::BadHead),
        };
        Ok(None)
    }

    fn status_digit(&mut self, left: u8, c: u8) -> Result<State, ResponseErrorKind> {
        let digit = u16::from(c.wrapping_sub(b'0'));
        self.status = self.status.saturating_mul(10).saturating_add(digit);
        if left > 1 {
            return Ok(State::Status(left.saturating_sub(1)));
        }
        if matches!(self.status, 100..=599) {
            return Ok(State::ReasonSpace);
        }
        Err(ResponseErrorKind::NotHttp)
    }

    fn begin_field(&mut self, c: u8) -> Result<State, ResponseErrorKind> {
        if self.fields == ResponseReader::MAX_FIELDS {
            return Err(ResponseErrorKind::TooManyFields);
        }
        self.fields = self.fields.saturating_add(1);
        self.field = Field::new();
        self.field.push_name(c);
        Ok(State::Name)
    }

    fn end_field(&mut self) -> Result<(), ResponseErrorKind> {
        // Compared one by one: a `match` on bytes becomes a tree of comparisons of single
        // bytes, several times as long.
        let value = self.field.value();
        let is = |text: &[u8]| value.is_some_and(|value| value.eq_ignore_ascii_case(text));
        if self.field.is("content-length") {
            if self.length.is_some() {
                return Err(ResponseErrorKind::BadLength);
            }
            let length = value.and_then(number).ok_or(ResponseErrorKind::BadLength)?;
            self.length = Some(length);
        } else if self.field.is("transfer-encoding") {
            if self.is_chunked || !is(b"chunked") {
                return Err(ResponseErrorKind::BadEncoding);
            }
            self.is_chunked = true;
        } else if self.field.is("content-encoding") {
            // We ask for none, so nothing but the plain body is expected.
            if !is(b"identity") {
                return Err(ResponseErrorKind::BadEncoding);
            }
        } else if self.field.is("connection") {
            // A value too long to look at counts as the careful answer.
            self.close |= value.is_none_or(|value| has_token(value, b"close"));
        } else if self.field.is("retry-after") {
            let seconds = value.and_then(number).map(u32::try_from);
            self.retry_after_s = seconds.and_then(Result::ok);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Head>, ResponseErrorKind> {
        if self.length.is_some() && self.is_chunked {
            return Err(ResponseErrorKind::BadLength);
        }
        // RFC 9112 section 6.1: faulty framing.
        if self.is_http_1_0 && self.is_chunked {
            return Err(ResponseErrorKind::BadEncoding);
        }
        if self.status < 200 {
            return self.skip_interim();
        }
        let framing = match self.length {
            _ if matches!(self.status, 204 | 304) => Framing::Length(0),
            Some(length) => Framing::Length(length),
            None if self.is_chunked => Framing::Chunked,
            None => Framing::UntilClose,
        };
        Ok(Some(Head {
            status: self.status,
            retry_after_s: self.retry_after_s,
            keep_alive: !self.close && !self.is_http_1_0 && framing != Framing::UntilClose,
            framing,
        }))
    }

    fn skip_interim(&mut self) -> Result<Option<Head>, ResponseErrorKind> {
        // 101 would switch to a protocol that nobody asked for.
        if self.status == 101 || self.interim == ResponseReader::MAX_INTERIM {
            return Err(ResponseErrorKind::BadInterim);
        }
        *self = Self {
            fields: self.fields,
            len: self.len,
            interim: self.interim.saturating_add(1),
            ..Self::new()
        };
        Ok(None)
    }
}

/// The start of one field: enough to tell those that matter.
#[derive(Debug)]
struct Field {
    name: [u8; Self::MAX_NAME_LEN],
    name_len: usize,
    value: [u8; Self::MAX_VALUE_LEN],
    value_len: usize,
}

impl Field {
    /// `transfer-encoding` and one more, so that a longer name is told from it.
    const MAX_NAME_LEN: usize = 18;

    /// A number of 64 bits, `chunked`, or a short list of connection options.
    const MAX_VALUE_LEN: usize = 32;

    const fn new() -> Self {
        Self {
            name: [0; Self::MAX_NAME_LEN],
            name_len: 0,
            value: [0; Self::MAX_VALUE_LEN],
            value_len: 0,
        }
    }

    fn push_name(&mut self, c: u8) {
        if let Some(to) = self.name.get_mut(self.name_len) {
            *to = c.to_ascii_lowercase();
            self.name_len = self.name_len.saturating_add(1);
        }
    }

    fn push_value(&mut self, c: u8) {
        if self.value_len == 0 && matches!(c, b' ' | b'\t') {
            return;
        }
        if let Some(to) = self.value.get_mut(self.value_len) {
            *to = c;
        }
        self.value_len = self.value_len.saturating_add(1);
    }

    /// Whether it has this name, in lower case.
    fn is(&self, name: &str) -> bool {
        self.name.get(..self.name_len) == Some(name.as_bytes())
    }

    /// The value without white space around it, or `None` where it was too long to keep.
    fn value(&self) -> Option<&[u8]> {
        self.value.get(..self.value_len).map(<[u8]>::trim_ascii)
    }
}

/// A character of a reason or a field value, RFC 9110 section 5.5.
pub(crate) const fn is_text(c: u8) -> bool {
    matches!(c, b'\t' | 0x20..=0x7e | 0x80..)
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().map(|c| c.wrapping_sub(b'0'));
    let mut digits = digits.map(|digit| Some(u64::from(digit)).filter(|digit| *digit < 10));
    digits.next().and_then(|first| {
        digits.try_fold(first?, |sum, digit| {
            sum.checked_mul(10)?.checked_add(digit?)
        })
    })
}

fn has_token(list: &[u8], token: &[u8]) -> bool {
    list.split(|c| *c == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}
