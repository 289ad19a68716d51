//! Entries: bounded, added once, and dropped only where that is allowed.

mod common;

use coracle_store::{Intake, Memory, Phase, Put, Store, StoreError, WhenFull};
use coracle_testkit::{SeededRng, SimFlash};
use embassy_futures::block_on;

use crate::common::{Error, account_name, device_name, intake, name};

type Flash = SimFlash<8, 1024, 8>;
type Room = Memory<24, 96>;

fn new_store(room: &mut Room, intake: Intake) -> Store<'_, Flash> {
    let store = Store::new(Flash::new(4, 1), room, intake);
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    store
}

fn put(store: &Store<'_, Flash>, sequence: u64) -> Result<Put, Error> {
    let intent = b"intent".as_slice();
    block_on(store.put(name(0, sequence), device_name(9), None, &intent))
}

#[test]
fn full_store_refuses_and_goes_on_once_entries_are_settled_and_removed() {
    let mut room = Room::new();
    let store = new_store(&mut room, intake(2));
    assert_eq!([put(&store, 0), put(&store, 1)], [Ok(Put::Added); 2]);
    assert_eq!(put(&store, 2), Err(StoreError::Full));
    assert_eq!(block_on(store.clear_settled()), Ok(0));
    block_on(store.set_state(name(0, 0), Phase::Failed, &b"".as_slice())).unwrap();
    assert_eq!(put(&store, 2), Err(StoreError::Full));
    assert_eq!(block_on(store.clear_settled()), Ok(1));
    assert_eq!(put(&store, 2), Ok(Put::Added));
    assert_eq!(block_on(store.dropped()), Ok(0));
}

#[test]
fn entry_is_added_once_even_after_its_removal_and_a_start() {
    let mut room = Room::new();
    let store = new_store(&mut room, intake(2));
    assert_eq!(put(&store, 4), Ok(Put::Added));
    assert_eq!(put(&store, 4), Ok(Put::Existed));
    block_on(store.set_state(name(0, 4), Phase::Final, &b"".as_slice())).unwrap();
    block_on(store.clear_settled()).unwrap();
    assert_eq!(put(&store, 4), Ok(Put::Existed));
    let flash = store.into_flash();
    let mut room = Room::new();
    let store = Store::new(flash, &mut room, intake(2));
    assert_eq!([put(&store, 4), put(&store, 3)], [Ok(Put::Existed); 2]);
    assert_eq!(block_on(store.status(name(0, 4))), Ok(None));
}

#[test]
fn what_is_too_long_or_unknown_is_refused_and_changes_nothing() {
    let mut room = Room::new();
    let store = new_store(&mut room, intake(2));
    put(&store, 0).unwrap();
    let long = [0; 96];
    let done = block_on(store.put(name(0, 1), device_name(9), None, &long.as_slice()));
    assert_eq!(done, Err(StoreError::TooLong { max: 80 }));
    let done = block_on(store.set_state(name(0, 0), Phase::Sent, &&long[..17]));
    assert_eq!(done, Err(StoreError::TooLong { max: 16 }));
    let done = block_on(store.reserve(name(0, 1), account_name(0), 0));
    assert_eq!(done, Err(StoreError::NoSuchEntry));
    let read = block_on(store.intent(name(0, 0), &mut [0; 5])).map(drop);
    assert_eq!(read, Err(StoreError::BufferTooSmall { needed: 6 }));
    let status = block_on(store.status(name(0, 0))).unwrap().unwrap();
    assert_eq!(status.phase, Phase::Queued);
}

#[test]
fn oldest_queued_is_dropped_and_never_one_with_a_nonce() {
    let mut room = Room::new();
    let dropping = Intake {
        when_full: WhenFull::DropOldest,
        ..intake(2)
    };
    let store = new_store(&mut room, dropping);
    put(&store, 0).unwrap();
    put(&store, 1).unwrap();
    block_on(store.reserve(name(0, 0), account_name(0), 0)).unwrap();
    assert_eq!(put(&store, 2), Ok(Put::Added));
    assert_eq!(block_on(store.status(name(0, 1))), Ok(None));
    assert_eq!(block_on(store.dropped()), Ok(1));
    block_on(store.reserve(name(0, 2), account_name(0), 0)).unwrap();
    assert_eq!(put(&store, 3), Err(StoreError::Full));
    assert_eq!(block_on(store.dropped()), Ok(1));
    assert!(block_on(store.status(name(0, 0))).unwrap().is_some());
}
