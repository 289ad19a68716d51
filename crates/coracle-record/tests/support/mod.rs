//! What the tests of this crate share.
#![allow(dead_code, reason = "no test file uses all of it")]

use coracle_core::ecdsa::{P256, PublicKey, Secp256k1, SecretKey};
use coracle_core::{B256, Encode};
use coracle_record::{
    CoseAlgorithm, Decimal, DeviceId, Name, Place, Reading, Record, SignedRecord, TimeSource,
    Timestamp, Unit, Unverified, Verified,
};
use coracle_testkit::SeededRng;

/// A readable key, of use for tests alone.
pub(crate) fn key<C: CoseAlgorithm>(fill: u8) -> SecretKey<C> {
    SecretKey::from_bytes(&[fill; 32]).unwrap()
}

pub(crate) fn k1() -> SecretKey<Secp256k1> {
    key(0x11)
}

pub(crate) fn r1() -> SecretKey<P256> {
    key(0x22)
}

pub(crate) fn device() -> DeviceId {
    DeviceId::from_slice(b"meter-0001").unwrap()
}

pub(crate) fn bytes(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    assert_eq!(value.encode_into(&mut out), Ok(out.len()));
    out
}

pub(crate) fn sign<'a, C: CoseAlgorithm>(
    key: &SecretKey<C>,
    record: &Record<'a>,
) -> SignedRecord<'a, C> {
    let unsigned = record.unsigned(key.public_key());
    unsigned.attach(key.sign(&unsigned))
}

pub(crate) fn verify<'a, C: CoseAlgorithm>(
    record: &'a [u8],
    key: &PublicKey<C>,
) -> Result<Verified<'a>, Box<dyn std::error::Error>> {
    Ok(Unverified::decode(record)?.verify(key)?)
}

/// The record of the golden tests: one reading, the first of its device.
pub(crate) const ONE: [Reading<'static>; 1] = [volume(12_345)];

pub(crate) const fn volume(litres: i64) -> Reading<'static> {
    let (Ok(name), Ok(value)) = (Name::new("volume"), Decimal::new(litres, -3)) else {
        panic!()
    };
    Reading::new(name, Unit::CUBIC_METRE, value)
}

pub(crate) const TIME: Timestamp = Timestamp::new(1_700_000_000, TimeSource::Network);

pub(crate) fn first() -> Record<'static> {
    Record::new(device(), Place::FIRST, TIME, &ONE).unwrap()
}

/// Number 7 of its device, with everything that is optional.
pub(crate) fn batch(readings: &[Reading<'static>]) -> Vec<Reading<'static>> {
    let mut readings = readings.to_vec();
    readings.push(Reading {
        name: Name::new("temp").unwrap(),
        unit: Unit::CELSIUS,
        value: Decimal::new(-52, -1).unwrap(),
        offset_ms: -1500,
    });
    readings
}

/// Owns what a record borrows.
#[derive(Debug)]
pub(crate) struct Random {
    pub(crate) device: DeviceId,
    pub(crate) place: Place,
    pub(crate) time: Timestamp,
    pub(crate) readings: Vec<Reading<'static>>,
}

impl Random {
    pub(crate) fn draw(rng: &mut SeededRng) -> Self {
        let id_len = 1 + rng.below(32);
        let count = [1, 1, 2, 8, 23, 24, 64][rng.below(7)];
        Self {
            device: DeviceId::from_slice(&rng.bytes(id_len)).unwrap(),
            place: place(rng),
            time: Timestamp {
                seconds: number(rng),
                source: TimeSource::from_byte(u8::try_from(rng.below(5)).unwrap()).unwrap(),
                accuracy_ms: (rng.below(2) == 0).then(|| low_half(rng)),
            },
            readings: (0..count).map(|_| reading(rng)).collect(),
        }
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record::new(self.device, self.place, self.time, &self.readings).unwrap()
    }
}

fn place(rng: &mut SeededRng) -> Place {
    match number(rng) {
        0 => Place::FIRST,
        sequence => {
            let hash = rng.bytes(32).try_into().unwrap();
            Place::new(sequence, B256(hash)).unwrap()
        }
    }
}

/// A number of any magnitude, so that each length of CBOR occurs; borders often.
pub(crate) fn number(rng: &mut SeededRng) -> u64 {
    const BORDERS: [u64; 12] = [
        0,
        1,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        0xffff_ffff,
        0x1_0000_0000,
        u64::MAX - 1,
        u64::MAX,
    ];
    match rng.below(3) {
        0 => BORDERS[rng.below(BORDERS.len())],
        _ => rng.next_word() >> rng.below(64),
    }
}

fn reading(rng: &mut SeededRng) -> Reading<'static> {
    const NAMES: [&str; 5] = [
        "v",
        "volume",
        "0",
        "a-b:c.d/e_f",
        "abcdefghijklmnopqrstuvwxyz012345",
    ];
    const UNITS: [&str; 5] = ["m3", "/", "%RH", "[in_i'H2O]", "0123456789abcdef"];
    let exponent = i8::try_from(rng.below(48)).unwrap() - 24;
    Reading {
        name: Name::new(NAMES[rng.below(5)]).unwrap(),
        unit: Unit::new(UNITS[rng.below(5)]).unwrap(),
        value: Decimal::new(number(rng).cast_signed(), exponent).unwrap(),
        offset_ms: if rng.below(2) == 0 {
            0
        } else {
            low_half(rng).cast_signed()
        },
    }
}

fn low_half(rng: &mut SeededRng) -> u32 {
    u32::try_from(number(rng) & 0xffff_ffff).unwrap()
}
