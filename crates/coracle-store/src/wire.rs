//! Fixed fields at the start of an item's body: numbers are little endian.

use coracle_core::{B256, Encode, Sink};

/// Takes fields off the front.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    #[cfg(feature = "slots")]
    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(first)
    }

    /// What was not taken yet.
    #[cfg(feature = "slots")]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(crate) fn b256(&mut self) -> Option<B256> {
        self.take().map(B256)
    }
}

/// Two encodings, one after the other.
pub(crate) struct Both<'a>(pub(crate) &'a [u8], pub(crate) &'a dyn Encode);

impl Encode for Both<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(self.0);
        self.1.encode(out);
    }
}

/// Joins parts of known length into one.
pub(crate) fn join<const N: usize>(parts: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let bytes = parts.iter().flat_map(|part| part.iter());
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}
