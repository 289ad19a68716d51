//! Helpers of the end-to-end tests: a real node, a node that lies, and a device.
//!
//! Nothing here is skipped where a tool is missing: the test fails and says which.

mod anvil;
mod device;
#[cfg(feature = "firmware")]
pub mod firmware;
pub mod flaky;
mod http;
mod probe;
mod proxy;

pub use anvil::Anvil;
pub use device::{
    Device, DeviceError, Host, Sleep, account, config, device, entry, key, limits, local_profile,
    stack, target,
};
pub use http::{post, rpc, rpc_error};
pub use probe::{Probe, STORED};
pub use proxy::{Ask, Counts, Proxy, Reply};

/// Runs the code of the project's README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
