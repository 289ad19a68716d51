//! Texts of AT commands: pieces that make a command, fields that an answer has.

use crate::Error;

/// A piece of a command. `AT` and the line's end are not part of any piece.
#[derive(Clone, Copy)]
pub enum Piece<'a> {
    /// As it stands; not for texts from outside.
    Text(&'static str),
    /// In decimal.
    Number(u32),
    /// Between quotes, and refused where it holds what a command cannot carry.
    Quoted(&'a str),
}

impl<'a> Piece<'a> {
    /// Longest text in quotes: a host name.
    pub const MAX_QUOTED_LEN: usize = 253;

    /// The piece as up to three runs of bytes.
    pub(crate) fn parts<'s>(&'s self, digits: &'s mut [u8; 10]) -> [&'s [u8]; 3]
    where
        'a: 's,
    {
        match self {
            Self::Text(text) => [text.as_bytes(), b"", b""],
            Self::Number(number) => [decimal(*number, digits), b"", b""],
            Self::Quoted(text) => [b"\"", text.as_bytes(), b"\""],
        }
    }

    /// Whether an AT command can carry the piece.
    pub(crate) fn is_fit(&self) -> bool {
        match self {
            Self::Quoted(text) => {
                text.len() <= Self::MAX_QUOTED_LEN && text.bytes().all(is_quotable)
            }
            _ => true,
        }
    }
}

fn is_quotable(c: u8) -> bool {
    matches!(c, b' '..=b'~') && c != b'"' && c != b'\\'
}

/// Decimal digits of a number, without leading zeros.
pub(crate) fn decimal(mut number: u32, out: &mut [u8; 10]) -> &[u8] {
    let mut start = out.len();
    for (place, digit) in out.iter_mut().enumerate().rev() {
        // Below 10, so the conversion keeps it.
        *digit = b'0'.wrapping_add((number % 10) as u8);
        number /= 10;
        start = place;
        if number == 0 {
            break;
        }
    }
    out.get(start..).unwrap_or_default()
}

/// The number that some decimal digits make: `None` for none, for other characters and
/// for more than 32 bits.
pub fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |sum, c| {
        let digit = c.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    })
}

/// The fields of an answer, without blanks around them and without their quotes.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(Option<&'a [u8]>);

impl<'a> Fields<'a> {
    /// The fields of what follows a prefix.
    pub const fn new(text: &'a [u8]) -> Self {
        Self(Some(text))
    }

    /// The next field as it is.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let text = self.0?;
        let end = field_end(text);
        self.0 = text.get(end.saturating_add(1)..);
        Some(unquoted(text.get(..end)?.trim_ascii()))
    }

    /// The next field, a number without leading zeros: those are what is left of one that
    /// lost its first digits on the line.
    pub fn number(&mut self) -> Option<u32> {
        match self.bytes()? {
            [b'0', _, ..] => None,
            digits => number(digits),
        }
    }

    /// The next field, a number of at most 16 bits.
    pub fn short(&mut self) -> Option<u16> {
        self.number()?.try_into().ok()
    }

    /// The next field, a text.
    pub fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    /// The field at a place that counts from 0, a number.
    pub fn number_at(mut self, place: u8) -> Option<u32> {
        for _ in 0..place {
            self.bytes()?;
        }
        self.number()
    }
}

/// Where the first field ends: at a comma that is not between quotes.
fn field_end(text: &[u8]) -> usize {
    let mut quoted = false;
    text.iter()
        .position(|c| {
            quoted ^= *c == b'"';
            *c == b',' && !quoted
        })
        .unwrap_or(text.len())
}

fn unquoted(field: &[u8]) -> &[u8] {
    let inner = field.strip_prefix(b"\"").unwrap_or(field);
    inner.strip_suffix(b"\"").unwrap_or(inner)
}

/// Which line is the answer to a command, as opposed to an unsolicited one that begins
/// alike.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// What the line begins with. Empty for any line that has no other meaning.
    pub prefix: &'a str,
    /// How many fields at least come first that are plain numbers.
    pub numbers: u8,
    /// What the first of them has to be.
    pub first: Option<u8>,
}

