//! Flash that forgets: NOR in memory.

use core::fmt;
use std::vec;
use std::vec::Vec;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Sixteen pages of 4 KiB, erased.
pub(super) struct RamFlash(Vec<u8>);

impl RamFlash {
    const PAGES: usize = 16;

    pub(super) fn new() -> Self {
        Self(vec![0xff; Self::PAGES * Self::ERASE_SIZE])
    }

    /// The cells from `from` to `to`, which must lie at borders of `unit` bytes.
    fn cells(&mut self, from: usize, to: usize, unit: usize) -> Result<&mut [u8], RamFlashError> {
        if !from.is_multiple_of(unit) || !to.is_multiple_of(unit) {
            return Err(RamFlashError(NorFlashErrorKind::NotAligned));
        }
        let cells = self.0.get_mut(from..to);
        cells.ok_or(RamFlashError(NorFlashErrorKind::OutOfBounds))
    }
}

/// What was asked for lies outside, or not at a border.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RamFlashError(NorFlashErrorKind);

impl fmt::Display for RamFlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl core::error::Error for RamFlashError {}

impl NorFlashError for RamFlashError {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl ErrorType for RamFlash {
    type Error = RamFlashError;
}

impl ReadNorFlash for RamFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), RamFlashError> {
        let from = offset as usize;
        bytes.copy_from_slice(self.cells(from, from + bytes.len(), 1)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for RamFlash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), RamFlashError> {
        let cells = self.cells(from as usize, to as usize, Self::ERASE_SIZE)?;
        cells.fill(0xff);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), RamFlashError> {
        let from = offset as usize;
        let cells = self.cells(from, from + bytes.len(), Self::WRITE_SIZE)?;
        for (cell, byte) in cells.iter_mut().zip(bytes) {
            *cell &= byte;
        }
        Ok(())
    }
}
