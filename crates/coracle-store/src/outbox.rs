//! What is to be done, and how far it is.
//!
//! | item | body |
//! | --- | --- |
//! | intent | device's id 1, sequence 8, hash of the record 32, expiry 8 (0 for none), then the chain adapter's own bytes |
//! | state | phase 1, account's id 1 (255 for none), nonce 8, then the chain adapter's own bytes |
//!
//! An intent is written once and never changed. A state is written anew at each step.

use coracle_core::{B256, Encode};
use embedded_storage_async::nor_flash::NorFlash;

use crate::journal::{ACCOUNT_LEN, DEVICE_LEN, NO_ACCOUNT};
use crate::log::{Key, Kind, Share};
use crate::store::{Inner, Result};
use crate::wire::{Both, Fields, join};
use crate::{AccountName, DevicePlace, MonotonicCounter, Store, StoreError};

/// The name of an entry: who reports, and the number of the report.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EntryName {
    /// The device, as its records name it.
    pub device: B256,
    /// The record's sequence number.
    pub sequence: u64,
}

/// How far an entry is, whatever its chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Phase {
    /// Nothing was done yet.
    Queued = 0,
    /// A number is set aside for its transaction.
    Reserved = 1,
    /// A transaction is signed; it is not known whether a node has it.
    Signed = 2,
    /// A node took it.
    Sent = 3,
    /// A block holds it that may still be replaced.
    Included = 4,
    /// A block holds it that stays.
    Final = 5,
    /// It cannot succeed any more.
    Failed = 6,
    /// Its time ran out before it was sent.
    Expired = 7,
}

impl Phase {
    const ALL: [Self; 8] = [
        Self::Queued,
        Self::Reserved,
        Self::Signed,
        Self::Sent,
        Self::Included,
        Self::Final,
        Self::Failed,
        Self::Expired,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }

    /// Whether there is something left to do.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Final | Self::Failed | Self::Expired)
    }
}

/// What the store knows of an entry by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status {
    /// How far it is.
    pub phase: Phase,
    /// The number that is set aside for it.
    pub nonce: Option<u64>,
    /// When it is of no use any more, in Unix seconds.
    pub expires_s: Option<u64>,
}

/// What happens to a new entry when every place is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum WhenFull {
    /// It is refused with [`StoreError::Full`].
    Refuse,
    /// The oldest entry for which nothing was done yet makes room, and is counted.
    DropOldest,
}

/// How many entries there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Intake {
    /// At most so many.
    pub max_entries: usize,
    /// And one more.
    pub when_full: WhenFull,
    /// The longest state of a chain adapter in bytes, which is kept free for each entry.
    pub max_state: usize,
}

impl Intake {
    /// Bytes of an intent's item beside the chain adapter's own: header and head.
    pub const INTENT_OVERHEAD: usize = crate::log::ITEM_HEADER_LEN + IntentHead::LEN;
    /// Bytes of a state's item beside the chain adapter's own.
    pub const STATE_OVERHEAD: usize = crate::log::ITEM_HEADER_LEN + StateHead::LEN;

    /// The longest body of a state's item.
    pub(crate) const fn state_len(&self) -> usize {
        self.max_state.saturating_add(StateHead::LEN)
    }
}

/// What `put` found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Put {
    /// The entry is new.
    Added,
    /// An entry of this name was there, now or before; nothing changed.
    Existed,
}

/// The store's own part of an intent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IntentHead {
    pub(crate) device: u32,
    pub(crate) sequence: u64,
    pub(crate) hash: B256,
    expires_s: u64,
}

impl IntentHead {
    const LEN: usize = 49;

    fn to_bytes(self) -> [u8; Self::LEN] {
        let [device, ..] = self.device.to_le_bytes();
        join(&[
            &[device],
            &self.sequence.to_le_bytes(),
            &self.hash.0,
            &self.expires_s.to_le_bytes(),
        ])
    }

    fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        Some(Self {
            device: fields.u8()?.into(),
            sequence: fields.u64()?,
            hash: fields.b256()?,
            expires_s: fields.u64()?,
        })
    }
}

/// The store's own part of a state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StateHead {
    phase: Phase,
    /// The account's id, and its number.
    pub(crate) nonce: Option<(u8, u64)>,
}

