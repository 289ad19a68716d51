//! Records before foreign eyes: Python's `cbor2` and `cwt` read what we write, and we
//! read what they write.
//!
//! Needs the interpreter that `CORACLE_PYTHON` names, with the packages of
//! `xtask/py/requirements.txt`; `cargo xtask test` sets it up.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use coracle_core::ecdsa::{P256, Secp256k1, SecretKey};
use coracle_core::hex::Hex;
use coracle_record::{CoseAlgorithm, Reading, Timestamp, Unverified};
use coracle_testkit::SeededRng;
use serde_json::{Value, json};

use support::{Random, bytes, sign};

#[path = "../../crates/coracle-record/tests/support/mod.rs"]
mod support;

const RECORDS: usize = 150;

#[test]
fn es256k_records_agree_with_cbor2_and_cwt() {
    agree::<Secp256k1>(0x1eaf);
}

#[test]
fn es256_records_agree_with_cbor2_and_cwt() {
    agree::<P256>(0xbeef);
}

/// A script that accepts everything would pass the tests above.
#[test]
fn a_wrong_record_is_refused() {
    let mut rng = SeededRng::new(1);
    let good = case(&Random::draw(&mut rng), &key::<P256>(&mut rng), false);
    assert!(run(std::slice::from_ref(&good)).is_ok());
    for (field, wrong) in [
        ("hash", json!("00".repeat(32))),
        ("sequence", json!(77)),
        ("device", json!("00")),
        ("time", json!([1, 0])),
        ("readings", json!([["other", "m", 1, 0, 0]])),
        ("record", json!(with_other_signature(&good))),
        (
            "key",
            json!(hex(&key::<P256>(&mut rng).public_key().to_uncompressed())),
        ),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong;
        assert!(run(&[bad]).is_err(), "{field}");
    }
}

/// The record with one bit of its `r` flipped: its form is still right.
fn with_other_signature(case: &Value) -> String {
    let mut record = unhex(case["record"].as_str().unwrap());
    let at = record.len() - 33;
    record[at] ^= 1;
    hex(&record)
}

fn agree<C: CoseAlgorithm>(seed: u64) {
    let mut rng = SeededRng::from_env(seed);
    let key = key::<C>(&mut rng);
    let randoms: Vec<_> = (0..RECORDS).map(|_| Random::draw(&mut rng)).collect();
    // One of the short ones is tried with every bit flipped.
    let shortest = randoms.iter().map(|random| random.readings.len()).min();
    let whole = randoms
        .iter()
        .position(|random| Some(random.readings.len()) == shortest);
    let cases: Vec<_> = (0..)
        .zip(&randoms)
        .map(|(number, random)| case(random, &key, Some(number) == whole))
        .collect();
    let foreign = run(&cases).unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(foreign.len(), RECORDS);
    for ((case, random), record) in cases.iter().zip(&randoms).zip(&foreign) {
        let verified = Unverified::decode(record).unwrap();
        let verified = verified.verify(key.public_key()).unwrap();
        assert_eq!(*verified.device(), random.device);
        assert_eq!(verified.place().sequence(), 1);
        assert_eq!(hex(&verified.place().previous().0), case["hash"]);
        assert_eq!(*verified.time(), random.time);
        assert!(verified.readings().eq(random.readings.iter().copied()));
    }
}

/// Runs the script; gives the records that it signed, or what it found.
fn run(cases: &[Value]) -> Result<Vec<Vec<u8>>, String> {
    let python = std::env::var("CORACLE_PYTHON")
        .expect("CORACLE_PYTHON names a Python with cbor2 and cwt; `cargo xtask test` sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("py/check_records.py");
    let mut child = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {python}: {error}"));
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    // The script answers while it reads: writing must not wait for it.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        assert!(
            message.contains("check_records: "),
            "{python} broke: {message}"
        );
        return Err(message.trim().into());
    }
    written.unwrap();
    println!("{}", message.trim());
    let text = String::from_utf8(output.stdout).unwrap();
    Ok(text.lines().map(unhex).collect())
}

fn case<C: CoseAlgorithm>(random: &Random, key: &SecretKey<C>, all_bits: bool) -> Value {
    let record = random.record();
    let signed = sign(key, &record);
    json!({
        "algorithm": C::ALGORITHM.to_string(),
        "all_bits": all_bits,
        "device": hex(random.device.as_bytes()),
        "hash": hex(&signed.hash().0),
        "key": hex(&key.public_key().to_uncompressed()),
        "previous": hex(&random.place.previous().0),
        "readings": random.readings.iter().map(reading_json).collect::<Vec<_>>(),
        "record": hex(&bytes(&signed)),
        "secret": hex(&*key.dangerous_to_bytes()),
        "sequence": random.place.sequence(),
        "time": time_json(&random.time),
    })
}

fn reading_json(reading: &Reading<'_>) -> Value {
    let value = reading.value;
    json!([
        reading.name.as_str(),
        reading.unit.as_str(),
        value.mantissa(),
        value.exponent(),
        reading.offset_ms
    ])
}

fn time_json(time: &Timestamp) -> Value {
    match time.accuracy_ms {
        Some(accuracy) => json!([time.seconds, time.source.to_byte(), accuracy]),
        None => json!([time.seconds, time.source.to_byte()]),
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("{:?}", Hex(bytes)).trim_start_matches("0x").into()
}

fn unhex(digits: &str) -> Vec<u8> {
    let mut bytes = vec![0; digits.len() / 2];
    coracle_core::hex::decode_into(&format!("0x{digits}"), &mut bytes).unwrap();
    bytes
}

fn key<C: CoseAlgorithm>(rng: &mut SeededRng) -> SecretKey<C> {
    // One draw in 2^32 or less is out of range.
    let scalar = rng.bytes(32).try_into().unwrap();
    SecretKey::from_bytes(&scalar).unwrap()
}
