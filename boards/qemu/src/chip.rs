//! The chosen chip. Each has the same items, so nothing above asks which it is.
//!
//! No choice, or two, is an error of the crate root. Here one is taken then, so that it
//! stays the only error.

#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(target_arch = "arm")]
mod mps2;
#[cfg(all(target_arch = "arm", not(feature = "mps2-an505")))]
mod mps2_an386;
#[cfg(all(target_arch = "arm", feature = "mps2-an505"))]
mod mps2_an505;
#[cfg(target_arch = "riscv32")]
mod riscv32_virt;

#[cfg(target_arch = "riscv32")]
pub(crate) use self::riscv32_virt::{
    CONSOLE, FLASH_END, MODEM, PINS, instructions, now_us, set_alarm, stack_pointer, start,
    stop_alarm, wait_for_interrupt,
};
#[cfg(target_arch = "arm")]
pub(crate) use self::{
    cortex_m::{stack_pointer, wait_for_interrupt},
    mps2::{CONSOLE, FLASH_END, MODEM, PINS, instructions, now_us, set_alarm, start, stop_alarm},
};
