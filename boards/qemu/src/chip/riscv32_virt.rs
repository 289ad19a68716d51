//! QEMU's `virt` machine with one RV32IMAC hart and 16 MiB of RAM.
//!
//! It has one UART; the other two are a PCI card with two, `pci-serial-2x` in slot 1. The
//! firmware gives the card its I/O addresses itself, as there is no boot code before it.

#![expect(
    unsafe_code,
    reason = "addresses of peripherals, and interrupt handlers"
)]

use core::arch::asm;

use riscv::register::{mie, minstret, minstreth, mstatus};

use crate::hw::Block;
use crate::hw::clint::Clint;
use crate::hw::ns16550::Uart;
use crate::hw::plic::Plic;
use crate::{time, uart};

const TICKS_PER_US: u64 = 10;

/// Where the machine shows the I/O ports of PCI.
const PORTS: usize = 0x0300_0000;
/// The ports that the card is given.
const CARD_PORTS: u16 = 0x1000;
const CARD: usize = PORTS + CARD_PORTS as usize;
/// Ports of one UART of the card.
const UART_PORTS: usize = 8;

/// Configuration space of the card: bus 0, slot 1.
const CARD_CONFIG: usize = 0x3000_0000 + (1 << 15);
const COMMAND: usize = 0x04;
const BAR0: usize = 0x10;
const COMMAND_IO: u32 = 1;
/// Pin A of slot 1: the four PCI interrupts start at 32.
const CARD_IRQ: usize = 33;

// SAFETY: the machine has this UART there, as its source says.
pub(crate) static CONSOLE: Uart = unsafe { Uart::at(0x1000_0000) };
// SAFETY: `start` puts the card there before any use.
pub(crate) static MODEM: Uart = unsafe { Uart::at(CARD) };
// SAFETY: as above.
pub(crate) static PINS: Uart = unsafe { Uart::at(CARD + UART_PORTS) };
// SAFETY: the machine has these units there, as its source says.
static CLINT: Clint = unsafe { Clint::at(0x0200_0000) };
// SAFETY: as above.
static PLIC: Plic = unsafe { Plic::at(0x0C00_0000) };

/// The end of the machine's RAM, which is all of it.
pub(crate) const FLASH_END: usize = 0x8000_0000 + 16 * 1024 * 1024;

/// Starts UARTs and interrupts.
pub(crate) fn start() {
    stop_alarm();
    connect_card();
    for uart in [&CONSOLE, &MODEM, &PINS] {
        uart.start();
    }
    MODEM.listen_rx(true);
    PLIC.unmask(CARD_IRQ);
    // SAFETY: the handlers below are ready for both.
    unsafe { mie::set_mtimer() };
    // SAFETY: as above.
    unsafe { mie::set_mext() };
    // SAFETY: nothing relies on interrupts being off.
    unsafe { mstatus::set_mie() };
}

fn connect_card() {
    // SAFETY: the configuration of slot 1. An empty one ignores what is written.
    let config: Block<u32> = unsafe { Block::at(CARD_CONFIG) };
    config.write(BAR0, CARD_PORTS.into());
    config.write(COMMAND, COMMAND_IO);
}

#[unsafe(no_mangle)]
extern "C" fn MachineTimer() {
    // It is pending for as long as the moment has passed, so it is moved in any case.
    time::on_alarm();
}

#[unsafe(no_mangle)]
extern "C" fn MachineExternal() {
    let irq = PLIC.claim();
    if irq != 0 {
        uart::on_interrupt();
        PLIC.complete(irq);
    }
}

pub(crate) fn now_us() -> u64 {
    CLINT.ticks() / TICKS_PER_US
}

pub(crate) fn instructions() -> u64 {
    loop {
        let high = minstreth::read();
        let low = minstret::read();
        if high == minstreth::read() {
            return (high as u64) << 32 | low as u64;
        }
    }
}

pub(crate) fn set_alarm(us: u64) {
    let ticks = us.saturating_mul(TICKS_PER_US);
    CLINT.set_alarm(CLINT.ticks().saturating_add(ticks));
}

pub(crate) fn stop_alarm() {
    CLINT.set_alarm(u64::MAX);
}

/// Sleeps until an interrupt is pending, whether or not interrupts are on.
pub(crate) fn wait_for_interrupt() {
    riscv::asm::wfi();
}

pub(crate) fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: copies a register.
    unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack)) };
    pointer
}