impl StateHead {
    const LEN: usize = 10;
    const QUEUED: Self = Self {
        phase: Phase::Queued,
        nonce: None,
    };

    fn to_bytes(self) -> [u8; Self::LEN] {
        let (account, nonce) = self.nonce.unwrap_or((NO_ACCOUNT, 0));
        join(&[&[self.phase as u8, account], &nonce.to_le_bytes()])
    }

    fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let phase = Phase::from_byte(fields.u8()?)?;
        let account = fields.u8()?;
        let nonce = fields.u64()?;
        Some(Self {
            phase,
            nonce: (account != NO_ACCOUNT).then_some((account, nonce)),
        })
    }
}

impl<F: NorFlash, M: MonotonicCounter> Store<'_, F, M> {
    /// Adds an entry. The device's number counts as used from then on, and `hash`, that of
    /// its record, as the last one.
    ///
    /// An entry that was there once, even if it is settled and removed by now, is not added
    /// again: the device's number is past it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`], [`StoreError::TooLong`], the driver's.
    pub async fn put(
        &self,
        name: EntryName,
        hash: B256,
        expires_s: Option<u64>,
        intent: &dyn Encode,
    ) -> Result<Put, F> {
        let mut inner = self.lock().await?;
        let device = inner.device(name.device).await?;
        if device.is_some_and(|(_, place)| name.sequence < place.next_sequence) {
            return Ok(Put::Existed);
        }
        let (device, is_known) = match device {
            Some((id, _)) => (id, true),
            None => (inner.free_device()?, false),
        };
        inner.make_place(device, intent.encoded_len()).await?;
        if !is_known {
            inner.add_device(device, name).await?;
        }
        let head = IntentHead {
            device,
            sequence: name.sequence,
            hash,
            expires_s: expires_s.unwrap_or(0),
        };
        let key = Key::new(Kind::Intent, inner.new_id());
        let head = head.to_bytes();
        inner.log.put(key, &Both(&head, intent)).await?;
        inner.count().await?;
        Ok(Put::Added)
    }

    /// The chain adapter's bytes of an entry's intent; `None` where there is no entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::BufferTooSmall`], the driver's.
    pub async fn intent<'b>(
        &self,
        name: EntryName,
        buf: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, F> {
        let mut inner = self.lock().await?;
        let Some(id) = inner.find(name).await? else {
            return Ok(None);
        };
        let key = Key::new(Kind::Intent, id);
        inner.log.get(key, IntentHead::LEN, buf).await
    }

    /// The chain adapter's bytes of an entry's state, none while it is queued; `None` where
    /// there is no entry.
    ///
    /// # Errors
    ///
    /// [`StoreError::BufferTooSmall`], the driver's.
    pub async fn state<'b>(
        &self,
        name: EntryName,
        buf: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, F> {
        let mut inner = self.lock().await?;
        let Some(id) = inner.find(name).await? else {
            return Ok(None);
        };
        let key = Key::new(Kind::State, id);
        let state = inner.log.get(key, StateHead::LEN, buf).await?;
        Ok(Some(state.unwrap_or_default()))
    }

    /// What the store knows of an entry; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn status(&self, name: EntryName) -> Result<Option<Status>, F> {
        let mut inner = self.lock().await?;
        let Some(id) = inner.find(name).await? else {
            return Ok(None);
        };
        let state = inner.state_head(id).await?.unwrap_or(StateHead::QUEUED);
        let intent = inner.intent_head(id).await?;
        let expires_s = intent.map_or(0, |intent| intent.expires_s);
        Ok(Some(Status {
            phase: state.phase,
            nonce: state.nonce.map(|(_, nonce)| nonce),
            expires_s: (expires_s > 0).then_some(expires_s),
        }))
    }

    /// Replaces an entry's state. The number that is set aside for it stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchEntry`], [`StoreError::TooLong`], the driver's.
    pub async fn set_state(
        &self,
        name: EntryName,
        phase: Phase,
        state: &dyn Encode,
    ) -> Result<(), F> {
        let mut inner = self.lock().await?;
        let id = inner.find(name).await?.ok_or(StoreError::NoSuchEntry)?;
        let before = inner.state_head(id).await?.unwrap_or(StateHead::QUEUED);
        let head = StateHead {
            phase,
            nonce: before.nonce,
        };
        inner.put_state(id, head, state).await
    }

    /// Sets a number aside for an entry and moves it to [`Phase::Reserved`]: the next of
    /// the account, or `floor` where that is higher or the account is new. An entry that
    /// has one keeps it.
    ///
    /// The entry and the number are one write: a cut leaves no number that is set aside
    /// for nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchEntry`], the driver's.
    pub async fn reserve(
        &self,
        name: EntryName,
        account: AccountName,
        floor: u64,
    ) -> Result<u64, F> {
        let mut inner = self.lock().await?;
        let id = inner.find(name).await?.ok_or(StoreError::NoSuchEntry)?;
        if let Some((_, nonce)) = inner.state_head(id).await?.and_then(|state| state.nonce) {
            return Ok(nonce);
        }
        let (account, next) = match inner.account(account).await? {
            Some(known) => known,
            None => {
                let free = inner.free_account().await?;
                inner.put_account(free, account, floor).await?;
                (free, floor)
            }
        };
        let nonce = next.max(floor);
        let head = StateHead {
            phase: Phase::Reserved,
            nonce: Some((account, nonce)),
        };
        let none: &[u8] = &[];
        inner.put_state(id, head, &none).await?;
        Ok(nonce)
    }

    /// The first open entry after `after`, in the order in which they were put, and how
    /// far it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchEntry`] where `after` is none; the driver's.
    pub async fn next_open(
        &self,
        after: Option<EntryName>,
    ) -> Result<Option<(EntryName, Phase)>, F> {
        self.next(after, Phase::is_open).await
    }

    /// The first entry after `after` that has not been removed, open or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchEntry`] where `after` is none; the driver's.
    pub async fn next_entry(
        &self,
        after: Option<EntryName>,
    ) -> Result<Option<(EntryName, Phase)>, F> {
        self.next(after, |_| true).await
    }

    async fn next(
        &self,
        after: Option<EntryName>,
        is_wanted: impl Fn(Phase) -> bool,
    ) -> Result<Option<(EntryName, Phase)>, F> {
        let mut inner = self.lock().await?;
        let mut after = match after {
            Some(name) => Some(inner.find(name).await?.ok_or(StoreError::NoSuchEntry)?),
            None => None,
        };
        while let Some(id) = inner.next_id(Kind::Intent, after) {
            after = Some(id);
            let state = inner.state_head(id).await?.unwrap_or(StateHead::QUEUED);
            if is_wanted(state.phase)
                && let Some(name) = inner.name(id).await?
            {
                return Ok(Some((name, state.phase)));
            }
        }
        Ok(None)
    }

    /// Removes entries with which nothing is left to do; returns how many. Their numbers
    /// stay used.
    ///
    /// # Errors
    ///
    /// The driver's; entries before it are removed then.
    pub async fn clear_settled(&self) -> Result<usize, F> {
        let mut inner = self.lock().await?;
        let mut removed = 0_usize;
        let mut after = None;
        while let Some(id) = inner.next_id(Kind::Intent, after) {
            after = Some(id);
            let state = inner.state_head(id).await?.unwrap_or(StateHead::QUEUED);
            if !state.phase.is_open() {
                inner.remove(id, &state).await?;
                removed = removed.saturating_add(1);
            }
        }
        Ok(removed)
    }

    /// How many entries were dropped to make room, since the store was made.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn dropped(&self) -> Result<u64, F> {
        self.lock().await?.dropped().await
    }
}

