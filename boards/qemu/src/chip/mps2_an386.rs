//! MPS2 with the FPGA image of Arm application note 386: one Cortex-M4F.

pub(super) const CLOCK_HZ: u32 = 25_000_000;

pub(super) const UART0: usize = 0x4000_4000;
pub(super) const UART1: usize = 0x4000_5000;
pub(super) const UART2: usize = 0x4000_6000;
pub(super) const UART1_RX_IRQ: u16 = 2;
pub(super) const UART1_TX_IRQ: u16 = 3;

pub(super) const TIMER0: usize = 0x4000_0000;
pub(super) const TIMER1: usize = 0x4000_1000;
pub(super) const TIMER0_IRQ: u16 = 8;
pub(super) const TIMER1_IRQ: u16 = 9;

pub(super) const PSRAM: usize = 0x2100_0000;
