//! Solidity's contract ABI: calls, return values, logs and revert payloads.
//!
//! Types are text, as Solidity's documentation writes them (`(uint256,bytes[2])`), and
//! stay text: [`Type`] and [`Signature`] are checked views, parsed once, then walked
//! without a heap. Values to encode are a [`Value`] tree that the caller owns;
//! [`Call::new`] and [`Params::new`] check it against the type, after which encoding
//! cannot fail. What is decoded is a lazy view, [`Values`]: nothing is copied, nothing
//! is expanded before it is asked for.
//!
//! | part of an encoding | bytes | meaning |
//! | --- | --- | --- |
//! | head of a static value | 32 or more | the value, padded to 32 bytes; members of static tuples and arrays one after the other |
//! | head of a dynamic value | 32 | offset of its tail, from the start of the list that holds it |
//! | tail of `bytes`, `string` | 32 + length | length, then the bytes, padded with zeros to a multiple of 32 |
//! | tail of `T[]` | 32 + members | number of members, then they as a list |
//! | tail of a dynamic tuple or `T[n]` | members | the members as a list |
//!
//! # What the decoder accepts
//!
//! One rule set, for return values, logs and revert payloads alike:
//!
//! - Every bit that is not part of a value must be as the encoder writes it: `bool` is
//!   0 or 1, the high bits of `uint8` and `address` are zero, those of `int8` repeat
//!   its sign, what follows a `bytes4`, `bytes` or `string` in its last word is zero.
//! - A `string` is UTF-8.
//! - Offsets, lengths and everything they cover lie within the data; the padding too.
//! - Offsets may point anywhere within it: to a shared tail, backwards, between words.
//!   Solidity's own decoder takes these. Walk untrusted nested arrays with
//!   [`Values::check`] first where the work must have a bound.
//! - Bytes after the last value are ignored, as Solidity's own decoder does.
//!
//! Reference: Solidity documentation, "Contract ABI Specification".

mod check;
mod decode;
mod encode;
mod event;
mod int;
mod revert;
mod signature;
mod types;
mod value;

pub use self::check::{ParamPath, ValueError, ValueErrorKind};
pub use self::decode::{DecodeError, DecodeErrorKind, Decoded, Values, decode};
pub use self::encode::{Call, Params, PlainCall};
pub use self::event::{Event, EventError, LogError, LogValue, LogValues};
pub use self::int::I256;
pub use self::revert::{PanicCode, Revert};
pub use self::signature::Signature;
pub use self::types::{
    Kind, MAX_DEPTH, MAX_HEAD_LEN, MAX_TEXT_LEN, Type, TypeError, TypeErrorKind, Types,
};
pub use self::value::Value;
pub use crate::payload::Payload;

/// Every offset, length and padded value is a multiple of this many bytes.
const WORD: usize = 32;

/// Bytes of zeros that pad `len` bytes to full words.
fn padding(len: usize) -> usize {
    // 2^n - len and len complement each other modulo 32.
    len.wrapping_neg() & (WORD.saturating_sub(1))
}

/// `value` as one word.
fn word(value: usize) -> [u8; WORD] {
    let mut word = [0; WORD];
    if let Some(end) = word.last_chunk_mut() {
        *end = value.to_be_bytes();
    }
    word
}
