//! The reading end: bytes become claims, claims become facts.
//!
//! See [`Record`](crate::Record) for the format. [`Unverified`] is well-formed bytes;
//! only its [`verify`](Unverified::verify) makes a [`Verified`].

use coracle_core::ecdsa::{PublicKey, Signature, SignatureError};
use coracle_core::{B256, DigestAlgorithm, Purpose, Signable, Sink, sha256};

use crate::algorithm::{Algorithm, CoseAlgorithm, KeyId, Protected};
use crate::cbor::Reader;
use crate::decimal::Decimal;
use crate::device::DeviceId;
use crate::error::{Fault, FormatError, VerifyError};
use crate::place::Place;
use crate::reading::{Name, Reading, Unit};
use crate::record::{self, Record, key};
use crate::time::{TimeSource, Timestamp};

/// A well-formed record of which nobody has checked the signature.
#[derive(Clone, Debug)]
pub struct Unverified<'a> {
    bytes: &'a [u8],
    protected: Protected,
    protected_bytes: &'a [u8],
    payload: &'a [u8],
    signature: [u8; 64],
    claims: Claims<'a>,
}

impl<'a> Unverified<'a> {
    /// Reads a record: its whole bytes and nothing after them.
    ///
    /// # Errors
    ///
    /// [`FormatError`] for anything that no signer of this format writes: another
    /// length of a number than the shortest, indefinite lengths, unknown, repeated,
    /// missing or unordered keys, floats, trailing bytes, a filled unprotected header.
    /// The range and the low `s` of the signature are checked by
    /// [`verify`](Self::verify).
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes, 0);
        reader.tag(record::SIGN1_TAG)?;
        let len = u64::from(record::SIGN1_LEN);
        reader.array(len, len)?;
        let (protected_bytes, base) = wrapped(&mut reader)?;
        let protected = Protected::decode(protected_bytes, base)?;
        reader.map(0)?;
        let (payload, base) = wrapped(&mut reader)?;
        let claims = Claims::decode(payload, base)?;
        let signature = reader.array_of()?;
        reader.end()?;
        Ok(Self {
            bytes,
            protected,
            protected_bytes,
            payload,
            signature,
            claims,
        })
    }

    /// Checks that the holder of `key` signed this.
    ///
    /// # Errors
    ///
    /// [`VerifyError::OtherAlgorithm`] and [`VerifyError::OtherKey`] if the header
    /// names another; [`VerifyError::BadSignature`] if the signature is not this key's
    /// over these bytes, or has a high `s`.
    pub fn verify<C: CoseAlgorithm>(self, key: &PublicKey<C>) -> Result<Verified<'a>, VerifyError> {
        if self.protected.algorithm != C::ALGORITHM {
            return Err(VerifyError::OtherAlgorithm);
        }
        if self.protected.key_id != KeyId::of(key) {
            return Err(VerifyError::OtherKey);
        }
        let signature = Signature::<C>::from_bytes(&self.signature, None)?;
        if !signature.is_low_s() {
            return Err(SignatureError.into());
        }
        key.verify(&self, &signature)?;
        Ok(Verified {
            hash: sha256(self.bytes),
            record: self,
        })
    }

    /// What the record says, believed or not: to find a key, or to show it as a claim.
    pub const fn claims(&self) -> &Claims<'a> {
        &self.claims
    }

    /// The algorithm that the record says it was signed with.
    pub const fn claimed_algorithm(&self) -> Algorithm {
        self.protected.algorithm
    }

    /// The id of the key that the record says it was signed with.
    pub const fn claimed_key_id(&self) -> KeyId {
        self.protected.key_id
    }

    /// The record's bytes, as given.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl Signable for Unverified<'_> {
    fn purpose(&self) -> Purpose<'_> {
        Purpose::Record
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Sha256
    }

    fn write_preimage(&self, out: &mut dyn Sink) {
        record::write_sig_structure(out, &self.protected_bytes, &self.payload);
    }
}

/// A byte string with CBOR in it, and the offset of its content.
fn wrapped<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], usize), FormatError> {
    let bytes = reader.any_bytes()?;
    Ok((bytes, reader.offset().saturating_sub(bytes.len())))
}

/// What a record says, whether or not anybody believes it.
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    device: DeviceId,
    place: Place,
    time: Timestamp,
    readings: Readings<'a>,
}

impl<'a> Claims<'a> {
    fn decode(payload: &'a [u8], base: usize) -> Result<Self, FormatError> {
        let mut reader = Reader::new(payload, base);
        reader.map(u64::from(key::COUNT))?;
        reader.key(key::VERSION)?;
        read_version(&mut reader, record::VERSION)?;
        reader.key(key::DEVICE)?;
        let device = read_device(&mut reader)?;
        reader.key(key::SEQUENCE)?;
        let place = read_place(&mut reader)?;
        reader.key(key::TIME)?;
        let time = read_time(&mut reader)?;
        reader.key(key::READINGS)?;
        let readings = Readings::decode(&mut reader)?;
        reader.end()?;
        Ok(Self {
            device,
            place,
            time,
            readings,
        })
    }

    /// The device that speaks.
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// The place in the device's chain.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The time of the readings, but for their offsets.
    pub const fn time(&self) -> &Timestamp {
        &self.time
    }

