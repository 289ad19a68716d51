//! 16550A UART, with FIFOs of 16 bytes.
//!
//! | offset | register | bits |
//! | --- | --- | --- |
//! | 0 | RBR, THR | byte |
//! | 1 | IER | 0 received, 1 room to send |
//! | 2 | IIR, FCR | 0 FIFOs on, 1 and 2 empty them |
//! | 3 | LCR | 0 and 1: eight bits |
//! | 5 | LSR | 0 received, 1 overrun, 5 room to send |
//!
//! Reference: National Semiconductor PC16550D data sheet, section 8.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use core::cell::Cell;

use critical_section::Mutex;

use crate::hw::Block;

const DATA: usize = 0;
const IER: usize = 1;
const IIR: usize = 2;
const FCR: usize = 2;
const LCR: usize = 3;
const LSR: usize = 5;

const RX_INTERRUPT: u8 = 1 << 0;
const TX_INTERRUPT: u8 = 1 << 1;

const FIFOS_ON_AND_EMPTY: u8 = 0b111;
const EIGHT_BITS: u8 = 0b11;

const RX_READY: u8 = 1 << 0;
const RX_OVERRUN: u8 = 1 << 1;
const TX_READY: u8 = 1 << 5;

pub(crate) struct Uart {
    block: Block<u8>,
    /// Reading LSR clears the overrun bit, whoever looks.
    is_overrun: Mutex<Cell<bool>>,
}

impl Uart {
    /// # Safety
    ///
    /// There is such a UART at `base`.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        Self {
            // SAFETY: as promised. It has no DMA.
            block: unsafe { Block::at(base) },
            is_overrun: Mutex::new(Cell::new(false)),
        }
    }

    pub(crate) fn start(&self) {
        self.block.write(IER, 0);
        self.block.write(FCR, FIFOS_ON_AND_EMPTY);
        self.block.write(LCR, EIGHT_BITS);
    }

    fn status(&self) -> u8 {
        let status = self.block.read(LSR);
        if status & RX_OVERRUN != 0 {
            critical_section::with(|cs| self.is_overrun.borrow(cs).set(true));
        }
        status
    }

    /// The byte that has come, if any.
    pub(crate) fn take(&self) -> Option<u8> {
        let is_there = self.status() & RX_READY != 0;
        is_there.then(|| self.block.read(DATA))
    }

    /// Sends a byte if there is room.
    pub(crate) fn try_put(&self, byte: u8) -> bool {
        let is_free = self.status() & TX_READY != 0;
        if is_free {
            self.block.write(DATA, byte);
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

    fn switch(&self, bit: u8, on: bool) {
        let old = self.block.read(IER);
        let new = if on { old | bit } else { old & !bit };
        if old != new {
            self.block.write(IER, new);
        }
    }

    /// Takes the interrupts back; says whether a byte was lost since the last time.
    pub(crate) fn acknowledge(&self) -> bool {
        self.block.read(IIR);
        critical_section::with(|cs| self.is_overrun.borrow(cs).take())
    }
}
