//! Numbers that never serve twice, and what was last known.
//!
//! | item | body |
//! | --- | --- |
//! | account | name 32, next nonce 8 |
//! | device | name 32, next sequence 8, hash of the last record 32 |
//! | time | Unix seconds 8 |
//! | height | chain 8, height 8 |
//!
//! The entries of the outbox are journal as well: an entry and its number are one write,
//! so there is no moment in which one is down and the other is not. Before an entry is
//! removed, its numbers go to the items above.

use coracle_core::B256;
use embedded_storage_async::nor_flash::NorFlash;

use crate::log::{Key, Kind};
use crate::outbox::{IntentHead, StateHead};
use crate::store::{Inner, Result};
use crate::wire::{Fields, join};
use crate::{MonotonicCounter, Store, StoreError};

/// The name of an account on a chain, as the chain's adapter makes it: 32 bytes that
/// differ where chain or account do.
pub type AccountName = B256;

/// The accepted time is written down when it is this many seconds past the last one.
const TIME_STEP_S: u64 = 600;

/// A height is written down when it is this far past the last one.
const HEIGHT_STEP: u64 = 32;

/// Where a device's chain of records goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DevicePlace {
    /// The number of the next record.
    pub next_sequence: u64,
    /// What was put down with the last record as its hash; zero before the first.
    pub last_hash: B256,
}

impl<F: NorFlash, M: MonotonicCounter> Store<'_, F, M> {
    /// Where the device's chain of records goes on; `None` where it has said nothing yet.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn device(&self, name: B256) -> Result<Option<DevicePlace>, F> {
        let mut inner = self.lock().await?;
        Ok(inner.device(name).await?.map(|(_, place)| place))
    }

    /// The next nonce of the account; `None` before the first.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn next_nonce(&self, account: AccountName) -> Result<Option<u64>, F> {
        let mut inner = self.lock().await?;
        Ok(inner.account(account).await?.map(|(_, next)| next))
    }

    /// Numbers of the account below `floor` are not given any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] where the account is new and there is no room; the driver's.
    pub async fn raise_nonce(&self, account: AccountName, floor: u64) -> Result<(), F> {
        let mut inner = self.lock().await?;
        let id = match inner.account(account).await? {
            Some((_, next)) if next >= floor => return Ok(()),
            Some((id, _)) => id,
            None => inner.free_account().await?,
        };
        inner.put_account(id, account, floor).await
    }

    /// The last time that was accepted, in Unix seconds; it may lag by ten minutes.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn last_time(&self) -> Result<Option<u64>, F> {
        let mut inner = self.lock().await?;
        inner.last_time().await
    }

    /// Takes note of the time, in Unix seconds.
    ///
    /// # Errors
    ///
    /// [`StoreError::TimeRunsBackwards`] where it lies before the last one: whoever told
    /// it is wrong or lies. The driver's.
    pub async fn accept_time(&self, now_s: u64) -> Result<(), F> {
        let mut inner = self.lock().await?;
        match inner.last_time().await? {
            Some(last) if now_s < last => return Err(StoreError::TimeRunsBackwards),
            Some(last) if now_s < last.saturating_add(TIME_STEP_S) => return Ok(()),
            _ => {}
        }
        let bytes = now_s.to_le_bytes();
        inner.log.put(TIME, &bytes.as_slice()).await
    }

    /// The last known height of a chain; it may lag by 31 blocks.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn height(&self, chain: u64) -> Result<Option<u64>, F> {
        let mut inner = self.lock().await?;
        Ok(inner.height(chain).await?.1)
    }

    /// Takes note of a chain's height. A lower one than the last changes nothing.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn accept_height(&self, chain: u64, height: u64) -> Result<(), F> {
        let mut inner = self.lock().await?;
        let (id, last) = inner.height(chain).await?;
        if last.is_some_and(|last| height < last.saturating_add(HEIGHT_STEP)) {
            return Ok(());
        }
        let body: [u8; 16] = join(&[&chain.to_le_bytes(), &height.to_le_bytes()]);
        let key = Key::new(Kind::Height, id);
        inner.log.put(key, &body.as_slice()).await
    }
}

const TIME: Key = Key::new(Kind::Time, 0);

