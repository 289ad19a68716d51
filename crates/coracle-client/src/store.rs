//! The outbox on flash. What goes into it is each chain's own business.

use core::fmt;

use coracle_core::{Error, ErrorKind};
use coracle_store::{EntryName, NoCounter, Store, StoreError};
use embedded_storage_async::nor_flash::NorFlashError;

use crate::EntryId;

/// An outbox in a [`Store`]: what it says is durable is so through any power cut.
///
/// Borrows the store, so that keys, journal and several outboxes share one. What the store
/// has and an outbox does not, such as [`Store::device`] and [`Store::clear_settled`], is
/// called there.
///
/// A name is used once, for ever: an entry that was settled and removed is not added again.
///
/// ```
/// use coracle_client::StoreOutbox;
/// use coracle_client::eth::{Entry, Intent};
/// use coracle_store::{Intake, Memory, Store, WhenFull};
/// # type Flash = coracle_testkit::SimFlash<4, 4096>;
///
/// /// The longest call data.
/// const DATA_LEN: usize = 256;
/// const ENTRIES: usize = 8;
/// /// Two for each entry, one for account, device and chain each, and three.
/// const ITEMS: usize = 2 * ENTRIES + 6;
/// const LEN: usize = 700;
/// const INTENT_LEN: usize = Intent::MAX_ENCODED_OVERHEAD + DATA_LEN;
/// const _: () = assert!(LEN >= Intake::INTENT_OVERHEAD + INTENT_LEN);
/// const _: () = assert!(LEN >= Intake::STATE_OVERHEAD + Entry::MAX_ENCODED_LEN);
///
/// let intake = Intake {
///     max_entries: ENTRIES,
///     when_full: WhenFull::Refuse,
///     max_state: Entry::MAX_ENCODED_LEN,
/// };
/// let mut memory = Memory::<ITEMS, LEN>::new();
/// # let flash = Flash::new(8, 0);
/// let store = Store::new(flash, &mut memory, intake);
/// let outbox = StoreOutbox::new(&store);
/// # let _ = outbox;
/// ```
pub struct StoreOutbox<'s, 'm, F, M = NoCounter> {
    pub(crate) store: &'s Store<'m, F, M>,
}

impl<'s, 'm, F, M> StoreOutbox<'s, 'm, F, M> {
    /// An outbox in this store.
    pub const fn new(store: &'s Store<'m, F, M>) -> Self {
        Self { store }
    }

    /// The store.
    pub const fn store(&self) -> &'s Store<'m, F, M> {
        self.store
    }
}

impl<F, M> Clone for StoreOutbox<'_, '_, F, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F, M> Copy for StoreOutbox<'_, '_, F, M> {}

impl<F, M> fmt::Debug for StoreOutbox<'_, '_, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOutbox").finish_non_exhaustive()
    }
}

impl From<EntryId> for EntryName {
    fn from(id: EntryId) -> Self {
        let EntryId { device, sequence } = id;
        Self { device, sequence }
    }
}

impl From<EntryName> for EntryId {
    fn from(name: EntryName) -> Self {
        let EntryName { device, sequence } = name;
        Self { device, sequence }
    }
}

/// Why an outbox on flash failed. `E` is the flash driver's error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreOutboxError<E> {
    /// The store.
    Store(StoreError<E>),
    /// An entry is not what this version of the outbox writes: another program shares the
    /// store, or a newer version wrote it. It stays as it is.
    Format(FormatError),
}

/// What is wrong with an entry's bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FormatError {
    /// They are of a version that is not known here.
    UnknownVersion {
        /// The version.
        found: u8,
    },
    /// They end too early.
    Truncated,
    /// Something follows their end.
    TrailingBytes,
    /// A field has a value that is never written, or one that contradicts another.
    BadField,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownVersion { found } => write!(f, "entry of version {found}"),
            Self::Truncated => f.write_str("entry ends too early"),
            Self::TrailingBytes => f.write_str("bytes after the end of an entry"),
            Self::BadField => f.write_str("entry with a field of no meaning"),
        }
    }
}

impl core::error::Error for FormatError {}

impl<E: NorFlashError> fmt::Display for StoreOutboxError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(cause) => cause.fmt(f),
            Self::Format(cause) => cause.fmt(f),
        }
    }
}

impl<E: NorFlashError + 'static> core::error::Error for StoreOutboxError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Store(cause) => Some(cause),
            Self::Format(cause) => Some(cause),
        }
    }
}

impl<E: NorFlashError + 'static> Error for StoreOutboxError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(cause) => cause.kind(),
            Self::Format(_) => ErrorKind::Device,
        }
    }
}

impl<E> From<StoreError<E>> for StoreOutboxError<E> {
    fn from(cause: StoreError<E>) -> Self {
        Self::Store(cause)
    }
}

impl<E> From<FormatError> for StoreOutboxError<E> {
    fn from(cause: FormatError) -> Self {
        Self::Format(cause)
    }
}
