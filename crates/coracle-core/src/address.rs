//! Account addresses of Ethereum-like chains.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::hash::keccak256;
use crate::hex::{self, Hex, HexError};

/// Why an address was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AddressError {
    /// The text is not `0x` and 40 digits.
    Hex(HexError),
    /// The case of the letter at `at` contradicts the EIP-55 checksum: a typing error.
    BadChecksum {
        /// Digits after the prefix, `0..40`.
        at: usize,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(cause) => cause.fmt(f),
            Self::BadChecksum { at } => write!(f, "bad address checksum at digit {at}"),
        }
    }
}

impl core::error::Error for AddressError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Hex(cause) => Some(cause),
            Self::BadChecksum { .. } => None,
        }
    }
}

impl Error for AddressError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

impl From<HexError> for AddressError {
    fn from(cause: HexError) -> Self {
        Self::Hex(cause)
    }
}

/// An account of an Ethereum-like chain: [`LEN`](Self::LEN) bytes.
///
/// Prints in the mixed-case form of EIP-55; `{:x}` prints lower case. Parsing takes
/// mixed case only with a right checksum, and all-lower or all-upper case, which carry
/// none.
///
/// Reference: [EIP-55](https://eips.ethereum.org/EIPS/eip-55).
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address(pub [u8; Self::LEN]);

impl Address {
    /// Length in bytes.
    pub const LEN: usize = 20;

    /// The address whose bits are all zero.
    pub const ZERO: Self = Self([0; Self::LEN]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The last 20 bytes of a 32-byte word or digest.
    pub fn from_word(word: &[u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        if let Some(tail) = word.last_chunk() {
            bytes = *tail;
        }
        Self(bytes)
    }

    /// The account of a secp256k1 public key: the last 20 bytes of the Keccak-256 of
    /// its two coordinates.
    #[cfg(feature = "secp256k1")]
    pub fn from_public_key(key: &crate::ecdsa::PublicKey<crate::ecdsa::Secp256k1>) -> Self {
        Self::from_word(keccak256(&key.to_coordinates()).as_bytes())
    }

    /// The 40 digits in EIP-55 case.
    fn checksummed(&self) -> [u8; 40] {
        let mut text = [0; 40];
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = hex::digits(byte);
        }
        let hash = keccak256(&text);
        for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(hash.0) {
            let [high, low] = pair;
            if byte & 0x80 != 0 {
                high.make_ascii_uppercase();
            }
            if byte & 0x08 != 0 {
                low.make_ascii_uppercase();
            }
        }
        text
    }
}

impl From<[u8; Self::LEN]> for Address {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let address = Self(hex::decode_array(text)?);
        let digits = text.as_bytes().get(2..).unwrap_or_default();
        let has_lower = digits.iter().any(u8::is_ascii_lowercase);
        let has_upper = digits.iter().any(u8::is_ascii_uppercase);
        if !(has_lower && has_upper) {
            return Ok(address);
        }
        let expected = address.checksummed();
        match digits.iter().zip(&expected).position(|(a, b)| a != b) {
            Some(at) => Err(AddressError::BadChecksum { at }),
            None => Ok(address),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.checksummed();
        write!(f, "0x{}", core::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::LowerHex for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Address {
    fn format(&self, f: defmt::Formatter<'_>) {
        let text = self.checksummed();
        let text = core::str::from_utf8(&text).unwrap_or_default();
        defmt::write!(f, "0x{=str}", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    // EIP-55, test cases.
    const CHECKSUMMED: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";

    #[test]
    fn prints_the_checksum() {
        let lower: Address = CHECKSUMMED.to_lowercase().parse().unwrap();
        assert_eq!(lower.to_string(), CHECKSUMMED);
    }

    #[test]
    fn names_the_digit_whose_case_is_wrong() {
        let wrong = CHECKSUMMED.replace("aAeb", "aaeb");
        assert_eq!(
            wrong.parse::<Address>(),
            Err(AddressError::BadChecksum { at: 2 })
        );
    }

    #[test]
    fn refuses_other_lengths() {
        for text in [
            "0x",
            "0x00",
            &CHECKSUMMED[..41],
            &std::format!("{CHECKSUMMED}00"),
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
