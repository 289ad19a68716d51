//! Bytes that may be too many to hold.

use core::fmt;

use coracle_core::{Encode, Sink};

/// Bytes of the caller, or an encoder that makes them whenever they are wanted, so that
/// they are never held in memory: call data, and `bytes` values within it.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// The bytes themselves.
    Bytes(&'a [u8]),
    /// What writes the bytes, once for each use.
    Encoder(&'a dyn Encode),
}

impl Payload<'_> {
    /// No bytes.
    pub const EMPTY: Self = Self::Bytes(&[]);
}

impl Encode for Payload<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        match self {
            Self::Bytes(bytes) => out.write(bytes),
            Self::Encoder(encoder) => encoder.encode(out),
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Encoder(encoder) => encoder.encoded_len(),
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Prints the length; the bytes may be private.
impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.encoded_len())
    }
}
