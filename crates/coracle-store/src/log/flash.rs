//! Reading and writing, with the flash's own units.

use embedded_storage_async::nor_flash::NorFlash;

use super::index::Place;
use super::item::ITEM_HEADER_LEN;
use super::{Log, Result};
use crate::StoreError;

/// The largest unit of writing that flash chips have.
pub(super) const MAX_UNIT: usize = 32;

/// Read at a time where nothing has to be kept.
const CHUNK: usize = 64;

/// Tries to read before a word counts as unreadable.
const READ_TRIES: usize = 3;

const ERASED: u8 = 0xff;

/// What cannot be read reads as this: no header, no checksum and no erased flash.
const UNREADABLE: u8 = 0;

impl<F: NorFlash> Log<'_, F> {
    /// Bytes in a page.
    pub(super) const PAGE: usize = F::ERASE_SIZE;

    /// Everything begins and ends at a multiple of this.
    pub(super) const UNIT: usize = {
        let write = if F::WRITE_SIZE > F::READ_SIZE {
            F::WRITE_SIZE
        } else {
            F::READ_SIZE
        };
        if write < 4 { 4 } else { write }
    };

    const IS_SUPPORTED: bool = Self::UNIT.is_power_of_two()
        && Self::UNIT <= MAX_UNIT
        && Self::PAGE.is_multiple_of(Self::UNIT)
        && F::WRITE_SIZE.is_power_of_two();

    pub(super) fn check_geometry(&self) -> Result<(), F> {
        let item = self.unit_size(self.buf.len());
        let fits = Self::PAGE > self.first_item().saturating_add(item);
        if Self::IS_SUPPORTED && self.pages() >= 3 && fits {
            return Ok(());
        }
        Err(StoreError::BadGeometry)
    }

    pub(super) fn pages(&self) -> usize {
        self.flash.capacity().checked_div(Self::PAGE).unwrap_or(0)
    }

    /// The length filled up to whole units.
    pub(super) const fn unit_size(&self, len: usize) -> usize {
        len.next_multiple_of(Self::UNIT)
    }

    pub(super) const fn address(page: usize, at: usize) -> u32 {
        let address = page.saturating_mul(Self::PAGE).saturating_add(at);
        if address > u32::MAX as usize {
            return u32::MAX;
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above")]
        {
            address as u32
        }
    }

    /// Reads whole units. What cannot be read after some tries is an error.
    async fn read(&mut self, at: u32, out: &mut [u8]) -> Result<(), F> {
        let mut tries = READ_TRIES;
        loop {
            match self.flash.read(at, out).await {
                Ok(()) => return Ok(()),
                Err(_) if tries > 1 => tries = tries.saturating_sub(1),
                Err(cause) => return Err(StoreError::Flash(cause)),
            }
        }
    }

    /// Whether a unit can be read.
    pub(super) async fn can_read(&mut self, at: u32, unit: &mut [u8]) -> bool {
        self.read(at, unit).await.is_ok()
    }

    /// Reads whole units; a unit that cannot be read is all [`UNREADABLE`]. Torn words of
    /// flash with error correction are such.
    pub(super) async fn read_lossy(&mut self, at: u32, out: &mut [u8]) {
        if self.read(at, out).await.is_ok() {
            return;
        }
        let mut at = at;
        for unit in out.chunks_mut(Self::UNIT) {
            if self.read(at, unit).await.is_err() {
                unit.fill(UNREADABLE);
            }
            at = at.saturating_add(Self::unit());
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most `MAX_UNIT`")]
    const fn unit() -> u32 {
        Self::UNIT as u32
    }

    /// Bytes of an item's body, from `skip` on.
    pub(super) async fn read_body(
        &mut self,
        place: Place,
        skip: usize,
        out: &mut [u8],
    ) -> Result<(), F> {
        let mut offset = ITEM_HEADER_LEN.saturating_add(skip);
        let mut chunk = [0; CHUNK];
        let mut rest = out;
        while !rest.is_empty() {
            // A body begins where the header ends, which may be in the middle of a unit.
            let lead = offset & (Self::UNIT.saturating_sub(1));
            let start = offset.saturating_sub(lead);
            let take = self.unit_size(lead.saturating_add(rest.len())).min(CHUNK);
            let Some(part) = chunk.get_mut(..take) else {
                break;
            };
            let at = u32::try_from(start).unwrap_or(u32::MAX);
            self.read(place.at.saturating_add(at), part).await?;
            let bytes = part.get(lead..).unwrap_or_default();
            let len = bytes.len().min(rest.len());
            let (now, later) = core::mem::take(&mut rest)
                .split_at_mut_checked(len)
                .unwrap_or_default();
            for (to, from) in now.iter_mut().zip(bytes) {
                *to = *from;
            }
            offset = offset.saturating_add(len);
            rest = later;
        }
        Ok(())
    }

    /// Runs over `len` bytes from `at`, in chunks of whole units.
    pub(super) async fn scan(&mut self, at: u32, len: usize, mut see: impl FnMut(usize, &[u8])) {
        let mut chunk = [0; CHUNK];
        let mut done = 0;
        while done < len {
            let take = len.saturating_sub(done).min(CHUNK);
            let Some(part) = chunk.get_mut(..take) else {
                break;
            };
            let from = at.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            self.read_lossy(from, part).await;
            see(done, part);
            done = done.saturating_add(take);
        }
    }

    /// Writes the first `size` bytes of the buffer; whether they read back.
    pub(super) async fn program(&mut self, at: u32, size: usize) -> Result<bool, F> {
        let written = match self.buf.get(..size) {
            Some(bytes) => self.flash.write(at, bytes).await,
            None => return Ok(false),
        };
        let is_same = self.reads_back(at, size).await;
        match written {
            // A driver may fail after the last word is there.
            Err(cause) if !is_same => Err(StoreError::Flash(cause)),
            _ => Ok(is_same),
        }
    }

    async fn reads_back(&mut self, at: u32, size: usize) -> bool {
        let mut chunk = [0; CHUNK];
        let mut done = 0;
        while done < size {
            let take = size.saturating_sub(done).min(CHUNK);
            let from = at.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            let Some(part) = chunk.get_mut(..take) else {
                return false;
            };
            if self.read(from, part).await.is_err() {
                return false;
            }
            let end = done.saturating_add(take);
            if self.buf.get(done..end) != Some(&*part) {
                return false;
            }
            done = end;
        }
        true
    }

    pub(super) async fn erase(&mut self, page: usize) -> Result<(), F> {
        let from = Self::address(page, 0);
        let to = Self::address(page.saturating_add(1), 0);
        self.flash.erase(from, to).await.map_err(StoreError::Flash)
    }

    pub(super) async fn is_erased(&mut self, page: usize) -> bool {
        let mut is_erased = true;
        self.scan(Self::address(page, 0), Self::PAGE, |_, bytes| {
            is_erased &= bytes.iter().all(|byte| *byte == ERASED);
        })
        .await;
        is_erased
    }

    /// Where the last unit that is not erased ends, in bytes from `at`; 0 where all are.
    pub(super) async fn written_len(&mut self, at: u32, len: usize) -> usize {
        let mut end = 0_usize;
        self.scan(at, len, |offset, bytes| {
            if let Some(last) = bytes.iter().rposition(|byte| *byte != ERASED) {
                end = offset.saturating_add(last).saturating_add(1);
            }
        })
        .await;
        end.next_multiple_of(Self::UNIT)
    }
}
