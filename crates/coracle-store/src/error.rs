//! Why the store failed.

use core::fmt;

use coracle_core::{Error, ErrorKind};
use embedded_storage_async::nor_flash::NorFlashError;

/// Why the store failed. `E` is the flash driver's error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The flash driver failed. The next call reads the flash anew and goes on.
    Flash(E),
    /// No store was made on this flash, or its making was cut off: format it, once, where
    /// the device is made.
    NotFormatted,
    /// Something that was written is gone: the store refuses to work with the rest, since
    /// an older number would serve twice.
    Corrupted {
        /// Where in the partition, in bytes.
        at: u32,
    },
    /// The flash or the index has no room; it has once entries are settled and removed.
    Full,
    /// More than an item or the working memory takes.
    TooLong {
        /// The most in bytes.
        max: usize,
    },
    /// The caller's buffer is too short.
    BufferTooSmall {
        /// The length it takes in bytes.
        needed: usize,
    },
    /// There is no entry of this name.
    NoSuchEntry,
    /// What was written did not read back, at several places: the flash is worn out.
    WornOut,
    /// The partition has too few pages, or pages and words of a size that is not supported.
    BadGeometry,
    /// The flash is older than the device's monotonic counter: it was put back to an
    /// earlier state.
    RolledBack,
    /// The flash is ahead of the device's monotonic counter: it is another device's.
    OtherDevice,
    /// The monotonic counter failed.
    Counter,
    /// The time lies before the last one that was accepted.
    TimeRunsBackwards,
}

impl<E> StoreError<E> {
    /// The same with another driver error, for layers that rename it.
    pub fn map_flash<T>(self, map: impl FnOnce(E) -> T) -> StoreError<T> {
        match self {
            Self::Flash(cause) => StoreError::Flash(map(cause)),
            Self::NotFormatted => StoreError::NotFormatted,
            Self::Corrupted { at } => StoreError::Corrupted { at },
            Self::Full => StoreError::Full,
            Self::TooLong { max } => StoreError::TooLong { max },
            Self::BufferTooSmall { needed } => StoreError::BufferTooSmall { needed },
            Self::NoSuchEntry => StoreError::NoSuchEntry,
            Self::WornOut => StoreError::WornOut,
            Self::BadGeometry => StoreError::BadGeometry,
            Self::RolledBack => StoreError::RolledBack,
            Self::OtherDevice => StoreError::OtherDevice,
            Self::Counter => StoreError::Counter,
            Self::TimeRunsBackwards => StoreError::TimeRunsBackwards,
        }
    }
}

impl<E: NorFlashError> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(cause) => write!(f, "flash failed: {:?}", cause.kind()),
            Self::NotFormatted => f.write_str("there is no store on the flash"),
            Self::Corrupted { at } => write!(f, "the store lost what stood at {at:#x}"),
            Self::Full => f.write_str("the store is full"),
            Self::TooLong { max } => write!(f, "longer than {max} bytes"),
            Self::BufferTooSmall { needed } => write!(f, "buffer too small, {needed} bytes needed"),
            Self::NoSuchEntry => f.write_str("no such entry"),
            Self::WornOut => f.write_str("what is written does not read back"),
            Self::BadGeometry => f.write_str("pages or words of an unsupported size"),
            Self::RolledBack => f.write_str("flash is older than the monotonic counter"),
            Self::OtherDevice => f.write_str("flash is ahead of the monotonic counter"),
            Self::Counter => f.write_str("monotonic counter failed"),
            Self::TimeRunsBackwards => f.write_str("time lies before the last accepted one"),
        }
    }
}

impl<E: NorFlashError> core::error::Error for StoreError<E> {}

impl<E: NorFlashError + 'static> Error for StoreError<E> {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Full => ErrorKind::Retry,
            Self::TooLong { .. }
            | Self::BufferTooSmall { .. }
            | Self::NoSuchEntry
            | Self::NotFormatted
            | Self::BadGeometry
            | Self::TimeRunsBackwards => ErrorKind::Caller,
            _ => ErrorKind::Device,
        }
    }
}
