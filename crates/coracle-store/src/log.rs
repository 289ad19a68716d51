//! A log of items over the pages of a NOR flash.
//!
//! An item has a key; the newest of a key counts. Pages are used in a ring. Every word is
//! programmed at most once between two erases, and nothing is believed that does not carry
//! its checksum.
//!
//! A page begins with a header, then come items:
//!
//! | offset | length | field | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 4 | magic | `COR1`, little endian like every number here |
//! | 4 | 4 | store id | random, made when the store is; salts every checksum |
//! | 8 | 4 | sequence | of the page, from 1; modulo the number of pages it is its place |
//! | 12 | 4 | base | number of the first item in the page |
//! | 16 | 4 | CRC-32C | of the above |
//!
//! | offset | length | field | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 4 | key | kind in the top byte, then an id |
//! | 4 | 4 | number | of the item; counts on without a gap through all pages |
//! | 8 | 2 | length | of the body in bytes; top bit: the item is removed |
//! | 10 | 2 | check | low half of the CRC-32C of the ten bytes before |
//! | 12 | 4 | CRC-32C | of the ten bytes, and the body |
//! | 16 | length | body | |
//!
//! Header and items are filled up with zeros to the unit of writing, so that the last word
//! of a whole item never looks erased.
//!
//! **A page counts once it holds a commit**: an item that says which page is the oldest
//! that still counts. When no page is free, what lives in the oldest is copied into the
//! new page first, and the commit retires the oldest. So a cut before the commit leaves
//! everything as it was, and the half-made page is erased and made again.
//!
//! **A torn write** leaves an item that fails its checksum, at the end of the newest page;
//! what follows goes to a new page. The numbers tell it from an item that was whole once and is
//! lost now: a lost one leaves a gap, and the store refuses to work.

mod flash;
mod index;
mod item;
mod ring;

use coracle_core::Encode;
use embedded_storage_async::nor_flash::NorFlash;

pub(crate) use self::index::{Key, Kind, Place};
pub use self::ring::Wear;

use self::index::Index;
pub(crate) use self::item::ITEM_HEADER_LEN;
use self::item::{CHECKED_LEN, ItemHeader};
use self::ring::Head;
use crate::StoreError;

/// Tries to write an item at another place after one that did not read back.
const WRITE_TRIES: usize = 3;

/// See the module's docs.
#[derive(Debug)]
pub(crate) struct Log<'m, F> {
    flash: F,
    index: Index<'m>,
    buf: &'m mut [u8],
    head: Head,
    /// Something was begun and not finished: what is in memory may differ from the flash.
    is_dirty: bool,
}

type Result<T, F> =
    core::result::Result<T, StoreError<<F as embedded_storage_async::nor_flash::ErrorType>::Error>>;

impl<'m, F: NorFlash> Log<'m, F> {
    /// A log that has not looked at its flash yet.
    pub(crate) fn new(flash: F, index: &'m mut [Place], buf: &'m mut [u8]) -> Self {
        Self {
            flash,
            index: Index::new(index),
            buf,
            head: Head::NONE,
            is_dirty: true,
        }
    }

