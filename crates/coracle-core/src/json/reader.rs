//! A streaming JSON reader with bounded memory.

use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::hex;

/// Why a text is not JSON, or not within the reader's bounds, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JsonError {
    /// What is wrong.
    pub what: JsonErrorKind,
    /// Offset in bytes from the start of the text.
    pub at: usize,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// A character that cannot stand there.
    Unexpected,
    /// A string holds a bare control character or a bad escape.
    BadString,
    /// A number is malformed or longer than [`Reader::MAX_NUMBER_LEN`].
    BadNumber,
    /// Objects and arrays stand in each other deeper than [`Reader::MAX_DEPTH`].
    TooDeep,
    /// The text ends too early.
    Truncated,
    /// Something follows the value.
    TrailingBytes,
    /// The visitor refused what was read; it knows why.
    Rejected,
    /// A value is not of the wanted shape.
    BadValue,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            JsonErrorKind::Unexpected => "unexpected character",
            JsonErrorKind::BadString => "bad string",
            JsonErrorKind::BadNumber => "bad number",
            JsonErrorKind::TooDeep => "nested too deeply",
            JsonErrorKind::Truncated => "text ends too early",
            JsonErrorKind::TrailingBytes => "trailing characters",
            JsonErrorKind::Rejected => "value refused",
            JsonErrorKind::BadValue => "value of another shape",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for JsonError {}

