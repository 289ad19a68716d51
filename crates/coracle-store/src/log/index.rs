//! Where the newest item of each key stands.

use core::ops::Range;

/// What an item is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Which page is the oldest: the log's own.
    Commit = 1,
    /// A key and what it signs.
    Slot = 2,
    #[cfg(feature = "slots")]
    /// What a key's transactions moved and cost on a day.
    Spent = 3,
    /// An account, and its next nonce.
    Account = 4,
    /// A device, and the next number of its records.
    Device = 5,
    /// The last accepted time.
    Time = 6,
    /// The last known height of a chain.
    Height = 7,
    /// What is to be done.
    Intent = 8,
    /// How far it is.
    State = 9,
    /// How many entries were dropped.
    Dropped = 10,
    /// What the monotonic counter stood at.
    Epoch = 11,
}

/// The name of an item: its kind, and an id below 2^24.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Key(u32);

impl Key {
    const ID_BITS: u32 = 24;
    /// The highest id.
    pub(crate) const MAX_ID: u32 = (1 << Self::ID_BITS) - 1;

    /// Ids above [`MAX_ID`](Self::MAX_ID) are cut off.
    pub(crate) const fn new(kind: Kind, id: u32) -> Self {
        Self(((kind as u32) << Self::ID_BITS) | (id & Self::MAX_ID))
    }

    pub(crate) const fn from_word(word: u32) -> Self {
        Self(word)
    }

    pub(crate) const fn word(self) -> u32 {
        self.0
    }

    pub(crate) const fn id(self) -> u32 {
        self.0 & Self::MAX_ID
    }

    pub(crate) const fn is(self, kind: Kind) -> bool {
        self.0 >> Self::ID_BITS == kind as u32
    }
}

/// An item that lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) key: Key,
    /// Of its header, in bytes from the start of the partition.
    pub(crate) at: u32,
    /// Of its body in bytes.
    pub(crate) len: u16,
}

impl Place {
    pub(crate) const NONE: Self = Self {
        key: Key(0),
        at: 0,
        len: 0,
    };
}

/// A table of places, in no order.
#[derive(Debug)]
pub(crate) struct Index<'m> {
    places: &'m mut [Place],
    used: usize,
}

impl<'m> Index<'m> {
    pub(crate) fn new(places: &'m mut [Place]) -> Self {
        Self { places, used: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }

    pub(crate) fn capacity(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().take(self.used)
    }

    pub(crate) fn find(&self, key: Key) -> Option<Place> {
        self.iter().find(|place| place.key == key).copied()
    }

    /// Any place that lies within these addresses.
    pub(crate) fn first_within(&self, addresses: Range<u32>) -> Option<Place> {
        let mut places = self.iter();
        places.find(|place| addresses.contains(&place.at)).copied()
    }

    pub(crate) fn ids(&self, kind: Kind) -> impl Iterator<Item = u32> {
        let keys = self.iter().map(|place| place.key);
        keys.filter(move |key| key.is(kind)).map(Key::id)
    }

    pub(crate) fn set(&mut self, place: Place) -> Result<(), ()> {
        let at = self.iter().position(|old| old.key == place.key);
        let at = at.unwrap_or(self.used);
        *self.places.get_mut(at).ok_or(())? = place;
        self.used = self.used.max(at.saturating_add(1));
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: Key) {
        let Some(at) = self.iter().position(|place| place.key == key) else {
            return;
        };
        self.used = self.used.saturating_sub(1);
        let last = self.places.get(self.used).copied();
        if let (Some(place), Some(last)) = (self.places.get_mut(at), last) {
            *place = last;
        }
    }
}
