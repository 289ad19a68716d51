//! Memory that behaves as NOR flash: pages erased to ones, words written once.
//!
//! It is the end of the machine's RAM that QEMU can keep in a file of the host, so a test
//! can stop the machine and start it again.
//!
//! | place, from the end of that RAM | length | what |
//! | --- | --- | --- |
//! | [`Flash::SIZE`] + 16 | 16 | mark of a flash that has been erased once |
//! | [`Flash::SIZE`] | [`Flash::SIZE`] | pages |
//!
//! Fresh RAM is all zeros, which is not what a fresh flash holds. So everything is erased
//! once, when the mark is missing.

#![expect(unsafe_code, reason = "memory outside of what the linker knows")]

use core::ptr;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

use crate::chip;

const ERASED: u32 = u32::MAX;
const WORD_LEN: usize = size_of::<u32>();
const MARK: [u32; 4] = [0x636F_7261, 0x636C_652D, 0x666C_6173, 0x6800_0001];

/// The flash partition of the board. There is one.
pub struct Flash(());

/// Why the flash refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, defmt::Format)]
#[non_exhaustive]
pub enum FlashError {
    /// An offset or a length is not a multiple of the size of a page or a word.
    NotAligned,
    /// Past the end of the partition.
    OutOfBounds,
    /// The word was written since its page was erased.
    NotErased,
}

impl Flash {
    /// Bytes in the partition.
    pub const SIZE: u32 = 256 * 1024;
    /// Bytes in a page, which is erased as one.
    pub const PAGE_SIZE: u32 = 4096;

    const LEN: usize = Self::SIZE as usize;
    const WORDS: usize = Self::LEN / WORD_LEN;
    const BASE: usize = chip::FLASH_END - Self::LEN;

    pub(crate) fn open() -> Self {
        let mut flash = Self(());
        let mark = Self::BASE - size_of_val(&MARK);
        let word = |index| ptr::with_exposed_provenance_mut::<u32>(mark + index * WORD_LEN);
        // SAFETY: aligned, in RAM that is only here.
        let is_known = (0..MARK.len()).all(|i| unsafe { ptr::read_volatile(word(i)) } == MARK[i]);
        if !is_known {
            flash.fill(0, Self::WORDS);
            for (i, value) in MARK.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { ptr::write_volatile(word(i), value) };
            }
        }
        flash
    }

    /// The words are numbered from the start of the partition, and checked by the caller.
    fn word(index: usize) -> *mut u32 {
        debug_assert!(index < Self::WORDS);
        ptr::with_exposed_provenance_mut(Self::BASE + index * WORD_LEN)
    }

    fn get(&self, index: usize) -> u32 {
        // SAFETY: aligned, in RAM that belongs to the one flash.
        unsafe { ptr::read_volatile(Self::word(index)) }
    }

    fn set(&mut self, index: usize, value: u32) {
        // SAFETY: aligned, in RAM that belongs to the one flash.
        unsafe { ptr::write_volatile(Self::word(index), value) };
    }

    fn fill(&mut self, from: usize, to: usize) {
        for index in from..to {
            self.set(index, ERASED);
        }
    }
}

fn check(from: usize, to: usize, unit: usize) -> Result<(), FlashError> {
    if !from.is_multiple_of(unit) || !to.is_multiple_of(unit) {
        return Err(FlashError::NotAligned);
    }
    if from > to || to > Flash::LEN {
        return Err(FlashError::OutOfBounds);
    }
    Ok(())
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotErased => NorFlashErrorKind::Other,
        }
    }
}

impl ErrorType for Flash {
    type Error = FlashError;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        let offset = offset as usize;
        check(offset, offset.saturating_add(bytes.len()), Self::READ_SIZE)?;
        for (at, byte) in (offset..).zip(bytes) {
            *byte = self.get(at / WORD_LEN).to_le_bytes()[at % WORD_LEN];
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        Self::LEN
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD_LEN;
    const ERASE_SIZE: usize = Self::PAGE_SIZE as usize;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let (from, to) = (from as usize, to as usize);
        check(from, to, Self::ERASE_SIZE)?;
        self.fill(from / WORD_LEN, to / WORD_LEN);
        Ok(())
    }

    /// Stops at the first word that is not erased; those before it are written then.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let offset = offset as usize;
        check(offset, offset.saturating_add(bytes.len()), WORD_LEN)?;
        let (words, _) = bytes.as_chunks::<WORD_LEN>();
        for (index, word) in (offset / WORD_LEN..).zip(words) {
            if self.get(index) != ERASED {
                return Err(FlashError::NotErased);
            }
            self.set(index, u32::from_le_bytes(*word));
        }
        Ok(())
    }
}
