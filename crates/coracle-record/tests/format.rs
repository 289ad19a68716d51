//! One form and no other: each rule of the format, broken alone.

mod support;

use coracle_record::{Algorithm, Bundle, BundleHeader, Fault, FormatError, Unverified};

use support::*;

// The parts of the payload of `first()`, by key.
const HEAD: &[u8] = &[0xa6];
const VERSION: &[u8] = &[0, 1];
const DEVICE: &[u8] = b"\x01\x4ameter-0001";
const SEQUENCE: &[u8] = &[2, 0];
const TIME: &[u8] = &[4, 0x82, 0x1a, 0x65, 0x53, 0xf1, 0x00, 2];
const READINGS: &[u8] = b"\x05\x81\x84\x66volume\x62m3\x19\x30\x39\x22";

fn previous(fill: u8) -> Vec<u8> {
    [&[3, 0x58, 32][..], &[fill; 32]].concat()
}

/// The payload with one part replaced.
fn with(part: usize, bytes: &[u8]) -> Vec<u8> {
    let zero = previous(0);
    let mut parts = [HEAD, VERSION, DEVICE, SEQUENCE, &zero, TIME, READINGS];
    parts[part] = bytes;
    parts.concat()
}

/// The head of a byte string in its shortest form.
fn head(len: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(len).unwrap().to_be_bytes();
    match (high, low) {
        (0, 0..24) => vec![0x40 | low],
        (0, _) => vec![0x58, low],
        _ => vec![0x59, high, low],
    }
}

/// A `COSE_Sign1` around a payload, with a signature that nobody made.
fn sign1(payload: &[u8]) -> Vec<u8> {
    let mut record = vec![0xd2, 0x84, 0x4d, 0xa2, 1, 0x26, 4, 0x48];
    record.extend([7; 8]);
    record.push(0xa0);
    record.extend(head(payload.len()));
    record.extend(payload);
    record.extend([0x58, 64]);
    record.extend([7; 64]);
    record
}

/// Bytes before the payload's first one.
const BEFORE: usize = 19;

fn fault(record: &[u8]) -> Result<(), Fault> {
    Unverified::decode(record)
        .map(drop)
        .map_err(|error| error.fault)
}

#[track_caller]
fn payload_fails(part: usize, bytes: &[u8], expected: Fault) {
    assert_eq!(
        fault(&sign1(&with(part, bytes))),
        Err(expected),
        "{bytes:02x?}"
    );
}

#[track_caller]
fn reading_fails(reading: &[u8], expected: Fault) {
    payload_fails(6, &[b"\x05\x81", reading].concat(), expected);
}

#[test]
fn the_parts_above_are_a_record() {
    assert_eq!(with(0, HEAD), bytes(&first().payload()));
    assert_eq!(fault(&sign1(&with(0, HEAD))), Ok(()));
}

#[test]
fn an_error_says_where() {
    let record = sign1(&with(1, &[0, 2]));
    let offset = BEFORE + HEAD.len() + 1;
    let error = FormatError {
        offset,
        fault: Fault::UnknownVersion,
    };
    assert_eq!(Unverified::decode(&record).unwrap_err(), error);
    assert_eq!(error.to_string(), "unknown version at byte 21");
}

// --- COSE_Sign1 ----------------------------------------------------------------------

/// Replaces `len` bytes at `at` of a good record.
fn patched(at: usize, len: usize, by: &[u8]) -> Result<(), Fault> {
    let mut record = sign1(&with(0, HEAD));
    record.splice(at..at + len, by.iter().copied());
    fault(&record)
}

#[test]
fn rejects_no_tag_and_other_tags() {
    assert_eq!(patched(0, 1, &[]), Err(Fault::WrongType));
    assert_eq!(patched(0, 1, &[0xd1]), Err(Fault::WrongTag));
    assert_eq!(patched(0, 1, &[0xd8, 18]), Err(Fault::NotShortest));
    assert_eq!(patched(0, 1, &[0xd8, 98]), Err(Fault::WrongTag));
    assert_eq!(patched(0, 1, &[0xd2, 0xd2]), Err(Fault::WrongType));
    assert_eq!(
        patched(0, 1, &[0xd9, 0xd9, 0xf7, 0xd2]),
        Err(Fault::WrongTag)
    );
}

#[test]
fn rejects_other_arrays() {
    assert_eq!(patched(1, 1, &[0x83]), Err(Fault::WrongLength));
    assert_eq!(patched(1, 1, &[0x85]), Err(Fault::WrongLength));
    assert_eq!(patched(1, 1, &[0x98, 4]), Err(Fault::NotShortest));
    assert_eq!(patched(1, 1, &[0x9f]), Err(Fault::Indefinite));
    assert_eq!(patched(1, 1, &[0xa4]), Err(Fault::WrongType));
}

