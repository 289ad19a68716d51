//! Board support for the machines that QEMU emulates. Empty on a host.
#![cfg(target_os = "none")]
#![cfg_attr(target_os = "none", doc = include_str!("../README.md"))]
#![no_std]

#[cfg(not(any(
    feature = "mps2-an386",
    feature = "mps2-an505",
    feature = "riscv32-virt"
)))]
compile_error!(
    "choose one chip: mps2-an386, mps2-an505 or riscv32-virt, \
     for example `--features mps2-an386 --target thumbv7em-none-eabihf`"
);

#[cfg(any(
    all(feature = "mps2-an386", feature = "mps2-an505"),
    all(feature = "mps2-an386", feature = "riscv32-virt"),
    all(feature = "mps2-an505", feature = "riscv32-virt"),
))]
compile_error!(
    "choose only one chip of mps2-an386, mps2-an505 and riscv32-virt, \
     for example `--features mps2-an386 --target thumbv7em-none-eabihf`"
);

#[cfg(all(
    any(feature = "mps2-an386", feature = "mps2-an505"),
    not(target_arch = "arm")
))]
compile_error!(
    "the mps2 chips are Arm: `--target thumbv7em-none-eabihf` for mps2-an386, \
     `--target thumbv8m.main-none-eabihf` for mps2-an505"
);

#[cfg(all(feature = "riscv32-virt", not(target_arch = "riscv32")))]
compile_error!("the chip riscv32-virt needs `--target riscv32imac-unknown-none-elf`");

mod board;
mod chip;
mod console;
mod fault;
mod flash;
mod host;
mod hw;
mod log;
mod pins;
mod random;
mod run;
mod semihosting;
mod stack;
mod time;
mod uart;

pub use self::board::Qemu;
pub use self::console::Console;
pub use self::flash::{Flash, FlashError};
pub use self::host::{InjectedSecret, settings};
pub use self::pins::ControlPin;
pub use self::random::{InjectedRandom, RandomError};
pub use self::run::{Exit, Peripherals, exit, start};
pub use self::stack::stack_used;
pub use self::time::{Clock, instructions};
pub use self::uart::ModemUart;
