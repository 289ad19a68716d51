//! Strict reading of RLP.

use core::fmt;

use super::{BYTES, LIST, MAX_SHORT};
use crate::error::{Error, ErrorKind};
use crate::uint::U256;

/// Why bytes are not the RLP that was asked for, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RlpError {
    /// What is wrong.
    pub what: RlpErrorKind,
    /// Offset of the item's first byte, in bytes from the start of the outermost input.
    pub at: usize,
}

/// What is wrong with an RLP item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RlpErrorKind {
    /// The input ends before the item does, or an item was wanted where none is left.
    Truncated,
    /// The length is not written in its shortest form.
    NonCanonical,
    /// The length does not fit the address space.
    TooLong,
    /// A byte string was wanted, a list is there.
    NotBytes,
    /// A list was wanted, a byte string is there.
    NotList,
    /// An integer starts with a zero byte.
    LeadingZero,
    /// An integer has more bits than wanted.
    Overflow,
    /// A byte string has another length than wanted.
    BadLength,
    /// There are bytes after the last wanted item.
    TrailingBytes,
    /// Lists stand in lists too deeply.
    TooDeep,
}

impl fmt::Display for RlpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            RlpErrorKind::Truncated => "input ends too early",
            RlpErrorKind::NonCanonical => "length not in its shortest form",
            RlpErrorKind::TooLong => "length too large",
            RlpErrorKind::NotBytes => "list instead of byte string",
            RlpErrorKind::NotList => "byte string instead of list",
            RlpErrorKind::LeadingZero => "integer starts with a zero byte",
            RlpErrorKind::Overflow => "integer too large",
            RlpErrorKind::BadLength => "byte string of wrong length",
            RlpErrorKind::TrailingBytes => "trailing bytes",
            RlpErrorKind::TooDeep => "nested too deeply",
        };
        write!(f, "{what} at byte {}", self.at)
    }
}

impl core::error::Error for RlpError {}

impl Error for RlpError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// One item of RLP.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A byte string.
    Bytes(&'a [u8]),
    /// A list, not yet read.
    List(Reader<'a>),
}

/// Reads items one after the other; each step consumes input or fails.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads `input` as a sequence of items.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    /// Reads the next item.
    ///
    /// # Errors
    ///
    /// [`RlpErrorKind::Truncated`], [`RlpErrorKind::NonCanonical`] or
    /// [`RlpErrorKind::TooLong`].
    pub fn item(&mut self) -> Result<Item<'a>, RlpError> {
        let (header, item) = self.split().map_err(|what| self.error(what))?;
        let (payload, rest) = item;
        let consumed = self.input.len().saturating_sub(rest.len());
        let inner = self
            .at
            .saturating_add(consumed)
            .saturating_sub(payload.len());
        self.at = self.at.saturating_add(consumed);
        self.input = rest;
        Ok(match header {
            LIST.. => Item::List(Reader {
                input: payload,
                at: inner,
            }),
            _ => Item::Bytes(payload),
        })
    }

    /// The first byte of the next item, its payload, and what follows it.
    #[expect(
        clippy::type_complexity,
        reason = "private; split here and in one caller"
    )]
    fn split(&self) -> Result<(u8, (&'a [u8], &'a [u8])), RlpErrorKind> {
        let (first, rest) = self.input.split_first().ok_or(RlpErrorKind::Truncated)?;
        if *first < BYTES {
            let item = self
                .input
                .split_at_checked(1)
                .ok_or(RlpErrorKind::Truncated)?;
            return Ok((*first, item));
        }
        let base = if *first < LIST { BYTES } else { LIST };
        let short = usize::from(first.wrapping_sub(base));
        let (len, rest) = match short.checked_sub(MAX_SHORT) {
            None | Some(0) => (short, rest),
            Some(count) => long_len(count, rest)?,
        };
        let item = rest.split_at_checked(len).ok_or(RlpErrorKind::Truncated)?;
        if base == BYTES && matches!(item.0, [0..BYTES]) {
            return Err(RlpErrorKind::NonCanonical);
        }
        Ok((*first, item))
    }

    /// Reads a byte string.
    ///
    /// # Errors
    ///
    /// Those of [`item`](Self::item) and [`RlpErrorKind::NotBytes`].
    pub fn bytes(&mut self) -> Result<&'a [u8], RlpError> {
        let at = self.at;
        match self.item()? {
            Item::Bytes(bytes) => Ok(bytes),
            Item::List(_) => Err(RlpError {
                what: RlpErrorKind::NotBytes,
                at,
            }),
        }
    }

    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Those of [`item`](Self::item) and [`RlpErrorKind::NotList`].
    pub fn list(&mut self) -> Result<Reader<'a>, RlpError> {
        let at = self.at;
        match self.item()? {
            Item::List(items) => Ok(items),
            Item::Bytes(_) => Err(RlpError {
                what: RlpErrorKind::NotList,
                at,
            }),
        }
    }

    /// Reads a byte string of exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`bytes`](Self::bytes) and [`RlpErrorKind::BadLength`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], RlpError> {
        let at = self.at;
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| RlpError {
            what: RlpErrorKind::BadLength,
            at,
        })
    }

    /// Reads an integer of up to 256 bits.
    ///
    /// # Errors
    ///
    /// Those of [`bytes`](Self::bytes), [`RlpErrorKind::LeadingZero`] and
    /// [`RlpErrorKind::Overflow`].
    pub fn uint(&mut self) -> Result<U256, RlpError> {
        let at = self.at;
        let bytes = self.bytes()?;
        if bytes.first() == Some(&0) {
            return Err(RlpError {
                what: RlpErrorKind::LeadingZero,
                at,
            });
        }
        U256::from_be_slice(bytes).ok_or(RlpError {
            what: RlpErrorKind::Overflow,
            at,
        })
    }

    /// Reads an integer of up to 64 bits.
    ///
    /// # Errors
    ///
    /// Those of [`uint`](Self::uint).
    pub fn u64(&mut self) -> Result<u64, RlpError> {
        let at = self.at;
        let value = self.uint()?;
        u64::try_from(value).map_err(|_| RlpError {
            what: RlpErrorKind::Overflow,
            at,
        })
    }

    /// The items that are left, as raw bytes.
    pub const fn as_slice(&self) -> &'a [u8] {
        self.input
    }

    /// Offset of the next item, in bytes from the start of the outermost input.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Whether no item is left.
    pub const fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Checks that no item is left.
    ///
    /// # Errors
    ///
    /// [`RlpErrorKind::TrailingBytes`].
    pub fn finish(&self) -> Result<(), RlpError> {
        if self.is_empty() {
            return Ok(());
        }
        Err(self.error(RlpErrorKind::TrailingBytes))
    }

    /// An error at the next item.
    pub const fn error(&self, what: RlpErrorKind) -> RlpError {
        RlpError { what, at: self.at }
    }
}

