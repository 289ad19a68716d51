//! A bundle tells what was removed, swapped, repeated, forked or slipped in.

mod support;

use coracle_core::ecdsa::{P256, Secp256k1, SecretKey, SignatureError};
use coracle_core::{B256, sha256};
use coracle_record::{
    Audit, Bundle, BundleEntry, BundleHeader, CoseAlgorithm, DeviceId, Fault, Finding, FormatError,
    Place, Recorder, Start, Summary, VerifyError,
};
use coracle_testkit::SeededRng;

use support::*;

type Chain = Vec<Vec<u8>>;

/// Continues a chain; values tell forks apart.
fn extend<C: CoseAlgorithm>(
    chain: &mut Chain,
    recorder: &mut Recorder,
    key: &SecretKey<C>,
    count: usize,
    value: i64,
) {
    for _ in 0..count {
        let readings = [volume(value)];
        let signed = sign(key, &recorder.record(TIME, &readings).unwrap());
        recorder.advance(&signed).unwrap();
        chain.push(bytes(&signed));
    }
}

fn chain(count: usize) -> Chain {
    let mut chain = Chain::new();
    extend(&mut chain, &mut Recorder::new(device()), &k1(), count, 1);
    chain
}

fn bundle(chain: &[Vec<u8>]) -> Vec<u8> {
    let mut out = bytes(&BundleHeader::new(device(), k1().public_key()));
    for record in chain {
        out.extend(bytes(&BundleEntry(&record.as_slice())));
    }
    out
}

fn audit(bundle: &[u8], start: Start) -> Audit<'_, Secp256k1> {
    let bundle = Bundle::decode(bundle).unwrap();
    bundle.audit(k1().public_key(), device(), start)
}

fn findings(chain: &[Vec<u8>], start: Start) -> (Vec<Finding>, Summary) {
    let bundle = bundle(chain);
    let mut audit = audit(&bundle, start);
    let found = audit
        .by_ref()
        .map(|entry| entry.finding)
        .collect::<Vec<_>>();
    let summary = audit.finish();
    assert_eq!(summary.entries(), found.len() as u64);
    (found, summary)
}

const WHOLE: Start = Start::At(Place::FIRST);
use Finding::{BeforeStart, Duplicate, Fork, Gap, Intact, OtherPrevious, OutOfOrder};

#[test]
fn whole_chain_is_complete() {
    let chain = chain(5);
    let (found, summary) = findings(&chain, WHOLE);
    assert_eq!(found, [Intact; 5]);
    assert!(summary.is_complete());
    assert_eq!((summary.first, summary.last), (Some(0), Some(4)));
    assert_eq!(summary.last_hash, Some(sha256(&chain[4])));
    assert_eq!(summary.missing, 0);
}

#[test]
fn entries_give_the_records_and_their_offsets() {
    let chain = chain(3);
    let bundle = bundle(&chain);
    for (entry, record) in audit(&bundle, WHOLE).zip(&chain) {
        assert_eq!(
            bundle[entry.offset..entry.offset + record.len()],
            record[..]
        );
        assert_eq!(entry.record.unwrap().as_bytes(), record);
    }
}

#[test]
fn p256_chain_is_complete() {
    let mut chain = Chain::new();
    extend(&mut chain, &mut Recorder::new(device()), &r1(), 3, 1);
    let bytes = bundle(&chain);
    let bundle = Bundle::decode(&bytes).unwrap();
    let summary = bundle
        .audit::<P256>(r1().public_key(), device(), WHOLE)
        .finish();
    assert!(summary.is_complete());
    // The key of the header, which lies here, had no say.
    assert!(!bundle.claims_key(r1().public_key()));
}

#[test]
fn no_records_are_not_complete() {
    let (found, summary) = findings(&[], WHOLE);
    assert_eq!(found, []);
    assert!(!summary.is_complete() && !summary.is_unbroken());
    assert_eq!(summary.last, None);
}

