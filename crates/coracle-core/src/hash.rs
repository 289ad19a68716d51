//! Digests, each of which is a sink.

use core::fmt;
use core::str::FromStr;

use sha2::Digest;

use crate::hex::{self, Hex, HexError};
use crate::sink::{Encode, Sink};

/// 32 bytes: a digest, a transaction or block hash, a log topic.
///
/// Prints as `0x` and 64 lower-case digits.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct B256(pub [u8; Self::LEN]);

impl B256 {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// All bits zero.
    pub const ZERO: Self = Self([0; Self::LEN]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; Self::LEN]> for B256 {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl FromStr for B256 {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        hex::decode_array(text).map(Self)
    }
}

impl fmt::Display for B256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for B256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for B256 {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=[u8]:02x}", self.0);
    }
}

/// A digest that a chain or a record format asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// Keccak-256 with Ethereum's padding, not SHA3-256.
    Keccak256,
    /// SHA-256 of FIPS 180-4.
    Sha256,
}

impl DigestAlgorithm {
    /// Runs an encoder into this digest.
    pub fn digest(self, value: &dyn Encode) -> B256 {
        match self {
            Self::Keccak256 => Keccak256::of(value),
            Self::Sha256 => Sha256::of(value),
        }
    }
}

/// Keccak-256 as Ethereum uses it (padding byte 0x01), as a [`Sink`].
///
/// Not SHA3-256, which pads with 0x06.
///
/// Reference: Ethereum yellow paper, appendix for `KEC`.
#[derive(Clone, Default)]
pub struct Keccak256(sha3::Keccak256);

/// SHA-256 (FIPS 180-4) as a [`Sink`].
#[derive(Clone, Default)]
pub struct Sha256(sha2::Sha256);

macro_rules! digest_sink {
    ($name:ident) => {
        impl $name {
            /// A digest over nothing yet.
            pub fn new() -> Self {
                Self::default()
            }

            /// The digest of an encoding.
            pub fn of(value: &dyn Encode) -> B256 {
                let mut sink = Self::new();
                value.encode(&mut sink);
                sink.finish()
            }

            /// The digest of everything written.
            pub fn finish(self) -> B256 {
                B256(self.0.finalize().into())
            }
        }

        impl Sink for $name {
            fn write(&mut self, bytes: &[u8]) {
                Digest::update(&mut self.0, bytes);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

digest_sink!(Keccak256);
digest_sink!(Sha256);

/// Keccak-256 (Ethereum's padding) of `bytes`.
pub fn keccak256(bytes: &[u8]) -> B256 {
    Keccak256::of(&bytes)
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> B256 {
    Sha256::of(&bytes)
}
