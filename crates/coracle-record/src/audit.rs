//! The walk through a bundle: what of it a device said, and whether it is all.

use core::fmt;

use coracle_core::B256;
use coracle_core::ecdsa::{Curve, PublicKey};

use crate::algorithm::CoseAlgorithm;
use crate::cbor::Reader;
use crate::device::DeviceId;
use crate::error::{FormatError, VerifyError};
use crate::place::Place;
use crate::record::Record;
use crate::verify::{Unverified, Verified};

/// Where the caller knows the chain to start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Start {
    /// At this place: [`Place::FIRST`] for the whole chain, or the place after a record
    /// that is trusted for another reason. Earlier records are passed over.
    At(Place),
    /// At whatever record comes first. Such a chain is never complete.
    Anywhere,
}

/// What is to be said about one record of a bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Finding {
    /// Signed, and in its place after the record before.
    Intact,
    /// Signed, and older than the start that the caller gave; not looked at further.
    BeforeStart,
    /// Signed, but records before it are missing.
    Gap {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// Signed, and the next number, but after another record than the one before it:
    /// the device's chain forked earlier.
    OtherPrevious,
    /// Signed, but the device also signed another record with this number, which
    /// stands earlier in the bundle.
    Fork,
    /// The same record stands earlier in the bundle.
    Duplicate,
    /// Signed, and missing where it belongs, earlier in the bundle.
    OutOfOrder,
    /// Signed with the key given, for another device.
    OtherDevice,
    /// Names another algorithm or key, or the signature is bad.
    Unsigned(VerifyError),
    /// No record. The offset counts from the start of the bundle.
    Malformed(FormatError),
    /// No byte string that could hold a record: the rest cannot be read.
    Unreadable(FormatError),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intact => "intact",
            Self::BeforeStart => "before the trusted start",
            Self::Gap { expected, found } => {
                return write!(f, "gap: expected number {expected}, found {found}");
            }
            Self::OtherPrevious => "follows another record than the one before it",
            Self::Fork => "a second record with its number",
            Self::Duplicate => "duplicate",
            Self::OutOfOrder => "out of order",
            Self::OtherDevice => "another device's",
            Self::Unsigned(cause) => return cause.fmt(f),
            Self::Malformed(cause) => return write!(f, "malformed: {cause}"),
            Self::Unreadable(cause) => return write!(f, "rest unreadable: {cause}"),
        })
    }
}

/// One record of a bundle, judged.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Offset of the record's first byte in the bundle.
    pub offset: usize,
    /// What is to be said about it.
    pub finding: Finding,
    /// The record, where the device signed it with the key given.
    pub record: Option<Verified<'a>>,
}

/// What an audit found in all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Summary {
    /// The lowest number among the device's records, those before the start left out.
    pub first: Option<u64>,
    /// The highest number.
    pub last: Option<u64>,
    /// The hash of the record with the highest number: compare it with one from
    /// elsewhere, such as a chain, to learn whether the end of the bundle is the end.
    pub last_hash: Option<B256>,
    /// Numbers from the start to the last of which no record is in the bundle.
    pub missing: u64,
    /// [`Finding::Intact`].
    pub intact: u64,
    /// [`Finding::BeforeStart`].
    pub before_start: u64,
    /// [`Finding::Gap`].
    pub gaps: u64,
    /// [`Finding::Fork`] and [`Finding::OtherPrevious`].
    pub forks: u64,
    /// [`Finding::Duplicate`].
    pub duplicates: u64,
    /// [`Finding::OutOfOrder`].
    pub out_of_order: u64,
    /// [`Finding::OtherDevice`].
    pub other_device: u64,
    /// [`Finding::Unsigned`].
    pub unsigned: u64,
    /// [`Finding::Malformed`] and [`Finding::Unreadable`].
    pub malformed: u64,
    /// Whether the caller said where the chain starts.
    pub is_anchored: bool,
}

