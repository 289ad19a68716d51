//! Health tests of a random source, before a key is made from it.
//!
//! The two tests of NIST SP 800-90B section 4.4 over the bytes of the source: a
//! repetition count and an adaptive proportion. They find a source that is stuck,
//! unpowered or heavily biased; they cannot tell a seeded generator from a true source.
//! Cut-offs are those for an assessed min-entropy of 1 bit per byte and a false alarm
//! in 2^30 samples, so a working source of any quality passes.

use core::fmt;

use rand_core::TryCryptoRng;

use crate::error::{Error, ErrorKind};

/// Bytes drawn by [`check_startup`]; SP 800-90B section 4.3 asks for at least 1024.
pub const STARTUP_SAMPLES: usize = 1024;

/// Equal bytes in a row that fail the repetition count: `1 + ceil(30 / 1)`.
const REPETITION_CUTOFF: u32 = 31;

/// Samples in one window of the adaptive proportion test.
const PROPORTION_WINDOW: u32 = 512;

/// Equal bytes in one window that fail it: `1 + critbinom(512, 2^-1, 1 - 2^-30)`.
const PROPORTION_CUTOFF: u32 = 325;

/// Why a random source was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HealthError {
    /// The source itself reported a failure.
    SourceFailed,
    /// The same byte came too many times in a row: the source is stuck.
    Repetition,
    /// One byte value is far too frequent: the source is biased.
    Proportion,
}

impl fmt::Display for HealthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceFailed => "random source failed",
            Self::Repetition => "random source is stuck",
            Self::Proportion => "random source is biased",
        })
    }
}

impl core::error::Error for HealthError {}

impl Error for HealthError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Device
    }
}

/// The continuous tests: feed every byte of the source, use none after an error.
#[derive(Clone, Debug, Default)]
pub struct HealthTest {
    last: u8,
    run: u32,
    reference: u8,
    count: u32,
    seen: u32,
}

impl HealthTest {
    /// Tests that have seen nothing yet.
    pub const fn new() -> Self {
        Self {
            last: 0,
            run: 0,
            reference: 0,
            count: 0,
            seen: 0,
        }
    }

    /// Tests the next samples.
    ///
    /// # Errors
    ///
    /// [`HealthError::Repetition`] or [`HealthError::Proportion`]; the source must not
    /// be used again.
    pub fn feed(&mut self, samples: &[u8]) -> Result<(), HealthError> {
        samples.iter().try_for_each(|sample| {
            self.repetition(*sample)?;
            self.proportion(*sample)
        })
    }

    fn repetition(&mut self, sample: u8) -> Result<(), HealthError> {
        let repeats = self.run > 0 && sample == self.last;
        self.run = if repeats {
            self.run.saturating_add(1)
        } else {
            1
        };
        self.last = sample;
        if self.run >= REPETITION_CUTOFF {
            return Err(HealthError::Repetition);
        }
        Ok(())
    }

    fn proportion(&mut self, sample: u8) -> Result<(), HealthError> {
        if self.seen == 0 {
            self.reference = sample;
            self.count = 0;
        }
        self.seen = self.seen.saturating_add(1) % PROPORTION_WINDOW;
        self.count = self
            .count
            .saturating_add(u32::from(sample == self.reference));
        if self.count >= PROPORTION_CUTOFF {
            return Err(HealthError::Proportion);
        }
        Ok(())
    }
}

/// Draws [`STARTUP_SAMPLES`] bytes, tests them and throws them away.
///
/// # Errors
///
/// Each variant of [`HealthError`].
pub fn check_startup<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<(), HealthError> {
    const CHUNK: usize = 32;
    let mut test = HealthTest::new();
    for _ in 0..STARTUP_SAMPLES / CHUNK {
        let mut chunk = [0; CHUNK];
        rng.try_fill_bytes(&mut chunk)
            .map_err(|_| HealthError::SourceFailed)?;
        test.feed(&chunk)?;
    }
    Ok(())
}

const _: () = assert!(STARTUP_SAMPLES.is_multiple_of(32));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuck_source_fails_at_the_cutoff() {
        let mut test = HealthTest::new();
        assert_eq!(test.feed(&[7; 30]), Ok(()));
        assert_eq!(test.feed(&[7]), Err(HealthError::Repetition));
    }

    #[test]
    fn biased_source_fails_within_a_window() {
        // Three of four bytes equal, never more than three in a row.
        let samples: [u8; 512] =
            core::array::from_fn(|i| if i % 4 == 3 { i.to_le_bytes()[0] } else { 7 });
        assert_eq!(
            HealthTest::new().feed(&samples),
            Err(HealthError::Proportion)
        );
    }

    #[test]
    fn counter_passes_because_no_test_sees_its_order() {
        let samples: [u8; 1024] = core::array::from_fn(|i| i.to_le_bytes()[0]);
        assert_eq!(HealthTest::new().feed(&samples), Ok(()));
    }
}
