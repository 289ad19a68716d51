//! The core of the Arm machines.

#![expect(unsafe_code, reason = "the interrupt controller and the stack pointer")]

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m::register::msp;

#[derive(Clone, Copy)]
struct Irq(u16);

// SAFETY: a number from the machine's table of interrupts, always the same.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self.0
    }
}

pub(super) fn unmask(irq: u16) {
    // SAFETY: nothing relies on this interrupt being off.
    unsafe { NVIC::unmask(Irq(irq)) }
}

/// Sleeps until an interrupt is pending, whether or not interrupts are on.
pub(crate) fn wait_for_interrupt() {
    cortex_m::asm::wfi();
}

pub(crate) fn stack_pointer() -> usize {
    msp::read() as usize
}
