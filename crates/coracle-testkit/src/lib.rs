#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot read its vectors has failed"
)]

use std::path::PathBuf;

mod element;
mod flash;
mod rng;
mod vectors;

pub use element::{ElementNack, SimElement, Wrong};
pub use flash::{Ending, FlashError, SimFlash, Violation};
pub use rng::SeededRng;
pub use vectors::{Case, cases};

/// The root of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How often a seeded test runs its case: `usual`, or `full` where `CORACLE_FULL` is set
/// (`cargo xtask test --full`).
pub fn rounds(usual: usize, full: usize) -> usize {
    if std::env::var_os("CORACLE_FULL").is_some() {
        full
    } else {
        usual
    }
}
