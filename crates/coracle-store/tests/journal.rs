//! Numbers, times and heights only go up, and flash that was put back is noticed.

mod common;

use core::cell::{Cell, RefCell};

use coracle_store::{Memory, Store, StoreError};
use coracle_testkit::{Ending, FlashError, SeededRng, SimFlash};
use embassy_futures::block_on;

use crate::common::{Chip, Error, Part, account_name, device_name, intake, name};

type Flash = SimFlash<8, 1024, 8>;
type Room = Memory<24, 96>;

fn chip() -> RefCell<Flash> {
    RefCell::new(Flash::new(4, 1))
}

#[test]
fn time_does_not_run_backwards_and_is_written_down_in_steps() {
    let chip = chip();
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(1));
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    assert_eq!(block_on(store.last_time()), Ok(None));
    for (now_s, done, last) in [
        (1000, Ok(()), 1000),
        (999, Err(StoreError::TimeRunsBackwards), 1000),
        (1599, Ok(()), 1000),
        (1600, Ok(()), 1600),
        (1599, Err(StoreError::TimeRunsBackwards), 1600),
    ] {
        assert_eq!(block_on(store.accept_time(now_s)), done, "{now_s}");
        assert_eq!(block_on(store.last_time()), Ok(Some(last)), "{now_s}");
    }
}

#[test]
fn height_never_goes_down_and_each_chain_has_its_own() {
    let chip = chip();
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(1));
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    block_on(store.accept_height(2, 7)).unwrap();
    for (height, last) in [(100, 100), (99, 100), (131, 100), (132, 132), (0, 132)] {
        block_on(store.accept_height(1, height)).unwrap();
        assert_eq!(block_on(store.height(1)), Ok(Some(last)), "{height}");
    }
    assert_eq!(block_on(store.height(2)), Ok(Some(7)));
    assert_eq!(block_on(store.height(3)), Ok(None));
}

#[test]
fn nonces_of_two_accounts_go_up_apart_and_a_floor_only_raises() {
    let chip = chip();
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(4));
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    for (sequence, account, floor, nonce) in
        [(0, 0, 5, 5), (1, 1, 0, 0), (2, 0, 1, 6), (3, 0, 9, 9)]
    {
        let entry = name(0, sequence);
        block_on(store.put(entry, device_name(9), None, &b"".as_slice())).unwrap();
        for floor in [floor, 50] {
            let given = block_on(store.reserve(entry, account_name(account), floor));
            assert_eq!(given, Ok(nonce), "an entry keeps its number");
        }
    }
    block_on(store.raise_nonce(account_name(0), 3)).unwrap();
    assert_eq!(block_on(store.next_nonce(account_name(0))), Ok(Some(10)));
    assert_eq!(block_on(store.next_nonce(account_name(1))), Ok(Some(1)));
    assert_eq!(block_on(store.next_nonce(account_name(2))), Ok(None));
}

fn put(chip: &RefCell<Flash>, counter: &Cell<u32>, sequence: u64) -> Result<(), Error> {
    let mut room = Room::new();
    let store = Store::with_counter(Chip(chip), Part(Some(counter)), &mut room, intake(4));
    block_on(store.put(name(0, sequence), device_name(9), None, &b"".as_slice())).map(drop)
}

fn counted() -> (RefCell<Flash>, Cell<u32>) {
    let (chip, counter) = (chip(), Cell::new(17));
    let mut room = Room::new();
    let store = Store::with_counter(Chip(&chip), Part(Some(&counter)), &mut room, intake(4));
    block_on(store.format(&mut SeededRng::new(1))).unwrap();
    drop(store);
    put(&chip, &counter, 0).unwrap();
    (chip, counter)
}

#[test]
fn flash_that_was_put_back_is_rolled_back() {
    let (chip, counter) = counted();
    let before = chip.borrow().image().to_vec();
    put(&chip, &counter, 1).unwrap();
    chip.borrow_mut().load(&before);
    assert_eq!(put(&chip, &counter, 1), Err(StoreError::RolledBack));
    assert_eq!(put(&chip, &counter, 2), Err(StoreError::RolledBack));
}

#[test]
fn flash_ahead_of_the_counter_is_another_devices() {
    let (chip, counter) = counted();
    counter.set(counter.get() - 2);
    assert_eq!(put(&chip, &counter, 1), Err(StoreError::OtherDevice));
}

#[test]
fn cut_at_any_write_of_a_put_is_no_roll_back() {
    for nth in 1..=3 {
        for ending in Ending::ALL {
            let (chip, counter) = counted();
            chip.borrow_mut().cut_at(nth, ending);
            let done = put(&chip, &counter, 1);
            let cut = Err(StoreError::Flash(FlashError::PowerCut));
            assert_eq!(done, cut, "{nth} {ending:?}");
            chip.borrow_mut().power_on();
            assert_eq!(put(&chip, &counter, 1), Ok(()), "{nth} {ending:?}");
            assert_eq!(put(&chip, &counter, 2), Ok(()), "{nth} {ending:?}");
        }
    }
}
