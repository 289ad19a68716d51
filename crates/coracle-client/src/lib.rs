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

mod backoff;
mod entry;
#[cfg(feature = "eth")]
pub mod eth;
#[cfg(feature = "store")]
mod store;
#[cfg(all(feature = "eth", feature = "store"))]
mod wire;

pub use crate::backoff::Backoff;
pub use crate::entry::{EntryId, Put};
#[cfg(feature = "store")]
pub use crate::store::{FormatError, StoreOutbox, StoreOutboxError};
