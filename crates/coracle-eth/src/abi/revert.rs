//! What a reverted call returns.

use core::fmt;

use coracle_core::U256;

use super::{DecodeError, decode::Input};

/// `Error(string)`: what `require` and `revert` with a text give.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];

/// `Panic(uint256)`: what the compiler's own checks give.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// The payload of a revert.
///
/// # Examples
///
/// ```
/// use coracle_eth::abi::Revert;
///
/// assert!(matches!(Revert::decode(&[]), Revert::Empty));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Revert<'a> {
    /// No payload: `revert()`, no gas left, a call that no function takes.
    Empty,
    /// `Error(string)`, with its text.
    Error(&'a str),
    /// `Panic(uint256)`, with its code.
    Panic(PanicCode),
    /// An error that the contract declares; [`Signature::decode`] reads its payload.
    ///
    /// [`Signature::decode`]: super::Signature::decode
    Custom {
        /// Which one.
        selector: [u8; 4],
        /// Its encoded parameters, without the selector.
        params: &'a [u8],
    },
    /// The selector of `Error` or `Panic`, but not their parameter.
    Malformed(DecodeError),
    /// Fewer bytes than a selector has.
    Unknown(&'a [u8]),
}

impl<'a> Revert<'a> {
    /// Reads the payload. Does not fail: what cannot be read is a variant.
    pub fn decode(data: &'a [u8]) -> Self {
        let Some((selector, params)) = data.split_first_chunk() else {
            return if data.is_empty() {
                Self::Empty
            } else {
                Self::Unknown(data)
            };
        };
        let decoded = match *selector {
            ERROR => reason(params).map(Self::Error),
            PANIC => code(params).map(Self::Panic),
            selector => Ok(Self::Custom { selector, params }),
        };
        decoded.unwrap_or_else(Self::Malformed)
    }
}

/// Prints the reason as it stands, else what kind of payload it is. A reason is foreign
/// text of any length.
impl fmt::Display for Revert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no reason given"),
            Self::Error(reason) => f.write_str(reason),
            Self::Panic(code) => code.fmt(f),
            Self::Custom { selector, .. } => {
                write!(f, "custom error {:#010x}", u32::from_be_bytes(*selector))
            }
            Self::Malformed(cause) => write!(f, "malformed reason: {cause}"),
            Self::Unknown(data) => write!(f, "{} bytes that are no error", data.len()),
        }
    }
}

/// The parameter of `Error(string)`.
fn reason(params: &[u8]) -> Result<&str, DecodeError> {
    let input = Input(params);
    input.text(input.tail(0, 0)?)
}

/// The parameter of `Panic(uint256)`.
fn code(params: &[u8]) -> Result<PanicCode, DecodeError> {
    let word = Input(params).word(0)?;
    Ok(PanicCode(U256::from_be_bytes(word)))
}

/// The code of a panic. Prints with its meaning, where Solidity gives it one.
///
/// Reference: Solidity documentation, "Panic via assert and Error via require".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PanicCode(pub U256);

impl PanicCode {
    /// What the code means; `None` for one that Solidity does not define.
    pub fn meaning(self) -> Option<&'static str> {
        Some(match u64::try_from(self.0).ok()? {
            0x00 => "generic panic",
            0x01 => "assertion failed",
            0x11 => "arithmetic overflow",
            0x12 => "division by zero",
            0x21 => "value is no member of the enum",
            0x22 => "badly encoded storage bytes",
            0x31 => "pop from an empty array",
            0x32 => "index out of bounds",
            0x41 => "out of memory",
            0x51 => "call of an uninitialised function",
            _ => return None,
        })
    }
}

impl fmt::Display for PanicCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panic {:#x}", self.0)?;
        self.meaning().map_or(Ok(()), |text| write!(f, ", {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::DecodeErrorKind;
    use std::string::ToString;
    use std::vec::Vec;

    fn error(words: &[[u8; 32]]) -> Vec<u8> {
        [&ERROR[..], words.as_flattened()].concat()
    }

    fn number(value: u64) -> [u8; 32] {
        U256::from(value).to_be_bytes()
    }

    #[test]
    fn selectors_are_those_of_the_signatures() {
        for (text, selector) in [("Error(string)", ERROR), ("Panic(uint256)", PANIC)] {
            assert_eq!(
                crate::abi::Signature::parse(text).unwrap().selector(),
                selector
            );
        }
    }

    #[test]
    fn a_reason_that_cannot_be_read_is_malformed() {
        let mut dirty = number(0);
        dirty[0] = 0x80;
        for (words, what) in [
            (&[][..], DecodeErrorKind::Truncated),
            (&[number(64)], DecodeErrorKind::OffsetOutOfRange),
            (
                &[number(32), number(33), number(0)],
                DecodeErrorKind::LengthOutOfRange,
            ),
            (
                &[number(32), number(0).map(|_| 0xff)],
                DecodeErrorKind::LengthOutOfRange,
            ),
            (&[number(32), number(1), dirty], DecodeErrorKind::NotUtf8),
            (
                &[number(32), number(1), number(1)],
                DecodeErrorKind::DirtyPadding,
            ),
        ] {
            let data = error(words);
            match Revert::decode(&data) {
                Revert::Malformed(error) => assert_eq!(error.what, what),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_panic_needs_its_whole_code() {
        let data = [&PANIC[..], &number(0x11)[1..]].concat();
        assert!(matches!(Revert::decode(&data), Revert::Malformed(_)));
    }

    #[test]
    fn panics_print_their_meaning() {
        let data = [PANIC.as_slice(), &number(0x11)].concat();
        assert_eq!(
            Revert::decode(&data).to_string(),
            "panic 0x11, arithmetic overflow"
        );
        let data = [PANIC.as_slice(), &number(0x99)].concat();
        assert_eq!(Revert::decode(&data).to_string(), "panic 0x99");
    }
}