impl Error for JsonError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// One step of a JSON text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of the next member, escapes resolved. A name longer than
    /// [`Reader::MAX_KEY_LEN`] is cut to that length, so compare with shorter ones only.
    Key(&'a [u8]),
    /// A piece of a string value, escapes resolved; pieces split anywhere.
    StrPart(&'a [u8]),
    /// The end of a string value; an empty string is this event alone.
    StrEnd,
    /// A number, as written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

/// A [`Visitor`] does not want what it was shown; it keeps the reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reject;

/// Receives the steps of a JSON text.
pub trait Visitor {
    /// Takes the next event. `depth` counts the objects and arrays around it: 0 for the
    /// outermost value and its brackets, 1 for its keys and elements.
    ///
    /// # Errors
    ///
    /// [`Reject`] stops the reader.
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject>;
}

impl<V: Visitor + ?Sized> Visitor for &mut V {
    fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
        (**self).event(depth, event)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// A value must come.
    Value,
    /// A value or `]`.
    FirstElement,
    /// A key or `}`.
    FirstKey,
    /// A key.
    Key,
    /// `:`
    Colon,
    /// `,` or a closing bracket, or the end.
    AfterValue,
    /// Inside a string.
    Str(Str),
    /// Inside a number.
    Number,
    /// Inside `true`, `false` or `null`: what is still to come.
    Literal(&'static [u8], Word),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Word {
    Bool(bool),
    Null,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Str {
    Plain,
    /// After a backslash.
    Escape,
    /// After `\u`: digits still to come, value so far.
    Unicode(u8, u16),
}

/// Reads a JSON text in pieces of any size and reports its steps to a [`Visitor`].
///
/// Holds at most 128 bytes whatever the text is. Checks the whole grammar of
/// RFC 8259, except that strings may hold bytes that are not UTF-8.
#[derive(Debug)]
pub struct Reader {
    state: State,
    depth: usize,
    /// One bit a level, the innermost lowest: set for an object.
    objects: u32,
    is_key: bool,
    /// The first half of a surrogate pair, or 0.
    surrogate: u16,
    buf: [u8; Self::MAX_KEY_LEN],
    len: usize,
    at: usize,
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// The deepest nesting that is read.
    pub const MAX_DEPTH: usize = 32;

    /// The longest name that is reported whole, in bytes.
    pub const MAX_KEY_LEN: usize = 32;

    /// The longest number in bytes.
    pub const MAX_NUMBER_LEN: usize = Self::MAX_KEY_LEN;

    /// A reader before the first byte.
    pub const fn new() -> Self {
        Self {
            state: State::Value,
            depth: 0,
            objects: 0,
            is_key: false,
            surrogate: 0,
            buf: [0; Self::MAX_KEY_LEN],
            len: 0,
            at: 0,
        }
    }

    /// Reads the next piece of the text.
    ///
    /// # Errors
    ///
    /// Each variant of [`JsonErrorKind`] but `Truncated` and `BadValue`. The reader is
    /// of no use afterwards.
    pub fn feed(&mut self, text: &[u8], visitor: &mut dyn Visitor) -> Result<(), JsonError> {
        let mut rest = text;
        while let Some((c, tail)) = rest.split_first() {
            let plain = self.plain_run(rest);
            if plain.is_empty() {
                self.step(*c, visitor).map_err(|what| self.error(what))?;
                self.at = self.at.saturating_add(1);
                rest = tail;
                continue;
            }
            self.text(plain, visitor).map_err(|what| self.error(what))?;
            self.at = self.at.saturating_add(plain.len());
            rest = rest.get(plain.len()..).unwrap_or_default();
        }
        Ok(())
    }

    /// Says that the text is at its end.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::Truncated`], or [`JsonErrorKind::BadNumber`] or
    /// [`JsonErrorKind::Rejected`] where the whole text is a number.
    pub fn finish(&mut self, visitor: &mut dyn Visitor) -> Result<(), JsonError> {
        if self.state == State::Number {
            self.end_number(visitor).map_err(|what| self.error(what))?;
        }
        if self.depth == 0 && self.state == State::AfterValue {
            return Ok(());
        }
        Err(self.error(JsonErrorKind::Truncated))
    }

    fn error(&self, what: JsonErrorKind) -> JsonError {
        JsonError { what, at: self.at }
    }

    /// The characters of a string that need no look of their own.
    fn plain_run<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        if self.state != State::Str(Str::Plain) || self.surrogate != 0 {
            return &[];
        }
        let is_special = |c: &u8| *c < 0x20 || matches!(c, b'"' | b'\\');
        let len = text.iter().position(is_special).unwrap_or(text.len());
        text.get(..len).unwrap_or_default()
    }

    fn step(&mut self, c: u8, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        match self.state {
            State::Str(state) => return self.string(state, c, visitor),
            State::Number if matches!(c, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') => {
                return self.keep(c).ok_or(JsonErrorKind::BadNumber);
            }
            State::Number => self.end_number(visitor)?,
            State::Literal(left, word) => return self.literal(left, word, c, visitor),
            _ => {}
        }
        if matches!(c, b' ' | b'\t' | b'\n' | b'\r') {
            return Ok(());
        }
        self.structure(c, visitor)
    }

    fn structure(&mut self, c: u8, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        match (self.state, c) {
            (State::Value | State::FirstElement, b'{') => self.open(true, visitor),
            (State::Value | State::FirstElement, b'[') => self.open(false, visitor),
            (State::FirstElement, b']') => self.close(visitor),
            (State::Value | State::FirstElement, _) => self.scalar(c),
            (State::FirstKey, b'}') => self.close(visitor),
            (State::FirstKey | State::Key, b'"') => {
                self.begin_string(true);
                Ok(())
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(())
            }
            (State::AfterValue, _) if self.depth == 0 => Err(JsonErrorKind::TrailingBytes),
            (State::AfterValue, b',') => {
                self.state = if self.in_object() {
                    State::Key
                } else {
                    State::Value
                };
                Ok(())
            }
            (State::AfterValue, b'}') if self.in_object() => self.close(visitor),
            (State::AfterValue, b']') if !self.in_object() => self.close(visitor),
            _ => Err(JsonErrorKind::Unexpected),
        }
    }

    const fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }

    fn open(&mut self, is_object: bool, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        if self.depth == Self::MAX_DEPTH {
            return Err(JsonErrorKind::TooDeep);
        }
        let (event, state) = if is_object {
            (Event::ObjectStart, State::FirstKey)
        } else {
            (Event::ArrayStart, State::FirstElement)
        };
        self.emit(visitor, event)?;
        self.depth = self.depth.saturating_add(1);
        self.objects = (self.objects << 1) | u32::from(is_object);
        self.state = state;
        Ok(())
    }

    fn close(&mut self, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        let event = if self.in_object() {
            Event::ObjectEnd
        } else {
            Event::ArrayEnd
        };
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.state = State::AfterValue;
        self.emit(visitor, event)
    }

    fn scalar(&mut self, c: u8) -> Result<(), JsonErrorKind> {
        self.state = match c {
            b'"' => {
                self.begin_string(false);
                return Ok(());
            }
            b't' => State::Literal(b"rue", Word::Bool(true)),
            b'f' => State::Literal(b"alse", Word::Bool(false)),
            b'n' => State::Literal(b"ull", Word::Null),
            b'-' | b'0'..=b'9' => {
                self.len = 0;
                self.keep(c).ok_or(JsonErrorKind::BadNumber)?;
                State::Number
            }
            _ => return Err(JsonErrorKind::Unexpected),
        };
        Ok(())
    }

    fn literal(
        &mut self,
        left: &'static [u8],
        word: Word,
        c: u8,
        visitor: &mut dyn Visitor,
    ) -> Result<(), JsonErrorKind> {
        let Some((_, left)) = left.split_first().filter(|(next, _)| **next == c) else {
            return Err(JsonErrorKind::Unexpected);
        };
        if !left.is_empty() {
            self.state = State::Literal(left, word);
            return Ok(());
        }
        self.state = State::AfterValue;
        self.emit(
            visitor,
            match word {
                Word::Bool(value) => Event::Bool(value),
                Word::Null => Event::Null,
            },
        )
    }

    fn end_number(&mut self, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        let text = self.buf.get(..self.len).unwrap_or_default();
        if !is_number(text) {
            return Err(JsonErrorKind::BadNumber);
        }
        let text = core::str::from_utf8(text).map_err(|_| JsonErrorKind::BadNumber)?;
        self.state = State::AfterValue;
        visitor
            .event(self.depth, Event::Number(text))
            .map_err(|Reject| JsonErrorKind::Rejected)
    }

    fn begin_string(&mut self, is_key: bool) {
        self.is_key = is_key;
        self.len = 0;
        self.surrogate = 0;
        self.state = State::Str(Str::Plain);
    }

    fn string(
        &mut self,
        state: Str,
        c: u8,
        visitor: &mut dyn Visitor,
    ) -> Result<(), JsonErrorKind> {
        match (state, c) {
            (Str::Plain, b'\\') => self.state = State::Str(Str::Escape),
            (Str::Escape, b'u') => self.state = State::Str(Str::Unicode(4, 0)),
            // A first half of a pair must be followed by its second half.
            _ if self.surrogate != 0 && !matches!(state, Str::Unicode(..)) => {
                return Err(JsonErrorKind::BadString);
            }
            (Str::Plain, b'"') => return self.end_string(visitor),
            (Str::Plain, ..0x20) => return Err(JsonErrorKind::BadString),
            (Str::Plain, _) => return self.text(&[c], visitor),
            (Str::Escape, _) => {
                let plain = unescape(c).ok_or(JsonErrorKind::BadString)?;
                self.state = State::Str(Str::Plain);
                return self.text(&[plain], visitor);
            }
            (Str::Unicode(left, value), _) => return self.unicode(left, value, c, visitor),
        }
        Ok(())
    }

    fn unicode(
        &mut self,
        left: u8,
        value: u16,
        c: u8,
        visitor: &mut dyn Visitor,
    ) -> Result<(), JsonErrorKind> {
        let digit = hex::value(c).ok_or(JsonErrorKind::BadString)?;
        let value = (value << 4) | u16::from(digit);
        if left > 1 {
            self.state = State::Str(Str::Unicode(left.saturating_sub(1), value));
            return Ok(());
        }
        self.state = State::Str(Str::Plain);
        let first = core::mem::take(&mut self.surrogate);
        if first == 0 && matches!(value, 0xd800..0xdc00) {
            self.surrogate = value;
            return Ok(());
        }
        let units = if first == 0 {
            [value, 0]
        } else {
            [first, value]
        };
        let count = if first == 0 { 1 } else { 2 };
        let mut chars = char::decode_utf16(units.into_iter().take(count));
        let Some(Ok(c)) = chars.next() else {
            return Err(JsonErrorKind::BadString);
        };
        self.text(c.encode_utf8(&mut [0; 4]).as_bytes(), visitor)
    }

    /// Takes characters of a string whose escapes are resolved.
    fn text(&mut self, text: &[u8], visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        if !self.is_key {
            return self.emit(visitor, Event::StrPart(text));
        }
        for c in text {
            // A name that is too long is cut.
            let _ = self.keep(*c);
        }
        Ok(())
    }

    fn end_string(&mut self, visitor: &mut dyn Visitor) -> Result<(), JsonErrorKind> {
        if !self.is_key {
            self.state = State::AfterValue;
            return self.emit(visitor, Event::StrEnd);
        }
        self.state = State::Colon;
        let name = self.buf.get(..self.len).unwrap_or_default();
        visitor
            .event(self.depth, Event::Key(name))
            .map_err(|Reject| JsonErrorKind::Rejected)
    }

    fn keep(&mut self, c: u8) -> Option<()> {
        *self.buf.get_mut(self.len)? = c;
        self.len = self.len.saturating_add(1);
        Some(())
    }

    fn emit(&self, visitor: &mut dyn Visitor, event: Event<'_>) -> Result<(), JsonErrorKind> {
        visitor
            .event(self.depth, event)
            .map_err(|Reject| JsonErrorKind::Rejected)
    }
}

const fn unescape(c: u8) -> Option<u8> {
    Some(match c {
        b'"' | b'\\' | b'/' => c,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// Whether the text is a number of RFC 8259, section 6.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match text {
        [b'0', rest @ ..] => rest,
        _ => match digits(text) {
            Some(rest) => rest,
            None => return false,
        },
    };
    let rest = match rest {
        [b'.', rest @ ..] => match digits(rest) {
            Some(rest) => rest,
            None => return false,
        },
        _ => rest,
    };
    match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => {
            digits(rest).is_some_and(<[u8]>::is_empty)
        }
        _ => rest.is_empty(),
    }
}

/// What follows one or more digits.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|c| c.is_ascii_digit()).count();
    text.get(count..).filter(|_| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;

    #[derive(Default)]
    struct Log(String);

    impl Visitor for Log {
        fn event(&mut self, depth: usize, event: Event<'_>) -> Result<(), Reject> {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let line = match event {
                Event::Key(name) => format!("{depth}k{} ", text(name)),
                // Pieces split anywhere: joined, so that every split gives the same log.
                Event::StrPart(part) => text(part),
                Event::StrEnd => format!("${depth} "),
                Event::Number(number) => format!("{depth}#{number} "),
                other => format!("{depth}{other:?} "),
            };
            self.0.push_str(&line);
            Ok(())
        }
    }

    fn read(text: &str, piece: usize) -> Result<String, JsonErrorKind> {
        let mut log = Log::default();
        let mut reader = Reader::new();
        for piece in text.as_bytes().chunks(piece) {
            reader.feed(piece, &mut log).map_err(|error| error.what)?;
        }
        reader.finish(&mut log).map_err(|error| error.what)?;
        Ok(log.0)
    }

    const TEXT: &str =
        r#" {"a":[1,-2.5e+3,true,null,{}],"b\u0063":"x\ny\u00e9\ud83d\ude00","":[]} "#;

    #[test]
    fn reports_the_same_steps_for_every_split() {
        let whole = read(TEXT, TEXT.len()).unwrap();
        assert_eq!(
            whole,
            "0ObjectStart 1ka 1ArrayStart 2#1 2#-2.5e+3 2Bool(true) 2Null 2ObjectStart 2ObjectEnd \
             1ArrayEnd 1kbc x\nyé😀$1 1k 1ArrayStart 1ArrayEnd 0ObjectEnd "
        );
        for piece in 1..TEXT.len() {
            assert_eq!(read(TEXT, piece).as_ref(), Ok(&whole), "pieces of {piece}");
        }
    }

    #[test]
    fn takes_a_bare_scalar() {
        assert_eq!(read("17", 1).unwrap(), "0#17 ");
        assert_eq!(read("\"\"", 2).unwrap(), "$0 ");
    }

    #[test]
    fn refuses_what_is_not_json() {
        let bad = [
            "",
            " ",
            "{",
            "[1",
            "\"a",
            "tru",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{'a':1}",
            "[1 2]",
            "1 2",
            "{}{}",
            "]",
            "[}",
            "{]",
            "NaN",
            "-",
            "01",
            "1.",
            ".5",
            "1e",
            "+1",
            "0x1",
            "truE",
            "nul",
            "\"\n\"",
            "\"\\x30\"",
            "\"\\u12g4\"",
            "\"\\ud800\"",
            "\"\\ud800a\"",
            "\"\\ud800\\n\"",
            "\"\\ud800\\ud800\"",
            "\"\\udc00\"",
            "\u{feff}1",
            "//1",
            "[1]]",
        ];
        for text in bad {
            for piece in [1, 2, 99] {
                assert!(read(text, piece).is_err(), "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn bounds_depth_and_numbers() {
        let deep = format!("{}{}", "[".repeat(32), "]".repeat(32));
        assert!(read(&deep, 7).is_ok());
        assert_eq!(read(&format!("[{deep}]"), 7), Err(JsonErrorKind::TooDeep));
        assert!(read(&"1".repeat(32), 7).is_ok());
        assert_eq!(read(&"1".repeat(33), 7), Err(JsonErrorKind::BadNumber));
    }

    #[test]
    fn cuts_a_long_name() {
        let long = format!("{{\"{}\":1}}", "k".repeat(40));
        let log = read(&long, 3).unwrap();
        assert!(log.contains(&format!("1k{} ", "k".repeat(32))), "{log}");
    }

    #[test]
    fn stays_within_what_its_docs_say() {
        assert!(size_of::<Reader>() <= 128);
    }

    #[test]
    fn names_the_byte() {
        let error = Reader::new()
            .feed(b"[1, x]", &mut Log::default())
            .unwrap_err();
        assert_eq!(
            error,
            JsonError {
                what: JsonErrorKind::Unexpected,
                at: 4
            }
        );
    }
}