#[test]
fn rejects_a_filled_unprotected_header() {
    assert_eq!(patched(16, 1, &[0xa1, 4, 0x41, 0]), Err(Fault::WrongLength));
    assert_eq!(patched(16, 1, &[0xbf, 0xff]), Err(Fault::Indefinite));
    assert_eq!(patched(16, 1, &[0xb8, 0]), Err(Fault::NotShortest));
    assert_eq!(patched(16, 1, &[0x80]), Err(Fault::WrongType));
    assert_eq!(patched(16, 1, &[0xf6]), Err(Fault::WrongType));
}

#[test]
fn rejects_other_protected_headers() {
    let header = |bytes: &[u8]| patched(2, 14, &[&head(bytes.len()), bytes].concat());
    let kid = [4, 0x48, 7, 7, 7, 7, 7, 7, 7, 7];
    let with_kid = |bytes: &[u8]| header(&[bytes, &kid].concat());
    assert_eq!(with_kid(&[0xa2, 1, 0x26]), Ok(()));
    assert_eq!(with_kid(&[0xa2, 1, 0x38, 46]), Ok(()));
    assert_eq!(with_kid(&[0xa2, 1, 0x38, 6]), Err(Fault::NotShortest));
    assert_eq!(with_kid(&[0xa2, 1, 0x27]), Err(Fault::UnknownAlgorithm));
    assert_eq!(with_kid(&[0xa2, 1, 0x07]), Err(Fault::UnknownAlgorithm));
    assert_eq!(
        with_kid(&[0xa2, 1, 0x65, b'E', b'S']),
        Err(Fault::WrongType)
    );
    assert_eq!(
        with_kid(&[0xa2, 2, 0x26]),
        Err(Fault::WrongKey { expected: 1 })
    );
    assert_eq!(with_kid(&[0xbf, 1, 0x26]), Err(Fault::Indefinite));
    assert_eq!(with_kid(&[0xa3, 1, 0x26, 2, 0x80]), Err(Fault::WrongLength));
    assert_eq!(header(&[]), Err(Fault::Truncated));
    assert_eq!(header(&[0xa0]), Err(Fault::WrongLength));
    assert_eq!(header(&[0xa1, 1, 0x26]), Err(Fault::WrongLength));
    assert_eq!(
        header(&[0xa2, 1, 0x26, 1, 0x26]),
        Err(Fault::WrongKey { expected: 4 })
    );
    assert_eq!(
        header(&[0xa2, 1, 0x26, 4, 0x41, 7]),
        Err(Fault::WrongLength)
    );
    assert_eq!(
        header(&[&[0xa2][..], &kid, &[1, 0x26]].concat()),
        Err(Fault::WrongKey { expected: 1 })
    );
    assert_eq!(
        header(&[&[0xa2, 1, 0x26][..], &kid, &[0]].concat()),
        Err(Fault::TrailingBytes)
    );
}

#[test]
fn rejects_payloads_of_other_forms() {
    assert_eq!(patched(17, 1, &[0x78]), Err(Fault::WrongType));
    assert_eq!(patched(17, 1, &[0x59, 0]), Err(Fault::NotShortest));
    assert_eq!(patched(17, 2, &[0x5f]), Err(Fault::Indefinite));
    assert_eq!(patched(17, 2, &[0xf6]), Err(Fault::WrongType));
    assert_eq!(
        patched(17, 2, &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]),
        Err(Fault::Truncated)
    );
    assert_eq!(patched(17, 2, &[0x5c]), Err(Fault::Truncated));
    assert_eq!(fault(&sign1(&[])), Err(Fault::Truncated));
}

#[test]
fn rejects_signatures_of_other_lengths() {
    let end = sign1(&with(0, HEAD)).len();
    let at = end - 66;
    assert_eq!(
        patched(at, 66, &[&[0x58, 63][..], &[7; 63]].concat()),
        Err(Fault::WrongLength)
    );
    assert_eq!(
        patched(at, 66, &[&[0x58, 65][..], &[7; 65]].concat()),
        Err(Fault::WrongLength)
    );
    assert_eq!(patched(at, 66, &[0x40]), Err(Fault::WrongLength));
    assert_eq!(patched(at, 2, &[0x59, 0, 64]), Err(Fault::NotShortest));
    assert_eq!(patched(end, 0, &[0]), Err(Fault::TrailingBytes));
}

