//! What the firmware tests share.

pub(crate) mod authority;
pub(crate) mod judge;
pub(crate) mod soak;
