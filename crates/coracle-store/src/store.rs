//! The store: one log on one flash, shared by journal and outbox.

use core::fmt;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::{Mutex, MutexGuard};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash};
use rand_core::TryCryptoRng;

use crate::log::{Log, Place};
use crate::{Intake, MonotonicCounter, NoCounter, StoreError, Wear};

pub(crate) type Result<T, F> = core::result::Result<T, StoreError<<F as ErrorType>::Error>>;

/// Working memory of a store, apart from it: as a value it would be copied with it.
///
/// `ITEMS` is how many items may live at a time: two for each entry of the outbox, one
/// for each account, device and chain, and three. `LEN` is the longest item in
/// bytes; an entry's intent takes [`Intake::INTENT_OVERHEAD`] more than its own bytes.
pub struct Memory<const ITEMS: usize, const LEN: usize> {
    places: [Place; ITEMS],
    buf: [u8; LEN],
}

impl<const ITEMS: usize, const LEN: usize> Memory<ITEMS, LEN> {
    /// Nothing kept yet.
    pub const fn new() -> Self {
        Self {
            places: [Place::NONE; ITEMS],
            buf: [0; LEN],
        }
    }
}

impl<const ITEMS: usize, const LEN: usize> Default for Memory<ITEMS, LEN> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const ITEMS: usize, const LEN: usize> fmt::Debug for Memory<ITEMS, LEN> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

/// Journal and outbox on one NOR flash.
///
/// Shared by reference: who uses it at a time takes turns.
///
/// # Examples
///
/// ```
/// # use coracle_core::B256;
/// # use coracle_store::{EntryName, Intake, Memory, Phase, Put, Store, StoreError, WhenFull};
/// # use coracle_testkit::{FlashError, SeededRng, SimFlash};
/// # async fn report() -> Result<(), StoreError<FlashError>> {
/// # let (device, account, record_hash) = (B256([1; 32]), B256([2; 32]), B256([3; 32]));
/// # let mut rng = SeededRng::new(7);
/// # let flash = SimFlash::<8, 4096, 8>::new(8, 7);
/// let intake = Intake { max_entries: 4, when_full: WhenFull::Refuse, max_state: 256 };
/// let mut memory = Memory::<16, 512>::new();
/// let store = Store::new(flash, &mut memory, intake);
/// store.format(&mut rng).await?; // Once, where the device is made.
///
/// let name = EntryName { device, sequence: 0 };
/// let put = store.put(name, record_hash, None, &b"what to do".as_slice()).await?;
/// assert_eq!(put, Put::Added); // On the flash, read back.
///
/// let nonce = store.reserve(name, account, 41).await?;
/// assert_eq!(nonce, 41); // Never given again, whatever happens now.
///
/// store.set_state(name, Phase::Final, &b"how it went".as_slice()).await?;
/// assert_eq!(store.clear_settled().await?, 1);
/// assert_eq!(store.next_nonce(account).await?, Some(42));
/// # Ok(())
/// # }
/// # embassy_futures::block_on(report()).unwrap();
/// ```
///
/// # Cancel safety
///
/// Of every method, unless it says otherwise: what it was to write is there whole or not
/// at all; the next call looks at the flash anew.
pub struct Store<'m, F, M = NoCounter> {
    inner: Mutex<NoopRawMutex, Inner<'m, F, M>>,
}

pub(crate) struct Inner<'m, F, M> {
    pub(crate) log: Log<'m, F>,
    pub(crate) counter: M,
    pub(crate) intake: Intake,
    pub(crate) is_checked: bool,
}

impl<'m, F: NorFlash> Store<'m, F> {
    /// A store that has not looked at its flash yet, on a device without a monotonic
    /// counter.
    pub fn new<const ITEMS: usize, const LEN: usize>(
        flash: F,
        memory: &'m mut Memory<ITEMS, LEN>,
        intake: Intake,
    ) -> Self {
        Self::with_counter(flash, NoCounter, memory, intake)
    }
}

impl<'m, F: NorFlash, M: MonotonicCounter> Store<'m, F, M> {
    /// A store that has not looked at its flash yet.
    pub fn with_counter<const ITEMS: usize, const LEN: usize>(
        flash: F,
        counter: M,
        memory: &'m mut Memory<ITEMS, LEN>,
        intake: Intake,
    ) -> Self {
        let log = Log::new(
            flash,
            &mut memory.places,
            &mut memory.buf,
            intake.state_len(),
        );
        Self {
            inner: Mutex::new(Inner {
                log,
                counter,
                intake,
                is_checked: false,
            }),
        }
    }

    /// Makes an empty store: once, where the device is made. Every page is erased; keys,
    /// numbers and entries that were there are gone for good.
    ///
    /// # Errors
    ///
    /// [`StoreError::BadGeometry`], [`StoreError::WornOut`], the driver's;
    /// [`StoreError::Counter`] where the random source failed as well: nothing was
    /// changed then.
    ///
    /// # Cancel safety
    ///
    /// Cut off, it leaves no store: format again.
    pub async fn format(&self, rng: &mut impl TryCryptoRng) -> Result<(), F> {
        let id = rng.try_next_u32().map_err(|_| StoreError::Counter)?;
        let mut inner = self.inner.lock().await;
        inner.is_checked = false;
        inner.log.format(id).await?;
        inner.adopt_counter().await
    }

    /// Opens the store: reads the flash, finishes what a power cut interrupted, and holds
    /// it against the monotonic counter. Every other method does so where it has not been
    /// done.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFormatted`], [`StoreError::Corrupted`], [`StoreError::RolledBack`],
    /// [`StoreError::OtherDevice`], and the driver's.
    pub async fn open(&self) -> Result<(), F> {
        self.lock().await.map(drop)
    }

    /// [`open`](Self::open), or [`format`](Self::format) where there is no store: for
    /// devices that are their own maker, such as tests and demos. A product formats in the
    /// factory: here a flash that lost everything begins anew, and only the chain notices.
    ///
    /// # Errors
    ///
    /// Those of the two.
    pub async fn open_or_format(&self, rng: &mut impl TryCryptoRng) -> Result<(), F> {
        match self.open().await {
            Err(StoreError::NotFormatted) => {
                self.format(rng).await?;
                self.open().await
            }
            other => other,
        }
    }

    /// How much of the flash's life is used up.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub async fn wear(&self) -> Result<Wear, F> {
        Ok(self.lock().await?.log.wear())
    }

    /// Erases every page that may hold what was removed or replaced, once what lives is
    /// elsewhere, and reads it back.
    ///
    /// # Errors
    ///
    /// [`StoreError::WornOut`] where a page does not come out erased; the driver's.
    pub async fn purge(&self) -> Result<(), F> {
        self.lock().await?.log.purge().await
    }

    /// The log, ready and checked.
    pub(crate) async fn lock(&self) -> Result<Guard<'_, 'm, F, M>, F> {
        let mut inner = self.inner.lock().await;
        inner.log.ready().await?;
        if !inner.is_checked {
            inner.check_counter().await?;
            inner.is_checked = true;
        }
        Ok(inner)
    }

    /// Ends the store and gives the flash back.
    pub fn into_flash(self) -> F {
        self.inner.into_inner().log.into_flash()
    }
}

pub(crate) type Guard<'a, 'm, F, M> = MutexGuard<'a, NoopRawMutex, Inner<'m, F, M>>;

impl<F, M> fmt::Debug for Store<'_, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