// --- The payload's map -----------------------------------------------------------------

#[test]
fn rejects_other_maps() {
    payload_fails(0, &[0xa5], Fault::WrongLength);
    payload_fails(0, &[0xa7], Fault::WrongLength);
    payload_fails(0, &[0xb8, 6], Fault::NotShortest);
    payload_fails(0, &[0xbf], Fault::Indefinite);
    payload_fails(0, &[0x8c], Fault::WrongType);
    payload_fails(0, &[0xd2, 0xa6], Fault::WrongType);
}

#[test]
fn rejects_unknown_repeated_missing_and_unordered_keys() {
    payload_fails(1, &[1, 1], Fault::WrongKey { expected: 0 });
    payload_fails(2, VERSION, Fault::WrongKey { expected: 1 });
    payload_fails(2, SEQUENCE, Fault::WrongKey { expected: 1 });
    payload_fails(2, &[], Fault::WrongKey { expected: 1 });
    payload_fails(3, &[0x18, 2, 0], Fault::NotShortest);
    payload_fails(3, &[6, 0], Fault::WrongKey { expected: 2 });
    payload_fails(4, &[0x23, 0], Fault::WrongType);
    payload_fails(5, &[0x61, b'4', 0], Fault::WrongType);
    payload_fails(5, READINGS, Fault::WrongKey { expected: 4 });
    payload_fails(6, TIME, Fault::WrongKey { expected: 5 });
    payload_fails(6, &[READINGS, &[6, 0]].concat(), Fault::TrailingBytes);
    payload_fails(6, &[READINGS, READINGS].concat(), Fault::TrailingBytes);
}

#[test]
fn rejects_other_versions() {
    payload_fails(1, &[0, 0], Fault::UnknownVersion);
    payload_fails(1, &[0, 2], Fault::UnknownVersion);
    payload_fails(1, &[0, 0x18, 1], Fault::NotShortest);
    payload_fails(1, &[0, 0x20], Fault::WrongType);
    payload_fails(1, &[0, 0xf5], Fault::WrongType);
}

#[test]
fn rejects_other_device_ids() {
    payload_fails(2, &[1, 0x40], Fault::WrongLength);
    payload_fails(
        2,
        &[&[1, 0x58, 33][..], &[1; 33]].concat(),
        Fault::WrongLength,
    );
    payload_fails(2, &[1, 0x58, 1, 7], Fault::NotShortest);
    payload_fails(2, &[1, 0x5f, 0x41, 7, 0xff], Fault::Indefinite);
    payload_fails(2, b"\x01\x61m", Fault::WrongType);
}

#[test]
fn rejects_other_sequence_numbers() {
    let number = |bytes: &[u8]| {
        let payload = [
            HEAD,
            VERSION,
            DEVICE,
            &[2],
            bytes,
            &previous(1),
            TIME,
            READINGS,
        ]
        .concat();
        fault(&sign1(&payload))
    };
    assert_eq!(
        number(&[0x1b, 255, 255, 255, 255, 255, 255, 255, 255]),
        Ok(())
    );
    assert_eq!(number(&[0x18, 24]), Ok(()));
    assert_eq!(number(&[0x18, 23]), Err(Fault::NotShortest));
    assert_eq!(number(&[0x19, 0, 255]), Err(Fault::NotShortest));
    assert_eq!(number(&[0x1a, 0, 0, 255, 255]), Err(Fault::NotShortest));
    assert_eq!(
        number(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255]),
        Err(Fault::NotShortest)
    );
    assert_eq!(number(&[0x1c]), Err(Fault::OutOfRange));
    assert_eq!(number(&[0x20]), Err(Fault::WrongType));
    assert_eq!(number(&[0xc2, 0x41, 1]), Err(Fault::WrongType));
    assert_eq!(number(&[0xf9, 0x3c, 0]), Err(Fault::WrongType));
    assert_eq!(number(&[0xfa, 0, 0, 0, 0]), Err(Fault::WrongType));
    assert_eq!(
        number(&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(Fault::WrongType)
    );
    assert_eq!(number(&[0]), Err(Fault::BadPlace));
}

#[test]
fn rejects_other_previous_hashes() {
    payload_fails(4, &previous(1), Fault::BadPlace);
    payload_fails(4, &[3, 0x40], Fault::WrongLength);
    payload_fails(
        4,
        &[&[3, 0x58, 31][..], &[0; 31]].concat(),
        Fault::WrongLength,
    );
    payload_fails(
        4,
        &[&[3, 0x58, 33][..], &[0; 33]].concat(),
        Fault::WrongLength,
    );
    payload_fails(4, &[3, 0xf6], Fault::WrongType);
}

