//! A record and its two encodings: the payload, and the `COSE_Sign1` around it.
//!
//! Deterministic CBOR (RFC 8949 section 4.2.1); each item has exactly one form, so a
//! record with its signature is exactly one string of bytes. Lengths in bytes:
//!
//! | length | item | content | specification |
//! | --- | --- | --- | --- |
//! | 1 | tag 18 | `COSE_Sign1` | RFC 9052 section 4.2 |
//! | 1 | array of 4 | | |
//! | 14, 15 | byte string | `{1: algorithm, 4: key id}`; -7 takes a byte less than -47 | RFC 9052 section 3.1 |
//! | 1 | map of 0 | the unprotected header is empty: nothing would sign it | |
//! | | byte string | the payload | |
//! | 66 | byte string | `r`, `s`, 32 each, `s` low | RFC 9053 section 2.1 |
//!
//! The payload is a map of six pairs, in this order:
//!
//! | key | value | bytes with the key | content |
//! | --- | --- | --- | --- |
//! | 0 | unsigned | 2 | version, 1 |
//! | 1 | byte string of 1 to 32 | 3 to 35 | device id |
//! | 2 | unsigned | 2 to 10 | sequence number, from 0 |
//! | 3 | byte string of 32 | 35 | SHA-256 of the previous record's `COSE_Sign1` with its tag; zero in the first |
//! | 4 | array of 2 or 3 | 4 to 17 | seconds, source, accuracy in milliseconds unless unstated |
//! | 5 | array of 1 to 64 | | readings |
//!
//! A reading is an array of 4 or 5: name, unit, mantissa, exponent, and the offset of
//! its time in milliseconds unless it is 0.
//!
//! What is signed is the `Sig_structure` of RFC 9052 section 4.4 with an empty
//! `external_aad`, streamed into SHA-256.

use core::marker::PhantomData;

use coracle_core::ecdsa::{Curve, PublicKey, Signature};
use coracle_core::{B256, DigestAlgorithm, Encode, Purpose, Sha256, Signable, Signer, Sink};

use crate::algorithm::{CoseAlgorithm, Protected};
use crate::cbor::{self, Cbor, Written};
use crate::device::DeviceId;
use crate::error::RecordError;
use crate::place::Place;
use crate::reading::{Name, Reading, Unit};
use crate::time::Timestamp;

pub(crate) const VERSION: u8 = 1;
pub(crate) const SIGN1_TAG: u64 = 18;
pub(crate) const SIGN1_LEN: u8 = 4;
const SIGNATURE_LEN: usize = 64;

/// The keys of the payload's map.
pub(crate) mod key {
    pub(crate) const VERSION: u8 = 0;
    pub(crate) const DEVICE: u8 = 1;
    pub(crate) const SEQUENCE: u8 = 2;
    pub(crate) const PREVIOUS: u8 = 3;
    pub(crate) const TIME: u8 = 4;
    pub(crate) const READINGS: u8 = 5;
    pub(crate) const COUNT: u8 = 6;
}

/// What a device has to say: its readings of a time, and its place in the chain of all
/// that it said.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    device: DeviceId,
    place: Place,
    time: Timestamp,
    readings: &'a [Reading<'a>],
}

impl<'a> Record<'a> {
    /// The most readings of one record.
    pub const MAX_READINGS: usize = 64;

    /// The most bytes of a signed record.
    pub const MAX_ENCODED_LEN: usize = {
        let reading = 1 + (2 + Name::MAX_LEN) + (1 + Unit::MAX_LEN) + 9 + 1 + 5;
        let readings = 1 + 2 + Self::MAX_READINGS * reading;
        let payload = 1 + 2 + (3 + DeviceId::MAX_LEN) + 10 + 35 + 17 + readings;
        1 + 1 + 15 + 1 + (3 + payload) + (2 + SIGNATURE_LEN)
    };

    /// A record of these values.
    ///
    /// A [`Recorder`](crate::Recorder) gives each its place.
    ///
    /// # Errors
    ///
    /// [`RecordError::ReadingCount`] if there is no reading or more than
    /// [`MAX_READINGS`](Self::MAX_READINGS).
    pub fn new(
        device: DeviceId,
        place: Place,
        time: Timestamp,
        readings: &'a [Reading<'a>],
    ) -> Result<Self, RecordError> {
        if readings.is_empty() || readings.len() > Self::MAX_READINGS {
            return Err(RecordError::ReadingCount {
                max: Self::MAX_READINGS,
            });
        }
        Ok(Self {
            device,
            place,
            time,
            readings,
        })
    }

    /// Signs the record with the key that `signer` holds.
    ///
    /// # Errors
    ///
    /// The signer's own.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, a signature may have been made and is lost; nothing
    /// else changes.
    pub async fn sign<S>(&self, signer: &mut S) -> Result<SignedRecord<'a, S::Curve>, S::Error>
    where
        S: Signer,
        S::Curve: CoseAlgorithm,
    {
        let unsigned = self.unsigned(signer.public_key());
        let signature = signer.sign(&unsigned).await?;
        Ok(unsigned.attach(signature))
    }

    /// The message that this key is to sign.
    pub fn unsigned<C: CoseAlgorithm>(&self, key: &PublicKey<C>) -> ToBeSigned<'a, C> {
        ToBeSigned {
            record: *self,
            protected: Protected::of(key),
            curve: PhantomData,
        }
    }

    /// The payload alone, without header and signature.
    pub const fn payload(&self) -> Payload<'a> {
        Payload(*self)
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
    pub const fn readings(&self) -> &'a [Reading<'a>] {
        self.readings
    }
}

