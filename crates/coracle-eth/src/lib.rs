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

pub mod abi;
pub mod bech32;
mod payload;
mod profile;
pub mod rpc;
pub mod tx;

pub use crate::payload::Payload;
pub use crate::profile::{
    AddressForm, ChainIdRule, ChainProfile, DisplayAddress, FeeRule, Finality, TxTypes,
};
