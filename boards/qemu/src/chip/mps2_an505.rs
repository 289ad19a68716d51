//! MPS2+ with the FPGA image of Arm application note 505: one Cortex-M33, which stays in
//! the secure state; addresses are the secure aliases.

pub(super) const CLOCK_HZ: u32 = 20_000_000;

pub(super) const UART0: usize = 0x5020_0000;
pub(super) const UART1: usize = 0x5020_1000;
pub(super) const UART2: usize = 0x5020_2000;
pub(super) const UART1_RX_IRQ: u16 = 34;
pub(super) const UART1_TX_IRQ: u16 = 35;

pub(super) const TIMER0: usize = 0x5000_0000;
pub(super) const TIMER1: usize = 0x5000_1000;
pub(super) const TIMER0_IRQ: u16 = 3;
pub(super) const TIMER1_IRQ: u16 = 4;

pub(super) const PSRAM: usize = 0x8000_0000;
