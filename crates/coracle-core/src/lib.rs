#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

mod address;
mod amount;
pub mod ecdsa;
mod error;
mod hash;
pub mod health;
pub mod hex;
pub mod json;
pub mod rlp;
mod signer;
mod sink;
mod uint;

pub use crate::address::{Address, AddressError};
pub use crate::amount::{Wei, WeiError};
pub use crate::error::{Error, ErrorKind};
pub use crate::hash::{B256, DigestAlgorithm, Keccak256, Sha256, keccak256, sha256};
pub use crate::signer::{ChainRef, Purpose, Signable, Signer, TxScope};
pub use crate::sink::{
    BufferTooSmall, CountSink, Encode, HexSink, Sink, SliceSink, WindowSink, encode_window,
    write_decimal,
};
pub use crate::uint::{U256, UintError};
