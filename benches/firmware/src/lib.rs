//! The operations whose cost is counted, the same on a host and on a device.
//!
//! Each checks its own result, so that none can be optimised away or measure a failure.
//! A baseline is named after ours, with its library behind a slash.

#![cfg_attr(not(test), no_std)]

mod eth;
mod hashes;
mod keys;
mod libsecp256k1;
mod modem;
mod records;
mod store;

use core::future::Future;
use core::hint::black_box;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

/// Counts what an operation takes.
pub trait Meter {
    /// Runs `operation` once or more, each time with another number, and counts.
    ///
    /// # Errors
    ///
    /// As `operation`.
    fn count(&mut self, name: &'static str, operation: Operation<'_>) -> Result<(), WrongResult>;
}

/// Something that is counted: from the number of the run to whether its result was right.
pub type Operation<'a> = &'a mut dyn FnMut(u64) -> Result<(), WrongResult>;

/// An operation gave a result that is not the known one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WrongResult;

/// Counts every operation, in the order of the table.
///
/// # Errors
///
/// The first wrong result ends it.
pub fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    keys::secp256k1(meter)?;
    libsecp256k1::all(meter)?;
    keys::p256(meter)?;
    hashes::all(meter)?;
    eth::all(meter)?;
    records::all(meter)?;
    modem::all(meter)?;
    store::all(meter)
}

fn check(is_right: bool) -> Result<(), WrongResult> {
    is_right.then_some(()).ok_or(WrongResult)
}

/// Another digest for each run, so that no run is a special case.
fn digest(number: u64) -> [u8; 32] {
    let mut digest = [0x5a; 32];
    for (byte, value) in digest.iter_mut().zip(number.to_be_bytes()) {
        *byte = value;
    }
    black_box(digest)
}

/// Drives a future that waits for nothing outside, for as long as that can take at most.
fn now<F: Future>(future: F) -> Result<F::Output, WrongResult> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MAX_POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
    }
    Err(WrongResult)
}

const MAX_POLLS: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    struct Names(Vec<&'static str>);

    impl Meter for Names {
        fn count(&mut self, name: &'static str, run: Operation<'_>) -> Result<(), WrongResult> {
            assert!(!self.0.contains(&name), "{name} twice");
            self.0.push(name);
            (0..3)
                .try_for_each(run)
                .inspect_err(|_| eprintln!("{name}"))
        }
    }

    #[test]
    fn every_operation_gives_the_known_result() {
        let mut names = Names(Vec::new());
        assert_eq!(all(&mut names), Ok(()));
        assert!(names.0.len() > 20);
    }
}
