//! One record: what is signed is what is read, and nothing else is accepted.

mod support;

use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use coracle_core::ecdsa::{Curve, P256, PublicKey, Secp256k1, Signature, SignatureError};
use coracle_core::{Encode, Error, ErrorKind, Purpose, Sha256, Signable, Signer, sha256};
use coracle_record::{
    Algorithm, CoseAlgorithm, Fault, FormatError, KeyId, Place, Record, RecordError, Recorder,
    Unverified, VerifyError,
};
use coracle_testkit::SeededRng;

use support::*;

/// The future of a software signer, which is ready at once.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a software signer never waits"),
    }
}

fn decode_error(record: &[u8]) -> FormatError {
    Unverified::decode(record).map(drop).unwrap_err()
}

// --- What is written is read -----------------------------------------------------

fn round_trips<C: CoseAlgorithm>(seed: u64) {
    let mut rng = SeededRng::from_env(seed);
    let key = key::<C>(7);
    for _ in 0..200 {
        let random = Random::draw(&mut rng);
        let record = random.record();
        let signed = sign(&key, &record);
        let encoded = bytes(&signed);
        assert_eq!(encoded, bytes(&sign(&key, &record)), "deterministic");
        assert!(encoded.len() <= Record::MAX_ENCODED_LEN);

        let verified = verify(&encoded, key.public_key()).unwrap();
        assert_eq!(*verified.device(), random.device);
        assert_eq!(*verified.place(), random.place);
        assert_eq!(*verified.time(), random.time);
        assert_eq!(verified.readings().len(), random.readings.len());
        assert!(verified.readings().eq(random.readings.iter().copied()));
        assert_eq!(*verified.hash(), signed.hash());
        assert_eq!(signed.hash(), sha256(&encoded));
        assert_eq!(verified.key_id(), KeyId::of(key.public_key()));
        assert_eq!(verified.as_bytes(), encoded);
    }
}

#[test]
fn reads_what_es256k_keys_signed() {
    round_trips::<Secp256k1>(1);
}

#[test]
fn reads_what_es256_keys_signed() {
    round_trips::<P256>(2);
}

#[test]
fn longest_record_has_the_longest_length() {
    let mut random = Random::draw(&mut SeededRng::new(3));
    let mut reading = volume(i64::MIN);
    reading.name = coracle_record::Name::new("abcdefghijklmnopqrstuvwxyz012345").unwrap();
    reading.unit = coracle_record::Unit::new("0123456789abcdef").unwrap();
    reading.offset_ms = i32::MIN;
    random.device = coracle_record::DeviceId::from_slice(&[9; 32]).unwrap();
    random.place = Place::new(u64::MAX, sha256(b"x")).unwrap();
    random.time.seconds = u64::MAX;
    random.time.accuracy_ms = Some(u32::MAX);
    random.readings = vec![reading; Record::MAX_READINGS];
    let signed = sign(&k1(), &random.record());
    assert_eq!(signed.encoded_len(), Record::MAX_ENCODED_LEN);
}

#[test]
fn signer_is_told_that_it_signs_a_record() {
    let unsigned = first().unsigned(k1().public_key());
    assert!(matches!(unsigned.purpose(), Purpose::Record));
}

#[test]
fn signing_through_a_signer_gives_the_same_record() {
    let signed = ready(first().sign(&mut k1())).unwrap();
    assert_eq!(bytes(&signed), bytes(&sign(&k1(), &first())));
}

/// A part that does not keep to the low `s` that its trait asks for.
struct HighS(coracle_core::ecdsa::SecretKey<P256>);

impl Signer for HighS {
    type Curve = P256;
    type Error = Infallible;

    fn public_key(&self) -> &PublicKey<P256> {
        self.0.public_key()
    }

    async fn sign(&mut self, message: &dyn Signable) -> Result<Signature<P256>, Infallible> {
        Ok(with_high_s(&self.0.sign(message)))
    }
}

fn with_high_s<C: Curve>(signature: &Signature<C>) -> Signature<C> {
    // n - s, found by the only public door: the order is (n - 1) + 1.
    let mut s = order_minus_one(C::NAME);
    subtract(&mut s, signature.s());
    increment(&mut s);
    let high = Signature::from_scalars(signature.r(), &s, None).unwrap();
    assert!(!high.is_low_s());
    high
}

fn order_minus_one(curve: &str) -> [u8; 32] {
    let digits = match curve {
        "Secp256k1" => "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
        _ => "0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
    };
    coracle_core::hex::decode_array(digits).unwrap()
}