impl Summary {
    /// Whether everything in the bundle is the device's and unbroken, wherever it
    /// starts.
    pub const fn is_unbroken(&self) -> bool {
        let clean = self.gaps == 0
            && self.forks == 0
            && self.duplicates == 0
            && self.out_of_order == 0
            && self.other_device == 0
            && self.unsigned == 0
            && self.malformed == 0;
        clean && self.intact > 0
    }

    /// Whether the chain is unbroken from the start that the caller gave.
    ///
    /// Does not say that it goes on to the device's latest record: see
    /// [`last_hash`](Self::last_hash).
    pub const fn is_complete(&self) -> bool {
        self.is_anchored && self.is_unbroken()
    }

    /// Records and what stands in their place.
    pub fn entries(&self) -> u64 {
        let counts = [
            self.intact,
            self.before_start,
            self.gaps,
            self.forks,
            self.duplicates,
            self.out_of_order,
            self.other_device,
            self.unsigned,
            self.malformed,
        ];
        counts
            .iter()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn count(&mut self, finding: Finding) {
        let counter = match finding {
            Finding::Intact => &mut self.intact,
            Finding::BeforeStart => &mut self.before_start,
            Finding::Gap { .. } => &mut self.gaps,
            Finding::Fork | Finding::OtherPrevious => &mut self.forks,
            Finding::Duplicate => &mut self.duplicates,
            Finding::OutOfOrder => &mut self.out_of_order,
            Finding::OtherDevice => &mut self.other_device,
            Finding::Unsigned(_) => &mut self.unsigned,
            Finding::Malformed(_) | Finding::Unreadable(_) => &mut self.malformed,
        };
        *counter = counter.saturating_add(1);
    }
}

/// The walk through a bundle: an iterator that judges one record at a time.
///
/// Keeps no list of what it saw: a record that comes late is compared with the bundle
/// up to it, so that the time grows with the number of late records times the length
/// of the bundle.
#[derive(Clone, Debug)]
pub struct Audit<'a, C: Curve> {
    all: Reader<'a>,
    left: Option<Reader<'a>>,
    key: PublicKey<C>,
    device: DeviceId,
    start: Start,
    numbers: u64,
    summary: Summary,
}

impl<'a, C: CoseAlgorithm> Audit<'a, C> {
    pub(crate) fn new(
        entries: Reader<'a>,
        key: PublicKey<C>,
        device: DeviceId,
        start: Start,
    ) -> Self {
        Self {
            all: entries.clone(),
            left: Some(entries),
            key,
            device,
            start,
            numbers: 0,
            summary: Summary {
                is_anchored: matches!(start, Start::At(_)),
                ..Summary::default()
            },
        }
    }

    /// Judges what is left and gives the summary of all.
    pub fn finish(mut self) -> Summary {
        while self.next().is_some() {}
        self.summary
    }

