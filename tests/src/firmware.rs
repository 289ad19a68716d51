//! Firmware on emulated boards: images, what is in them, and runs of them in QEMU.
//!
//! An [`Image`] is built by `cargo xtask firmware`, once for each [`Spec`]. A [`Qemu`]
//! runs it and gives its log line by line while it runs. A [`Scenario`] is a whole
//! afternoon of a device: chain, modem, firmware.

mod board;
mod chain;
mod elf;
mod error;
mod image;
mod log;
mod machine;
mod qemu;
mod qmp;
mod scenario;

pub use self::board::{Board, Dialect};
pub use self::chain::Chain;
pub use self::elf::{ImageSize, Inspection};
pub use self::error::{Error, Result};
pub use self::image::{Image, Spec};
pub use self::log::{Level, Line};
pub use self::qemu::{Config, Console, Ended, Link, Outcome, Qemu};
pub use self::qmp::Qmp;
pub use self::scenario::{NODE_NAME, Report, Scenario, stack_bytes};
