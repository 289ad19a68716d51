//! What the tests of the store share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program takes what it needs"
)]

use core::cell::{Cell, RefCell};
use core::convert::Infallible;

use coracle_core::B256;
use coracle_store::{EntryName, Intake, MonotonicCounter, StoreError, WhenFull};
use coracle_testkit::{FlashError, SimFlash};
use embassy_futures::block_on;
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

pub type Error = StoreError<FlashError>;

/// A chip on the board: it outlives the store, and the test reaches it as well.
#[derive(Clone, Copy, Debug)]
pub struct Chip<'a, const WORD: usize, const PAGE: usize, const READ: usize>(
    pub &'a RefCell<SimFlash<WORD, PAGE, READ>>,
);

impl<const WORD: usize, const PAGE: usize, const READ: usize> ErrorType
    for Chip<'_, WORD, PAGE, READ>
{
    type Error = FlashError;
}

// No operation of the simulated flash ever waits.
impl<const WORD: usize, const PAGE: usize, const READ: usize> ReadNorFlash
    for Chip<'_, WORD, PAGE, READ>
{
    const READ_SIZE: usize = READ;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        self.0.borrow().capacity()
    }
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> NorFlash
    for Chip<'_, WORD, PAGE, READ>
{
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().erase(from, to))
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        block_on(self.0.borrow_mut().write(offset, bytes))
    }
}

/// A counter beside the flash; none where there is no cell.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a>(pub Option<&'a Cell<u32>>);

impl MonotonicCounter for Part<'_> {
    type Error = Infallible;

    async fn value(&mut self) -> Result<Option<u32>, Infallible> {
        Ok(self.0.map(Cell::get))
    }

    async fn increment(&mut self) -> Result<(), Infallible> {
        if let Some(cell) = self.0 {
            cell.set(cell.get() + 1);
        }
        Ok(())
    }
}

pub fn name(device: u8, sequence: u64) -> EntryName {
    EntryName {
        device: device_name(device),
        sequence,
    }
}

pub fn device_name(device: u8) -> B256 {
    B256([0xd0 | device; 32])
}

pub fn account_name(account: u8) -> B256 {
    B256([0xa0 | account; 32])
}

/// Few entries, the newest refused.
pub fn intake(max_entries: usize) -> Intake {
    Intake {
        max_entries,
        when_full: WhenFull::Refuse,
        max_state: 16,
    }
}