const DROPPED: Key = Key::new(Kind::Dropped, 0);

impl<F: NorFlash, M: MonotonicCounter> Inner<'_, F, M> {
    pub(crate) async fn intent_head(&mut self, id: u32) -> Result<Option<IntentHead>, F> {
        let bytes = self.log.start(Key::new(Kind::Intent, id)).await?;
        Ok(bytes.as_ref().and_then(IntentHead::from_bytes))
    }

    pub(crate) async fn state_head(&mut self, id: u32) -> Result<Option<StateHead>, F> {
        let bytes = self.log.start(Key::new(Kind::State, id)).await?;
        Ok(bytes.as_ref().and_then(StateHead::from_bytes))
    }

    async fn put_state(&mut self, id: u32, head: StateHead, state: &dyn Encode) -> Result<(), F> {
        let max = self.intake.max_state;
        if state.encoded_len() > max {
            return Err(StoreError::TooLong { max });
        }
        let head = head.to_bytes();
        let key = Key::new(Kind::State, id);
        self.log.put(key, &Both(&head, state)).await
    }

    async fn find(&mut self, name: EntryName) -> Result<Option<u32>, F> {
        let mut after = None;
        while let Some(id) = self.next_id(Kind::Intent, after) {
            after = Some(id);
            let Some(intent) = self.intent_head(id).await? else {
                continue;
            };
            if intent.sequence == name.sequence
                && self.device_name(intent.device).await? == Some(name.device)
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    async fn name(&mut self, id: u32) -> Result<Option<EntryName>, F> {
        let Some(intent) = self.intent_head(id).await? else {
            return Ok(None);
        };
        let device = self.device_name(intent.device).await?;
        Ok(device.map(|device| EntryName {
            device,
            sequence: intent.sequence,
        }))
    }

    /// Numbers first, then the entry: what is left after a cut in between is harmless.
    async fn remove(&mut self, id: u32, state: &StateHead) -> Result<(), F> {
        if let Some(intent) = self.intent_head(id).await? {
            self.keep_numbers(&intent, state).await?;
        }
        self.log.remove(Key::new(Kind::Intent, id)).await
    }

    /// An id after every other, so that ids are in the order in which entries were put.
    fn new_id(&self) -> u32 {
        let last = self.log.ids(Kind::Intent).max();
        last.map_or(0, |last| last.saturating_add(1))
    }

    /// Sees to it that there is room for an intent of `len` bytes and all that comes with
    /// it: drops entries where that is allowed, but none if it does not help.
    async fn make_place(&mut self, device: u32, len: usize) -> Result<(), F> {
        let needed = [
            (
                Key::new(Kind::Intent, Key::MAX_ID),
                len.saturating_add(IntentHead::LEN),
            ),
            (Key::new(Kind::Device, device), DEVICE_LEN),
            (Key::new(Kind::Account, 0), ACCOUNT_LEN),
            (DROPPED, size_of::<u64>()),
        ];
        let mut entries = self.log.ids(Kind::Intent).count();
        let mut leaving = Share::NONE;
        let mut after = None;
        while entries >= self.intake.max_entries || !self.log.has_room(&needed, leaving) {
            after = match self.intake.when_full {
                WhenFull::Refuse => None,
                WhenFull::DropOldest => self.next_queued(after).await?,
            };
            let id = after.ok_or(StoreError::Full)?;
            leaving.add(self.log.share_of(Key::new(Kind::Intent, id)));
            entries = entries.saturating_sub(1);
        }
        let Some(last) = after else {
            return Ok(());
        };
        while let Some(id) = self.next_queued(None).await?.filter(|id| *id <= last) {
            let count = self.dropped().await?.saturating_add(1).to_le_bytes();
            self.log.put(DROPPED, &count.as_slice()).await?;
            self.remove(id, &StateHead::QUEUED).await?;
        }
        Ok(())
    }

    /// The first entry after another for which nothing was done yet.
    async fn next_queued(&mut self, mut after: Option<u32>) -> Result<Option<u32>, F> {
        loop {
            after = self.next_id(Kind::Intent, after);
            let Some(id) = after else {
                return Ok(None);
            };
            if self
                .state_head(id)
                .await?
                .is_none_or(|state| state.phase == Phase::Queued)
            {
                return Ok(Some(id));
            }
        }
    }

    async fn dropped(&mut self) -> Result<u64, F> {
        let count = self.log.start(DROPPED).await?;
        Ok(count.map_or(0, u64::from_le_bytes))
    }

    fn free_device(&self) -> Result<u32, F> {
        let devices = self.log.ids(Kind::Device).count();
        let id = u8::try_from(devices).map_err(|_| StoreError::Full)?;
        Ok(id.into())
    }

    async fn add_device(&mut self, id: u32, name: EntryName) -> Result<(), F> {
        let place = DevicePlace {
            next_sequence: name.sequence,
            last_hash: B256::ZERO,
        };
        self.put_device(id, name.device, &place).await
    }
}
