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

#[cfg(any(feature = "std", test))]
extern crate std;

mod connect;
mod endpoint;
#[cfg(feature = "std")]
pub mod host;
pub mod http;
pub mod rpc;

pub use crate::connect::{Connect, Nal, NalConnection, NalError};
pub use crate::endpoint::{Endpoint, EndpointError, EndpointErrorKind};
