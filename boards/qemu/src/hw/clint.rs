//! RISC-V core-local interruptor, hart 0: the clock and its alarm, 64 bits both.
//!
//! Reference: RISC-V privileged architecture, section 3.2.1; addresses of the SiFive CLINT.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use crate::hw::Block;

const MTIMECMP_LOW: usize = 0x4000;
const MTIMECMP_HIGH: usize = 0x4004;
const MTIME_LOW: usize = 0xBFF8;
const MTIME_HIGH: usize = 0xBFFC;

pub(crate) struct Clint(Block<u32>);

impl Clint {
    /// # Safety
    ///
    /// There is such a unit at `base`.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        // SAFETY: as promised. It has no DMA.
        Self(unsafe { Block::at(base) })
    }

    pub(crate) fn ticks(&self) -> u64 {
        loop {
            let high = self.0.read(MTIME_HIGH);
            let low = self.0.read(MTIME_LOW);
            if high == self.0.read(MTIME_HIGH) {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }

    /// The interrupt is pending from this moment on.
    pub(crate) fn set_alarm(&self, ticks: u64) {
        let [a, b, c, d, e, f, g, h] = ticks.to_le_bytes();
        // Never a moment that is earlier than both the old one and the new one.
        self.0.write(MTIMECMP_HIGH, u32::MAX);
        self.0.write(MTIMECMP_LOW, u32::from_le_bytes([a, b, c, d]));
        self.0
            .write(MTIMECMP_HIGH, u32::from_le_bytes([e, f, g, h]));
    }
}
