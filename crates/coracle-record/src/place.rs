//! Where a record stands in the chain of its device.

use coracle_core::B256;

use crate::error::RecordError;

/// A record's sequence number and the hash of the record before it.
///
/// The first record has sequence 0 and a previous hash of all zero: a fixed shape is
/// read with less code than an optional field, and no SHA-256 digest is all zero that
/// anybody could find. A later record never has the zero hash.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Place {
    sequence: u64,
    previous: B256,
}

impl Place {
    /// The place of a device's first record.
    pub const FIRST: Self = Self {
        sequence: 0,
        previous: B256::ZERO,
    };

    /// The place with this number, after the record with this hash.
    ///
    /// # Errors
    ///
    /// [`RecordError::BadPlace`] if only one of the two says that it is the first.
    pub fn new(sequence: u64, previous: B256) -> Result<Self, RecordError> {
        if (sequence == 0) != (previous == B256::ZERO) {
            return Err(RecordError::BadPlace);
        }
        Ok(Self { sequence, previous })
    }

    /// The sequence number: 0 for the first record, then one more for each.
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The hash of the record before; all zero for the first.
    pub const fn previous(&self) -> &B256 {
        &self.previous
    }

    /// The place after the record that stands here and has this hash.
    ///
    /// # Errors
    ///
    /// [`RecordError::SequenceExhausted`] after number 2^64 - 1;
    /// [`RecordError::BadPlace`] if the hash is all zero, which no record has.
    pub fn after(&self, hash: B256) -> Result<Self, RecordError> {
        let sequence = self.sequence.checked_add(1);
        Self::new(sequence.ok_or(RecordError::SequenceExhausted)?, hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_hash_and_sequence_zero_belong_together() {
        let hash = B256([1; 32]);
        assert_eq!(Place::new(0, B256::ZERO), Ok(Place::FIRST));
        assert_eq!(Place::new(0, hash), Err(RecordError::BadPlace));
        assert_eq!(Place::new(1, B256::ZERO), Err(RecordError::BadPlace));
        assert_eq!(Place::FIRST.after(B256::ZERO), Err(RecordError::BadPlace));
    }

    #[test]
    fn numbers_do_not_wrap() {
        let hash = B256([1; 32]);
        let last = Place::new(u64::MAX, hash).unwrap();
        assert_eq!(last.after(hash), Err(RecordError::SequenceExhausted));
        assert_eq!(Place::FIRST.after(hash), Place::new(1, hash));
    }
}
