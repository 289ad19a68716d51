//! QEMU's `virt` machine with one RV32IMAC hart and 16 MiB of RAM.
//!
//! It has one UART; the other two are PCI cards, `pci-serial` in the slots 1 and 2. The
//! firmware gives the cards their I/O ports itself, as there is no boot code before it.

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
const MODEM_PORTS: u16 = 0x1000;
const PINS_PORTS: u16 = 0x1010;

const MODEM_SLOT: usize = 1;
const PINS_SLOT: usize = 2;
/// Interrupt pin A of that slot: the four interrupts of PCI start at 32.
const MODEM_IRQ: usize = 32 + MODEM_SLOT;

/// Configuration space, and its length for a slot.
const CONFIG: usize = 0x3000_0000;
const SLOT_LEN: usize = 1 << 15;
const COMMAND: usize = 0x04;
const BAR0: usize = 0x10;
const COMMAND_IO: u32 = 1;

// SAFETY: the machine has this UART there, as its source says.
pub(crate) static CONSOLE: Uart = unsafe { Uart::at(0x1000_0000) };
// SAFETY: `start` puts the card there before it is used.
pub(crate) static MODEM: Uart = unsafe { Uart::at(PORTS + MODEM_PORTS as usize) };
// SAFETY: as above.
pub(crate) static PINS: Uart = unsafe { Uart::at(PORTS + PINS_PORTS as usize) };
// SAFETY: the machine has these units there, as its source says.
static CLINT: Clint = unsafe { Clint::at(0x0200_0000) };
// SAFETY: as above.
static PLIC: Plic = unsafe { Plic::at(0x0C00_0000) };

/// The end of the machine's RAM, which is all of it.
pub(crate) const FLASH_END: usize = 0x8000_0000 + 16 * 1024 * 1024;

/// Starts UARTs and interrupts.
pub(crate) fn start() {
    stop_alarm();
    connect_card(MODEM_SLOT, MODEM_PORTS);
    connect_card(PINS_SLOT, PINS_PORTS);
    for uart in [&CONSOLE, &MODEM, &PINS] {
        uart.start();
    }
    MODEM.listen_rx(true);
    PLIC.unmask(MODEM_IRQ);
    // SAFETY: the handlers below are ready for both.
    unsafe { mie::set_mtimer() };
    // SAFETY: as above.
    unsafe { mie::set_mext() };
    // SAFETY: nothing relies on interrupts being off.
    unsafe { mstatus::set_mie() };
}

fn connect_card(slot: usize, ports: u16) {
    // SAFETY: the configuration of a slot. An empty one ignores what is written.
    let config: Block<u32> = unsafe { Block::at(CONFIG + slot * SLOT_LEN) };
    config.write(BAR0, ports.into());
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
