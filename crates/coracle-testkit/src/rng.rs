//! A random source for tests that can be run again.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

/// SplitMix64: the same numbers for the same seed. For tests alone; no key that holds
/// value may come from it.
#[derive(Clone, Debug)]
pub struct SeededRng(u64);

impl SeededRng {
    /// Starts at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed of `CORACLE_SEED`, or `fallback`; printed, so that a failure shows it.
    ///
    /// Panics where the variable is no number.
    pub fn from_env(fallback: u64) -> Self {
        Self(Self::seed_from_env(fallback))
    }

    /// The same, as a number: for tests that give each of their cases a seed of its own.
    ///
    /// Panics where the variable is no number.
    pub fn seed_from_env(fallback: u64) -> u64 {
        let seed = std::env::var("CORACLE_SEED").map_or(fallback, |text| {
            text.parse().expect("CORACLE_SEED is a number")
        });
        println!("seed {seed} (CORACLE_SEED={seed} repeats it)");
        seed
    }

    /// The next 64 bits.
    pub fn next_word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    #[expect(clippy::cast_possible_truncation, reason = "any distribution does")]
    pub fn below(&mut self, bound: usize) -> usize {
        self.next_word() as usize % bound.max(1)
    }

    /// `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| self.next_word().to_le_bytes()[0])
            .collect()
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    #[expect(clippy::cast_possible_truncation, reason = "the low half")]
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_word() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_word())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next_word().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
