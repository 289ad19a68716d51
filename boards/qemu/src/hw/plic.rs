//! RISC-V platform-level interrupt controller, context 0: hart 0 in machine mode.
//!
//! Reference: RISC-V platform-level interrupt controller specification 1.0.0.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use crate::hw::Block;

const PRIORITY: usize = 0;
const ENABLE: usize = 0x2000;
const THRESHOLD: usize = 0x20_0000;
const CLAIM: usize = 0x20_0004;

pub(crate) struct Plic(Block<u32>);

impl Plic {
    /// # Safety
    ///
    /// There is such a controller at `base`.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        // SAFETY: as promised. It has no DMA.
        Self(unsafe { Block::at(base) })
    }

    pub(crate) fn unmask(&self, irq: usize) {
        let word = ENABLE + irq / 32 * 4;
        self.0.write(PRIORITY + irq * 4, 1);
        self.0.write(word, self.0.read(word) | 1 << (irq % 32));
        self.0.write(THRESHOLD, 0);
    }

    /// The interrupt to be served; zero for none. [`Self::complete`] ends it.
    pub(crate) fn claim(&self) -> u32 {
        self.0.read(CLAIM)
    }

    pub(crate) fn complete(&self, irq: u32) {
        self.0.write(CLAIM, irq);
    }
}