/// A record's payload: the deterministic CBOR that the signature covers.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a>(Record<'a>);

impl Encode for Payload<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        let Record {
            device,
            place,
            time,
            readings,
        } = &self.0;
        cbor::write(out, |cbor| {
            cbor.map(u64::from(key::COUNT))?;
            cbor.u8(key::VERSION)?.u8(VERSION)?;
            cbor.u8(key::DEVICE)?.bytes(device.as_bytes())?;
            cbor.u8(key::SEQUENCE)?.u64(place.sequence())?;
            cbor.u8(key::PREVIOUS)?.bytes(&place.previous().0)?;
            cbor.u8(key::TIME)?;
            write_time(cbor, time)?;
            cbor.u8(key::READINGS)?
                .array(u64::try_from(readings.len()).unwrap_or(u64::MAX))?;
            readings
                .iter()
                .try_for_each(|reading| write_reading(cbor, reading))
        });
    }
}

fn write_time(cbor: &mut Cbor<'_>, time: &Timestamp) -> Written {
    cbor.array(2_u64.saturating_add(u64::from(time.accuracy_ms.is_some())))?;
    cbor.u64(time.seconds)?.u8(time.source.to_byte())?;
    time.accuracy_ms
        .map_or(Ok(()), |accuracy| cbor.u32(accuracy)?.ok())
}

fn write_reading(cbor: &mut Cbor<'_>, reading: &Reading<'_>) -> Written {
    let has_offset = reading.offset_ms != 0;
    cbor.array(4_u64.saturating_add(u64::from(has_offset)))?;
    cbor.str(reading.name.as_str())?
        .str(reading.unit.as_str())?;
    cbor.i64(reading.value.mantissa())?
        .i8(reading.value.exponent())?;
    if has_offset {
        cbor.i32(reading.offset_ms)?;
    }
    Ok(())
}

/// A record on its way to a signer, for one key.
#[derive(Clone, Copy, Debug)]
pub struct ToBeSigned<'a, C: Curve> {
    record: Record<'a>,
    protected: Protected,
    curve: PhantomData<C>,
}

impl<'a, C: CoseAlgorithm> ToBeSigned<'a, C> {
    /// Puts a signature to the record, such as one that was stored before a reset.
    ///
    /// Does not check it. Turns a high `s` low, so that a record has one form.
    pub fn attach(&self, signature: Signature<C>) -> SignedRecord<'a, C> {
        SignedRecord {
            record: self.record,
            protected: self.protected,
            signature: signature.normalize_s(),
        }
    }
}

impl<C: Curve> Signable for ToBeSigned<'_, C> {
    fn purpose(&self) -> Purpose<'_> {
        Purpose::Record
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Sha256
    }

    fn write_preimage(&self, out: &mut dyn Sink) {
        write_sig_structure(out, &self.protected, &self.record.payload());
    }
}

/// Writes what a `COSE_Sign1` signs (RFC 9052 section 4.4), without `external_aad`.
pub(crate) fn write_sig_structure(
    out: &mut dyn Sink,
    protected: &dyn Encode,
    payload: &dyn Encode,
) {
    cbor::write(out, |cbor| cbor.array(4)?.str("Signature1")?.ok());
    cbor::write_wrapped(out, protected);
    cbor::write(out, |cbor| cbor.bytes(&[])?.ok());
    cbor::write_wrapped(out, payload);
}

/// A record with its signature.
///
/// Its encoding is the `COSE_Sign1` with its tag: what travels and what is hashed.
#[derive(Clone, Copy, Debug)]
pub struct SignedRecord<'a, C: Curve> {
    record: Record<'a>,
    protected: Protected,
    signature: Signature<C>,
}

impl<'a, C: Curve> SignedRecord<'a, C> {
    /// The record's hash: SHA-256 of its encoding, which the next record names.
    pub fn hash(&self) -> B256 {
        Sha256::of(self)
    }

    /// The record.
    pub const fn record(&self) -> &Record<'a> {
        &self.record
    }

    /// The signature, with a low `s`.
    pub const fn signature(&self) -> &Signature<C> {
        &self.signature
    }
}

impl<C: Curve> Encode for SignedRecord<'_, C> {
    fn encode(&self, out: &mut dyn Sink) {
        cbor::write(out, |cbor| {
            cbor.tag(minicbor::data::Tag::new(SIGN1_TAG))?
                .array(u64::from(SIGN1_LEN))?
                .ok()
        });
        cbor::write_wrapped(out, &self.protected);
        cbor::write(out, |cbor| cbor.map(0)?.ok());
        cbor::write_wrapped(out, &self.record.payload());
        cbor::write(out, |cbor| cbor.bytes(&self.signature.to_bytes())?.ok());
    }
}
