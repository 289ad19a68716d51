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

mod counter;
mod error;
mod journal;
mod log;
mod outbox;
mod store;
mod wire;

pub use crate::counter::{MonotonicCounter, NoCounter};
pub use crate::error::StoreError;
pub use crate::journal::{AccountName, DevicePlace};
pub use crate::log::Wear;
pub use crate::outbox::{EntryName, Intake, Phase, Put, Status, WhenFull};
pub use crate::store::{Memory, Store};
