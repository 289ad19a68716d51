//! The ring of pages: opening a log, going on to the next page, wiping old ones.

use embedded_storage_async::nor_flash::NorFlash;

use super::flash::MAX_UNIT;
use super::index::{Key, Kind, Place};
use super::item::{ITEM_HEADER_LEN, ItemHeader, Mark, PAGE_HEADER_LEN, PageHeader};
use super::{Log, Result};
use crate::StoreError;

/// The newest page, and where in it the next item goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) store_id: u32,
    pub(super) sequence: u32,
    /// The page's place on the flash.
    page_start: u32,
    /// In bytes from the start of the page.
    pub(super) at: usize,
    /// The oldest page that counts.
    oldest: u32,
    /// Pages up to this one may hold what was to be wiped; 0 for none.
    wipe_to: u32,
    pub(super) next_number: u32,
}

impl Head {
    pub(super) const NONE: Self = Self {
        store_id: 0,
        sequence: 0,
        page_start: 0,
        at: 0,
        oldest: 0,
        wipe_to: 0,
        next_number: 0,
    };

    /// Items of another store or another page never pass their checksums here.
    pub(super) const fn salt(&self) -> u32 {
        salt(self.store_id, self.sequence)
    }

    pub(super) fn address(&self) -> u32 {
        let at = u32::try_from(self.at).unwrap_or(u32::MAX);
        self.page_start.saturating_add(at)
    }
}

const fn salt(store_id: u32, sequence: u32) -> u32 {
    store_id ^ sequence.rotate_left(16)
}

/// How much of the flash's life is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wear {
    /// Pages that were begun since the store was made, each with an erase.
    pub pages_begun: u32,
    /// Pages in the partition; all are erased equally often.
    pub pages: u32,
    /// Bytes in a page.
    pub page_len: u32,
}

impl Wear {
    /// How often each page was erased.
    pub const fn cycles(&self) -> u32 {
        self.pages_begun
            .div_ceil(if self.pages == 0 { 1 } else { self.pages })
    }
}

/// Body of a commit in bytes.
pub(super) const COMMIT_LEN: usize = 8;

/// What a commit says.
#[derive(Clone, Copy, Debug)]
struct Commit {
    oldest: u32,
    wipe_to: u32,
}

impl Commit {
    const LEN: usize = COMMIT_LEN;
    const KEY: Key = Key::new(Kind::Commit, 0);

    fn to_bytes(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.oldest.to_le_bytes();
        let [e, f, g, h] = self.wipe_to.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    fn from_bytes([a, b, c, d, e, f, g, h]: [u8; Self::LEN]) -> Self {
        Self {
            oldest: u32::from_le_bytes([a, b, c, d]),
            wipe_to: u32::from_le_bytes([e, f, g, h]),
        }
    }
}

/// What a look at one page found.
struct Found {
    /// The number after its last item.
    next_number: u32,
    commit: Option<Commit>,
    /// Pages up to this one may hold what is to be wiped; 0 for none.
    wipe_to: u32,
}

impl<F: NorFlash> Log<'_, F> {
    /// Where a page's first item stands.
    pub(super) const fn first_item(&self) -> usize {
        self.unit_size(PAGE_HEADER_LEN)
    }

    fn page_of(&self, sequence: u32) -> usize {
        let pages = u32::try_from(self.pages()).unwrap_or(u32::MAX);
        sequence.checked_rem(pages).unwrap_or(0) as usize
    }

    fn page_count(&self) -> u32 {
        u32::try_from(self.pages()).unwrap_or(u32::MAX)
    }

    /// Makes an empty log. Every page is erased, so whatever was there is gone.
    pub(crate) async fn format(&mut self, store_id: u32) -> Result<(), F> {
        self.check_geometry()?;
        self.is_dirty = true;
        for page in 0..self.pages() {
            self.erase(page).await?;
        }
        self.index.clear();
        self.head = Head {
            store_id,
            next_number: 1,
            ..Head::NONE
        };
        // Sequences begin at 1, so that an oldest of 1 retires nothing.
        self.begin_page(1, 1, 0).await?;
        self.is_dirty = false;
        Ok(())
    }

    pub(crate) fn wear(&self) -> Wear {
        Wear {
            pages_begun: self.head.sequence,
            pages: self.page_count(),
            page_len: u32::try_from(Self::PAGE).unwrap_or(u32::MAX),
        }
    }

