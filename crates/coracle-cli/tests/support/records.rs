//! Records of a device.

use coracle_core::Encode;
use coracle_core::ecdsa::{P256, Secp256k1, SecretKey};
use coracle_core::hex::Hex;
use coracle_record::{
    BundleEntry, BundleHeader, CoseAlgorithm, Decimal, DeviceId, Name, Reading, Recorder,
    TimeSource, Timestamp, Unit,
};

/// A device and its key.
pub(crate) enum Device {
    Es256k(SecretKey<Secp256k1>),
    Es256(SecretKey<P256>),
}

impl Device {
    pub(crate) fn es256k() -> Self {
        Self::Es256k(SecretKey::from_bytes(&[0x11; 32]).unwrap())
    }

    pub(crate) fn es256k_other() -> Self {
        Self::Es256k(SecretKey::from_bytes(&[0x12; 32]).unwrap())
    }

    pub(crate) fn es256() -> Self {
        Self::Es256(SecretKey::from_bytes(&[0x22; 32]).unwrap())
    }

    pub(crate) fn id() -> DeviceId {
        DeviceId::from_slice(b"meter-0001").unwrap()
    }

    pub(crate) const fn alg(&self) -> &'static str {
        match self {
            Self::Es256k(_) => "es256k",
            Self::Es256(_) => "es256",
        }
    }

    /// The public key in SEC 1 compressed form.
    pub(crate) fn key_hex(&self) -> String {
        let sec1 = match self {
            Self::Es256k(key) => key.public_key().to_compressed(),
            Self::Es256(key) => key.public_key().to_compressed(),
        };
        Hex(&sec1).to_string()
    }

    /// The first records of its chain.
    pub(crate) fn records(&self, count: u8) -> Vec<Vec<u8>> {
        match self {
            Self::Es256k(key) => records(key, count),
            Self::Es256(key) => records(key, count),
        }
    }

    pub(crate) fn bundle(&self, records: &[Vec<u8>]) -> Vec<u8> {
        let mut out = match self {
            Self::Es256k(key) => encoded(&BundleHeader::new(Self::id(), key.public_key())),
            Self::Es256(key) => encoded(&BundleHeader::new(Self::id(), key.public_key())),
        };
        for record in records {
            out.extend(encoded(&BundleEntry(&record.as_slice())));
        }
        out
    }
}

fn records<C: CoseAlgorithm>(key: &SecretKey<C>, count: u8) -> Vec<Vec<u8>> {
    let mut recorder = Recorder::new(Device::id());
    let records = (1..=count).map(|litres| {
        let name = Name::new("volume").unwrap();
        let value = Decimal::new(litres.into(), -3).unwrap();
        let readings = [Reading::new(name, Unit::CUBIC_METRE, value)];
        let time = Timestamp::new(1_700_000_000 + u64::from(litres), TimeSource::Network);
        let record = recorder.record(time, &readings).unwrap();
        let unsigned = record.unsigned(key.public_key());
        let signed = unsigned.attach(key.sign(&unsigned));
        recorder.advance(&signed).unwrap();
        encoded(&signed)
    });
    records.collect()
}

/// A record with one bit of its signature changed.
pub(crate) fn flip(record: &[u8]) -> Vec<u8> {
    let mut changed = record.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    changed
}

pub(crate) fn encoded(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    assert_eq!(value.encode_into(&mut out), Ok(out.len()));
    out
}