    /// The summary of what was judged so far.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    fn judge(&mut self, bytes: &'a [u8], offset: usize) -> (Finding, Option<Verified<'a>>) {
        let unverified = match Unverified::decode(bytes) {
            Ok(unverified) => unverified,
            Err(FormatError { offset: at, fault }) => {
                let offset = offset.saturating_add(at);
                return (Finding::Malformed(FormatError { offset, fault }), None);
            }
        };
        let record = match unverified.verify(&self.key) {
            Ok(record) => record,
            Err(error) => return (Finding::Unsigned(error), None),
        };
        if *record.device() != self.device {
            return (Finding::OtherDevice, None);
        }
        let finding = self.find_place(&record, offset);
        self.note(finding, &record);
        (finding, Some(record))
    }

    fn find_place(&self, record: &Verified<'_>, offset: usize) -> Finding {
        let place = record.place();
        if let Start::At(start) = self.start
            && place.sequence() < start.sequence()
        {
            return Finding::BeforeStart;
        }
        if self
            .summary
            .last
            .is_some_and(|last| place.sequence() <= last)
        {
            return self.find_earlier(record, offset);
        }
        let Some((expected, previous)) = self.expected() else {
            return Finding::Intact;
        };
        if place.sequence() != expected {
            let found = place.sequence();
            return Finding::Gap { expected, found };
        }
        if *place.previous() != previous {
            return Finding::OtherPrevious;
        }
        Finding::Intact
    }

    /// The number and previous hash of the record that should come; `None` where any
    /// may.
    fn expected(&self) -> Option<(u64, B256)> {
        match (self.summary.last, self.summary.last_hash, self.start) {
            // The last number cannot be passed: a record that gets here is above it.
            (Some(last), Some(hash), _) => Some((last.saturating_add(1), hash)),
            (_, _, Start::At(place)) => Some((place.sequence(), *place.previous())),
            (_, _, Start::Anywhere) => None,
        }
    }

    /// Looks for a record's number in what stands before it.
    fn find_earlier(&self, record: &Verified<'_>, offset: usize) -> Finding {
        if self.earlier(offset).any(|bytes| bytes == record.as_bytes()) {
            return Finding::Duplicate;
        }
        let is_rival = |bytes: &[u8]| {
            let Ok(rival) = Unverified::decode(bytes) else {
                return false;
            };
            let claims = rival.claims();
            claims.place().sequence() == record.place().sequence()
                && *claims.device() == self.device
                && rival.verify(&self.key).is_ok()
        };
        if self.earlier(offset).any(is_rival) {
            return Finding::Fork;
        }
        Finding::OutOfOrder
    }

    /// The entries whose content starts before `offset`.
    fn earlier(&self, offset: usize) -> impl Iterator<Item = &'a [u8]> {
        let mut entries = self.all.clone();
        core::iter::from_fn(move || {
            let (bytes, start) = read_entry(&mut entries).ok()?;
            (start < offset).then_some(bytes)
        })
    }

    /// Takes a record of the device into the summary.
    fn note(&mut self, finding: Finding, record: &Verified<'_>) {
        let has_new_number = matches!(
            finding,
            Finding::Intact | Finding::Gap { .. } | Finding::OtherPrevious | Finding::OutOfOrder
        );
        if !has_new_number {
            return;
        }
        let sequence = record.place().sequence();
        self.numbers = self.numbers.saturating_add(1);
        let summary = &mut self.summary;
        summary.first = Some(summary.first.map_or(sequence, |first| first.min(sequence)));
        if summary.last.is_none_or(|last| sequence > last) {
            summary.last = Some(sequence);
            summary.last_hash = Some(*record.hash());
        }
        self.summary.missing = self.missing();
    }

    fn missing(&self) -> u64 {
        let (Some(first), Some(last)) = (self.summary.first, self.summary.last) else {
            return 0;
        };
        let from = match self.start {
            Start::At(place) => place.sequence(),
            Start::Anywhere => first,
        };
        // Numbers from..=last, less those seen, of which there is at least one.
        let others_seen = self.numbers.saturating_sub(1);
        last.saturating_sub(from).saturating_sub(others_seen)
    }
}

fn read_entry<'a>(entries: &mut Reader<'a>) -> Result<(&'a [u8], usize), FormatError> {
    let bytes = entries.bytes(1, Record::MAX_ENCODED_LEN)?;
    Ok((bytes, entries.offset().saturating_sub(bytes.len())))
}

impl<'a, C: CoseAlgorithm> Iterator for Audit<'a, C> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut left = self.left.take()?;
        if left.rest().is_empty() {
            return None;
        }
        let offset = left.offset();
        let (offset, (finding, record)) = match read_entry(&mut left) {
            Ok((bytes, offset)) => {
                self.left = Some(left);
                (offset, self.judge(bytes, offset))
            }
            Err(error) => (offset, (Finding::Unreadable(error), None)),
        };
        self.summary.count(finding);
        Some(Entry {
            offset,
            finding,
            record,
        })
    }
}
