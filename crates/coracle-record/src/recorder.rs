//! The writing end of a chain of records.

use coracle_core::ecdsa::Curve;

use crate::device::DeviceId;
use crate::error::RecordError;
use crate::place::Place;
use crate::reading::Reading;
use crate::record::{Record, SignedRecord};
use crate::time::Timestamp;

/// Gives each record of a device its place.
///
/// Advances only when it is told that the record was signed. Whoever keeps the signed
/// record, or at least [`next_place`](Self::next_place) after it, through a reset before the record
/// leaves the device never signs two records with one number.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "es256k")] {
/// use coracle_core::ecdsa::{Secp256k1, SecretKey};
/// use coracle_record::{
///     Decimal, DeviceId, Name, Reading, Recorder, TimeSource, Timestamp, Unit,
/// };
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = SecretKey::<Secp256k1>::from_bytes(&[1; 32])?;
/// let mut recorder = Recorder::new(DeviceId::from_slice(b"meter-7")?);
/// let readings = [Reading::new(
///     Name::new("volume")?,
///     Unit::CUBIC_METRE,
///     Decimal::new(12_345, -3)?,
/// )];
/// let time = Timestamp::new(1_700_000_000, TimeSource::Network);
///
/// let unsigned = recorder.record(time, &readings)?.unsigned(key.public_key());
/// let signed = unsigned.attach(key.sign(&unsigned));
/// recorder.advance(&signed)?;
///
/// assert_eq!(recorder.next_place().sequence(), 1);
/// assert_eq!(*recorder.next_place().previous(), signed.hash());
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Recorder {
    device: DeviceId,
    next: Place,
}

impl Recorder {
    /// The recorder of a device that has said nothing yet.
    ///
    /// # Security
    ///
    /// A device that forgot its place and starts again forks its chain, which every
    /// verifier of both records sees. Use [`resume`](Self::resume) after a reset.
    pub const fn new(device: DeviceId) -> Self {
        Self::resume(device, Place::FIRST)
    }

    /// The recorder of a device whose next record stands at `next`.
    pub const fn resume(device: DeviceId, next: Place) -> Self {
        Self { device, next }
    }

    /// The next record. Changes nothing: called again, it gives the same place.
    ///
    /// # Errors
    ///
    /// [`RecordError::ReadingCount`].
    pub fn record<'a>(
        &self,
        time: Timestamp,
        readings: &'a [Reading<'a>],
    ) -> Result<Record<'a>, RecordError> {
        Record::new(self.device, self.next, time, readings)
    }

    /// Takes note that the next record was signed.
    ///
    /// # Errors
    ///
    /// [`RecordError::NotNext`] if it is another device's or has another place, and
    /// [`RecordError::SequenceExhausted`] after the last number; nothing changes then.
    pub fn advance<C: Curve>(&mut self, signed: &SignedRecord<'_, C>) -> Result<(), RecordError> {
        let record = signed.record();
        if *record.device() != self.device || *record.place() != self.next {
            return Err(RecordError::NotNext);
        }
        self.next = self.next.after(signed.hash())?;
        Ok(())
    }

    /// The device.
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// The place of the next record: what a store keeps.
    pub const fn next_place(&self) -> &Place {
        &self.next
    }
}
