//! A signed record.

use coracle_core::Encode as _;
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_record::{
    Decimal, DeviceId, Name, Reading, RecordError, Recorder, TimeSource, Timestamp, Unit,
};

use crate::{Meter, WrongResult, check};

impl From<RecordError> for WrongResult {
    fn from(_: RecordError) -> Self {
        Self
    }
}

pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let key = SecretKey::<Secp256k1>::from_bytes(&[0x46; 32]).map_err(|_| WrongResult)?;
    let device = DeviceId::from_slice(b"meter-7")?;
    let volume = Name::new("volume")?;
    let litres = Decimal::new(12_345, -3)?;
    let readings = [Reading::new(volume, Unit::CUBIC_METRE, litres)];
    let time = Timestamp::new(1_700_000_000, TimeSource::Network);
    let mut recorder = Recorder::new(device);
    let mut out = [0; 256];
    meter.count("record-sign", &mut |_| {
        let unsigned = recorder.record(time, &readings)?.unsigned(key.public_key());
        let signed = unsigned.attach(key.sign(&unsigned));
        check(signed.encode_into(&mut out).is_ok())?;
        recorder.advance(&signed)?;
        Ok(())
    })
}
