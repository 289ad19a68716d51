//! What every outbox calls an entry, whatever its chain.

use coracle_core::B256;

/// The name of an entry: who reports, and the number of the report.
///
/// Putting the same name twice is one entry, so a reading never gets two transactions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EntryId {
    /// The device, as its records name it.
    pub device: B256,
    /// The record's sequence number.
    pub sequence: u64,
}

/// What `put` found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Put {
    /// The entry is new.
    Added,
    /// An entry of this name was there; it stays as it is.
    Existed,
}
