//! What the store believes of a flash: sizes it takes, damage it notices.

mod common;

use core::cell::RefCell;

use coracle_store::{Memory, Phase, Store, StoreError};
use coracle_testkit::{Ending, FlashError, SeededRng, SimFlash};
use embassy_futures::block_on;

use crate::common::{Chip, Error, account_name, device_name, intake, name};

const WORD: usize = 8;
const PAGE: usize = 1024;

type Flash = SimFlash<WORD, PAGE, WORD>;
type Room = Memory<24, 96>;

const MAX_ENTRIES: usize = 3;

/// Turns the ring many times beside an entry that stays, and reads it in a new life.
fn survives<const WORD: usize, const PAGE: usize, const READ: usize>(pages: usize) {
    let chip = RefCell::new(SimFlash::<WORD, PAGE, READ>::new(pages, 1));
    let what = format!("words of {WORD}, reads of {READ}, {pages} pages of {PAGE}");
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
    block_on(store.format(&mut SeededRng::new(1))).expect(&what);
    let stays = name(0, 0);
    let intent = b"stays".as_slice();
    block_on(store.put(stays, device_name(9), Some(5), &intent)).expect(&what);
    let nonce = block_on(store.reserve(stays, account_name(0), 40)).expect(&what);
    let turns = u32::try_from(4 * pages).unwrap();
    let mut step = 0;
    while block_on(store.wear()).expect(&what).pages_begun < turns {
        block_on(store.set_state(name(0, 0), Phase::Sent, &[step; 16].as_slice())).expect(&what);
        step = step.wrapping_add(1);
    }
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
    let mut buf = [0; 96];
    let read = block_on(store.intent(stays, &mut buf));
    assert_eq!(read, Ok(Some(intent)), "{what}");
    let last = [step.wrapping_sub(1); 16];
    let read = block_on(store.state(stays, &mut buf));
    assert_eq!(read, Ok(Some(last.as_slice())), "{what}");
    let status = block_on(store.status(stays)).expect(&what).expect(&what);
    assert_eq!((status.nonce, status.expires_s), (Some(nonce), Some(5)));
}

#[test]
fn entry_survives_turns_of_the_ring_on_every_geometry() {
    survives::<1, 1024, 1>(4);
    survives::<2, 1024, 2>(4);
    survives::<4, 1024, 4>(4);
    survives::<4, 256, 4>(12);
    survives::<8, 2048, 8>(3);
    survives::<8, 1024, 1>(4);
    survives::<16, 2048, 16>(3);
    survives::<32, 4096, 32>(3);
    survives::<32, 2048, 4>(4);
    survives::<8, 16384, 8>(3);
}

/// What formatting and opening say.
fn refuses<const PAGE: usize, const LEN: usize>(pages: usize) -> [Result<(), Error>; 2] {
    let mut room = Memory::<24, LEN>::new();
    let store = Store::new(SimFlash::<8, PAGE, 8>::new(pages, 1), &mut room, intake(1));
    let formatted = block_on(store.format(&mut SeededRng::new(1)));
    [formatted, block_on(store.open())]
}

#[test]
fn too_few_or_too_small_pages_are_refused() {
    let bad = [Err(StoreError::BadGeometry); 2];
    for pages in 0..3 {
        assert_eq!(refuses::<1024, 96>(pages), bad, "{pages} pages");
    }
    assert_eq!(refuses::<1024, 96>(3), [Ok(()); 2]);
    // A page takes a header of 24 bytes, the longest item, and something more.
    assert_eq!(refuses::<1024, 1000>(8), bad);
    assert_eq!(refuses::<1024, 992>(8), [Ok(()); 2]);
    assert_eq!(refuses::<256, 256>(8), bad);
}

#[test]
fn erased_and_random_flash_is_not_formatted() {
    for seed in 0..50 {
        let mut flash = Flash::new(4, seed);
        if seed > 0 {
            let image = SeededRng::new(seed).bytes(4 * PAGE);
            flash.load(&image);
        }
        let before = flash.image().to_vec();
        let mut room = Room::new();
        let store = Store::new(flash, &mut room, intake(MAX_ENTRIES));
        let opened = block_on(store.open());
        assert_eq!(opened, Err(StoreError::NotFormatted), "seed {seed}");
        let put = block_on(store.put(name(0, 0), device_name(0), None, &b"".as_slice()));
        assert_eq!(put, Err(StoreError::NotFormatted), "seed {seed}");
        // Looking at it changed nothing.
        assert_eq!(store.into_flash().image(), before, "seed {seed}");
    }
}

#[test]
fn format_that_was_cut_off_is_done_again() {
    let run = |cut: Option<(u64, Ending)>| {
        let chip = RefCell::new(Flash::new(4, 3));
        let image = SeededRng::new(3).bytes(4 * PAGE);
        chip.borrow_mut().load(&image);
        if let Some((nth, ending)) = cut {
            chip.borrow_mut().cut_at(nth, ending);
        }
        let mut room = Room::new();
        let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
        let done = block_on(store.format(&mut SeededRng::new(1)));
        let operations = chip.borrow().operations();
        if cut.is_some() {
            let cut_off = Err(StoreError::Flash(FlashError::PowerCut));
            assert_eq!(done, cut_off, "{cut:?}");
            chip.borrow_mut().power_on();
            block_on(store.format(&mut SeededRng::new(2))).expect("power is on");
        }
        let mut room = Room::new();
        let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
        assert_eq!(block_on(store.next_entry(None)), Ok(None), "{cut:?}");
        operations
    };
    let operations = run(None);
    assert!(operations > 4);
    for nth in 1..=operations {
        for ending in Ending::ALL {
            run(Some((nth, ending)));
        }
    }
}

