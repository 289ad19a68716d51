//! How long to wait before the next try.

/// Waits that double with each failure up to a cap, the upper half of each at random, so
/// that devices which lost the same network do not come back at the same moment.
///
/// ```
/// use coracle_client::Backoff;
///
/// let backoff = Backoff { base_ms: 1_000, cap_ms: 60_000 };
/// assert_eq!(backoff.delay_ms(0, 0), 500);
/// assert_eq!(backoff.delay_ms(0, u32::MAX), 1_000);
/// assert_eq!(backoff.delay_ms(3, u32::MAX), 8_000);
/// assert_eq!(backoff.delay_ms(100, u32::MAX), 60_000);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    /// The longest wait after the first failure, in milliseconds.
    pub base_ms: u32,
    /// The longest wait of all, in milliseconds.
    pub cap_ms: u32,
}

impl Backoff {
    /// How long to wait in milliseconds after `failures` failures beyond the first;
    /// `random` is a number of the caller's random source.
    ///
    /// Between half of `base_ms` doubled `failures` times, or of `cap_ms` where that is
    /// less, and the whole of it.
    pub fn delay_ms(&self, failures: u32, random: u32) -> u32 {
        // A base of 2^32 - 1 doubled 32 times still fits.
        let doubled = u64::from(self.base_ms) << failures.min(32);
        let most = doubled.min(self.cap_ms.into());
        let least = most / 2;
        let choices = most.saturating_sub(least).saturating_add(1);
        let part = choices.saturating_mul(random.into()) >> u32::BITS;
        u32::try_from(least.saturating_add(part)).unwrap_or(self.cap_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        base_ms: 700,
        cap_ms: 10_000,
    };

    #[test]
    fn waits_double_up_to_the_cap() {
        let longest = [0, 1, 2, 3, 4, 31, 32, u32::MAX].map(|n| BACKOFF.delay_ms(n, u32::MAX));
        let expected = [700, 1_400, 2_800, 5_600, 10_000, 10_000, 10_000, 10_000];
        assert_eq!(longest, expected);
    }

    #[test]
    fn a_wait_is_never_below_half_nor_above_the_whole() {
        for failures in 0..40 {
            let most = BACKOFF.delay_ms(failures, u32::MAX);
            for random in [0, 1, 77, 1 << 16, 1 << 31, u32::MAX - 1] {
                let wait = BACKOFF.delay_ms(failures, random);
                assert!(
                    (most / 2..=most).contains(&wait),
                    "{failures} {random} {wait}"
                );
            }
        }
    }

    #[test]
    fn the_random_number_spreads_over_the_upper_half() {
        let steps: std::vec::Vec<_> = (0..8).map(|n| BACKOFF.delay_ms(4, n << 29)).collect();
        assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
        assert_eq!(steps[4], 7_500);
    }

    #[test]
    fn nothing_overflows_at_the_ends() {
        let most = Backoff {
            base_ms: u32::MAX,
            cap_ms: u32::MAX,
        };
        assert_eq!(most.delay_ms(u32::MAX, u32::MAX), u32::MAX);
        let none = Backoff {
            base_ms: 0,
            cap_ms: 0,
        };
        assert_eq!(none.delay_ms(u32::MAX, u32::MAX), 0);
        let capped = Backoff {
            base_ms: 10,
            cap_ms: 4,
        };
        assert_eq!(capped.delay_ms(0, u32::MAX), 4);
    }
}
