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

#[cfg(feature = "std")]
extern crate std;

#[cfg(feature = "board")]
pub mod board;
#[cfg(feature = "store-files")]
pub mod host;

#[doc(inline)]
pub use coracle_client as client;
#[doc(inline)]
pub use coracle_core as core;
#[cfg(feature = "eth")]
#[doc(inline)]
pub use coracle_eth as eth;
#[cfg(feature = "modem")]
#[doc(inline)]
pub use coracle_modem as modem;
#[doc(inline)]
pub use coracle_net as net;
#[cfg(feature = "record")]
#[doc(inline)]
pub use coracle_record as record;
#[cfg(feature = "store")]
#[doc(inline)]
pub use coracle_store as store;
