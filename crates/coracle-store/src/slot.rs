//! Keys that stay, each with what it may sign.
//!
//! | offset | length | field | meaning |
//! | --- | --- | --- | --- |
//! | 0 | 1 | version | 1 |
//! | 1 | 1 | curve | see [`SlotCurve`] |
//! | 2 | 1 | home | 0: the key is sealed here; 1: it is in an [`Element`] |
//! | 3 | 33 | public key | SEC 1, compressed |
//! | 36 | | policy | see [`Policy`] |
//! | | 72 | sealed key | nonce 24, scalar 32, tag 16: XChaCha20-Poly1305; home 0 alone |
//! | | 1 | handle | the element's name for the key; home 1 alone |
//!
//! The scalar is sealed under a key that the [`DeviceSecret`] derives, with the slot's id
//! and all that stands before the sealed key as associated data.
//!
//! Beside a slot with a limit for a day stands an item that says what was spent: day 8,
//! value 32, fee 32, little endian and big endian.

mod element;
mod item;
mod policy;
mod seal;
mod secret;
mod signer;

use core::fmt;

use coracle_core::ecdsa::{Curve, KeyError, PublicKey, SecretKey};
use coracle_core::health::HealthError;
use coracle_core::{Error, ErrorKind};
use embedded_storage_async::nor_flash::{NorFlash, NorFlashError};
use rand_core::TryCryptoRng;

use crate::log::{ITEM_HEADER_LEN, Key, Kind};
use crate::slot::item::{Home, ItemBuf, Slot};
use crate::slot::seal::Fault;
use crate::slot::signer::Spent;
use crate::store::{Guard, Inner};
use crate::{MonotonicCounter, Store, StoreError};

pub use self::element::{Element, ElementSlot, ElementSlotError};
pub use self::policy::{Allowed, Limits, Policy, Refusal, Target, TxPolicy};
pub use self::seal::WIPED_STACK_LEN;
pub use self::secret::{DeviceSecret, InsecureReadableSecret, SecretError};
pub use self::signer::KeySlot;

/// Why a slot did not do what it was asked. `E` is the flash driver's error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SlotError<E> {
    /// The store failed.
    Store(StoreError<E>),
    /// The slot's policy does not allow it.
    Refused(Refusal),
    /// There is no slot of this id.
    NoSuchSlot,
    /// There is a slot of this id: delete it first.
    Occupied,
    /// The slot's key is on another curve.
    OtherCurve,
    /// The slot's key is in an element and was looked for in the store, or the other way
    /// round.
    OtherHome,
    /// The device's secret was not available.
    Secret(SecretError),
    /// No key was made or imported, or no entropy came for a signature: its random source
    /// is not fit for use.
    Random(HealthError),
    /// The slot does not open: it was sealed by another device or for another slot, or it
    /// was changed. Says no more on purpose.
    Sealed,
    /// A signature was made and did not verify: a fault in the chip or forced on it, or an
    /// element that signs with another key. The signature was thrown away.
    Faulty,
}

impl<E: NorFlashError> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(cause) => cause.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NoSuchSlot => f.write_str("no such slot"),
            Self::Occupied => f.write_str("slot is occupied"),
            Self::OtherCurve => f.write_str("key of the slot is on another curve"),
            Self::OtherHome => f.write_str("key of the slot is kept elsewhere"),
            Self::Secret(cause) => cause.fmt(f),
            Self::Random(cause) => cause.fmt(f),
            Self::Sealed => f.write_str("slot does not open"),
            Self::Faulty => f.write_str("signature did not verify after signing"),
        }
    }
}

impl<E: NorFlashError + 'static> core::error::Error for SlotError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Store(cause) => Some(cause),
            Self::Refused(cause) => Some(cause),
            Self::Secret(cause) => Some(cause),
            Self::Random(cause) => Some(cause),
            _ => None,
        }
    }
}

impl<E: NorFlashError + 'static> Error for SlotError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(cause) => cause.kind(),
            Self::Refused(refusal) => refusal.kind(),
            Self::NoSuchSlot | Self::Occupied | Self::OtherCurve | Self::OtherHome => {
                ErrorKind::Caller
            }
            _ => ErrorKind::Device,
        }
    }
}

impl<E> From<StoreError<E>> for SlotError<E> {
    fn from(cause: StoreError<E>) -> Self {
        Self::Store(cause)
    }
}

impl<E> From<Refusal> for SlotError<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E> From<Fault> for SlotError<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Secret(cause) => Self::Secret(cause),
            Fault::Random(cause) | Fault::Key(KeyError::Unhealthy(cause)) => Self::Random(cause),
            // The scalar came out of a seal that holds, or from a source that gives none.
            Fault::Key(_) | Fault::Sealed => Self::Sealed,
            Fault::Faulty => Self::Faulty,
        }
    }
}

type Result<T, F> =
    core::result::Result<T, SlotError<<F as embedded_storage_async::nor_flash::ErrorType>::Error>>;

