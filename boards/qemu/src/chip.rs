//! The chosen chip. Each has the same items, so nothing above asks which it is.

#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(target_arch = "arm")]
mod mps2;
#[cfg(feature = "mps2-an386")]
mod mps2_an386;
#[cfg(feature = "mps2-an505")]
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
