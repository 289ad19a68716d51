//! An outbox in memory: for tests, and for those who keep state themselves.

use core::fmt;
use core::future::ready;

use coracle_core::{B256, Encode, Error, ErrorKind};
use coracle_eth::tx::CallData;

use super::{Account, Entry, EntryId, Intent, Outbox, Phase, Put};

/// Keeps up to `N` entries with up to `LEN` bytes of call data each, until power goes.
#[derive(Debug)]
pub struct MemoryOutbox<const N: usize, const LEN: usize> {
    items: heapless::Vec<Item<LEN>, N>,
    account: Option<(Account, u64)>,
}

#[derive(Debug)]
struct Item<const LEN: usize> {
    id: EntryId,
    to: Option<coracle_core::Address>,
    value: coracle_core::Wei,
    data: heapless::Vec<u8, LEN>,
    entry: Entry,
}

/// Why an outbox in memory refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MemoryError {
    /// Every place holds an entry; see [`MemoryOutbox::clear_settled`].
    Full,
    /// The call data is longer than a place.
    DataTooLong {
        /// Length of a place in bytes.
        max: usize,
    },
    /// The caller's buffer is shorter than the call data.
    BufferTooSmall {
        /// Length that it takes in bytes.
        needed: usize,
    },
    /// There is no entry of this name.
    NoSuchEntry,
    /// The journal is that of another account.
    OtherAccount,
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("outbox is full"),
            Self::DataTooLong { max } => write!(f, "call data longer than {max} bytes"),
            Self::BufferTooSmall { needed } => write!(f, "buffer too small, {needed} bytes needed"),
            Self::NoSuchEntry => f.write_str("no such entry"),
            Self::OtherAccount => f.write_str("journal of another account"),
        }
    }
}

impl core::error::Error for MemoryError {}

impl Error for MemoryError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Full => ErrorKind::Retry,
            _ => ErrorKind::Caller,
        }
    }
}

impl<const N: usize, const LEN: usize> Default for MemoryOutbox<N, LEN> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, const LEN: usize> MemoryOutbox<N, LEN> {
    /// An empty outbox.
    pub const fn new() -> Self {
        Self {
            items: heapless::Vec::new(),
            account: None,
        }
    }

    /// Forgets entries with which nothing is left to do; returns how many. From then on
    /// their names count as new.
    pub fn clear_settled(&mut self) -> usize {
        let before = self.items.len();
        self.items.retain(|item| item.entry.is_open());
        before.saturating_sub(self.items.len())
    }

    fn find(&mut self, id: EntryId) -> Option<&mut Item<LEN>> {
        self.items.iter_mut().find(|item| item.id == id)
    }
}

/// Everything is done at once; nothing is ever waited for.
impl<const N: usize, const LEN: usize> Outbox for MemoryOutbox<N, LEN> {
    type Error = MemoryError;

    fn put(
        &mut self,
        id: EntryId,
        _record: B256,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> impl Future<Output = Result<Put, MemoryError>> {
        ready(self.put_now(id, expires_s, intent))
    }

    fn entry(&mut self, id: EntryId) -> impl Future<Output = Result<Option<Entry>, MemoryError>> {
        ready(Ok(self.find(id).map(|item| item.entry.clone())))
    }

    fn intent<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> impl Future<Output = Result<Option<Intent<'b>>, MemoryError>> {
        ready(self.intent_now(id, buf))
    }

    fn update(
        &mut self,
        id: EntryId,
        entry: &Entry,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        ready(self.update_now(id, entry))
    }

    fn reserve_nonce(
        &mut self,
        id: EntryId,
        account: Account,
        floor: u64,
    ) -> impl Future<Output = Result<u64, MemoryError>> {
        ready(self.reserve_nonce_now(id, account, floor))
    }

    fn next_nonce(
        &mut self,
        account: Account,
    ) -> impl Future<Output = Result<Option<u64>, MemoryError>> {
        ready(self.next_nonce_now(account))
    }

    fn raise_nonce(
        &mut self,
        account: Account,
        floor: u64,
    ) -> impl Future<Output = Result<(), MemoryError>> {
        ready(self.raise_nonce_now(account, floor))
    }

    fn next_open(
        &mut self,
        after: Option<EntryId>,
    ) -> impl Future<Output = Result<Option<EntryId>, MemoryError>> {
        ready(self.next_open_now(after))
    }
}

impl<const N: usize, const LEN: usize> MemoryOutbox<N, LEN> {
    fn put_now(
        &mut self,
        id: EntryId,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> Result<Put, MemoryError> {
        if self.find(id).is_some() {
            return Ok(Put::Existed);
        }
        let mut data = heapless::Vec::new();
        let too_long = MemoryError::DataTooLong { max: LEN };
        data.resize_default(intent.data.encoded_len())
            .map_err(|_| too_long)?;
        intent.data.encode_into(&mut data).map_err(|_| too_long)?;
        let item = Item {
            id,
            to: intent.to,
            value: intent.value,
            data,
            entry: Entry {
                expires_s,
                ..Entry::QUEUED
            },
        };
        self.items.push(item).map_err(|_| MemoryError::Full)?;
        Ok(Put::Added)
    }

    fn intent_now<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> Result<Option<Intent<'b>>, MemoryError> {
        let Some(item) = self.find(id) else {
            return Ok(None);
        };
        let needed = item.data.len();
        let out = buf
            .get_mut(..needed)
            .ok_or(MemoryError::BufferTooSmall { needed })?;
        out.copy_from_slice(&item.data);
        Ok(Some(Intent {
            to: item.to,
            value: item.value,
            data: CallData::Bytes(out),
        }))
    }

    fn update_now(&mut self, id: EntryId, entry: &Entry) -> Result<(), MemoryError> {
        let item = self.find(id).ok_or(MemoryError::NoSuchEntry)?;
        item.entry = entry.clone();
        Ok(())
    }

    fn reserve_nonce_now(
        &mut self,
        id: EntryId,
        account: Account,
        floor: u64,
    ) -> Result<u64, MemoryError> {
        let next = self.next_nonce_now(account)?.unwrap_or(floor).max(floor);
        let item = self.find(id).ok_or(MemoryError::NoSuchEntry)?;
        if let Some(nonce) = item.entry.nonce {
            return Ok(nonce);
        }
        item.entry.nonce = Some(next);
        item.entry.phase = Phase::Reserved;
        self.account = Some((account, next.saturating_add(1)));
        Ok(next)
    }

    fn next_nonce_now(&mut self, account: Account) -> Result<Option<u64>, MemoryError> {
        match self.account {
            None => Ok(None),
            Some((ours, next)) if ours == account => Ok(Some(next)),
            Some(_) => Err(MemoryError::OtherAccount),
        }
    }

    fn raise_nonce_now(&mut self, account: Account, floor: u64) -> Result<(), MemoryError> {
        let next = self.next_nonce_now(account)?.unwrap_or(floor).max(floor);
        self.account = Some((account, next));
        Ok(())
    }

    fn next_open_now(&mut self, after: Option<EntryId>) -> Result<Option<EntryId>, MemoryError> {
        let start = match after {
            None => 0,
            Some(id) => {
                let at = self.items.iter().position(|item| item.id == id);
                at.ok_or(MemoryError::NoSuchEntry)?.saturating_add(1)
            }
        };
        let rest = self.items.get(start..).unwrap_or_default();
        Ok(rest
            .iter()
            .find(|item| item.entry.is_open())
            .map(|item| item.id))
    }
}