#[test]
fn removed_record_is_a_gap() {
    let mut chain = chain(5);
    chain.remove(2);
    let (found, summary) = findings(&chain, WHOLE);
    let gap = Gap {
        expected: 2,
        found: 3,
    };
    assert_eq!(found, [Intact, Intact, gap, Intact]);
    assert_eq!((summary.gaps, summary.missing), (1, 1));
    assert!(!summary.is_complete() && !summary.is_unbroken());
}

#[test]
fn removed_start_is_a_gap_unless_any_start_is_accepted() {
    let chain = chain(5).split_off(2);
    let (found, summary) = findings(&chain, WHOLE);
    assert_eq!(
        found,
        [
            Gap {
                expected: 0,
                found: 2
            },
            Intact,
            Intact
        ]
    );
    assert_eq!((summary.first, summary.missing), (Some(2), 2));

    let (found, summary) = findings(&chain, Start::Anywhere);
    assert_eq!(found, [Intact; 3]);
    assert!(summary.is_unbroken());
    assert!(!summary.is_complete(), "nobody vouches for the start");
    assert_eq!(summary.missing, 0);
}

#[test]
fn trusted_start_completes_a_later_part() {
    let chain = chain(5);
    let start = Start::At(Place::new(2, sha256(&chain[1])).unwrap());
    let (found, summary) = findings(&chain[2..], start);
    assert_eq!(found, [Intact; 3]);
    assert!(summary.is_complete());

    let (found, summary) = findings(&chain, start);
    assert_eq!(found, [BeforeStart, BeforeStart, Intact, Intact, Intact]);
    assert!(summary.is_complete());
    assert_eq!((summary.first, summary.before_start), (Some(2), 2));
}

#[test]
fn start_with_another_hash_is_not_continued() {
    let chain = chain(3);
    let start = Start::At(Place::new(1, B256([9; 32])).unwrap());
    let (found, summary) = findings(&chain[1..], start);
    assert_eq!(found, [OtherPrevious, Intact]);
    assert!(!summary.is_complete());
}

#[test]
fn records_before_the_start_alone_are_not_complete() {
    let chain = chain(3);
    let start = Start::At(Place::new(3, sha256(&chain[2])).unwrap());
    let (found, summary) = findings(&chain, start);
    assert_eq!(found, [BeforeStart; 3]);
    assert!(!summary.is_complete());
}

#[test]
fn removed_end_shows_in_the_last_hash_alone() {
    let whole = chain(5);
    let (_, summary) = findings(&whole[..4], WHOLE);
    assert!(summary.is_complete());
    assert_ne!(summary.last_hash, Some(sha256(&whole[4])));
}

#[test]
fn swapped_records_are_out_of_order() {
    let mut chain = chain(4);
    chain.swap(1, 2);
    let (found, summary) = findings(&chain, WHOLE);
    let gap = Gap {
        expected: 1,
        found: 2,
    };
    assert_eq!(found, [Intact, gap, OutOfOrder, Intact]);
    assert_eq!(
        (summary.gaps, summary.out_of_order, summary.missing),
        (1, 1, 0)
    );
    assert!(!summary.is_complete());
}

#[test]
fn late_record_below_the_first_counts_as_first() {
    let mut chain = chain(6);
    let (found, summary) = findings(&[chain.remove(5), chain.remove(3)], Start::Anywhere);
    assert_eq!(found, [Intact, OutOfOrder]);
    assert_eq!(
        (summary.first, summary.last, summary.missing),
        (Some(3), Some(5), 1)
    );
    assert!(!summary.is_unbroken());
}

#[test]
fn repeated_record_is_a_duplicate() {
    let mut chain = chain(3);
    chain.insert(1, chain[0].clone());
    chain.push(chain[2].clone());
    let (found, summary) = findings(&chain, WHOLE);
    assert_eq!(found, [Intact, Duplicate, Intact, Intact, Duplicate]);
    assert_eq!((summary.duplicates, summary.missing), (2, 0));
    assert!(!summary.is_complete());
}