/// The curve of a slot's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum SlotCurve {
    /// secp256k1.
    Secp256k1 = 1,
    /// NIST P-256.
    P256 = 2,
}

impl SlotCurve {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Secp256k1),
            2 => Some(Self::P256),
            _ => None,
        }
    }

    /// `None` for curves that came later.
    fn of<C: Curve>() -> Option<Self> {
        match C::NAME {
            "Secp256k1" => Some(Self::Secp256k1),
            "P256" => Some(Self::P256),
            _ => None,
        }
    }
}

/// Where a slot's key is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum KeyHome {
    /// In the store, sealed.
    Sealed,
    /// In an [`Element`], which has this name for it.
    Element(u8),
}

/// What stands on the flash about a slot, for all to read.
///
/// # Security
///
/// Nothing here was checked against the device's secret; opening the slot does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlotInfo {
    /// The slot.
    pub id: u8,
    /// The curve of its key.
    pub curve: SlotCurve,
    /// Where the secret key is.
    pub home: KeyHome,
    /// The public key, as SEC 1 has it in compressed form.
    pub public_key: [u8; 33],
    /// What the slot signs.
    pub policy: Policy,
}

impl SlotInfo {
    /// What a slot takes of the `ITEMS` of [`Memory`](crate::Memory); one less without a
    /// limit for a day.
    pub const ITEMS: usize = 2;

    /// What the `LEN` of [`Memory`](crate::Memory) must be for every policy. One that lists
    /// less takes less.
    pub const MAX_LEN: usize = ITEM_HEADER_LEN + item::MAX_BODY_LEN;
}

impl<'m, F: NorFlash, M: MonotonicCounter> Store<'m, F, M> {
    /// Makes a key in a slot that is free: from then on it signs what `policy` allows, on
    /// this device.
    ///
    /// # Errors
    ///
    /// [`SlotError::Occupied`]; [`SlotError::Random`] where the source fails its health
    /// tests; [`SlotError::Secret`]; the store's.
    ///
    /// # Security
    ///
    /// The source must be a true one, see [`SecretKey::generate`]. The key is in RAM during
    /// one synchronous call, and the stack of that call is overwritten.
    ///
    /// # Cancel safety
    ///
    /// The slot is there whole or not at all. Where the public key was lost with the
    /// future, [`slot`](Self::slot) has it.
    pub async fn create_slot<C: Curve>(
        &self,
        id: u8,
        policy: &Policy,
        secret: &mut impl DeviceSecret,
        rng: &mut impl TryCryptoRng,
    ) -> Result<PublicKey<C>, F> {
        let (mut inner, mut item) = self.lock_free(id).await?;
        let public = seal::create(&mut item, policy, secret, rng)?;
        inner.put_slot(id, policy, &item).await?;
        Ok(public)
    }

    /// As [`create_slot`](Self::create_slot), with a key that was made elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`create_slot`](Self::create_slot).
    ///
    /// # Security
    ///
    /// The caller wipes its own copy of the key, and whatever it came from. A key that was
    /// made on the device is better.
    ///
    /// # Cancel safety
    ///
    /// As that of [`create_slot`](Self::create_slot).
    pub async fn import_slot<C: Curve>(
        &self,
        id: u8,
        policy: &Policy,
        key: &SecretKey<C>,
        secret: &mut impl DeviceSecret,
        rng: &mut impl TryCryptoRng,
    ) -> Result<(), F> {
        let (mut inner, mut item) = self.lock_free(id).await?;
        seal::import(&mut item, policy, key, secret, rng)?;
        inner.put_slot(id, policy, &item).await
    }

    /// Makes a slot for a key that lives in an [`Element`], under `handle` there.
    ///
    /// # Errors
    ///
    /// [`SlotError::Occupied`]; the store's.
    ///
    /// # Security
    ///
    /// Nothing binds policy and public key of such a slot to the device: who can write its
    /// flash can change them. Elements that enforce a policy themselves are better.
    pub async fn adopt_slot<C: Curve>(
        &self,
        id: u8,
        policy: &Policy,
        public: &PublicKey<C>,
        handle: u8,
    ) -> Result<(), F> {
        let (mut inner, mut item) = self.lock_free(id).await?;
        let written = item.write(item::ELEMENT, public, policy);
        written
            .and_then(|()| item.append(&[handle]))
            .ok_or(SlotError::OtherCurve)?;
        inner.put_slot(id, policy, &item).await
    }

