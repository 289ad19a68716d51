//! Call data.

use core::fmt;

use coracle_core::{Encode, Sink};

/// Call data: bytes of the caller, or an encoder that makes them whenever they are
/// wanted, so that they are never held in memory.
#[derive(Clone, Copy)]
pub enum CallData<'a> {
    /// The bytes themselves.
    Bytes(&'a [u8]),
    /// What writes the bytes.
    Encoder(&'a dyn Encode),
}

impl CallData<'_> {
    /// No call data.
    pub const EMPTY: Self = Self::Bytes(&[]);
}

impl Encode for CallData<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        match self {
            Self::Bytes(bytes) => out.write(bytes),
            Self::Encoder(encoder) => encoder.encode(out),
        }
    }
}

impl<'a> From<&'a [u8]> for CallData<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Prints the length; call data may be private.
impl fmt::Debug for CallData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallData({} bytes)", self.encoded_len())
    }
}