/// A device restored from a backup goes on from an old place.
fn forked() -> (Chain, Chain) {
    let mut recorder = Recorder::new(device());
    let mut one = Chain::new();
    extend(&mut one, &mut recorder, &k1(), 2, 1);
    let mut backup = recorder;
    let mut other = Chain::new();
    extend(&mut one, &mut recorder, &k1(), 2, 1);
    extend(&mut other, &mut backup, &k1(), 4, 2);
    (one, other)
}

#[test]
fn second_record_with_a_number_is_a_fork() {
    let (mut chain, other) = forked();
    chain.extend(other);
    let (found, summary) = findings(&chain, WHOLE);
    let expected = [
        Intact,
        Intact,
        Intact,
        Intact,
        Fork,
        Fork,
        OtherPrevious,
        Intact,
    ];
    assert_eq!(found, expected);
    assert_eq!(
        (summary.forks, summary.last, summary.missing),
        (3, Some(5), 0)
    );
    assert!(!summary.is_complete() && !summary.is_unbroken());
}

#[test]
fn hidden_fork_shows_where_the_branch_goes_on() {
    let (mut chain, other) = forked();
    chain.extend_from_slice(&other[2..]);
    let (found, _) = findings(&chain, WHOLE);
    assert_eq!(
        found,
        [Intact, Intact, Intact, Intact, OtherPrevious, Intact]
    );
}

#[test]
fn repeated_fork_is_a_duplicate() {
    let (mut chain, other) = forked();
    chain.push(other[0].clone());
    chain.push(other[0].clone());
    let (found, _) = findings(&chain, WHOLE);
    assert_eq!(found, [Intact, Intact, Intact, Intact, Fork, Duplicate]);
}

#[test]
fn restarted_device_is_a_fork() {
    let mut whole = chain(2);
    extend(&mut whole, &mut Recorder::new(device()), &k1(), 1, 7);
    assert_eq!(findings(&whole, WHOLE).0, [Intact, Intact, Fork]);
}

#[test]
fn record_of_another_device_is_left_out() {
    let mut chain = chain(2);
    let other = DeviceId::from_slice(b"meter-0002").unwrap();
    extend(&mut chain, &mut Recorder::new(other), &k1(), 1, 1);
    let (found, summary) = findings(&chain, WHOLE);
    assert_eq!(found, [Intact, Intact, Finding::OtherDevice]);
    assert_eq!((summary.other_device, summary.last), (1, Some(1)));
    assert!(!summary.is_complete());
}

#[test]
fn record_of_another_key_is_left_out() {
    let mut chain = chain(2);
    extend(
        &mut chain,
        &mut Recorder::new(device()),
        &key::<Secp256k1>(9),
        1,
        1,
    );
    extend(&mut chain, &mut Recorder::new(device()), &r1(), 1, 1);
    let (found, summary) = findings(&chain, WHOLE);
    let other_key = Finding::Unsigned(VerifyError::OtherKey);
    let other_algorithm = Finding::Unsigned(VerifyError::OtherAlgorithm);
    assert_eq!(found, [Intact, Intact, other_key, other_algorithm]);
    assert_eq!(summary.unsigned, 2);
    assert!(!summary.is_complete());
}

#[test]
fn forged_record_hides_nothing() {
    let mut chain = chain(3);
    // Number 1 with another value and no signature, before and instead of the real one.
    let mut forged = chain[1].clone();
    let at = forged.len() - 66 - 2;
    forged[at] ^= 1;
    let bad = Finding::Unsigned(VerifyError::BadSignature(SignatureError));
    chain.insert(1, forged.clone());
    assert_eq!(findings(&chain, WHOLE).0, [Intact, bad, Intact, Intact]);
    // A late real record is no fork of a forged one.
    let real = chain.remove(2);
    chain.push(real);
    let gap = Gap {
        expected: 1,
        found: 2,
    };
    assert_eq!(findings(&chain, WHOLE).0, [Intact, bad, gap, OutOfOrder]);
    chain.push(forged);
    assert_eq!(findings(&chain, WHOLE).0[4], bad);
}

