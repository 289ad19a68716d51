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

mod algorithm;
mod audit;
mod bundle;
mod cbor;
mod decimal;
mod device;
mod error;
mod place;
mod reading;
mod record;
mod recorder;
mod time;
mod verify;

pub use crate::algorithm::{Algorithm, CoseAlgorithm, KeyId};
pub use crate::audit::{Audit, Entry, Finding, Start, Summary};
pub use crate::bundle::{Bundle, BundleEntry, BundleHeader};
pub use crate::decimal::Decimal;
pub use crate::device::DeviceId;
pub use crate::error::{Fault, FormatError, RecordError, VerifyError};
pub use crate::place::Place;
pub use crate::reading::{Name, Reading, Unit};
pub use crate::record::{Payload, Record, SignedRecord, ToBeSigned};
pub use crate::recorder::Recorder;
pub use crate::time::{TimeSource, Timestamp};
pub use crate::verify::{Claims, Readings, Unverified, Verified};
