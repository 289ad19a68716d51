//! The outbox in memory, and gas that needs no node.

use coracle_client::eth::{
    Account, Entry, EntryId, Intent, MemoryError, MemoryOutbox, Outbox, Phase, Put, intrinsic_gas,
};
use coracle_core::{Address, B256, Encode, Wei};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_testkit::cases;

const ACCOUNT: Account = Account {
    chain_id: 1,
    address: Address([1; 20]),
};

fn id(sequence: u64) -> EntryId {
    EntryId {
        device: B256([7; 32]),
        sequence,
    }
}

fn intent(data: &[u8]) -> Intent<'_> {
    Intent {
        to: Some(Address([2; 20])),
        value: Wei::from_u64(3),
        data: CallData::Bytes(data),
    }
}

fn put<const N: usize>(outbox: &mut MemoryOutbox<N, 8>, sequence: u64) -> Result<Put, MemoryError> {
    block_on(outbox.put(id(sequence), B256::ZERO, None, &intent(b"call")))
}

#[test]
fn the_same_name_is_one_entry() {
    let mut outbox = MemoryOutbox::<2, 8>::new();
    assert_eq!(put(&mut outbox, 1), Ok(Put::Added));
    let again = block_on(outbox.put(id(1), B256::ZERO, None, &intent(b"other")));
    assert_eq!(again, Ok(Put::Existed));
    let mut buf = [0; 8];
    let kept = block_on(outbox.intent(id(1), &mut buf)).unwrap().unwrap();
    let mut data = [0; 4];
    kept.data.encode_into(&mut data).unwrap();
    assert_eq!((&data, kept.value), (b"call", Wei::from_u64(3)));
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut outbox = MemoryOutbox::<2, 8>::new();
    let long = block_on(outbox.put(id(1), B256::ZERO, None, &intent(&[0; 9])));
    assert_eq!(long, Err(MemoryError::DataTooLong { max: 8 }));
    assert_eq!(block_on(outbox.entry(id(1))), Ok(None));
    put(&mut outbox, 1).unwrap();
    put(&mut outbox, 2).unwrap();
    assert_eq!(put(&mut outbox, 3), Err(MemoryError::Full));
    let short = block_on(outbox.intent(id(1), &mut [0; 3])).unwrap_err();
    assert_eq!(short, MemoryError::BufferTooSmall { needed: 4 });
}

#[test]
fn settled_entries_make_room() {
    let mut outbox = MemoryOutbox::<2, 8>::new();
    put(&mut outbox, 1).unwrap();
    put(&mut outbox, 2).unwrap();
    let done = Entry {
        phase: Phase::Final,
        ..Entry::QUEUED
    };
    block_on(outbox.update(id(1), &done)).unwrap();
    let queued = |number| Ok(Some(id(number)));
    assert_eq!(block_on(outbox.next_open(None)), queued(2));
    assert_eq!(outbox.clear_settled(), 1);
    assert_eq!(put(&mut outbox, 3), Ok(Put::Added));
    assert_eq!(block_on(outbox.next_open(Some(id(2)))), queued(3));
    assert_eq!(block_on(outbox.next_open(Some(id(3)))), Ok(None));
}

#[test]
fn nonces_never_repeat() {
    let mut outbox = MemoryOutbox::<4, 8>::new();
    for sequence in 1..5 {
        put(&mut outbox, sequence).unwrap();
    }
    assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(None));
    assert_eq!(block_on(outbox.reserve_nonce(id(1), ACCOUNT, 5)), Ok(5));
    // A floor below the journal does not turn it back, one above lifts it.
    assert_eq!(block_on(outbox.reserve_nonce(id(2), ACCOUNT, 0)), Ok(6));
    assert_eq!(block_on(outbox.reserve_nonce(id(3), ACCOUNT, 9)), Ok(9));
    assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(Some(10)));
    // An entry keeps the one that it has.
    assert_eq!(block_on(outbox.reserve_nonce(id(2), ACCOUNT, 0)), Ok(6));
    block_on(outbox.raise_nonce(ACCOUNT, 3)).unwrap();
    assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(Some(10)));
    block_on(outbox.raise_nonce(ACCOUNT, 12)).unwrap();
    assert_eq!(block_on(outbox.reserve_nonce(id(4), ACCOUNT, 0)), Ok(12));
    let other = Account {
        chain_id: 2,
        ..ACCOUNT
    };
    assert_eq!(
        block_on(outbox.next_nonce(other)),
        Err(MemoryError::OtherAccount)
    );
    let refused = block_on(outbox.raise_nonce(other, 20));
    assert_eq!(refused, Err(MemoryError::OtherAccount));
    let entry = block_on(outbox.entry(id(1))).unwrap().unwrap();
    assert_eq!((entry.phase, entry.nonce), (Phase::Reserved, Some(5)));
}

#[test]
fn the_expiry_is_kept() {
    let mut outbox = MemoryOutbox::<2, 8>::new();
    block_on(outbox.put(id(1), B256::ZERO, Some(77), &intent(b"call"))).unwrap();
    let entry = block_on(outbox.entry(id(1))).unwrap().unwrap();
    assert_eq!(entry.expires_s, Some(77));
}

#[test]
fn unknown_names_are_said() {
    let mut outbox = MemoryOutbox::<2, 8>::new();
    let missing = Err(MemoryError::NoSuchEntry);
    assert_eq!(block_on(outbox.update(id(1), &Entry::QUEUED)), missing);
    assert_eq!(
        block_on(outbox.reserve_nonce(id(1), ACCOUNT, 0)).map(drop),
        missing
    );
    assert_eq!(
        block_on(outbox.next_nonce(ACCOUNT)),
        Ok(None),
        "nothing was set aside"
    );
    assert_eq!(block_on(outbox.next_open(Some(id(1)))).map(drop), missing);
    assert!(block_on(outbox.intent(id(1), &mut [])).unwrap().is_none());
}

#[test]
fn least_gas_matches_what_a_node_takes() {
    let mut count = 0;
    for case in cases("ethereum/intrinsic_gas.json") {
        let has_list = case.0["accessList"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
        let has_more = has_list || case.str("type") == "eip7702";
        if has_more {
            continue;
        }
        let data = case.bytes("data");
        let gas = intrinsic_gas(!case.has("to"), &data.as_slice());
        assert_eq!(Some(gas), case.0["minGasLimit"].as_u64(), "{}", case.name());
        count += 1;
    }
    assert_eq!(count, 16);
}