    /// Room for an item of `size` bytes at the head.
    pub(super) async fn make_room(&mut self, size: usize) -> Result<(), F> {
        // Each step retires a page, and after a turn of the ring all that is dead is gone.
        for _ in 0..=self.pages() {
            if self.head.at.saturating_add(size) <= Self::PAGE {
                return Ok(());
            }
            self.next_page(false, 0).await?;
        }
        Err(StoreError::Full)
    }

    /// Goes on to the next page. Where none would be free after it, or where it is asked
    /// for, what lives in the oldest is moved first.
    async fn next_page(&mut self, must_retire: bool, wipe_to: u32) -> Result<(), F> {
        let sequence = self.head.sequence.saturating_add(1);
        let oldest = self.head.oldest;
        let used = sequence.saturating_sub(oldest).saturating_add(1);
        let retires = must_retire || used >= self.page_count();
        let oldest = oldest.saturating_add(u32::from(retires));
        self.begin_page(sequence, oldest, wipe_to).await
    }

    async fn begin_page(&mut self, sequence: u32, oldest: u32, wipe_to: u32) -> Result<(), F> {
        let page = self.page_of(sequence);
        // Erased here and not when it was retired: what an erase that was cut off leaves
        // may look erased and not be.
        self.erase(page).await?;
        let header = PageHeader {
            store_id: self.head.store_id,
            sequence,
            base: self.head.next_number,
        };
        let size = self.first_item();
        if let Some(start) = self.buf.get_mut(..size) {
            start.fill(0);
            for (to, from) in start.iter_mut().zip(header.to_bytes()) {
                *to = from;
            }
        }
        let page_start = Self::address(page, 0);
        if !self.program(page_start, size).await? {
            return Err(StoreError::WornOut);
        }
        let retired = self.head.oldest;
        self.head = Head {
            sequence,
            page_start,
            at: size,
            ..self.head
        };
        if oldest > retired && retired > 0 {
            self.move_all(self.page_of(retired)).await?;
        }
        self.commit(Commit { oldest, wipe_to }).await?;
        self.head.oldest = oldest;
        self.head.wipe_to = wipe_to;
        Ok(())
    }

    async fn commit(&mut self, commit: Commit) -> Result<(), F> {
        let bytes = commit.to_bytes();
        self.encode(Some(&bytes.as_slice()))?;
        if !self
            .write_encoded(Commit::KEY, Mark::Put, Commit::LEN)
            .await?
        {
            return Err(StoreError::WornOut);
        }
        Ok(())
    }

    /// Copies what lives in a page to the head.
    async fn move_all(&mut self, page: usize) -> Result<(), F> {
        let start = Self::address(page, 0);
        let end = Self::address(page.saturating_add(1), 0);
        while let Some(place) = self.index.first_within(start..end) {
            let len = usize::from(place.len);
            let size = self.unit_size(ITEM_HEADER_LEN.saturating_add(len));
            if self.head.at.saturating_add(size) > Self::PAGE {
                return Err(StoreError::Full);
            }
            self.copy_to_buf(place).await?;
            if !self.write_encoded(place.key, Mark::Moved, len).await? {
                return Err(StoreError::WornOut);
            }
        }
        Ok(())
    }

    /// The body of an item into the buffer, behind the place of the header.
    async fn copy_to_buf(&mut self, place: Place) -> Result<(), F> {
        let buf = core::mem::take(&mut self.buf);
        let max = buf.len();
        let end = ITEM_HEADER_LEN.saturating_add(usize::from(place.len));
        let copied = match buf.get_mut(ITEM_HEADER_LEN..end) {
            Some(out) => self.read_body(place, 0, out).await,
            None => Err(StoreError::TooLong { max }),
        };
        self.buf = buf;
        copied
    }

    /// Moves everything out of the pages that may hold removed items, erases them, and
    /// reads them back: afterwards no byte of a removed item is on the flash.
    pub(crate) async fn purge(&mut self) -> Result<(), F> {
        self.ready().await?;
        self.is_dirty = true;
        self.finish_wipe(self.head.sequence).await?;
        self.is_dirty = false;
        Ok(())
    }

