//! Hexadecimal text, as Ethereum's JSON-RPC writes it.

use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::sink::{Encode, HexSink, Sink};

/// Why hexadecimal text was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HexError {
    /// The text does not start with `0x`.
    NoPrefix,
    /// The character at `at` (bytes after the prefix) is no hexadecimal digit.
    BadDigit {
        /// Offset in bytes after the prefix.
        at: usize,
    },
    /// A byte string has an odd number of digits.
    OddLength,
    /// The text holds `found` bytes where another number is required.
    BadLength {
        /// Bytes that the text holds.
        found: usize,
    },
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrefix => f.write_str("no 0x prefix"),
            Self::BadDigit { at } => write!(f, "bad hexadecimal digit at {at}"),
            Self::OddLength => f.write_str("odd number of hexadecimal digits"),
            Self::BadLength { found } => write!(f, "{found} bytes do not fit here"),
        }
    }
}

impl core::error::Error for HexError {}

impl Error for HexError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// The two lower-case digits of a byte.
pub const fn digits(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 0x0f)]
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0'.wrapping_add(nibble),
        _ => b'a'.wrapping_add(nibble.wrapping_sub(10)),
    }
}

/// The value of one digit of either case, `0..16`.
pub const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// Decodes `0x` and an even number of digits into `out`; returns the bytes written.
///
/// # Errors
///
/// Each variant of [`HexError`]; [`HexError::BadLength`] where `out` is too short.
/// What `out` holds after an error is unspecified.
pub fn decode_into(text: &str, out: &mut [u8]) -> Result<usize, HexError> {
    let hex = text
        .strip_prefix("0x")
        .ok_or(HexError::NoPrefix)?
        .as_bytes();
    let (pairs, odd) = hex.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(HexError::OddLength);
    }
    if pairs.len() > out.len() {
        return Err(HexError::BadLength { found: pairs.len() });
    }
    for (i, (byte, [high, low])) in out.iter_mut().zip(pairs).enumerate() {
        let at = i.saturating_mul(2);
        let high = value(*high).ok_or(HexError::BadDigit { at })?;
        let low = value(*low).ok_or(HexError::BadDigit {
            at: at.saturating_add(1),
        })?;
        *byte = (high << 4) | low;
    }
    Ok(pairs.len())
}

/// Decodes `0x` and exactly `2 * N` digits.
///
/// # Errors
///
/// Each variant of [`HexError`]; [`HexError::BadLength`] for another length.
pub fn decode_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut out = [0; N];
    let found = decode_into(text, &mut out)?;
    if found != N {
        return Err(HexError::BadLength { found });
    }
    Ok(out)
}

/// Prints bytes as `0x` and lower-case digits; as an encoding it is the same text.
pub struct Hex<'a>(pub &'a [u8]);

impl Encode for Hex<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(b"0x");
        HexSink(out).write(self.0);
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn takes_either_case_and_prints_lower() {
        let bytes: [u8; 3] = decode_array("0xAbcD0f").unwrap();
        assert_eq!(Hex(&bytes).to_string(), "0xabcd0f");
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(decode_array::<1>("00"), Err(HexError::NoPrefix));
        assert_eq!(decode_array::<1>("0X00"), Err(HexError::NoPrefix));
        assert_eq!(decode_array::<1>("0x0"), Err(HexError::OddLength));
        assert_eq!(
            decode_array::<2>("0x000g"),
            Err(HexError::BadDigit { at: 3 })
        );
        assert_eq!(
            decode_array::<2>("0x00"),
            Err(HexError::BadLength { found: 1 })
        );
        assert_eq!(
            decode_array::<1>("0x0000"),
            Err(HexError::BadLength { found: 2 })
        );
        assert_eq!(decode_array::<1>("0x€"), Err(HexError::OddLength));
    }
}
