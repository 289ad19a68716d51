#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(feature = "host", test))]
extern crate std;

pub mod contract;
pub mod device;
#[cfg(feature = "host")]
pub mod host;
pub mod program;
pub mod sensor;
pub mod settings;