    async fn finish_wipe(&mut self, wipe_to: u32) -> Result<(), F> {
        while self.head.oldest <= wipe_to {
            self.next_page(true, wipe_to).await?;
        }
        for page in 0..self.pages() {
            if !self.is_live(page) && !self.is_erased(page).await {
                self.erase(page).await?;
                if !self.is_erased(page).await {
                    return Err(StoreError::WornOut);
                }
            }
        }
        Ok(())
    }

    fn is_live(&self, page: usize) -> bool {
        (self.head.oldest..=self.head.sequence).any(|sequence| self.page_of(sequence) == page)
    }

    /// Finds the newest page with a commit, and reads all pages that it says count.
    pub(super) async fn reload(&mut self) -> Result<(), F> {
        self.check_geometry()?;
        self.index.clear();
        let (newest, commit) = self.find_newest().await?;
        self.check_that_none_follows(&newest).await?;
        let mut wipe_to = commit.wipe_to;
        let mut number = None;
        for sequence in commit.oldest..=newest.sequence {
            let page = self.page_of(sequence);
            let start = Self::address(page, 0);
            let lost = || StoreError::Corrupted { at: start };
            let header = self.header(page).await;
            let header = header
                .filter(|header| header.sequence == sequence && header.store_id == newest.store_id);
            let base = header.ok_or_else(lost)?.base;
            if number.is_some_and(|number| number != base) {
                return Err(lost());
            }
            let found = self.read_page(page, header, true).await?;
            number = Some(found.next_number);
            wipe_to = wipe_to.max(found.wipe_to);
        }
        self.head = Head {
            store_id: newest.store_id,
            sequence: newest.sequence,
            page_start: Self::address(self.page_of(newest.sequence), 0),
            // A word that was being programmed when power went may look erased, and any
            // number of them where power went again and again: nothing is written behind
            // what was found, the next item begins a new page.
            at: Self::PAGE,
            oldest: commit.oldest,
            wipe_to: commit.wipe_to,
            next_number: number.unwrap_or_default(),
        };
        if wipe_to > 0 {
            self.finish_wipe(wipe_to).await?;
        }
        Ok(())
    }

    async fn header(&mut self, page: usize) -> Option<PageHeader> {
        let mut bytes = [0; MAX_UNIT];
        let part = bytes.get_mut(..self.first_item())?;
        self.read_lossy(Self::address(page, 0), part).await;
        PageHeader::from_bytes(part)
    }

    /// The newest page that holds a commit. One without was begun and not finished: it
    /// counts as free.
    async fn find_newest(&mut self) -> Result<(PageHeader, Commit), F> {
        let mut below = u32::MAX;
        loop {
            let mut newest: Option<PageHeader> = None;
            for page in 0..self.pages() {
                let header = self.header(page).await;
                let header = header.filter(|header| {
                    header.sequence < below && self.page_of(header.sequence) == page
                });
                newest = newest.max_by_sequence(header);
            }
            let newest = newest.ok_or(StoreError::NotFormatted)?;
            let page = self.page_of(newest.sequence);
            let found = self.read_page(page, Some(newest), false).await?;
            if let Some(commit) = found.commit {
                return Ok((newest, commit));
            }
            below = newest.sequence;
        }
    }

    /// A newer page that counted and lost its header would be passed over, and the numbers
    /// of an earlier time would serve again. Its items tell.
    async fn check_that_none_follows(&mut self, newest: &PageHeader) -> Result<(), F> {
        let next = PageHeader {
            sequence: newest.sequence.saturating_add(1),
            // The number of no item, so that any that is in use counts as lost.
            base: 0,
            ..*newest
        };
        let page = self.page_of(next.sequence);
        // One with a header was looked at, or is older.
        if self.header(page).await.is_none() {
            self.read_page(page, Some(next), false).await?;
        }
        Ok(())
    }

