//! Peripherals that two chips share, or that stand for themselves.

mod block;
#[cfg(target_arch = "riscv32")]
pub(crate) mod clint;
#[cfg(target_arch = "arm")]
pub(crate) mod cmsdk_timer;
#[cfg(target_arch = "arm")]
pub(crate) mod cmsdk_uart;
#[cfg(target_arch = "riscv32")]
pub(crate) mod ns16550;
#[cfg(target_arch = "riscv32")]
pub(crate) mod plic;

pub(crate) use self::block::Block;
