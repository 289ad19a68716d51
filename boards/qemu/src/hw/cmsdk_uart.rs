//! Arm CMSDK APB UART, one byte deep each way.
//!
//! | offset | register | bits |
//! | --- | --- | --- |
//! | 0x00 | DATA | byte |
//! | 0x04 | STATE | 0 transmitter full, 1 receiver full, 3 receive overrun |
//! | 0x08 | CTRL | 0 transmit, 1 receive, 2 transmit interrupt, 3 receive interrupt |
//! | 0x0C | INTSTATUS, INTCLEAR | 0 transmit, 1 receive |
//! | 0x10 | BAUDDIV | clock / baud rate, at least 16 |
//!
//! Reference: Arm Cortex-M System Design Kit technical reference manual, section 4.3.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use crate::hw::Block;

const DATA: usize = 0x00;
const STATE: usize = 0x04;
const CTRL: usize = 0x08;
const INTERRUPT: usize = 0x0C;
const BAUD_DIV: usize = 0x10;

const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;
const RX_OVERRUN: u32 = 1 << 3;

const TX_ENABLE: u32 = 1 << 0;
const RX_ENABLE: u32 = 1 << 1;
const TX_INTERRUPT: u32 = 1 << 2;
const RX_INTERRUPT: u32 = 1 << 3;

const ALL_INTERRUPTS: u32 = 0b1111;

const BAUD: u32 = 115_200;

pub(crate) struct Uart(Block<u32>);

impl Uart {
    /// # Safety
    ///
    /// There is such a UART at `base`.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        // SAFETY: as promised. It has no DMA.
        Self(unsafe { Block::at(base) })
    }

    pub(crate) fn start(&self, clock_hz: u32) {
        self.0.write(BAUD_DIV, clock_hz / BAUD);
        self.0.write(CTRL, TX_ENABLE | RX_ENABLE);
    }

    /// The byte that has come, if any.
    pub(crate) fn take(&self) -> Option<u8> {
        let is_full = self.0.read(STATE) & RX_FULL != 0;
        is_full.then(|| self.0.read(DATA).to_le_bytes()[0])
    }

    /// Sends a byte if there is room.
    pub(crate) fn try_put(&self, byte: u8) -> bool {
        let is_free = self.0.read(STATE) & TX_FULL == 0;
        if is_free {
            self.0.write(DATA, byte.into());
        }
        is_free
    }

    pub(crate) fn put_blocking(&self, byte: u8) {
        while !self.try_put(byte) {}
    }

    pub(crate) fn listen_rx(&self, on: bool) {
        self.switch(RX_INTERRUPT, on);
    }

    pub(crate) fn listen_tx(&self, on: bool) {
        self.switch(TX_INTERRUPT, on);
    }

    fn switch(&self, bit: u32, on: bool) {
        let old = self.0.read(CTRL);
        let new = if on { old | bit } else { old & !bit };
        if old != new {
            self.0.write(CTRL, new);
        }
    }

    /// Takes the interrupts back; says whether a byte was lost since the last time.
    pub(crate) fn acknowledge(&self) -> bool {
        self.0.write(INTERRUPT, ALL_INTERRUPTS);
        let is_lost = self.0.read(STATE) & RX_OVERRUN != 0;
        if is_lost {
            self.0.write(STATE, RX_OVERRUN);
        }
        is_lost
    }
}