    /// Reads a page's items, into the index where that is asked for.
    async fn read_page(
        &mut self,
        page: usize,
        header: Option<PageHeader>,
        into_index: bool,
    ) -> Result<Found, F> {
        let start = Self::address(page, 0);
        let header = header.ok_or(StoreError::Corrupted { at: start })?;
        let salt = salt(header.store_id, header.sequence);
        let mut found = Found {
            next_number: header.base,
            commit: None,
            wipe_to: 0,
        };
        let mut last = None;
        let mut lost = None;
        let mut is_in_use = false;
        let mut at = self.first_item();
        let rest = Self::PAGE.saturating_sub(at);
        let written = self.written_len(Self::address(page, at), rest).await;
        let written = at.saturating_add(written);
        while at < written && at.saturating_add(ITEM_HEADER_LEN) <= Self::PAGE {
            let address = Self::address(page, at);
            let Some((item, sum)) = self.item(address, salt, at).await else {
                at = at.saturating_add(Self::UNIT);
                continue;
            };
            if self.is_whole(address, &item, salt, sum).await {
                // What seemed not to read back was written again under its number.
                let again = last == Some((item.number, item.key));
                if item.number != found.next_number && !again {
                    lost = lost.or(Some(address));
                }
                // A half-made page holds copies alone, and its erase may have been cut off.
                is_in_use |= item.mark != Mark::Moved;
                last = Some((item.number, item.key));
                found.next_number = item.number.saturating_add(1);
                if item.key == Commit::KEY {
                    found.commit = self.read_commit(address, &item).await?;
                } else if into_index {
                    self.learn(&item, address)?;
                }
                // The key that was removed may still stand in this page or one before.
                if item.mark == Mark::Removed && item.key.is(Kind::Slot) {
                    found.wipe_to = header.sequence;
                }
            }
            at = at.saturating_add(self.size_of(item.len));
        }
        if is_in_use && found.commit.is_none() {
            lost = lost.or(Some(start));
        }
        match lost {
            Some(at) if is_in_use => Err(StoreError::Corrupted { at }),
            _ => Ok(found),
        }
    }

    /// An item's header, where one begins at `address` and its body is within the page.
    async fn item(&mut self, address: u32, salt: u32, at: usize) -> Option<(ItemHeader, u32)> {
        let mut bytes = [0; MAX_UNIT];
        let part = bytes.get_mut(..self.unit_size(ITEM_HEADER_LEN))?;
        self.read_lossy(address, part).await;
        let (item, sum) = ItemHeader::read(part, salt)?;
        let end = at
            .saturating_add(ITEM_HEADER_LEN)
            .saturating_add(usize::from(item.len));
        (end <= Self::PAGE).then_some((item, sum))
    }

    async fn is_whole(&mut self, address: u32, item: &ItemHeader, salt: u32, sum: u32) -> bool {
        let len = usize::from(item.len);
        let used = ITEM_HEADER_LEN.saturating_add(len);
        let mut checksum = item.checksum(salt);
        let mut is_readable = true;
        self.scan(address, self.unit_size(used), |offset, bytes| {
            let from = ITEM_HEADER_LEN.saturating_sub(offset).min(bytes.len());
            let to = used.saturating_sub(offset).min(bytes.len());
            checksum.update(bytes.get(from..to).unwrap_or_default());
        })
        .await;
        // What cannot be read looks like zeros, and zeros may be what should stand there.
        let mut unit = [0; MAX_UNIT];
        let mut done = 0;
        while let (true, Some(unit)) = (is_readable && done < used, unit.get_mut(..Self::UNIT)) {
            let at = address.saturating_add(u32::try_from(done).unwrap_or(u32::MAX));
            is_readable = self.can_read(at, unit).await;
            done = done.saturating_add(Self::UNIT);
        }
        is_readable && checksum.finish() == sum
    }

    async fn read_commit(&mut self, at: u32, item: &ItemHeader) -> Result<Option<Commit>, F> {
        let mut bytes = [0; Commit::LEN];
        if usize::from(item.len) != Commit::LEN {
            return Err(StoreError::Corrupted { at });
        }
        let place = Place {
            key: item.key,
            at,
            len: item.len,
        };
        self.read_body(place, 0, &mut bytes).await?;
        Ok(Some(Commit::from_bytes(bytes)))
    }

    fn learn(&mut self, item: &ItemHeader, at: u32) -> Result<(), F> {
        if item.mark == Mark::Removed {
            self.forget(item.key);
            return Ok(());
        }
        let place = Place {
            key: item.key,
            at,
            len: item.len,
        };
        self.index.set(place).map_err(|()| StoreError::Full)
    }
}

trait MaxBySequence {
    fn max_by_sequence(self, other: Option<PageHeader>) -> Self;
}

impl MaxBySequence for Option<PageHeader> {
    fn max_by_sequence(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) if a.sequence >= b.sequence => Some(a),
            (a, None) => a,
            (_, b) => b,
        }
    }
}
