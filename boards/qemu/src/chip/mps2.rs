//! What the MPS2 machines have in common: CMSDK UARTs and timers, and 16 MiB of PSRAM.

#![expect(unsafe_code, reason = "addresses of peripherals, and the vector table")]

#[cfg(not(feature = "mps2-an505"))]
use super::mps2_an386 as map;
#[cfg(feature = "mps2-an505")]
use super::mps2_an505 as map;

use super::cortex_m;
use crate::hw::cmsdk_timer::{Alarm, FreeRunning, Timer};
use crate::hw::cmsdk_uart::Uart;
use crate::{time, uart};

// SAFETY: the machine has these UARTs and timers there, as its application note says.
pub(crate) static CONSOLE: Uart = unsafe { Uart::at(map::UART0) };
// SAFETY: as above.
pub(crate) static MODEM: Uart = unsafe { Uart::at(map::UART1) };
// SAFETY: as above.
pub(crate) static PINS: Uart = unsafe { Uart::at(map::UART2) };
// SAFETY: as above.
static ALARM: Alarm = Alarm::new(unsafe { Timer::at(map::TIMER0) });
// SAFETY: as above.
static CLOCK: FreeRunning = FreeRunning::new(unsafe { Timer::at(map::TIMER1) });

/// The end of the PSRAM, which is all of QEMU's `mps.ram`.
pub(crate) const FLASH_END: usize = map::PSRAM + 16 * 1024 * 1024;

const TICKS_PER_US: u64 = (map::CLOCK_HZ / 1_000_000) as u64;
const NS_PER_TICK: u64 = (1_000_000_000 / map::CLOCK_HZ) as u64;

unsafe extern "C" {
    fn DefaultHandler();
}

/// Interrupts of an ARMv6-M core; the largest number in use is above them on an505 only.
const IRQS: usize = if map::UART1_TX_IRQ < 32 { 32 } else { 64 };

/// The second part of the vector table; cortex-m-rt has the first.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [unsafe extern "C" fn(); IRQS] = {
    let mut table = [DefaultHandler as unsafe extern "C" fn(); IRQS];
    table[map::UART1_RX_IRQ as usize] = uart::on_interrupt;
    table[map::UART1_TX_IRQ as usize] = uart::on_interrupt;
    table[map::TIMER0_IRQ as usize] = time::on_alarm;
    table[map::TIMER1_IRQ as usize] = on_wrap;
    table
};

extern "C" fn on_wrap() {
    CLOCK.on_wrap();
}

/// Starts clocks and UARTs.
pub(crate) fn start() {
    CLOCK.start();
    for uart in [&CONSOLE, &MODEM, &PINS] {
        uart.start(map::CLOCK_HZ);
    }
    MODEM.listen_rx(true);
    for irq in [
        map::UART1_RX_IRQ,
        map::UART1_TX_IRQ,
        map::TIMER0_IRQ,
        map::TIMER1_IRQ,
    ] {
        cortex_m::unmask(irq);
    }
}

pub(crate) fn now_us() -> u64 {
    CLOCK.ticks() / TICKS_PER_US
}

pub(crate) fn instructions() -> u64 {
    CLOCK.ticks() * NS_PER_TICK
}

/// Fires after `us`, or earlier when that is more than the timer holds.
pub(crate) fn set_alarm(us: u64) {
    let ticks = us.saturating_mul(TICKS_PER_US);
    ALARM.start(u32::try_from(ticks).unwrap_or(u32::MAX));
}

pub(crate) fn stop_alarm() {
    ALARM.stop();
}