/// A length of `count` bytes, and what follows it.
fn long_len(count: usize, rest: &[u8]) -> Result<(usize, &[u8]), RlpErrorKind> {
    let (digits, rest) = rest
        .split_at_checked(count)
        .ok_or(RlpErrorKind::Truncated)?;
    if digits.first() == Some(&0) {
        return Err(RlpErrorKind::NonCanonical);
    }
    let len = U256::from_be_slice(digits).ok_or(RlpErrorKind::TooLong)?;
    let len = u64::try_from(len)
        .ok()
        .and_then(|len| usize::try_from(len).ok());
    let len = len.ok_or(RlpErrorKind::TooLong)?;
    if len <= MAX_SHORT {
        return Err(RlpErrorKind::NonCanonical);
    }
    Ok((len, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(input: &[u8]) -> RlpErrorKind {
        Reader::new(input).item().unwrap_err().what
    }

    #[test]
    fn refuses_every_longer_form() {
        assert_eq!(error(&[0x81, 0x7f]), RlpErrorKind::NonCanonical);
        assert_eq!(error(&[0xb8, 0x38]), RlpErrorKind::Truncated);
        let mut long = [0; 57];
        long[..2].copy_from_slice(&[0xb8, 55]);
        assert_eq!(error(&long), RlpErrorKind::NonCanonical);
        assert_eq!(error(&[0xb9, 0x00, 0x38]), RlpErrorKind::NonCanonical);
        assert_eq!(error(&[0xf8, 0x00]), RlpErrorKind::NonCanonical);
    }

    #[test]
    fn refuses_a_length_that_would_wrap() {
        assert_eq!(error(&[0xbf; 9]), RlpErrorKind::Truncated);
        assert_eq!(error(&[0xff; 9]), RlpErrorKind::Truncated);
        assert_eq!(
            error(&[0xbb, 0xff, 0xff, 0xff, 0xff]),
            RlpErrorKind::Truncated
        );
    }

    #[test]
    fn errors_point_at_the_item_in_the_outermost_input() {
        // [[ "ab", 00.. ]]: the integer with a leading zero stands at byte 5.
        let input = [0xc7, 0xc6, 0x82, b'a', b'b', 0x82, 0x00, 0x01];
        let mut items = Reader::new(&input).list().unwrap().list().unwrap();
        assert_eq!(items.bytes(), Ok(&b"ab"[..]));
        let error = items.uint().unwrap_err();
        assert_eq!(
            error,
            RlpError {
                what: RlpErrorKind::LeadingZero,
                at: 5
            }
        );
    }

    #[test]
    fn finish_refuses_what_is_left() {
        let mut reader = Reader::new(&[0x01, 0x02]);
        assert_eq!(reader.u64(), Ok(1));
        assert_eq!(
            reader.finish().unwrap_err().what,
            RlpErrorKind::TrailingBytes
        );
    }
}