#[test]
fn number_of_another_device_is_no_rival() {
    let mut records = chain(3);
    let late = records.remove(1);
    let other = DeviceId::from_slice(b"meter-0002").unwrap();
    extend(&mut records, &mut Recorder::new(other), &k1(), 2, 1);
    records.push(late);
    let (found, summary) = findings(&records, WHOLE);
    assert_eq!(found[4], OutOfOrder);
    assert_eq!((summary.forks, summary.other_device), (0, 2));
}

#[test]
fn malformed_record_does_not_hide_the_next() {
    let mut chain = chain(3);
    chain.insert(1, b"not a record".to_vec());
    let bytes = bundle(&chain);
    let entries: Vec<_> = audit(&bytes, WHOLE).collect();
    let offset = entries[1].offset;
    let fault = Fault::WrongType;
    assert_eq!(
        entries[1].finding,
        Finding::Malformed(FormatError { offset, fault })
    );
    assert!(entries[1].record.is_none());
    assert_eq!(
        [entries[0].finding, entries[2].finding, entries[3].finding],
        [Intact; 3]
    );
    assert!(!audit(&bytes, WHOLE).finish().is_complete());
}

#[test]
fn broken_frame_ends_the_walk() {
    let chain = chain(2);
    for (tail, fault) in [
        (&b"\x00"[..], Fault::WrongType),
        (b"\x40", Fault::WrongLength),
        (b"\x5f\xff", Fault::Indefinite),
        (b"\x58\x01\x00", Fault::NotShortest),
        (b"\x42\x00", Fault::Truncated),
        (
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff\x00",
            Fault::Truncated,
        ),
    ] {
        let mut bytes = bundle(&chain);
        let offset = bytes.len();
        bytes.extend_from_slice(tail);
        let found: Vec<_> = audit(&bytes, WHOLE).map(|entry| entry.finding).collect();
        let broken = Finding::Unreadable(FormatError { offset, fault });
        assert_eq!(found, [Intact, Intact, broken], "{tail:02x?}");
    }
}

#[test]
fn every_truncation_within_a_record_shows() {
    let chain = chain(2);
    let bytes = bundle(&chain);
    let first_end = bundle(&chain[..1]).len();
    for len in first_end + 1..bytes.len() {
        let summary = audit(&bytes[..len], WHOLE).finish();
        assert_eq!((summary.intact, summary.malformed), (1, 1), "{len}");
    }
}

#[test]
fn every_flipped_bit_of_a_record_shows() {
    let chain = chain(2);
    let mut bytes = bundle(&chain);
    let start = bundle(&[]).len();
    for bit in start * 8..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!audit(&bytes, WHOLE).finish().is_complete(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

/// Any selection and order of a chain's records but the chain itself is seen through,
/// and the counts agree with a plain model.
#[test]
fn random_rearrangements_show() {
    let mut rng = SeededRng::from_env(11);
    let whole = chain(6);
    for _ in 0..150 {
        let picks: Vec<usize> = (0..1 + rng.below(8)).map(|_| rng.below(6)).collect();
        let picked: Chain = picks.iter().map(|pick| whole[*pick].clone()).collect();
        let (_, summary) = findings(&picked, WHOLE);
        let in_order = picks.iter().copied().eq(0..picks.len());
        assert_eq!(summary.is_complete(), in_order, "{picks:?}");

        let mut distinct = picks.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let last = distinct[distinct.len() - 1];
        assert_eq!(summary.last, Some(last as u64), "{picks:?}");
        assert_eq!(summary.first, Some(distinct[0] as u64), "{picks:?}");
        let missing = last + 1 - distinct.len();
        assert_eq!(summary.missing, missing as u64, "{picks:?}");
        let repeats = picks.len() - distinct.len();
        assert_eq!(summary.duplicates, repeats as u64, "{picks:?}");
        assert_eq!(summary.forks, 0, "{picks:?}");
    }
}
