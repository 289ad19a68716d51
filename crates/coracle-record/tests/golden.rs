//! The format does not drift: records and bundles with fixed keys have fixed bytes.

mod support;

use coracle_core::{Encode, ecdsa::Secp256k1, hex::Hex};
use coracle_record::{
    Audit, BundleEntry, BundleHeader, Place, Record, Recorder, SignedRecord, TimeSource, Timestamp,
    Verified,
};

use support::*;

fn hex(value: &dyn Encode) -> String {
    format!("{:?}", Hex(&bytes(value)))
}

#[test]
fn payload_is_these_bytes() {
    assert_eq!(hex(&first().payload()), PAYLOAD);
}

#[test]
fn es256k_record_is_these_bytes() {
    assert_eq!(hex(&sign(&k1(), &first())), ES256K);
}

#[test]
fn es256_record_is_these_bytes() {
    assert_eq!(hex(&sign(&r1(), &first())), ES256);
}

#[test]
fn second_record_with_every_optional_field_is_these_bytes() {
    let mut recorder = Recorder::new(device());
    let signed = sign(&k1(), &recorder.record(TIME, &ONE).unwrap());
    recorder.advance(&signed).unwrap();
    let time = Timestamp {
        accuracy_ms: Some(20),
        ..Timestamp::new(1_700_000_900, TimeSource::Gnss)
    };
    let readings = batch(&[volume(12_346)]);
    let second = recorder.record(time, &readings).unwrap();
    assert_eq!(hex(&second.payload()), SECOND_PAYLOAD);
    assert_eq!(format!("{:?}", sign(&k1(), &second).hash()), SECOND_HASH);
}

#[test]
fn bundle_is_these_bytes() {
    let signed = sign(&k1(), &first());
    let header = BundleHeader::new(device(), k1().public_key());
    assert_eq!(hex(&header), BUNDLE_HEADER);
    let entry = hex(&BundleEntry(&signed));
    assert_eq!(
        entry,
        format!("{ENTRY_HEAD}{}", ES256K.trim_start_matches("0x"))
    );
}

/// The table of the README, printed by
/// `cargo test -p coracle-record --test golden -- --nocapture`.
#[test]
fn readme_states_the_sizes() {
    let sizes = [1, 8, 64].map(size_row);
    let max = Record::MAX_ENCODED_LEN;
    let rows = format!("{}| the longest | | | {max} |\n", sizes.concat());
    println!("\n{rows}");
    let readme = include_str!("../README.md");
    assert!(readme.contains(&rows), "the README lacks the rows\n{rows}");
}

/// The RAM table of the README, printed as the one above.
#[test]
#[cfg(target_pointer_width = "64")]
fn readme_states_the_ram() {
    let rows = [
        ("`Record`", size_of::<Record<'_>>()),
        ("`SignedRecord`", size_of::<SignedRecord<'_, Secp256k1>>()),
        ("`Verified`", size_of::<Verified<'_>>()),
        ("`Audit`", size_of::<Audit<'_, Secp256k1>>()),
    ]
    .map(|(name, size)| format!("| {name} | {size} |\n"))
    .concat();
    println!("\n{rows}");
    let readme = include_str!("../README.md");
    assert!(readme.contains(&rows), "the README lacks the rows\n{rows}");
}

fn size_row(count: usize) -> String {
    let readings = vec![volume(12_345); count];
    let place = Place::FIRST.after(sign(&k1(), &first()).hash()).unwrap();
    let record = Record::new(device(), place, TIME, &readings).unwrap();
    format!(
        "| {count} reading{} | {} | {} | {} |\n",
        if count == 1 { "" } else { "s" },
        record.payload().encoded_len(),
        sign(&r1(), &record).encoded_len(),
        sign(&k1(), &record).encoded_len(),
    )
}

const PAYLOAD: &str = "0xa60001014a6d657465722d303030310200035820000000000000000000000000000000000000000000000000000000000000000004821a6553f1000205818466766f6c756d65626d3319303922";
const ES256K: &str = "0xd2844ea201382e04485b6b92b37b765963a0584da60001014a6d657465722d303030310200035820000000000000000000000000000000000000000000000000000000000000000004821a6553f1000205818466766f6c756d65626d33193039225840ec7b649e14f6cfd326113e41f1a5e34c075bb38d3daa842675187a56712b1fc6037f4ea8a309723cd1eff4ac1afd8edf763302ae698771384384e7b0beefd7bf";
const ES256: &str = "0xd2844da20126044852f50667e2ca598ca0584da60001014a6d657465722d303030310200035820000000000000000000000000000000000000000000000000000000000000000004821a6553f1000205818466766f6c756d65626d33193039225840e2f4155a1204c2b4303eac2030a842f228fa7b17b7a41e5400d0224fb6f5e5480d91a9c7d16d65f9b1a1931585221c6f710ca3fa046bcf6cb87f03c3996423b9";
const SECOND_PAYLOAD: &str = "0xa60001014a6d657465722d3030303102010358202960b4ece97c68032d1c9b59f93da0a96982cd553c0bbee6df6c7dc8118be19f04831a6553f484031405828466766f6c756d65626d3319303a22856474656d706343656c3833203905db";
const SECOND_HASH: &str = "0xf9f284c4023cb393235744b2472cf38a36aa09bd89d36d12a746be76fd20d726";
const BUNDLE_HEADER: &str = "0xd9d9f7a40001014a6d657465722d3030303102382e035821034f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa";
const ENTRY_HEAD: &str = "0x58a3";
