//! Numbers and bytes as they stand in the store: read strictly, so that two encodings of
//! one thing do not exist and bytes of something else are noticed.

use coracle_core::{Sink, U256};

use crate::FormatError;

/// Takes fields off the front.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(FormatError::Truncated)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FormatError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, FormatError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FormatError::BadField),
        }
    }

    /// A number of at most `max` bytes, as [`write_number`] writes it.
    pub(crate) fn number(&mut self, max: usize) -> Result<U256, FormatError> {
        let len = usize::from(self.byte()?);
        if len > max {
            return Err(FormatError::BadField);
        }
        let (digits, rest) = self.0.split_at_checked(len).ok_or(FormatError::Truncated)?;
        self.0 = rest;
        if digits.first() == Some(&0) {
            return Err(FormatError::BadField);
        }
        U256::from_be_slice(digits).ok_or(FormatError::BadField)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        let number = self.number(size_of::<u64>())?;
        u64::try_from(number).map_err(|_| FormatError::BadField)
    }

    /// What is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Nothing may be left.
    pub(crate) const fn finish(self) -> Result<(), FormatError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(FormatError::TrailingBytes),
        }
    }
}

/// A length byte, then the number most significant byte first without leading zeros.
pub(crate) fn write_number(out: &mut dyn Sink, number: U256) {
    let bytes = number.to_be_bytes();
    let len = number.bits().div_ceil(u8::BITS);
    let [.., low] = len.to_be_bytes();
    let zeros = usize::from(low).abs_diff(bytes.len());
    out.write(&[low]);
    out.write(bytes.get(zeros..).unwrap_or_default());
}