#[test]
fn rejects_other_times() {
    let ok = |time: &[u8]| fault(&sign1(&with(5, &[&[4], time].concat())));
    assert_eq!(ok(&[0x82, 0, 0]), Ok(()));
    assert_eq!(ok(&[0x83, 0, 4, 0]), Ok(()));
    assert_eq!(ok(&[0x81, 0]), Err(Fault::WrongLength));
    assert_eq!(ok(&[0x84, 0, 0, 0, 0]), Err(Fault::WrongLength));
    assert_eq!(ok(&[0x9f, 0, 0, 0xff]), Err(Fault::Indefinite));
    assert_eq!(ok(&[0x82, 0, 5]), Err(Fault::OutOfRange));
    assert_eq!(ok(&[0x82, 0, 0x19, 1, 0]), Err(Fault::OutOfRange));
    assert_eq!(ok(&[0x82, 0x20, 0]), Err(Fault::WrongType));
    assert_eq!(ok(&[0x82, 0xc1, 0, 0]), Err(Fault::WrongType));
    assert_eq!(
        ok(&[0x82, 0xfb, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(Fault::WrongType)
    );
    assert_eq!(ok(&[0x83, 0, 0, 0xf6]), Err(Fault::WrongType));
    assert_eq!(
        ok(&[0x83, 0, 0, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        Err(Fault::OutOfRange)
    );
}

// --- Readings --------------------------------------------------------------------------

#[test]
fn rejects_no_readings_and_too_many() {
    let reading = b"\x84\x61v\x61V\x00\x00";
    let many = |count: u8| {
        let readings = reading.repeat(count.into());
        fault(&sign1(&with(
            6,
            &[&[5, 0x98, count], &readings[..]].concat(),
        )))
    };
    assert_eq!(many(64), Ok(()));
    assert_eq!(many(65), Err(Fault::WrongLength));
    assert_eq!(many(23), Err(Fault::NotShortest));
    payload_fails(6, &[5, 0x80], Fault::WrongLength);
    payload_fails(6, &[5, 0x9f, 0xff], Fault::Indefinite);
    payload_fails(
        6,
        &[5, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
        Fault::WrongLength,
    );
    payload_fails(6, b"\x05\x82\x84\x61v\x61V\x00\x00", Fault::Truncated);
}

#[test]
fn rejects_readings_of_other_lengths() {
    reading_fails(b"\x83\x61v\x61V\x00", Fault::WrongLength);
    reading_fails(b"\x86\x61v\x61V\x00\x00\x01\x00", Fault::WrongLength);
    reading_fails(b"\x9f\x61v\x61V\x00\x00\xff", Fault::Indefinite);
    reading_fails(b"\xa2\x61v\x61V\x00\x00", Fault::WrongType);
}

#[test]
fn rejects_bad_names_and_units() {
    reading_fails(b"\x84\x60\x61V\x00\x00", Fault::WrongLength);
    reading_fails(
        &[b"\x84\x78\x21", &[b'a'; 33][..], b"\x61V\x00\x00"].concat(),
        Fault::WrongLength,
    );
    reading_fails(b"\x84\x78\x01v\x61V\x00\x00", Fault::NotShortest);
    reading_fails(b"\x84\x7f\x61v\xff\x61V\x00\x00", Fault::Indefinite);
    reading_fails(b"\x84\x41v\x61V\x00\x00", Fault::WrongType);
    reading_fails(b"\x84\x61\xff\x61V\x00\x00", Fault::BadText);
    reading_fails(b"\x84\x62\xc3\x28\x61V\x00\x00", Fault::BadText);
    reading_fails(b"\x84\x61 \x61V\x00\x00", Fault::BadText);
    reading_fails(b"\x84\x61v\x60\x00\x00", Fault::WrongLength);
    reading_fails(
        b"\x84\x61v\x71aaaaaaaaaaaaaaaaa\x00\x00",
        Fault::WrongLength,
    );
    reading_fails(b"\x84\x61v\x61\x1b\x00\x00", Fault::BadText);
    reading_fails(b"\x84\x61v\x62\xc2\xb5\x00\x00", Fault::BadText);
    reading_fails(b"\x84\x61v\xf6\x00\x00", Fault::WrongType);
}

#[test]
fn rejects_values_that_are_no_decimals() {
    reading_fails(b"\x84\x61v\x61V\xf9\x3c\x00\x00", Fault::WrongType);
    reading_fails(b"\x84\x61v\x61V\xfa\x3f\x80\x00\x00\x00", Fault::WrongType);
    reading_fails(
        b"\x84\x61v\x61V\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00\x00",
        Fault::WrongType,
    );
    reading_fails(b"\x84\x61v\x61V\xc4\x82\x00\x01\x00", Fault::WrongType);
    reading_fails(b"\x84\x61v\x61V\xc2\x41\x01\x00", Fault::WrongType);
    reading_fails(b"\x84\x61v\x61V\xf5\x00", Fault::WrongType);
    reading_fails(
        b"\x84\x61v\x61V\x1b\x80\0\0\0\0\0\0\0\x00",
        Fault::OutOfRange,
    );
    reading_fails(
        b"\x84\x61v\x61V\x3b\x80\0\0\0\0\0\0\0\x00",
        Fault::OutOfRange,
    );
    reading_fails(b"\x84\x61v\x61V\x38\x17\x00", Fault::NotShortest);
    reading_fails(b"\x84\x61v\x61V\x00\x18\x18", Fault::OutOfRange);
    reading_fails(b"\x84\x61v\x61V\x00\x38\x18", Fault::OutOfRange);
    reading_fails(b"\x84\x61v\x61V\x00\x19\x01\x00", Fault::OutOfRange);
}

#[test]
fn rejects_bad_offsets() {
    reading_fails(b"\x85\x61v\x61V\x00\x00\x00", Fault::NotOmitted);
    reading_fails(
        b"\x85\x61v\x61V\x00\x00\x1a\x80\x00\x00\x00",
        Fault::OutOfRange,
    );
    reading_fails(
        b"\x85\x61v\x61V\x00\x00\x3a\x80\x00\x00\x00",
        Fault::OutOfRange,
    );
    reading_fails(b"\x85\x61v\x61V\x00\x00\xf6", Fault::WrongType);
}

// --- The bundle's header -----------------------------------------------------------------

fn header_fault(bytes: &[u8]) -> Result<(), Fault> {
    Bundle::decode(bytes).map(drop).map_err(|error| error.fault)
}

#[test]
fn reads_the_header_it_wrote() {
    let header = bytes(&BundleHeader::new(device(), r1().public_key()));
    let bundle = Bundle::decode(&header).unwrap();
    assert_eq!(*bundle.claimed_device(), device());
    assert_eq!(bundle.claimed_algorithm(), Algorithm::Es256);
    assert_eq!(
        *bundle.claimed_key_bytes(),
        r1().public_key().to_compressed()
    );
    assert!(bundle.claims_key(r1().public_key()));
    assert!(!bundle.claims_key(k1().public_key()));
    assert_eq!(bundle.dangerous_claimed_key(), Ok(*r1().public_key()));
    let other = bundle.dangerous_claimed_key::<coracle_core::ecdsa::Secp256k1>();
    assert!(other.is_err());
}

#[test]
fn rejects_other_bundle_headers() {
    let header = bytes(&BundleHeader::new(device(), r1().public_key()));
    for len in 0..header.len() {
        assert_eq!(header_fault(&header[..len]), Err(Fault::Truncated), "{len}");
    }
    let patched = |at: usize, len: usize, by: &[u8]| {
        let mut header = header.clone();
        header.splice(at..at + len, by.iter().copied());
        header_fault(&header)
    };
    assert_eq!(patched(0, 3, &[]), Err(Fault::WrongType));
    assert_eq!(patched(0, 3, &[0xd2]), Err(Fault::WrongTag));
    assert_eq!(patched(3, 1, &[0xa5]), Err(Fault::WrongLength));
    assert_eq!(patched(5, 1, &[2]), Err(Fault::UnknownVersion));
    assert_eq!(patched(6, 1, &[2]), Err(Fault::WrongKey { expected: 1 }));
    assert_eq!(patched(7, 11, &[0x40]), Err(Fault::WrongLength));
    assert_eq!(patched(19, 1, &[0x27]), Err(Fault::UnknownAlgorithm));
    assert_eq!(patched(21, 2, &[0x58, 32]), Err(Fault::WrongLength));
}

#[test]
fn header_with_no_point_for_a_key_gives_no_key() {
    let mut header = bytes(&BundleHeader::new(device(), r1().public_key()));
    let end = header.len();
    header[end - 32..].fill(0xff);
    let bundle = Bundle::decode(&header).unwrap();
    assert!(
        bundle
            .dangerous_claimed_key::<coracle_core::ecdsa::P256>()
            .is_err()
    );
}
