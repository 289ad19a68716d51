//! Headers of pages and items; see the tables of the log's docs.

use super::index::Key;

/// Of a page's header, before it is filled up.
pub(crate) const PAGE_HEADER_LEN: usize = 20;
/// Of an item's header.
pub(crate) const ITEM_HEADER_LEN: usize = 16;
/// Bytes of an item's header that both checksums cover.
pub(crate) const CHECKED_LEN: usize = 10;

const MAGIC: u32 = u32::from_le_bytes(*b"COR1");

/// What an item says of its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// This is it now.
    Put,
    /// This is it still: a copy out of a page that is about to be retired.
    Moved,
    /// There is none any more.
    Removed,
}

impl Mark {
    /// Two bits above the length.
    const SHIFT: u32 = 14;

    const fn to_bits(self) -> u16 {
        let bits = match self {
            Self::Put => 0,
            Self::Moved => 1,
            Self::Removed => 2,
        };
        bits << Self::SHIFT
    }

    const fn from_bits(len: u16) -> Option<Self> {
        match len >> Self::SHIFT {
            0 => Some(Self::Put),
            1 => Some(Self::Moved),
            2 => Some(Self::Removed),
            _ => None,
        }
    }
}

/// The checksum of everything here. Bytewise without a table: 1 KB less, and a write to
/// flash takes longer.
const CRC: crc::Crc<u32, crc::NoTable> = crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISCSI);

/// A checksum in the making.
pub(crate) struct Checksum(crc::Digest<'static, u32, crc::NoTable>);

static ALGORITHM: crc::Crc<u32, crc::NoTable> = CRC;

impl Checksum {
    pub(crate) fn salted(salt: u32) -> Self {
        Self(ALGORITHM.digest_with_initial(salt))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

fn checksum(salt: u32, parts: [&[u8]; 2]) -> u32 {
    let mut sum = Checksum::salted(salt);
    parts.iter().for_each(|part| sum.update(part));
    sum.finish()
}

/// The header of a page.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PageHeader {
    pub(crate) store_id: u32,
    pub(crate) sequence: u32,
    pub(crate) base: u32,
}

impl PageHeader {
    pub(crate) fn to_bytes(self) -> [u8; PAGE_HEADER_LEN] {
        let mut out = [0; PAGE_HEADER_LEN];
        let words = [MAGIC, self.store_id, self.sequence, self.base];
        let (chunks, _) = out.as_chunks_mut::<4>();
        for (chunk, word) in chunks.iter_mut().zip(words) {
            *chunk = word.to_le_bytes();
        }
        let sum = checksum(0, [out.get(..16).unwrap_or_default(), &[]]);
        if let Some(last) = out.last_chunk_mut() {
            *last = sum.to_le_bytes();
        }
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<PAGE_HEADER_LEN>()?;
        let (words, _) = bytes.as_chunks::<4>();
        let [magic, store_id, sequence, base, _] = *words else {
            return None;
        };
        let header = Self {
            store_id: u32::from_le_bytes(store_id),
            sequence: u32::from_le_bytes(sequence),
            base: u32::from_le_bytes(base),
        };
        let is_whole = u32::from_le_bytes(magic) == MAGIC && header.to_bytes() == *bytes;
        is_whole.then_some(header)
    }
}

/// The header of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ItemHeader {
    pub(crate) key: Key,
    pub(crate) number: u32,
    pub(crate) len: u16,
    pub(crate) mark: Mark,
}

impl ItemHeader {
    /// The longest body.
    pub(crate) const MAX_LEN: u16 = (1 << Mark::SHIFT) - 1;

    fn checked(self) -> [u8; CHECKED_LEN] {
        let len = self.len | self.mark.to_bits();
        let [k0, k1, k2, k3] = self.key.word().to_le_bytes();
        let [n0, n1, n2, n3] = self.number.to_le_bytes();
        let [l0, l1] = len.to_le_bytes();
        [k0, k1, k2, k3, n0, n1, n2, n3, l0, l1]
    }

    /// Writes the header before the body that stands in `item` already.
    pub(crate) fn write(self, item: &mut [u8], salt: u32) {
        let Some((header, body)) = item.split_first_chunk_mut::<ITEM_HEADER_LEN>() else {
            return;
        };
        let body = body.get(..usize::from(self.len)).unwrap_or_default();
        let checked = self.checked();
        let [check @ .., _, _] = checksum(salt, [&checked, &[]]).to_le_bytes();
        let sum = checksum(salt, [&checked, body]).to_le_bytes();
        let bytes = checked.iter().chain(&check).chain(&sum);
        for (to, from) in header.iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    /// Reads a header whose own check holds; with it the checksum over the body.
    pub(crate) fn read(bytes: &[u8], salt: u32) -> Option<(Self, u32)> {
        let bytes = bytes.first_chunk::<ITEM_HEADER_LEN>()?;
        let [
            k0,
            k1,
            k2,
            k3,
            n0,
            n1,
            n2,
            n3,
            l0,
            l1,
            c0,
            c1,
            s0,
            s1,
            s2,
            s3,
        ] = *bytes;
        let len = u16::from_le_bytes([l0, l1]);
        let header = Self {
            key: Key::from_word(u32::from_le_bytes([k0, k1, k2, k3])),
            number: u32::from_le_bytes([n0, n1, n2, n3]),
            len: len & Self::MAX_LEN,
            mark: Mark::from_bits(len)?,
        };
        let [w0, w1, ..] = checksum(salt, [&header.checked(), &[]]).to_le_bytes();
        ([c0, c1] == [w0, w1]).then_some((header, u32::from_le_bytes([s0, s1, s2, s3])))
    }

    /// A checksum that has seen the header.
    pub(crate) fn checksum(self, salt: u32) -> Checksum {
        let mut sum = Checksum::salted(salt);
        sum.update(&self.checked());
        sum
    }
}
