//! What the firmware tests share.

#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod authority;
pub(crate) mod judge;
pub(crate) mod mined;
pub(crate) mod soak;