    /// Looks at the flash where that has to be done, and finishes what was begun.
    ///
    /// # Errors
    ///
    /// No log, a log with something lost, or the driver's.
    pub(crate) async fn ready(&mut self) -> Result<(), F> {
        if self.is_dirty {
            self.reload().await?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// The bytes of an item from `skip` on, in `buf`; `None` where there is none.
    pub(crate) async fn get<'b>(
        &mut self,
        key: Key,
        skip: usize,
        buf: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, F> {
        self.ready().await?;
        let Some(place) = self.index.find(key) else {
            return Ok(None);
        };
        let needed = usize::from(place.len).saturating_sub(skip);
        let out = buf
            .get_mut(..needed)
            .ok_or(StoreError::BufferTooSmall { needed })?;
        self.read_body(place, skip, out).await?;
        Ok(Some(out))
    }

    /// The first `N` bytes of an item; `None` where there is none, or it is shorter.
    pub(crate) async fn start<const N: usize>(&mut self, key: Key) -> Result<Option<[u8; N]>, F> {
        self.ready().await?;
        let place = self.index.find(key);
        let Some(place) = place.filter(|place| usize::from(place.len) >= N) else {
            return Ok(None);
        };
        let mut out = [0; N];
        self.read_body(place, 0, &mut out).await?;
        Ok(Some(out))
    }

    /// Writes the item down; it is durable and read back when this returns.
    pub(crate) async fn put(&mut self, key: Key, body: &dyn Encode) -> Result<(), F> {
        self.ready().await?;
        self.check_room(key, body.encoded_len())?;
        self.is_dirty = true;
        self.append(key, Some(body)).await?;
        self.is_dirty = false;
        Ok(())
    }

    /// Removes an item; nothing happens where there is none. Its bytes stay on the flash
    /// until its page is erased.
    pub(crate) async fn remove(&mut self, key: Key) -> Result<(), F> {
        self.ready().await?;
        if self.index.find(key).is_none() {
            return Ok(());
        }
        self.is_dirty = true;
        self.append(key, None).await?;
        self.is_dirty = false;
        Ok(())
    }

    /// The ids of what there is of a kind, in no order.
    pub(crate) fn ids(&self, kind: Kind) -> impl Iterator<Item = u32> {
        self.index.ids(kind)
    }

    /// Whether the index takes so many more.
    pub(crate) fn has_places(&self, more: usize) -> bool {
        self.index.has_places(more)
    }

    /// Whether there is room for `more` bytes of items beside all that lives.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        let live = self.index.iter().map(|place| self.size_of(place.len)).sum();
        let live: usize = live;
        let slack = self.unit_size(ITEM_HEADER_LEN.saturating_add(self.buf.len()));
        let page = Self::PAGE
            .saturating_sub(self.first_item())
            .saturating_sub(slack);
        // One page is free and another half full of what is old, at all times.
        let pages = self.pages().saturating_sub(2);
        live.saturating_add(more) <= pages.saturating_mul(page)
    }

    /// An item that replaces one always has room: it was counted when that was put.
    fn check_room(&self, key: Key, len: usize) -> Result<(), F> {
        let max = self.max_body();
        if len > max {
            return Err(StoreError::TooLong { max });
        }
        let old = self.index.find(key).map(|place| self.size_of(place.len));
        let size = self.size_of(u16::try_from(len).unwrap_or(u16::MAX));
        let grows = size.saturating_sub(old.unwrap_or_default());
        if (old.is_none() && !self.index.has_places(1)) || !self.has_room(grows) {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// The longest body in bytes.
    pub(crate) fn max_body(&self) -> usize {
        self.buf.len().saturating_sub(ITEM_HEADER_LEN)
    }

    async fn append(&mut self, key: Key, body: Option<&dyn Encode>) -> Result<(), F> {
        let len = body.map_or(0, |body| body.encoded_len());
        let size = self.unit_size(ITEM_HEADER_LEN.saturating_add(len));
        for _ in 0..WRITE_TRIES {
            self.make_room(size).await?;
            self.encode(body)?;
            if self.write_encoded(key, body.is_some(), len).await? {
                return Ok(());
            }
        }
        Err(StoreError::WornOut)
    }

    /// The body into the buffer, behind the place of the header.
    fn encode(&mut self, body: Option<&dyn Encode>) -> Result<(), F> {
        let max = self.max_body();
        let (Some(out), Some(body)) = (self.buf.get_mut(ITEM_HEADER_LEN..), body) else {
            return Ok(());
        };
        let written = body.encode_into(out);
        written.map(drop).map_err(|_| StoreError::TooLong { max })
    }

    /// Writes the body in the buffer as the next item; whether it reads back. Space must
    /// be there.
    async fn write_encoded(&mut self, key: Key, is_there: bool, len: usize) -> Result<bool, F> {
        let len = u16::try_from(len).map_err(|_| StoreError::TooLong {
            max: usize::from(ItemHeader::MAX_LEN),
        })?;
        let header = ItemHeader {
            key,
            number: self.head.next_number,
            len,
            is_removed: !is_there,
        };
        let used = ITEM_HEADER_LEN.saturating_add(usize::from(len));
        let size = self.unit_size(used);
        let salt = self.head.salt();
        let at = self.head.address();
        let Some(item) = self.buf.get_mut(..size) else {
            return Err(StoreError::TooLong {
                max: self.max_body(),
            });
        };
        header.write(item, salt);
        if let Some(padding) = item.get_mut(used..) {
            padding.fill(0);
        }
        // Whether or not it succeeds, these words are used up.
        self.head.at = self.head.at.saturating_add(size);
        if !self.program(at, size).await? {
            return Ok(false);
        }
        self.head.next_number = self.head.next_number.saturating_add(1);
        if key.is(Kind::Commit) {
            // The newest page is found by its header: the commit needs no place.
        } else if is_there {
            let place = Place { key, at, len };
            self.index.set(place).map_err(|()| StoreError::Full)?;
        } else {
            self.index.remove(key);
        }
        Ok(true)
    }

    pub(crate) fn size_of(&self, body_len: u16) -> usize {
        self.unit_size(ITEM_HEADER_LEN.saturating_add(usize::from(body_len)))
    }

    /// Gives the flash back.
    pub(crate) fn into_flash(self) -> F {
        self.flash
    }
}

const _: () = assert!(CHECKED_LEN < ITEM_HEADER_LEN);
