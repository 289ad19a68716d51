//! Signing with a key that is sealed in the store.

use core::fmt;

use coracle_core::ecdsa::{Curve, PublicKey, Signature};
use coracle_core::{B256, Signable, Signer, U256};
use embedded_storage_async::nor_flash::NorFlash;
use rand_core::TryCryptoRng;

use crate::log::{Key, Kind};
use crate::slot::item::{ItemBuf, Slot};
use crate::slot::policy::{Request, Spending};
use crate::slot::{DeviceSecret, Limits, Refusal, Result, SlotError, seal};
use crate::store::Inner;
use crate::wire::{Fields, join};
use crate::{MonotonicCounter, Store};

/// A slot that is open: signs what its policy allows.
///
/// For a message that is signed again, as with a fee that is bumped, the limit of the day
/// counts twice.
///
/// # Cancel safety
///
/// As [`Signer::sign`] has it; the limit of the day may have counted already.
pub struct KeySlot<'s, 'm, F, M, C: Curve, D, R> {
    store: &'s Store<'m, F, M>,
    id: u8,
    public: PublicKey<C>,
    secret: D,
    rng: R,
}

impl<'s, 'm, F, M, C, D, R> KeySlot<'s, 'm, F, M, C, D, R>
where
    F: NorFlash,
    M: MonotonicCounter,
    C: Curve,
    D: DeviceSecret,
    R: TryCryptoRng,
{
    pub(super) const fn new(
        store: &'s Store<'m, F, M>,
        id: u8,
        public: PublicKey<C>,
        secret: D,
        rng: R,
    ) -> Self {
        Self {
            store,
            id,
            public,
            secret,
            rng,
        }
    }

    /// Signs a digest, where the slot was made for that. Does not hash, prefix or separate.
    ///
    /// # Errors
    ///
    /// [`Refusal::RawDigest`] where it was not; else as [`Signer::sign`].
    ///
    /// # Security
    ///
    /// Whoever can have any 32 bytes signed owns the key's account.
    ///
    /// # Cancel safety
    ///
    /// A signature may have been made and is lost.
    pub async fn dangerous_sign_prehash(&mut self, prehash: &B256) -> Result<Signature<C>, F> {
        self.sign_request(&Request::RawDigest, prehash).await
    }

    async fn sign_request(
        &mut self,
        request: &Request<'_>,
        prehash: &B256,
    ) -> Result<Signature<C>, F> {
        let mut item = ItemBuf::new(self.id);
        let mut inner = self.store.lock().await?;
        let slot = inner.admit(&mut item, &self.public, request).await?;
        drop(inner);
        let secret = &mut self.secret;
        let signature = seal::sign(&slot, &self.public, prehash, secret, &mut self.rng)?;
        Ok(signature)
    }
}

impl<F, M, C, D, R> Signer for KeySlot<'_, '_, F, M, C, D, R>
where
    F: NorFlash,
    F::Error: 'static,
    M: MonotonicCounter,
    C: Curve,
    D: DeviceSecret,
    R: TryCryptoRng,
{
    type Curve = C;
    type Error = SlotError<F::Error>;

    fn public_key(&self) -> &PublicKey<C> {
        &self.public
    }

    async fn sign(&mut self, message: &dyn Signable) -> Result<Signature<C>, F> {
        let request = Request::Message(message.purpose());
        self.sign_request(&request, &message.prehash()).await
    }
}

impl<F, M, C: Curve, D, R> fmt::Debug for KeySlot<'_, '_, F, M, C, D, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySlot").finish_non_exhaustive()
    }
}

/// What a slot's transactions of a day move and cost.
pub(super) struct Spent {
    day: u64,
    sum: Limits,
}

impl Spent {
    const LEN: usize = 8 + 2 * U256::LEN;

    pub(super) const NOTHING: Self = Self {
        day: 0,
        sum: Limits {
            value: U256::ZERO,
            fee: U256::ZERO,
        },
    };

    pub(super) const fn key(id: u8) -> Key {
        Key::new(Kind::Spent, id as u32)
    }

    pub(super) fn to_bytes(&self) -> [u8; Self::LEN] {
        join(&[
            &self.day.to_le_bytes(),
            &self.sum.value.to_be_bytes(),
            &self.sum.fee.to_be_bytes(),
        ])
    }

    fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        Some(Self {
            day: fields.u64()?,
            sum: Limits {
                value: U256::from_be_bytes(&fields.take()?),
                fee: U256::from_be_bytes(&fields.take()?),
            },
        })
    }

    /// The same with one transaction more.
    fn with(self, today: u64, spending: &Spending) -> core::result::Result<Self, Refusal> {
        let before = match self.day < today {
            true => Self::NOTHING.sum,
            false => self.sum,
        };
        let add = |a: U256, b: U256, limit: U256| a.checked_add(b).filter(|sum| *sum <= limit);
        let Spending { limits, sum } = spending;
        Ok(Self {
            day: self.day.max(today),
            sum: Limits {
                value: add(before.value, sum.value, limits.value).ok_or(Refusal::DailyValue)?,
                fee: add(before.fee, sum.fee, limits.fee).ok_or(Refusal::DailyFee)?,
            },
        })
    }
}

const DAY_S: u64 = 24 * 60 * 60;

impl<F: NorFlash, M: MonotonicCounter> Inner<'_, F, M> {
    /// Reads the slot of this key, if it may sign; what it spends is written down.
    pub(super) async fn admit<'b, C: Curve>(
        &mut self,
        item: &'b mut ItemBuf,
        public: &PublicKey<C>,
        request: &Request<'_>,
    ) -> Result<Slot<'b>, F> {
        let id = item.id();
        let slot = self.read_slot(item).await?;
        // It was opened before: it may have been deleted since, and made anew.
        if !slot.is_of(public) {
            return Err(SlotError::NoSuchSlot);
        }
        let spending = slot.policy.check(request, &public.to_coordinates())?;
        if let Some(spending) = spending {
            self.spend(id, &spending).await?;
        }
        Ok(slot)
    }

    /// Before the signature: after a cut too much may count, never too little.
    async fn spend(&mut self, id: u8, spending: &Spending) -> Result<(), F> {
        let now_s = self.last_time().await?.ok_or(Refusal::NoTime)?;
        let key = Spent::key(id);
        let spent = self.log.start(key).await?;
        // There is one as long as there is the slot.
        let spent = spent.as_ref().and_then(Spent::from_bytes);
        let spent = spent.ok_or(SlotError::Sealed)?;
        let bytes = spent.with(now_s / DAY_S, spending)?.to_bytes();
        Ok(self.log.put(key, &bytes.as_slice()).await?)
    }
}