    /// The readings, at least one.
    pub fn readings(&self) -> Readings<'a> {
        self.readings.clone()
    }
}

pub(crate) fn read_version(reader: &mut Reader<'_>, known: u8) -> Result<(), FormatError> {
    reader.checked(Reader::unsigned, |version| {
        if version == u64::from(known) {
            return Ok(());
        }
        Err(Fault::UnknownVersion)
    })
}

pub(crate) fn read_device(reader: &mut Reader<'_>) -> Result<DeviceId, FormatError> {
    reader.checked(Reader::any_bytes, |id| {
        DeviceId::from_slice(id).map_err(|_| Fault::WrongLength)
    })
}

/// The sequence number, the next key, and the previous record's hash.
fn read_place(reader: &mut Reader<'_>) -> Result<Place, FormatError> {
    let sequence = reader.unsigned()?;
    reader.key(key::PREVIOUS)?;
    reader.checked(Reader::array_of, |hash| {
        Place::new(sequence, B256(hash)).map_err(|_| Fault::BadPlace)
    })
}

fn read_time(reader: &mut Reader<'_>) -> Result<Timestamp, FormatError> {
    let len = reader.array(2, 3)?;
    let seconds = reader.unsigned()?;
    let source = reader.checked(Reader::unsigned, |source| {
        let byte = u8::try_from(source).map_err(|_| Fault::OutOfRange)?;
        TimeSource::from_byte(byte).ok_or(Fault::OutOfRange)
    })?;
    let accuracy_ms = match len {
        2 => None,
        _ => Some(reader.checked(Reader::unsigned, |accuracy| {
            u32::try_from(accuracy).map_err(|_| Fault::OutOfRange)
        })?),
    };
    Ok(Timestamp {
        seconds,
        source,
        accuracy_ms,
    })
}

/// The readings of a record, read one by one from its bytes.
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    left: usize,
    reader: Reader<'a>,
}

impl<'a> Readings<'a> {
    /// Checks all of them, so that the iterator cannot fail.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, FormatError> {
        const MAX: u64 = Record::MAX_READINGS as u64;
        let count = reader.array(1, MAX)?;
        // The bound above fits every `usize`.
        let left = usize::try_from(count).unwrap_or(Record::MAX_READINGS);
        let readings = Self {
            left,
            reader: reader.clone(),
        };
        for _ in 0..left {
            read_reading(reader)?;
        }
        Ok(readings)
    }
}

impl<'a> Iterator for Readings<'a> {
    type Item = Reading<'a>;

    fn next(&mut self) -> Option<Reading<'a>> {
        self.left = self.left.checked_sub(1)?;
        read_reading(&mut self.reader).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Readings<'_> {}

fn read_reading<'a>(reader: &mut Reader<'a>) -> Result<Reading<'a>, FormatError> {
    let len = reader.array(4, 5)?;
    let name = reader.checked(Reader::text, |text| {
        Name::new(text).map_err(|_| text_fault(text, Name::MAX_LEN))
    })?;
    let unit = reader.checked(Reader::text, |text| {
        Unit::new(text).map_err(|_| text_fault(text, Unit::MAX_LEN))
    })?;
    let mantissa = reader.signed()?;
    let value = reader.checked(Reader::signed, |exponent| {
        let exponent = i8::try_from(exponent).map_err(|_| Fault::OutOfRange)?;
        Decimal::new(mantissa, exponent).map_err(|_| Fault::OutOfRange)
    })?;
    let offset_ms = match len {
        4 => 0,
        _ => reader.checked(Reader::signed, offset)?,
    };
    Ok(Reading {
        name,
        unit,
        value,
        offset_ms,
    })
}

fn offset(written: i64) -> Result<i32, Fault> {
    match i32::try_from(written) {
        Ok(0) => Err(Fault::NotOmitted),
        Ok(offset) => Ok(offset),
        Err(_) => Err(Fault::OutOfRange),
    }
}

fn text_fault(text: &str, max: usize) -> Fault {
    if text.is_empty() || text.len() > max {
        return Fault::WrongLength;
    }
    Fault::BadText
}

/// A record that the holder of a known key signed.
///
/// Says who said it, not that it is true, and not that it is all that was said: for
/// that its place must follow from the records before it.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    hash: B256,
    record: Unverified<'a>,
}

impl<'a> Verified<'a> {
    /// The record's hash, which the next record names.
    pub const fn hash(&self) -> &B256 {
        &self.hash
    }

    /// The device that the holder of the key spoke for.
    pub const fn device(&self) -> &DeviceId {
        &self.record.claims.device
    }

    /// The place in the device's chain.
    pub const fn place(&self) -> &Place {
        &self.record.claims.place
    }

    /// The time of the readings, but for their offsets.
    pub const fn time(&self) -> &Timestamp {
        &self.record.claims.time
    }

    /// The readings, at least one.
    pub fn readings(&self) -> Readings<'a> {
        self.record.claims.readings()
    }

    /// The id of the key that signed it.
    pub const fn key_id(&self) -> KeyId {
        self.record.protected.key_id
    }

    /// The record's bytes, as given.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.record.bytes
    }
}
