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
//! | 8 | 2 | length | of the body in bytes; top bits: 1 for a copy, 2 for a removed item |
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
//! everything as it was, and the half-made page is erased and made again: it holds copies
//! alone. A page without a commit that holds anything else has lost it.
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
use self::item::{CHECKED_LEN, ItemHeader, Mark};
use self::ring::{COMMIT_LEN, Head};
use crate::StoreError;

/// Tries to write an item at another place after one that did not read back.
const WRITE_TRIES: usize = 3;

/// See the module's docs.
#[derive(Debug)]
pub(crate) struct Log<'m, F> {
    flash: F,
    index: Index<'m>,
    buf: &'m mut [u8],
    /// The longest body of a state in bytes.
    max_state: u16,
    head: Head,
    /// Something was begun and not finished: what is in memory may differ from the flash.
    is_dirty: bool,
}

/// What something takes of index and flash.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Share {
    places: usize,
    bytes: usize,
}

impl Share {
    pub(crate) const NONE: Self = Self {
        places: 0,
        bytes: 0,
    };

    pub(crate) const fn add(&mut self, other: Self) {
        self.places = self.places.saturating_add(other.places);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    const fn less(self, other: Self) -> Self {
        Self {
            places: self.places.saturating_sub(other.places),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

type Result<T, F> =
    core::result::Result<T, StoreError<<F as embedded_storage_async::nor_flash::ErrorType>::Error>>;

impl<'m, F: NorFlash> Log<'m, F> {
    /// A log that has not looked at its flash yet, with states of `max_state` bytes at the
    /// most.
    pub(crate) fn new(
        flash: F,
        index: &'m mut [Place],
        buf: &'m mut [u8],
        max_state: usize,
    ) -> Self {
        Self {
            flash,
            index: Index::new(index),
            buf,
            max_state: u16::try_from(max_state).unwrap_or(u16::MAX),
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

    /// Removes an item, and with an intent its state; nothing happens where there is none.
    /// The bytes stay on the flash until the page is erased.
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

    /// Whether there is room for these items, each with the length of its body, beside all
    /// that lives but is about to be removed, and for the state of every intent.
    ///
    /// An item that replaces another of its length always has room: it was counted when
    /// that was put.
    pub(crate) fn has_room(&self, items: &[(Key, usize)], leaving: Share) -> bool {
        let mut more = Share::NONE;
        for (key, len) in items {
            let len = u16::try_from(*len).unwrap_or(u16::MAX);
            more.add(self.share(*key, len).less(self.share_of(*key)));
        }
        if more == Share::NONE {
            return true;
        }
        for place in self.index.iter() {
            more.add(self.share(place.key, place.len));
        }
        let all = more.less(leaving);
        // An item that does not fit begins the next page. Where what lives leaves so much
        // of each page on average, one of them has the room after a turn of the ring.
        let page = Self::PAGE
            .saturating_sub(self.first_item())
            .saturating_sub(self.unit_size(ITEM_HEADER_LEN.saturating_add(COMMIT_LEN)))
            .saturating_sub(self.unit_size(self.buf.len()));
        // One page is free at all times.
        let pages = self.pages().saturating_sub(1);
        all.places <= self.index.capacity() && all.bytes <= pages.saturating_mul(page)
    }

    /// What an item takes of the whole; nothing where there is none.
    pub(crate) fn share_of(&self, key: Key) -> Share {
        let place = self.index.find(key);
        place.map_or(Share::NONE, |place| self.share(key, place.len))
    }

    /// An intent takes the room of its state as well,
    /// however long that grows, and a state none.
    fn share(&self, key: Key, len: u16) -> Share {
        let bytes = self.size_of(len);
        if key.is(Kind::State) {
            return Share::NONE;
        }
        if key.is(Kind::Intent) {
            let bytes = bytes.saturating_add(self.size_of(self.max_state));
            return Share { places: 2, bytes };
        }
        Share { places: 1, bytes }
    }

    fn check_room(&self, key: Key, len: usize) -> Result<(), F> {
        let max = self.max_body();
        if len > max {
            return Err(StoreError::TooLong { max });
        }
        match self.has_room(&[(key, len)], Share::NONE) {
            true => Ok(()),
            false => Err(StoreError::Full),
        }
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
            let mark = body.map_or(Mark::Removed, |_| Mark::Put);
            if self.write_encoded(key, mark, len).await? {
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
    async fn write_encoded(&mut self, key: Key, mark: Mark, len: usize) -> Result<bool, F> {
        let len = u16::try_from(len).map_err(|_| StoreError::TooLong {
            max: usize::from(ItemHeader::MAX_LEN),
        })?;
        let header = ItemHeader {
            key,
            number: self.head.next_number,
            len,
            mark,
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
        } else if mark != Mark::Removed {
            let place = Place { key, at, len };
            self.index.set(place).map_err(|()| StoreError::Full)?;
        } else {
            self.forget(key);
        }
        Ok(true)
    }

    /// A removed item; with an intent, its state.
    fn forget(&mut self, key: Key) {
        self.index.remove(key);
        if key.is(Kind::Intent) {
            self.index.remove(Key::new(Kind::State, key.id()));
        }
    }

    fn size_of(&self, body_len: u16) -> usize {
        self.unit_size(ITEM_HEADER_LEN.saturating_add(usize::from(body_len)))
    }

    /// Gives the flash back.
    pub(crate) fn into_flash(self) -> F {
        self.flash
    }
}

const _: () = assert!(CHECKED_LEN < ITEM_HEADER_LEN);