impl<F: NorFlash, M: MonotonicCounter> Inner<'_, F, M> {
    pub(crate) async fn last_time(&mut self) -> Result<Option<u64>, F> {
        Ok(self.log.start(TIME).await?.map(u64::from_le_bytes))
    }

    /// The id and the height of a chain; an id that is free where there is none.
    async fn height(&mut self, chain: u64) -> Result<(u32, Option<u64>), F> {
        let mut id = 0;
        while let Some(body) = self.log.start::<16>(Key::new(Kind::Height, id)).await? {
            let mut fields = Fields::new(&body);
            if fields.u64() == Some(chain) {
                return Ok((id, fields.u64()));
            }
            id = id.saturating_add(1);
        }
        Ok((id, None))
    }

    /// The id of a device, and where it goes on.
    pub(crate) async fn device(&mut self, name: B256) -> Result<Option<(u32, DevicePlace)>, F> {
        let mut id = 0;
        while let Some(body) = self.log.start(Key::new(Kind::Device, id)).await? {
            if let Some((found, mut place)) = read_device(&body)
                && found == name
            {
                self.follow_intents(id, &mut place).await?;
                return Ok(Some((id, place)));
            }
            id = id.saturating_add(1);
        }
        Ok(None)
    }

    /// Entries that are still there may be newer than the device's item.
    async fn follow_intents(&mut self, device: u32, place: &mut DevicePlace) -> Result<(), F> {
        let mut after = None;
        while let Some(id) = self.next_id(Kind::Intent, after) {
            after = Some(id);
            let Some(intent) = self.intent_head(id).await? else {
                continue;
            };
            if intent.device == device && intent.sequence >= place.next_sequence {
                place.next_sequence = intent.sequence.saturating_add(1);
                place.last_hash = intent.hash;
            }
        }
        Ok(())
    }

    pub(crate) async fn put_device(
        &mut self,
        id: u32,
        name: B256,
        place: &DevicePlace,
    ) -> Result<(), F> {
        let next = place.next_sequence.to_le_bytes();
        let body: [u8; DEVICE_LEN] = join(&[&name.0, &next, &place.last_hash.0]);
        let key = Key::new(Kind::Device, id);
        self.log.put(key, &body.as_slice()).await
    }

    pub(crate) async fn device_name(&mut self, id: u32) -> Result<Option<B256>, F> {
        let body = self.log.start(Key::new(Kind::Device, id)).await?;
        Ok(body.as_ref().and_then(read_device).map(|(name, _)| name))
    }

    /// The id of an account, and its next nonce.
    pub(crate) async fn account(&mut self, name: AccountName) -> Result<Option<(u8, u64)>, F> {
        for id in 0..NO_ACCOUNT {
            let Some((found, mut next)) = self.account_item(id).await? else {
                return Ok(None);
            };
            if found == name {
                self.follow_states(id, &mut next).await?;
                return Ok(Some((id, next)));
            }
        }
        Err(StoreError::Full)
    }

    /// An id that no account has.
    pub(crate) async fn free_account(&mut self) -> Result<u8, F> {
        for id in 0..NO_ACCOUNT {
            if self.account_item(id).await?.is_none() {
                return Ok(id);
            }
        }
        Err(StoreError::Full)
    }

    async fn account_item(&mut self, id: u8) -> Result<Option<(AccountName, u64)>, F> {
        let key = Key::new(Kind::Account, id.into());
        let Some(body) = self.log.start::<ACCOUNT_LEN>(key).await? else {
            return Ok(None);
        };
        let mut fields = Fields::new(&body);
        Ok(fields.b256().zip(fields.u64()))
    }

    async fn follow_states(&mut self, account: u8, next: &mut u64) -> Result<(), F> {
        let mut after = None;
        while let Some(id) = self.next_id(Kind::State, after) {
            after = Some(id);
            if let Some((of, nonce)) = self.state_head(id).await?.and_then(|state| state.nonce)
                && of == account
            {
                *next = (*next).max(nonce.saturating_add(1));
            }
        }
        Ok(())
    }

    pub(crate) async fn put_account(
        &mut self,
        id: u8,
        name: AccountName,
        next: u64,
    ) -> Result<(), F> {
        let body: [u8; ACCOUNT_LEN] = join(&[&name.0, &next.to_le_bytes()]);
        let key = Key::new(Kind::Account, id.into());
        self.log.put(key, &body.as_slice()).await
    }

    /// What entries that are about to be removed know goes to items of its own.
    pub(crate) async fn keep_numbers(
        &mut self,
        intent: &IntentHead,
        state: &StateHead,
    ) -> Result<(), F> {
        if let Some(body) = self
            .log
            .start(Key::new(Kind::Device, intent.device))
            .await?
            && let Some((name, kept)) = read_device(&body)
        {
            let mut place = kept;
            self.follow_intents(intent.device, &mut place).await?;
            if intent.sequence >= kept.next_sequence && place != kept {
                self.put_device(intent.device, name, &place).await?;
            }
        }
        if let Some((id, nonce)) = state.nonce
            && let Some((name, kept)) = self.account_item(id).await?
            && nonce >= kept
        {
            let mut next = kept;
            self.follow_states(id, &mut next).await?;
            self.put_account(id, name, next).await?;
        }
        Ok(())
    }

    /// The first id of a kind after another, in the order of numbers.
    pub(crate) fn next_id(&self, kind: Kind, after: Option<u32>) -> Option<u32> {
        let ids = self.log.ids(kind);
        ids.filter(|id| after.is_none_or(|after| *id > after)).min()
    }
}

pub(crate) const DEVICE_LEN: usize = 72;
pub(crate) const ACCOUNT_LEN: usize = 40;

/// An id that no account has.
pub(crate) const NO_ACCOUNT: u8 = u8::MAX;

fn read_device(body: &[u8; DEVICE_LEN]) -> Option<(B256, DevicePlace)> {
    let mut fields = Fields::new(body);
    let name = fields.b256()?;
    let place = DevicePlace {
        next_sequence: fields.u64()?,
        last_hash: fields.b256()?,
    };
    Some((name, place))
}
