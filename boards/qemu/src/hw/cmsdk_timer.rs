//! Arm CMSDK APB timers, 32 bits, counting down: one runs freely as the clock, one is the
//! alarm.
//!
//! | offset | register | bits |
//! | --- | --- | --- |
//! | 0x00 | CTRL | 0 enable, 3 interrupt |
//! | 0x04 | VALUE | the count |
//! | 0x08 | RELOAD | what follows zero |
//! | 0x0C | INTSTATUS, INTCLEAR | 0 |
//!
//! Reference: Arm Cortex-M System Design Kit technical reference manual, section 4.1.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use core::cell::Cell;

use critical_section::Mutex;

use crate::hw::Block;

const CTRL: usize = 0x00;
const VALUE: usize = 0x04;
const RELOAD: usize = 0x08;
const INTERRUPT: usize = 0x0C;

const ENABLE: u32 = 1 << 0;
const INTERRUPT_ENABLE: u32 = 1 << 3;

pub(crate) struct Timer(Block<u32>);

impl Timer {
    /// # Safety
    ///
    /// There is such a timer at `base`.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        // SAFETY: as promised. It has no DMA.
        Self(unsafe { Block::at(base) })
    }

    fn start(&self, count: u32) {
        self.stop();
        self.0.write(RELOAD, u32::MAX);
        self.0.write(VALUE, count);
        self.0.write(CTRL, ENABLE | INTERRUPT_ENABLE);
    }

    fn stop(&self) {
        self.0.write(CTRL, 0);
        self.acknowledge();
    }

    fn value(&self) -> u32 {
        self.0.read(VALUE)
    }

    fn is_pending(&self) -> bool {
        self.0.read(INTERRUPT) != 0
    }

    fn acknowledge(&self) {
        self.0.write(INTERRUPT, 1);
    }
}

/// A clock of 64 bits from a timer of 32.
pub(crate) struct FreeRunning {
    timer: Timer,
    wraps: Mutex<Cell<u32>>,
}

impl FreeRunning {
    pub(crate) const fn new(timer: Timer) -> Self {
        Self {
            timer,
            wraps: Mutex::new(Cell::new(0)),
        }
    }

    pub(crate) fn start(&self) {
        self.timer.start(u32::MAX);
    }

    /// Ticks since [`Self::start`].
    pub(crate) fn ticks(&self) -> u64 {
        critical_section::with(|cs| {
            let mut wraps = self.wraps.borrow(cs).get();
            let mut ticks = !self.timer.value();
            if self.timer.is_pending() {
                // It wrapped, and the interrupt that counts this is still to come. Before
                // or after the first reading? A second one is surely after.
                ticks = !self.timer.value();
                // At zero the interrupt is pending, and the count is still the old one.
                wraps = wraps.wrapping_add(u32::from(ticks != u32::MAX));
            }
            u64::from(wraps) << 32 | u64::from(ticks)
        })
    }

    pub(crate) fn on_wrap(&self) {
        critical_section::with(|cs| {
            // At zero: one tick, until the count is the new one.
            while self.timer.value() == 0 {}
            self.timer.acknowledge();
            let wraps = self.wraps.borrow(cs);
            wraps.set(wraps.get().wrapping_add(1));
        });
    }
}

/// Fires once.
pub(crate) struct Alarm(Timer);

impl Alarm {
    pub(crate) const fn new(timer: Timer) -> Self {
        Self(timer)
    }

    /// Fires after this many ticks, of which there is at least one.
    pub(crate) fn start(&self, ticks: u32) {
        self.0.start(ticks.max(1));
    }

    pub(crate) fn stop(&self) {
        self.0.stop();
    }
}
