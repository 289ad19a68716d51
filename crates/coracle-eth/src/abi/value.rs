//! Values to encode.

use coracle_core::{Address, Encode, U256};

use super::I256;
use crate::payload::Payload;

/// A value of any Solidity type, for encoding. Lists and bytes stay with the caller.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// For `uint8` to `uint256`.
    Uint(U256),
    /// For `int8` to `int256`.
    Int(I256),
    /// For `bool`.
    Bool(bool),
    /// For `address`.
    Address(Address),
    /// For `bytes1` to `bytes32`, and `function`: exactly as many bytes as the type.
    FixedBytes(&'a [u8]),
    /// For `bytes`.
    Bytes(Payload<'a>),
    /// For `string`.
    String(&'a str),
    /// For `T[]`, and `T[n]` with `n` members.
    Array(&'a [Value<'a>]),
    /// For `(A,B)`.
    Tuple(&'a [Value<'a>]),
}

impl<'a> Value<'a> {
    /// A `bytes` value that is written when it is needed, so that it takes no memory:
    /// a signed record, for example.
    pub const fn encoded(value: &'a dyn Encode) -> Self {
        Self::Bytes(Payload::Encoder(value))
    }
}

impl From<U256> for Value<'_> {
    fn from(value: U256) -> Self {
        Self::Uint(value)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::Uint(U256::from_u64(value))
    }
}

impl From<I256> for Value<'_> {
    fn from(value: I256) -> Self {
        Self::Int(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Address> for Value<'_> {
    fn from(value: Address) -> Self {
        Self::Address(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::String(value)
    }
}

/// A `bytes` value; for `bytes1` to `bytes32` take [`Value::FixedBytes`].
impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Payload::Bytes(value))
    }
}