    /// What there is in a slot; `None` where it is free.
    ///
    /// # Errors
    ///
    /// [`SlotError::Sealed`] where it is of a format that is not known here; the store's.
    pub async fn slot(&self, id: u8) -> Result<Option<SlotInfo>, F> {
        let mut item = ItemBuf::new(id);
        let mut inner = self.lock().await?;
        match inner.read_slot(&mut item).await {
            Ok(slot) => Ok(Some(slot.info(id))),
            Err(SlotError::NoSuchSlot) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The first slot that is not free after another, in the order of ids.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn next_slot(&self, after: Option<u8>) -> Result<Option<u8>, F> {
        let inner = self.lock().await?;
        let id = inner.next_id(Kind::Slot, after.map(u32::from));
        Ok(id.and_then(|id| u8::try_from(id).ok()))
    }

    /// Deletes a slot with its key; nothing happens where there is none.
    ///
    /// When this returns, no byte of the sealed key is on the flash: what lives was moved,
    /// the pages were erased and read back.
    ///
    /// # Errors
    ///
    /// [`StoreError::WornOut`] where a page does not come out erased; the store's.
    ///
    /// # Cancel safety
    ///
    /// The slot is there whole, or the next call on the store, after a start too, erases
    /// what is left of it first.
    pub async fn delete_slot(&self, id: u8) -> Result<(), F> {
        let mut inner = self.lock().await?;
        let has_key = inner.has_slot(id);
        inner.log.remove(key_of(id)).await?;
        inner.log.remove(Spent::key(id)).await?;
        if has_key {
            inner.log.purge().await?;
        }
        Ok(())
    }

    /// Opens a slot whose key is sealed in the store, to sign with it.
    ///
    /// `rng` is asked for where the slot's policy says
    /// [`is_hedged`](Policy::is_hedged).
    ///
    /// # Errors
    ///
    /// [`SlotError::NoSuchSlot`], [`SlotError::OtherCurve`], [`SlotError::OtherHome`];
    /// [`SlotError::Sealed`] where it is not this device's, or was changed;
    /// [`SlotError::Secret`]; the store's.
    ///
    /// # Security
    ///
    /// The key itself does not stay in RAM: it is unsealed for each signature.
    pub async fn open_slot<C: Curve, D: DeviceSecret, R: TryCryptoRng>(
        &self,
        id: u8,
        mut secret: D,
        rng: R,
    ) -> Result<KeySlot<'_, 'm, F, M, C, D, R>, F> {
        let mut item = ItemBuf::new(id);
        let mut inner = self.lock().await?;
        let slot = inner.read_slot(&mut item).await?;
        let public = slot.public::<C>().ok_or(SlotError::OtherCurve)?;
        let Home::Sealed(sealed) = slot.home else {
            return Err(SlotError::OtherHome);
        };
        seal::check(&slot, sealed, &mut secret)?;
        Ok(KeySlot::new(self, id, public, secret, rng))
    }

    /// Opens a slot whose key lives in an element, to sign with it.
    ///
    /// # Errors
    ///
    /// [`SlotError::NoSuchSlot`], [`SlotError::OtherCurve`], [`SlotError::OtherHome`]; the
    /// store's. The element is not asked yet.
    pub async fn open_element_slot<C: Curve, E: Element>(
        &self,
        id: u8,
        element: E,
    ) -> Result<ElementSlot<'_, 'm, F, M, C, E>, F> {
        let mut item = ItemBuf::new(id);
        let mut inner = self.lock().await?;
        let slot = inner.read_slot(&mut item).await?;
        let public = slot.public::<C>().ok_or(SlotError::OtherCurve)?;
        let Home::Element(_) = slot.home else {
            return Err(SlotError::OtherHome);
        };
        Ok(ElementSlot::new(self, id, public, element))
    }

    async fn lock_free(&self, id: u8) -> Result<(Guard<'_, 'm, F, M>, ItemBuf), F> {
        let inner = self.lock().await?;
        if inner.has_slot(id) {
            return Err(SlotError::Occupied);
        }
        Ok((inner, ItemBuf::new(id)))
    }
}

const fn key_of(id: u8) -> Key {
    Key::new(Kind::Slot, id as u32)
}

impl<F: NorFlash, M: MonotonicCounter> Inner<'_, F, M> {
    fn has_slot(&self, id: u8) -> bool {
        self.log.ids(Kind::Slot).any(|other| other == u32::from(id))
    }

    async fn put_slot(&mut self, id: u8, policy: &Policy, item: &ItemBuf) -> Result<(), F> {
        // First, so that there is no slot without it.
        if policy.has_daily_limit() {
            let nothing = Spent::NOTHING.to_bytes();
            self.log.put(Spent::key(id), &nothing.as_slice()).await?;
        } else {
            self.log.remove(Spent::key(id)).await?;
        }
        let put = self.log.put(key_of(id), &item.body()).await;
        if let Err(StoreError::Full | StoreError::TooLong { .. }) = put {
            self.log.remove(Spent::key(id)).await?;
        }
        Ok(put?)
    }

    async fn read_slot<'b>(&mut self, item: &'b mut ItemBuf) -> Result<Slot<'b>, F> {
        let key = key_of(item.id());
        let read = match self.log.get(key, 0, item.space()).await {
            Ok(body) => body.map(<[u8]>::len),
            // Longer than any slot.
            Err(StoreError::BufferTooSmall { .. }) => return Err(SlotError::Sealed),
            Err(cause) => return Err(cause.into()),
        };
        item.set_body_len(read.ok_or(SlotError::NoSuchSlot)?);
        item.slot().ok_or(SlotError::Sealed)
    }
}