impl<'a> Answer<'a> {
    /// A line with this prefix.
    pub const fn new(prefix: &'a str) -> Self {
        Self::with_numbers(prefix, 0)
    }

    /// A line with this prefix and at least so many numbers after it.
    pub const fn with_numbers(prefix: &'a str, numbers: u8) -> Self {
        Self {
            prefix,
            numbers,
            first: None,
        }
    }

    /// As [`Answer::with_numbers`], the first number being this one.
    pub const fn of(prefix: &'a str, numbers: u8, first: u8) -> Self {
        Self {
            prefix,
            numbers,
            first: Some(first),
        }
    }

    /// What follows the prefix, if the line is the answer.
    pub(crate) fn find<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let rest = after(line, self.prefix)?;
        let mut fields = Fields::new(rest);
        for place in 0..self.numbers {
            let number = fields.number()?;
            if place == 0 && self.first.is_some_and(|first| number != u32::from(first)) {
                return None;
            }
        }
        Some(rest)
    }
}

/// What follows a prefix, without the blanks and the comma that may stand between.
pub(crate) fn after<'l>(line: &'l [u8], prefix: &str) -> Option<&'l [u8]> {
    let rest = line.strip_prefix(prefix.as_bytes())?.trim_ascii_start();
    Some(rest.strip_prefix(b",").unwrap_or(rest))
}

/// An IPv4 or IPv6 address in its usual form.
pub fn address(text: &str) -> Result<core::net::IpAddr, Error> {
    text.parse().map_err(|_| Error::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_digits_of_edges() {
        let mut out = [0; 10];
        for (number, text) in [(0, "0"), (7, "7"), (10, "10"), (u32::MAX, "4294967295")] {
            assert_eq!(decimal(number, &mut out), text.as_bytes());
        }
    }

    #[test]
    fn number_refuses_what_is_none() {
        for text in ["", "-1", "1a", " 1", "4294967296", "99999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!(number(b"0007"), Some(7));
    }

    #[test]
    fn fields_heed_quotes() {
        let mut fields = Fields::new(b" 0, \"a,b\" ,,\"c\"");
        assert_eq!(fields.number(), Some(0));
        assert_eq!(fields.text(), Some("a,b"));
        assert_eq!(fields.text(), Some(""));
        assert_eq!(fields.text(), Some("c"));
        assert_eq!(fields.bytes(), None);
    }

    #[test]
    fn field_with_leading_zeros_is_no_number() {
        assert_eq!(Fields::new(b"024").number(), None);
        assert_eq!(Fields::new(b"0,24").number(), Some(0));
    }

    #[test]
    fn query_and_news_of_registration_differ() {
        let answer = Answer::with_numbers("+CREG:", 2);
        assert!(answer.find(b"+CREG: 0,1").is_some());
        assert!(answer.find(b"+CREG: 2,1,\"00AB\",\"0001\",7").is_some());
        assert!(answer.find(b"+CREG: 1").is_none());
        assert!(answer.find(b"+CREG: 1,\"00AB\",\"0001\",7").is_none());
    }

    #[test]
    fn answer_of_another_socket_is_none() {
        let answer = Answer::of("+QIOPEN:", 2, 1);
        assert!(answer.find(b"+QIOPEN: 0,0").is_none());
        assert!(answer.find(b"+QIOPEN: 1").is_none());
        assert_eq!(answer.find(b"+QIOPEN: 1,566"), Some(&b"1,566"[..]));
    }

    #[test]
    fn quotes_and_line_ends_do_not_get_into_commands() {
        for text in ["a\"b", "a\rb", "a\nAT+CFUN=0", "\u{e9}", "a\\b", "\0"] {
            assert!(!Piece::Quoted(text).is_fit(), "{text:?}");
        }
        assert!(Piece::Quoted("internet.example-1 ~").is_fit());
        assert!(!Piece::Quoted(&"a".repeat(254)).is_fit());
    }
}
