//! Many records of one device in one file or message.
//!
//! A CBOR sequence (RFC 8742): a header, then each record as a byte string. The strings
//! frame the records, so that one broken record does not hide the next.
//!
//! | item | content |
//! | --- | --- |
//! | tag 55799 | self-described CBOR (RFC 8949 section 3.4.6): `d9 d9 f7` starts the file |
//! | map of 4 | `{0: version 1, 1: device id, 2: COSE algorithm, 3: SEC 1 compressed key}` |
//! | byte string, any number | a signed record, its `COSE_Sign1` with its tag |
//!
//! Nothing signs the header, and nothing says that the last record is the last.

use coracle_core::ecdsa::{KeyError, PublicKey};
use coracle_core::{Encode, Sink};

use crate::algorithm::{Algorithm, CoseAlgorithm};
use crate::audit::{Audit, Start};
use crate::cbor::{self, Reader};
use crate::device::DeviceId;
use crate::error::FormatError;
use crate::verify::{read_device, read_version};

const VERSION: u8 = 1;
const MAGIC_TAG: u64 = 55_799;
const KEY_LEN: usize = 33;

mod key {
    pub(crate) const VERSION: u8 = 0;
    pub(crate) const DEVICE: u8 = 1;
    pub(crate) const ALGORITHM: u8 = 2;
    pub(crate) const PUBLIC: u8 = 3;
    pub(crate) const COUNT: u8 = 4;
}

/// The start of a bundle; write a [`BundleEntry`] for each record after it.
///
/// # Examples
///
/// ```
/// use coracle_core::{Encode, Sink};
/// use coracle_record::{BundleEntry, BundleHeader};
///
/// fn export(header: &BundleHeader, stored: &[&[u8]], out: &mut dyn Sink) {
///     header.encode(out);
///     for record in stored {
///         BundleEntry(record).encode(out);
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BundleHeader {
    device: DeviceId,
    algorithm: Algorithm,
    key: [u8; KEY_LEN],
}

impl BundleHeader {
    /// The header for records of `device`, signed with the secret half of `key`.
    pub fn new<C: CoseAlgorithm>(device: DeviceId, key: &PublicKey<C>) -> Self {
        Self {
            device,
            algorithm: C::ALGORITHM,
            key: key.to_compressed(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        reader.tag(MAGIC_TAG)?;
        reader.map(u64::from(key::COUNT))?;
        reader.key(key::VERSION)?;
        read_version(reader, VERSION)?;
        reader.key(key::DEVICE)?;
        let device = read_device(reader)?;
        reader.key(key::ALGORITHM)?;
        let algorithm = Algorithm::read(reader)?;
        reader.key(key::PUBLIC)?;
        let key = reader.array_of()?;
        Ok(Self {
            device,
            algorithm,
            key,
        })
    }
}

impl Encode for BundleHeader {
    fn encode(&self, out: &mut dyn Sink) {
        cbor::write(out, |cbor| {
            cbor.tag(minicbor::data::Tag::new(MAGIC_TAG))?;
            cbor.map(u64::from(key::COUNT))?;
            cbor.u8(key::VERSION)?.u8(VERSION)?;
            cbor.u8(key::DEVICE)?.bytes(self.device.as_bytes())?;
            cbor.u8(key::ALGORITHM)?.i64(self.algorithm.cose_id())?;
            cbor.u8(key::PUBLIC)?.bytes(&self.key)?.ok()
        });
    }
}

/// A record as it stands in a bundle: a [`SignedRecord`](crate::SignedRecord), or the
/// bytes of one that was stored.
pub struct BundleEntry<'a>(pub &'a dyn Encode);

impl Encode for BundleEntry<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        cbor::write_wrapped(out, self.0);
    }
}

/// A bundle of which the header was read.
#[derive(Clone, Debug)]
pub struct Bundle<'a> {
    header: BundleHeader,
    entries: Reader<'a>,
}

impl<'a> Bundle<'a> {
    /// Reads the header of a bundle.
    ///
    /// # Errors
    ///
    /// [`FormatError`] if it is none. What follows is judged by an [`Audit`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut entries = Reader::new(bytes, 0);
        let header = BundleHeader::read(&mut entries)?;
        Ok(Self { header, entries })
    }

    /// Judges each record: is it `device`'s, signed by `key`, and in its place?
    ///
    /// The header has no say in this.
    pub fn audit<C: CoseAlgorithm>(
        &self,
        key: &PublicKey<C>,
        device: DeviceId,
        start: Start,
    ) -> Audit<'a, C> {
        Audit::new(self.entries.clone(), *key, device, start)
    }

    /// Whether the header names this key.
    pub fn claims_key<C: CoseAlgorithm>(&self, key: &PublicKey<C>) -> bool {
        BundleHeader::new(self.header.device, key) == self.header
    }

    /// The device that the header names.
    pub const fn claimed_device(&self) -> &DeviceId {
        &self.header.device
    }

    /// The algorithm that the header names.
    pub const fn claimed_algorithm(&self) -> Algorithm {
        self.header.algorithm
    }

    /// The key that the header names, in SEC 1 compressed form.
    pub const fn claimed_key_bytes(&self) -> &[u8; KEY_LEN] {
        &self.header.key
    }

    /// The key that the header names.
    ///
    /// # Errors
    ///
    /// [`KeyError::BadPoint`] if it is no point of this curve, or the header names
    /// another algorithm.
    ///
    /// # Security
    ///
    /// Whoever made the bundle chose it. An audit with it shows that the bundle agrees
    /// with itself and nothing about the device, unless the key is known from elsewhere.
    pub fn dangerous_claimed_key<C: CoseAlgorithm>(&self) -> Result<PublicKey<C>, KeyError> {
        if self.header.algorithm != C::ALGORITHM {
            return Err(KeyError::BadPoint);
        }
        PublicKey::from_sec1(&self.header.key)
    }
}
