//! Signing with a key that is somewhere else.

use core::fmt;

use coracle_core::ecdsa::{Curve, PublicKey, RecoveryId, Signature};
use coracle_core::{B256, Error, ErrorKind, Signable, Signer};
use embedded_storage_async::nor_flash::{NorFlash, NorFlashError};

use crate::slot::SlotError;
use crate::slot::item::{Home, ItemBuf};
use crate::slot::policy::Request;
use crate::{MonotonicCounter, Store};

/// A part that holds keys and signs with them: a secure element, a SIM, a TEE.
///
/// Its signatures may have a high `s` and carry no recovery id: the slot does the rest.
#[expect(async_fn_in_trait, reason = "executors of devices are single-threaded")]
pub trait Element {
    /// Why the part did not sign. A busy part says [`ErrorKind::Retry`].
    type Error: Error;

    /// Signs a digest with the key of this name: ECDSA, `r || s` of 32 bytes each. Does not
    /// hash, prefix or separate.
    ///
    /// # Errors
    ///
    /// The part's own.
    ///
    /// # Cancel safety
    ///
    /// A signature may have been made and is lost; the next call works.
    async fn sign_prehash(&mut self, handle: u8, prehash: &B256) -> Result<[u8; 64], Self::Error>;
}

impl<T: Element + ?Sized> Element for &mut T {
    type Error = T::Error;

    fn sign_prehash(
        &mut self,
        handle: u8,
        prehash: &B256,
    ) -> impl Future<Output = Result<[u8; 64], T::Error>> {
        T::sign_prehash(self, handle, prehash)
    }
}

/// Why a slot with its key in an element did not sign. `E` is the flash driver's error, `P`
/// the element's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ElementSlotError<E, P> {
    /// The slot did not.
    Slot(SlotError<E>),
    /// The element did not.
    Element(P),
}

impl<E: NorFlashError, P: Error> fmt::Display for ElementSlotError<E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot(cause) => cause.fmt(f),
            Self::Element(cause) => fmt::Display::fmt(cause, f),
        }
    }
}

impl<E: NorFlashError + 'static, P: Error> core::error::Error for ElementSlotError<E, P> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Slot(cause) => Some(cause),
            Self::Element(cause) => Some(cause),
        }
    }
}

impl<E: NorFlashError + 'static, P: Error> Error for ElementSlotError<E, P> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Slot(cause) => cause.kind(),
            Self::Element(cause) => cause.kind(),
        }
    }
}

impl<E, P, T: Into<SlotError<E>>> From<T> for ElementSlotError<E, P> {
    fn from(cause: T) -> Self {
        Self::Slot(cause.into())
    }
}

/// A slot that is open, with its key in an element: signs what the slot's policy allows.
///
/// Every signature is verified here against the stored public key, whatever the policy
/// says: the recovery id comes out of that. Whether it is hedged is the element's affair.
///
/// # Cancel safety
///
/// As [`Signer::sign`] has it; the limit of the day may have counted already.
pub struct ElementSlot<'s, 'm, F, M, C: Curve, E> {
    store: &'s Store<'m, F, M>,
    id: u8,
    public: PublicKey<C>,
    element: E,
}

type Outcome<C, F, E> = Result<
    Signature<C>,
    ElementSlotError<
        <F as embedded_storage_async::nor_flash::ErrorType>::Error,
        <E as Element>::Error,
    >,
>;

impl<'s, 'm, F, M, C, E> ElementSlot<'s, 'm, F, M, C, E>
where
    F: NorFlash,
    M: MonotonicCounter,
    C: Curve,
    E: Element,
{
    pub(super) const fn new(
        store: &'s Store<'m, F, M>,
        id: u8,
        public: PublicKey<C>,
        element: E,
    ) -> Self {
        Self {
            store,
            id,
            public,
            element,
        }
    }

    /// Signs a digest, where the slot was made for that. Does not hash, prefix or separate.
    ///
    /// # Errors
    ///
    /// [`Refusal::RawDigest`](crate::Refusal::RawDigest) where it was not; else as
    /// [`Signer::sign`].
    ///
    /// # Security
    ///
    /// Whoever can have any 32 bytes signed owns the key's account.
    ///
    /// # Cancel safety
    ///
    /// A signature may have been made and is lost.
    pub async fn dangerous_sign_prehash(&mut self, prehash: &B256) -> Outcome<C, F, E> {
        self.sign_request(&Request::RawDigest, prehash).await
    }

    async fn sign_request(&mut self, request: &Request<'_>, prehash: &B256) -> Outcome<C, F, E> {
        let mut item = ItemBuf::new(self.id);
        let mut inner = self.store.lock().await?;
        let slot = inner.admit(&mut item, &self.public, request).await?;
        drop(inner);
        let Home::Element(handle) = slot.home else {
            return Err(SlotError::OtherHome.into());
        };
        let signed = self.element.sign_prehash(handle, prehash).await;
        let bytes = signed.map_err(ElementSlotError::Element)?;
        let signature = complete(&self.public, prehash, &bytes).ok_or(SlotError::Faulty)?;
        Ok(signature)
    }
}

/// The same with a low `s` and the recovery id; `None` where it is not this key's.
fn complete<C: Curve>(
    public: &PublicKey<C>,
    prehash: &B256,
    bytes: &[u8; 64],
) -> Option<Signature<C>> {
    (0..4).find_map(|id| {
        let signature = Signature::from_bytes(bytes, RecoveryId::from_byte(id)).ok()?;
        let signature = signature.normalize_s();
        let found = PublicKey::recover_prehash(prehash, &signature).ok()?;
        (found == *public).then_some(signature)
    })
}

impl<F, M, C, E> Signer for ElementSlot<'_, '_, F, M, C, E>
where
    F: NorFlash,
    F::Error: 'static,
    M: MonotonicCounter,
    C: Curve,
    E: Element,
{
    type Curve = C;
    type Error = ElementSlotError<F::Error, E::Error>;

    fn public_key(&self) -> &PublicKey<C> {
        &self.public
    }

    async fn sign(&mut self, message: &dyn Signable) -> Outcome<C, F, E> {
        let request = Request::Message(message.purpose());
        self.sign_request(&request, &message.prehash()).await
    }
}

impl<F, M, C: Curve, E> fmt::Debug for ElementSlot<'_, '_, F, M, C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementSlot").finish_non_exhaustive()
    }
}
