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

pub mod at;
mod config;
pub mod dialect;
mod error;
mod modem;
mod pins;
mod power;
mod socket;
mod time;

pub use crate::at::{At, Uart};
pub use crate::config::{
    Authentication, AuthenticationMethod, Config, FlowControl, Pin, Roots, Timeouts, Tls,
};
pub use crate::dialect::{Dialect, Quectel, Simcom, Ublox};
pub use crate::error::Error;
pub use crate::modem::{Identity, Modem, Operator, Security, ShortText, Signal};
pub use crate::pins::{ControlPin, ControlPins, NoPin, PinName, Pins};
pub use crate::power::{ActiveTimer, Edrx, EdrxCycle, EdrxRadio, PeriodicTimer, PowerSaving, Psm};
pub use crate::socket::Socket;
pub use crate::time::NetworkTime;