/// A store with three entries within one page; the image, and where its last item
/// begins.
fn small_log(seed: u64) -> (Vec<u8>, usize) {
    let chip = RefCell::new(Flash::new(4, 1));
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
    block_on(store.format(&mut SeededRng::new(seed))).unwrap();
    for sequence in 0..3 {
        let intent = b"an intent".as_slice();
        block_on(store.put(name(0, sequence), device_name(9), None, &intent)).unwrap();
        block_on(store.reserve(name(0, sequence), account_name(0), 40)).unwrap();
    }
    let image = chip.borrow().image().to_vec();
    let last = written(&image);
    block_on(store.set_state(name(0, 0), Phase::Sent, &b"last".as_slice())).unwrap();
    let image = chip.borrow().image().to_vec();
    (image, last)
}

/// Sequences begin at 1, and so does the ring.
const START: usize = PAGE;
const FIRST_ITEM: usize = START + 24;

/// Where the last word ends that is not erased.
fn written(image: &[u8]) -> usize {
    let (words, _) = image.as_chunks::<WORD>();
    let last = words.iter().rposition(|word| *word != [0xff; WORD]);
    let end = (last.unwrap() + 1) * WORD;
    assert!(end < START + PAGE, "all is in one page");
    end
}

fn open(image: &[u8]) -> Result<(), Error> {
    let mut flash = Flash::new(4, 1);
    flash.load(image);
    let mut room = Room::new();
    block_on(Store::new(flash, &mut room, intake(MAX_ENTRIES)).open())
}

#[test]
fn damage_to_anything_before_the_last_item_is_noticed() {
    let (image, last) = small_log(1);
    assert_eq!(open(&image), Ok(()));
    // Every word begins with something that counts: filling never takes a whole one.
    for at in (START..last).step_by(WORD) {
        for bit in 0..8 {
            let mut damaged = image.clone();
            damaged[at] ^= 1 << bit;
            let opened = open(&damaged);
            // Without its header the only page is no page.
            let is_header = at < FIRST_ITEM;
            match opened {
                Err(StoreError::NotFormatted) if is_header => {}
                Err(StoreError::Corrupted { .. }) if !is_header => {}
                other => panic!("bit {bit} at {at:#x}: {other:?}"),
            }
        }
    }
}

#[test]
fn words_that_were_erased_before_the_last_item_are_noticed() {
    let (image, last) = small_log(1);
    for at in (FIRST_ITEM..last).step_by(WORD) {
        let mut damaged = image.clone();
        damaged[at..at + WORD].fill(0xff);
        let opened = open(&damaged);
        let is_noticed = matches!(opened, Err(StoreError::Corrupted { .. }));
        assert!(is_noticed || damaged == image, "at {at:#x}: {opened:?}");
    }
}

#[test]
fn items_of_another_store_are_not_believed() {
    let (mine, last) = small_log(1);
    let (other, _) = small_log(2);
    let mut mixed = mine.clone();
    mixed[FIRST_ITEM..last].copy_from_slice(&other[FIRST_ITEM..last]);
    let opened = open(&mixed);
    assert!(
        matches!(opened, Err(StoreError::Corrupted { .. })),
        "{opened:?}"
    );
}

/// A store that began so many pages, an entry with a nonce in each of them or its state.
fn long_log(seed: u64, pages_begun: u32) -> Vec<u8> {
    let chip = RefCell::new(Flash::new(4, 1));
    let mut room = Room::new();
    let store = Store::new(Chip(&chip), &mut room, intake(MAX_ENTRIES));
    block_on(store.format(&mut SeededRng::new(seed))).unwrap();
    let intent = b"an intent".as_slice();
    block_on(store.put(name(0, 0), device_name(9), None, &intent)).unwrap();
    while block_on(store.wear()).unwrap().pages_begun < pages_begun {
        block_on(store.set_state(name(0, 0), Phase::Sent, &[7; 16].as_slice())).unwrap();
    }
    block_on(store.reserve(name(0, 0), account_name(0), 40)).unwrap();
    chip.borrow().image().to_vec()
}

const fn start_of(sequence: u32) -> usize {
    (sequence as usize % 4) * PAGE
}

#[test]
fn newest_page_that_lost_its_header_is_not_passed_over() {
    for newest in 2..=9 {
        let image = long_log(1, newest);
        assert_eq!(open(&image), Ok(()), "page {newest}");
        for at in (0..20).map(|at| start_of(newest) + at) {
            for bit in 0..8 {
                let mut damaged = image.clone();
                damaged[at] ^= 1 << bit;
                let opened = open(&damaged);
                let is_noticed = matches!(opened, Err(StoreError::Corrupted { .. }));
                assert!(
                    is_noticed,
                    "page {newest}, bit {bit} at {at:#x}: {opened:?}"
                );
            }
        }
        // And with the one before it, where there are others.
        if newest > 2 {
            let mut damaged = image.clone();
            for sequence in [newest - 1, newest] {
                damaged[start_of(sequence)..][..8].fill(0);
            }
            let opened = open(&damaged);
            assert!(
                matches!(opened, Err(StoreError::Corrupted { .. })),
                "{opened:?}"
            );
        }
    }
}

#[test]
fn a_newer_page_of_another_store_is_refused() {
    for newest in 1..=6 {
        let mine = long_log(1, newest);
        for foreign in newest + 1..=newest + 6 {
            let other = long_log(2, foreign);
            let start = start_of(foreign);
            let mut mixed = mine.clone();
            mixed[start..start + PAGE].copy_from_slice(&other[start..start + PAGE]);
            let opened = open(&mixed);
            let is_noticed = matches!(opened, Err(StoreError::Corrupted { .. }));
            assert!(is_noticed, "{foreign} beside {newest}: {opened:?}");
        }
    }
}
