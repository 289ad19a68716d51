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
#[cfg(feature = "slots")]
mod slot;
mod store;
mod wire;

pub use crate::counter::{MonotonicCounter, NoCounter};
pub use crate::error::StoreError;
pub use crate::journal::{AccountName, DevicePlace};
pub use crate::log::Wear;
pub use crate::outbox::{EntryName, Intake, Phase, Put, Status, WhenFull};
#[cfg(feature = "slots")]
pub use crate::slot::{
    Allowed, DeviceSecret, Element, ElementSlot, ElementSlotError, InsecureReadableSecret, KeyHome,
    KeySlot, Limits, Policy, Refusal, SecretError, SlotCurve, SlotError, SlotInfo, Target,
    TxPolicy, WIPED_STACK_LEN,
};
pub use crate::store::{Memory, Store};
