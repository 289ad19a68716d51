//! A simulated water meter: what a household draws, the same for the same seed.

use coracle::record::Timestamp;

/// What the register of a water meter shows at a time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sample {
    /// When it was read.
    pub time: Timestamp,
    /// Litres that ever flowed through it.
    pub litres: u32,
}

/// A household behind a water meter.
#[derive(Clone, Debug)]
pub struct Household {
    random: u64,
    time: Timestamp,
    litres: u32,
    /// Counts from six in the morning of the household's own day, whatever the clock
    /// says, so that the draws of a seed are the same in every run.
    periods: u32,
}

impl Household {
    /// Seconds between two samples.
    pub const PERIOD_S: u32 = 900;

    const PERIODS_PER_HOUR: u32 = 3600 / Self::PERIOD_S;

    /// The most litres that are drawn in a period, by the hour of the day.
    const DRAW: [u32; 24] = [
        1, 0, 0, 0, 0, 6, 28, 44, 36, 18, 12, 10, 16, 14, 8, 8, 10, 18, 34, 40, 30, 22, 12, 4,
    ];

    /// A household whose meter shows `litres` at `time`.
    pub const fn new(seed: u64, time: Timestamp, litres: u32) -> Self {
        Self {
            random: seed,
            time,
            litres,
            periods: 6 * Self::PERIODS_PER_HOUR,
        }
    }

    /// Lives one period and reads the meter.
    pub fn next_sample(&mut self) -> Sample {
        let hour = self.periods / Self::PERIODS_PER_HOUR % 24;
        let hour = usize::try_from(hour).unwrap_or_default();
        let most = Self::DRAW.get(hour).copied().unwrap_or_default();
        self.periods = self.periods.wrapping_add(1);
        let drawn = self.next_random() % (u64::from(most) + 1);
        let seconds = self.time.seconds.saturating_add(u64::from(Self::PERIOD_S));
        self.time = Timestamp::new(seconds, self.time.source);
        // The register of a real meter wraps as well.
        self.litres = self
            .litres
            .wrapping_add(u32::try_from(drawn).unwrap_or_default());
        Sample {
            time: self.time,
            litres: self.litres,
        }
    }

    /// SplitMix64: enough for a household, never for a key.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