fn subtract(from: &mut [u8; 32], what: &[u8; 32]) {
    let mut borrow = false;
    for (a, b) in from.iter_mut().zip(what).rev() {
        let (x, under) = a.overflowing_sub(*b);
        let (x, under_again) = x.overflowing_sub(u8::from(borrow));
        borrow = under || under_again;
        *a = x;
    }
}

fn increment(number: &mut [u8; 32]) {
    for byte in number.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

#[test]
fn high_s_of_a_signer_is_turned_low() {
    let signed = ready(first().sign(&mut HighS(r1()))).unwrap();
    assert!(signed.signature().is_low_s());
    assert_eq!(bytes(&signed), bytes(&sign(&r1(), &first())));
}

// --- Signatures --------------------------------------------------------------------

fn refuses_high_s<C: CoseAlgorithm>() {
    let key = key::<C>(5);
    let signed = sign(&key, &first());
    let mut record = bytes(&signed);
    let at = record.len() - 64;
    record[at..].copy_from_slice(&with_high_s(signed.signature()).to_bytes());
    let message = Unverified::decode(&record).unwrap();
    let bad = Err(VerifyError::BadSignature(SignatureError));
    assert_eq!(message.verify(key.public_key()).map(drop), bad);
}

#[test]
fn rejects_high_s() {
    refuses_high_s::<Secp256k1>();
    refuses_high_s::<P256>();
}

#[test]
fn rejects_signature_scalars_out_of_range() {
    let record = bytes(&sign(&k1(), &first()));
    for fill in [0, 0xff] {
        for half in [0, 32] {
            let mut record = record.clone();
            let at = record.len() - 64 + half;
            record[at..at + 32].fill(fill);
            let unverified = Unverified::decode(&record).unwrap();
            let bad = Err(VerifyError::BadSignature(SignatureError));
            assert_eq!(unverified.verify(k1().public_key()).map(drop), bad);
        }
    }
}

#[test]
fn rejects_another_key() {
    let record = bytes(&sign(&k1(), &first()));
    let unverified = Unverified::decode(&record).unwrap();
    let other = key::<Secp256k1>(9);
    let error = unverified.clone().verify(other.public_key()).unwrap_err();
    assert_eq!(error, VerifyError::OtherKey);
    let error = unverified.verify(r1().public_key()).unwrap_err();
    assert_eq!(error, VerifyError::OtherAlgorithm);
    assert_eq!(error.kind(), ErrorKind::Remote);
}

#[test]
fn rejects_another_key_under_the_right_id() {
    let (key, other) = (k1(), key::<Secp256k1>(9));
    let unsigned = first().unsigned(key.public_key());
    let record = bytes(&unsigned.attach(other.sign(&unsigned)));
    let error = Unverified::decode(&record)
        .unwrap()
        .verify(key.public_key());
    assert_eq!(
        error.map(drop),
        Err(VerifyError::BadSignature(SignatureError))
    );
}

#[test]
fn rejects_signature_of_another_record() {
    let other = Record::new(device(), Place::FIRST, TIME, &[volume(1)])
        .map(|r| *sign(&k1(), &r).signature());
    let unsigned = first().unsigned(k1().public_key());
    let record = bytes(&unsigned.attach(other.unwrap()));
    assert!(verify(&record, k1().public_key()).is_err());
}

#[test]
fn claims_are_read_without_a_key() {
    let record = bytes(&sign(&r1(), &first()));
    let unverified = Unverified::decode(&record).unwrap();
    assert_eq!(unverified.claimed_algorithm(), Algorithm::Es256);
    assert_eq!(unverified.claimed_key_id(), KeyId::of(r1().public_key()));
    assert_eq!(*unverified.claims().device(), device());
    assert_eq!(*unverified.claims().place(), Place::FIRST);
    assert_eq!(unverified.as_bytes(), record);
}

// --- Every bit, every length ---------------------------------------------------------

fn every_flipped_bit_fails<C: CoseAlgorithm>(record: &Record<'_>) {
    let key = key::<C>(3);
    let mut record = bytes(&sign(&key, record));
    verify(&record, key.public_key()).unwrap();
    for bit in 0..record.len() * 8 {
        record[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&record, key.public_key()).is_err(), "bit {bit}");
        record[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn rejects_every_flipped_bit() {
    let readings = batch(&ONE);
    let place = Place::new(7, sha256(b"six")).unwrap();
    let second = Record::new(device(), place, TIME, &readings).unwrap();
    for record in [first(), second] {
        every_flipped_bit_fails::<Secp256k1>(&record);
        every_flipped_bit_fails::<P256>(&record);
    }
}

#[test]
fn rejects_every_truncation() {
    let record = bytes(&sign(&k1(), &first()));
    for len in 0..record.len() {
        let error = decode_error(&record[..len]);
        assert_eq!(error.fault, Fault::Truncated, "{len}: {error}");
        assert!(error.offset <= len, "{len}: {error}");
    }
}

#[test]
fn rejects_trailing_bytes() {
    let mut record = bytes(&sign(&k1(), &first()));
    let offset = record.len();
    for extra in [0x00, 0xd2, 0xff] {
        record.push(extra);
        let fault = Fault::TrailingBytes;
        assert_eq!(decode_error(&record), FormatError { offset, fault });
        record.pop();
    }
}

#[test]
fn random_bytes_never_verify_nor_panic() {
    let mut rng = SeededRng::from_env(4);
    let good = bytes(&sign(&k1(), &first()));
    for _ in 0..20_000 {
        let mut record = good.clone();
        for _ in 0..1 + rng.below(4) {
            let at = rng.below(record.len());
            match rng.below(3) {
                0 => record[at] = rng.bytes(1)[0],
                1 => drop(record.remove(at)),
                _ => record.insert(at, rng.bytes(1)[0]),
            }
        }
        if record != good {
            assert!(verify(&record, k1().public_key()).is_err());
        }
    }
}

/// Whatever is read has one form: written again, it is the same.
#[test]
fn whatever_decodes_encodes_to_itself() {
    let mut rng = SeededRng::from_env(5);
    let mut decoded = 0;
    for _ in 0..20_000 {
        let random = Random::draw(&mut rng);
        let mut record = bytes(&sign(&k1(), &random.record()));
        let at = rng.below(record.len().min(120));
        record[at] = rng.bytes(1)[0];
        let Ok(unverified) = Unverified::decode(&record) else {
            continue;
        };
        decoded += 1;
        let claims = unverified.claims();
        let readings: Vec<_> = claims.readings().collect();
        let again = Record::new(*claims.device(), *claims.place(), *claims.time(), &readings);
        let payload = bytes(&again.unwrap().payload());
        let at = record.len() - 66 - payload.len();
        assert_eq!(record[at..record.len() - 66], payload);
        if decoded == 1000 {
            return;
        }
    }
    panic!("only {decoded} records decoded");
}

// --- The recorder ----------------------------------------------------------------------

#[test]
fn recorder_numbers_and_chains() {
    let mut recorder = Recorder::new(device());
    let mut previous = coracle_core::B256::ZERO;
    for sequence in 0..5 {
        let signed = sign(&k1(), &recorder.record(TIME, &ONE).unwrap());
        assert_eq!(signed.record().place().sequence(), sequence);
        assert_eq!(*signed.record().place().previous(), previous);
        recorder.advance(&signed).unwrap();
        previous = Sha256::of(&signed);
    }
    let resumed = Recorder::resume(device(), *recorder.next_place());
    assert_eq!(resumed, recorder);
}

#[test]
fn recorder_stays_until_a_record_is_signed() {
    let recorder = Recorder::new(device());
    let one = recorder.record(TIME, &ONE).unwrap();
    let again = recorder.record(TIME, &ONE).unwrap();
    assert_eq!(bytes(&one.payload()), bytes(&again.payload()));
}

#[test]
fn recorder_refuses_a_record_that_is_not_next() {
    let mut recorder = Recorder::new(device());
    let signed = sign(&k1(), &recorder.record(TIME, &ONE).unwrap());
    recorder.advance(&signed).unwrap();
    assert_eq!(recorder.advance(&signed), Err(RecordError::NotNext));

    let other = coracle_record::DeviceId::from_slice(b"other").unwrap();
    let foreign = Recorder::resume(other, *recorder.next_place());
    let signed = sign(&k1(), &foreign.record(TIME, &ONE).unwrap());
    assert_eq!(recorder.advance(&signed), Err(RecordError::NotNext));
    assert_eq!(recorder.next_place().sequence(), 1);
}

#[test]
fn recorder_stops_at_the_last_number() {
    let last = Place::new(u64::MAX, sha256(b"x")).unwrap();
    let mut recorder = Recorder::resume(device(), last);
    let signed = sign(&k1(), &recorder.record(TIME, &ONE).unwrap());
    assert_eq!(
        recorder.advance(&signed),
        Err(RecordError::SequenceExhausted)
    );
    assert_eq!(*recorder.next_place(), last);
}

#[test]
fn refuses_no_readings_and_too_many() {
    let error = RecordError::ReadingCount { max: 64 };
    for count in [0, 65, 1000] {
        let readings = vec![volume(1); count];
        let record = Record::new(device(), Place::FIRST, TIME, &readings);
        assert_eq!(record.map(drop), Err(error), "{count}");
    }
    assert_eq!(error.kind(), ErrorKind::Caller);
}
