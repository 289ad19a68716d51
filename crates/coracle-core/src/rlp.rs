//! RLP, the serialisation of Ethereum-like chains: writing over sinks, strict reading
//! over slices.
//!
//! | first byte | item | payload |
//! | --- | --- | --- |
//! | `00..=7f` | one byte | the byte itself |
//! | `80..=b7` | byte string of 0 to 55 bytes | `first - 80` bytes |
//! | `b8..=bf` | longer byte string | length in `first - b7` bytes, then the bytes |
//! | `c0..=f7` | list of 0 to 55 bytes | `first - c0` bytes of items |
//! | `f8..=ff` | longer list | length in `first - f7` bytes, then the items |
//!
//! Every item has exactly one valid form; the reader refuses all others. It neither
//! recurses nor copies: a list is a view whose items are read when they are asked for.
//!
//! Reference: Ethereum yellow paper, appendix B.

mod reader;
mod writer;

#[cfg(feature = "rlp")]
mod compat;

pub use self::reader::{Item, Reader, RlpError, RlpErrorKind};
pub use self::writer::{
    header_len, write_bytes, write_encoded, write_list, write_list_header, write_u64, write_uint,
};

/// Base of the first byte of a byte string.
const BYTES: u8 = 0x80;

/// Base of the first byte of a list.
const LIST: u8 = 0xc0;

/// The longest payload whose length is part of the first byte.
const MAX_SHORT: usize = 55;

/// What the first byte adds to its base before the number of length bytes.
const LONG: u8 = 55;

const _: () = assert!(LONG as usize == MAX_SHORT);
