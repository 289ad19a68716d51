//! `contracts/MeterLog.sol`, as a device and an auditor see it.

use coracle::core::{B256, Encode, Keccak256, Sink, U256, keccak256};
use coracle::eth::abi::{Decoded, Event, LogValue, Signature};
use coracle::eth::rpc::Log;
use coracle::record::DeviceId;

/// Appends a record.
pub const APPEND: &str = "append(bytes32,uint64,bytes)";

/// Its selector. A device keeps selectors, not signatures: a test holds them together.
pub const APPEND_SELECTOR: [u8; 4] = [0x89, 0x54, 0x22, 0xab];

/// Asks for the head and the number of what a sender appended for a device.
pub const TIP: &str = "tip(address,bytes32)";

/// Its selector.
pub const TIP_SELECTOR: [u8; 4] = [0xfd, 0x91, 0xfd, 0x10];

/// Emitted for every record.
pub const RECORDED: &str = "Recorded(bytes32,uint64,address,bytes)";

/// Which parameters of [`RECORDED`] are topics.
const RECORDED_INDEXED: [bool; 4] = [true, true, true, false];

/// How the contract names a device. A digest, since ids are of any length up to 32 bytes
/// and padding would make `a` and `a\0` the same.
pub fn device_topic(id: &DeviceId) -> B256 {
    keccak256(id.as_bytes())
}

/// The record in call data of [`APPEND`] as a meter writes it; `None` where it is other
/// call data.
pub fn appended(call: &[u8]) -> Option<&[u8]> {
    // Device, number, and where the record stands: behind these three.
    const HEAD_LEN: usize = 4 + 3 * 32;
    let (head, tail) = call.split_at_checked(HEAD_LEN)?;
    let (len, record) = tail.split_first_chunk::<32>()?;
    let len = u64::try_from(U256::from_be_slice(len)?).ok()?;
    let record = record.get(..usize::try_from(len).ok()?)?;
    head.starts_with(&APPEND_SELECTOR).then_some(record)
}

/// The head after one more record: `keccak256(head . keccak256(record))`.
pub fn next_head(head: &B256, record: &dyn Encode) -> B256 {
    let record = Keccak256::of(record);
    let mut digest = Keccak256::new();
    digest.write(&head.0);
    digest.write(&record.0);
    digest.finish()
}

/// What the contract holds of a sender's records for a device.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tip {
    /// Covers all of them in order; see [`next_head`].
    pub head: B256,
    /// How many there are.
    pub count: u64,
}

impl Tip {
    /// Length in bytes of the contract's answer.
    pub const ENCODED_LEN: usize = 64;

    /// Reads the answer of [`TIP`], a `bytes32` and a `uint64`; `None` where it is none.
    pub fn decode(answer: &[u8; Self::ENCODED_LEN]) -> Option<Self> {
        let (head, count) = answer.split_first_chunk()?;
        let count = U256::from_be_slice(count)?;
        Some(Self {
            head: B256(*head),
            count: u64::try_from(count).ok()?,
        })
    }
}

/// One log of [`RECORDED`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recorded<'a> {
    /// The number that the sender gave.
    pub sequence: u64,
    /// The record.
    pub record: &'a [u8],
}

impl<'a> Recorded<'a> {
    /// The topics of the logs of one sender and device.
    pub fn topics(device: B256, sender: coracle::core::Address) -> Option<[Option<B256>; 4]> {
        let topic0 = Signature::parse(RECORDED).ok()?.topic0();
        let mut word = [0; 32];
        word.last_chunk_mut::<20>()?
            .copy_from_slice(sender.as_bytes());
        Some([Some(topic0), Some(device), None, Some(B256(word))])
    }

    /// Reads a log; `None` where it is no whole log of this event.
    pub fn decode(log: &'a Log<'a>) -> Option<Self> {
        if log.data.len() != log.data_len || log.is_removed {
            return None;
        }
        let event = Event::new(Signature::parse(RECORDED).ok()?, &RECORDED_INDEXED).ok()?;
        let mut values = event.decode(log.topics, log.data).ok()?;
        let (_device, sequence) = (values.next()?, values.next()?);
        let (_sender, record) = (values.next()?, values.next()?);
        let (LogValue::Decoded(sequence), LogValue::Decoded(Decoded::Bytes(record))) =
            (sequence.ok()?, record.ok()?)
        else {
            return None;
        };
        Some(Self {
            sequence: u64::try_from(sequence.as_uint()?).ok()?,
            record,
        })
    }
}
