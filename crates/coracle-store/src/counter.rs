//! Counters that cannot be turned back.

use core::convert::Infallible;
use core::fmt;

use embedded_storage_async::nor_flash::NorFlash;

use crate::StoreError;
use crate::log::{Key, Kind};
use crate::store::{self, Inner};

/// A counter in hardware that only goes up and survives a power cut: in a secure element,
/// in fuses, in replay-protected memory.
///
/// With one, flash that was put back to an earlier state is noticed when the store is
/// opened. It goes up by one for each reading that is put down.
#[expect(async_fn_in_trait, reason = "executors of devices are single-threaded")]
pub trait MonotonicCounter {
    /// Why the part failed.
    type Error: fmt::Debug;

    /// Its value; `None` where there is no such part.
    ///
    /// # Errors
    ///
    /// The part's own.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    async fn value(&mut self) -> Result<Option<u32>, Self::Error>;

    /// Adds one, for good when it returns.
    ///
    /// # Errors
    ///
    /// The part's own; the value is then what it was, or one more.
    ///
    /// # Cancel safety
    ///
    /// One may have been added.
    async fn increment(&mut self) -> Result<(), Self::Error>;
}

impl<T: MonotonicCounter + ?Sized> MonotonicCounter for &mut T {
    type Error = T::Error;

    fn value(&mut self) -> impl Future<Output = Result<Option<u32>, T::Error>> {
        T::value(self)
    }

    fn increment(&mut self) -> impl Future<Output = Result<(), T::Error>> {
        T::increment(self)
    }
}

/// A device without such a part: only the chain notices flash that was put back.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCounter;

impl MonotonicCounter for NoCounter {
    type Error = Infallible;

    async fn value(&mut self) -> Result<Option<u32>, Infallible> {
        Ok(None)
    }

    async fn increment(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

const EPOCH: Key = Key::new(Kind::Epoch, 0);

impl<F: NorFlash, M: MonotonicCounter> Inner<'_, F, M> {
    async fn epoch(&mut self) -> store::Result<u32, F> {
        let epoch = self.log.start(EPOCH).await?;
        Ok(epoch.map_or(0, u32::from_le_bytes))
    }

    async fn counter(&mut self) -> store::Result<Option<u32>, F> {
        self.counter.value().await.map_err(|_| StoreError::Counter)
    }

    /// Begins at what the counter stands at.
    pub(crate) async fn adopt_counter(&mut self) -> store::Result<(), F> {
        let Some(value) = self.counter().await? else {
            return Ok(());
        };
        let bytes = value.to_le_bytes();
        self.log.put(EPOCH, &bytes.as_slice()).await
    }

    /// Holds the flash against the counter.
    pub(crate) async fn check_counter(&mut self) -> store::Result<(), F> {
        let Some(value) = self.counter().await? else {
            return Ok(());
        };
        match self.epoch().await?.checked_sub(value) {
            Some(0) => Ok(()),
            // Power went between the two.
            Some(1) => self.increment().await,
            Some(_) => Err(StoreError::OtherDevice),
            None => Err(StoreError::RolledBack),
        }
    }

    /// One more reading was put down. The flash goes first: it is never behind the counter
    /// but when it was put back.
    pub(crate) async fn count(&mut self) -> store::Result<(), F> {
        let Some(value) = self.counter().await? else {
            return Ok(());
        };
        let bytes = value.saturating_add(1).to_le_bytes();
        self.log.put(EPOCH, &bytes.as_slice()).await?;
        self.increment().await
    }

    async fn increment(&mut self) -> store::Result<(), F> {
        let done = self.counter.increment().await;
        done.map_err(|_| StoreError::Counter)
    }
}
