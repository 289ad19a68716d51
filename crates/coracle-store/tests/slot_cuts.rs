//! Key slots with a power cut at every operation of the flash: a slot that is being made
//! is there whole or not at all, and a key that is gone left nothing behind.

mod common;
mod slots_support;

use core::cell::RefCell;
use std::collections::HashSet;

use coracle_core::ecdsa::{Curve, P256, PublicKey, Secp256k1, SecretKey};
use coracle_core::{B256, Signer};
use coracle_store::{
    InsecureReadableSecret, Intake, KeyHome, KeySlot, Memory, NoCounter, Phase, Policy, Refusal,
    SlotError, SlotInfo, Store, StoreError, TxPolicy, WhenFull,
};
use coracle_testkit::{Ending, FlashError, SeededRng, SimFlash, rounds};
use embassy_futures::block_on;

use crate::common::{Chip, account_name, name};
use crate::slots_support::{Message, TODAY_S, device, limits, tx_policy};

const WORD: usize = 8;
const PAGE: usize = 1024;
const PAGES: usize = 4;
/// Nonce, scalar, tag.
const SEALED_LEN: usize = 72;
/// Of a slot's body, before the public key.
const HEAD_LEN: usize = 3;

/// The slot that is made or deleted, and the one that stays.
const ID: u8 = 5;
const STAYS: u8 = 9;
const STAYS_SCALAR: [u8; 32] = *b"the scalar of the slot that stay";
const CUT: SlotError<FlashError> = SlotError::Store(StoreError::Flash(FlashError::PowerCut));

type Error = SlotError<FlashError>;
type Sim = SimFlash<WORD, PAGE>;
type OnChip<'m, 'c> = Store<'m, Chip<'c, WORD, PAGE, WORD>>;
type Slot<'s, 'm, 'c, C> = KeySlot<
    's,
    'm,
    Chip<'c, WORD, PAGE, WORD>,
    NoCounter,
    C,
    InsecureReadableSecret<'static>,
    SeededRng,
>;
type Room = Memory<24, { SlotInfo::MAX_LEN }>;

fn store<'m, 'c>(chip: &'c RefCell<Sim>, room: &'m mut Room) -> OnChip<'m, 'c> {
    let intake = Intake {
        max_entries: 2,
        when_full: WhenFull::Refuse,
        max_state: 16,
    };
    Store::new(Chip(chip), room, intake)
}

fn daily_policy() -> Policy {
    Policy::transactions(TxPolicy {
        daily: Some(limits(200, 5000)),
        ..tx_policy()
    })
}

/// Runs of bytes that must not stand in an image.
struct Forbidden<const RUN: usize> {
    runs: HashSet<[u8; RUN]>,
    /// Whether one of them begins with this byte, so that a look at an image is quick.
    starts: [bool; 256],
}

impl<const RUN: usize> Forbidden<RUN> {
    /// Every run of the needle as it is, and with its bytes or its words of 4 or 8 bytes
    /// in the other order.
    fn new(needle: &[u8]) -> Self {
        let mut forms = vec![needle.to_vec(), needle.iter().rev().copied().collect()];
        for word in [4, 8] {
            let words: Vec<&[u8]> = needle.chunks(word).rev().collect();
            forms.push(words.concat());
            let turned = needle.chunks(word).flat_map(|word| word.iter().rev());
            forms.push(turned.copied().collect());
        }
        let runs = forms.iter().flat_map(|form| form.windows(RUN));
        let runs: HashSet<[u8; RUN]> = runs.map(|run| run.try_into().expect("so long")).collect();
        let mut starts = [false; 256];
        for run in &runs {
            starts[usize::from(run[0])] = true;
        }
        Self { runs, starts }
    }

    fn find_in(&self, image: &[u8]) -> Option<usize> {
        let is_one = |run: &[u8]| {
            let run: &[u8; RUN] = run.try_into().expect("so long");
            self.starts[usize::from(run[0])] && self.runs.contains(run)
        };
        image.windows(RUN).position(is_one)
    }
}

/// What must never be seen: the keys of both slots.
struct Keys([Forbidden<8>; 2]);

impl Keys {
    fn new(scalar: &[u8; 32]) -> Self {
        Self([scalar, &STAYS_SCALAR].map(|scalar| Forbidden::new(scalar)))
    }

    fn assert_hidden(&self, chip: &RefCell<Sim>, at: &dyn core::fmt::Debug) {
        let chip = chip.borrow();
        for key in &self.0 {
            assert_eq!(key.find_in(chip.image()), None, "key in the clear: {at:?}");
        }
    }
}

/// The sealed key of the slot with this public key, as it stands on the flash.
fn sealed_key(image: &[u8], public: &[u8; 33]) -> [u8; SEALED_LEN] {
    let found = image
        .windows(public.len())
        .rposition(|bytes| bytes == public);
    let body = found.expect("the slot is there") - HEAD_LEN;
    let [low, high] = [image[body - 8], image[body - 7]];
    // The top bits say whether it is a copy.
    let len = usize::from(u16::from_le_bytes([low, high]) & 0x3fff);
    assert_eq!(image[body..][..HEAD_LEN][2], 0, "a sealed one");
    let sealed = image[body..body + len].last_chunk();
    *sealed.expect("longer than that")
}

/// What is on the chip before the operation that is cut off.
struct Before {
    chip: Sim,
    /// Of the slot [`ID`]; forbidden once it is gone.
    sealed: Option<Forbidden<16>>,
    /// Sealed keys that were deleted before, which nothing may bring back.
    gone: Forbidden<16>,
    keys: Keys,
    policy: Policy,
}

impl Before {
    /// A chip in use: the slot that stays, which spent 100 today; an entry with a state, a
    /// nonce, a time; a slot that was deleted. So many more writes have turned the ring.
    fn without_slot(seed: u64, policy: Policy, writes: usize) -> Self {
        let chip = RefCell::new(Sim::new(PAGES, seed));
        let mut room = Room::new();
        let store = store(&chip, &mut room);
        let mut rng = SeededRng::new(seed);
        block_on(store.format(&mut rng)).expect("a new chip");
        block_on(store.accept_time(TODAY_S)).expect("there is none yet");
        let key = SecretKey::<P256>::from_bytes(&STAYS_SCALAR).expect("in range");
        let stays = daily_policy();
        let mut secret = device();
        let imported = store.import_slot(STAYS, &stays, &key, &mut secret, &mut rng);
        block_on(imported).expect("free");
        spend(&store).expect("allowed");
        let entry = name(0, 0);
        let intent = b"an intent".as_slice();
        let put = store.put(entry, B256([1; 32]), None, &intent);
        block_on(put).expect("room");
        let nonce = block_on(store.reserve(entry, account_name(0), 41));
        assert_eq!(nonce, Ok(41));
        let public = block_on(store.create_slot::<P256>(ID, &policy, &mut device(), &mut rng));
        let public = public.expect("free").to_compressed();
        let gone = Forbidden::new(&sealed_key(chip.borrow().image(), &public));
        block_on(store.delete_slot(ID)).expect("it is there");
        write(&store, writes);
        drop(store);
        Self {
            chip: chip.into_inner(),
            sealed: None,
            gone,
            keys: Keys::new(&new_key().dangerous_to_bytes()),
            policy,
        }
    }

    /// The same with the slot, which the ring has moved since.
    fn with_slot(seed: u64, policy: Policy, writes: usize) -> Self {
        let before = Self::without_slot(seed, policy, writes);
        let chip = RefCell::new(before.chip);
        let mut room = Room::new();
        let store = store(&chip, &mut room);
        create(&store, &policy).expect("free");
        write(&store, writes);
        drop(store);
        let chip = chip.into_inner();
        let sealed = sealed_key(chip.image(), &new_key().public_key().to_compressed());
        let sealed = Forbidden::new(&sealed);
        assert!(sealed.find_in(chip.image()).is_some());
        Self {
            chip,
            sealed: Some(sealed),
            ..before
        }
    }

    fn assert_hidden(&self, chip: &RefCell<Sim>, run: &Run) {
        self.keys.assert_hidden(chip, run);
        let image = chip.borrow();
        assert_eq!(self.gone.find_in(image.image()), None, "came back: {run:?}");
    }
}

/// Writes on, so that the ring turns.
fn write(store: &OnChip<'_, '_>, times: usize) {
    for n in 0..times {
        let state = n.to_le_bytes();
        let state = state.as_slice();
        let set = block_on(store.set_state(name(0, 0), Phase::Sent, &state));
        set.expect("it replaces one");
    }
}

/// The random numbers that the slot is made from, the same each time.
fn new_rng() -> SeededRng {
    SeededRng::new(77)
}

/// The key that these make.
fn new_key() -> SecretKey<Secp256k1> {
    SecretKey::generate(&mut new_rng()).expect("a source that works")
}

fn create(store: &OnChip<'_, '_>, policy: &Policy) -> Result<PublicKey<Secp256k1>, Error> {
    block_on(store.create_slot(ID, policy, &mut device(), &mut new_rng()))
}

fn open<'s, 'm, 'c, C: Curve>(
    store: &'s OnChip<'m, 'c>,
    id: u8,
) -> Result<Slot<'s, 'm, 'c, C>, Error> {
    block_on(store.open_slot(id, device(), SeededRng::new(2)))
}

/// The slot that stays moves 100.
fn spend(store: &OnChip<'_, '_>) -> Result<(), Error> {
    let mut slot = open::<P256>(store, STAYS)?;
    let message = Message::transaction(100, 100);
    let signature = block_on(slot.sign(&message))?;
    slot.public_key()
        .verify(&message, &signature)
        .expect("its key");
    Ok(())
}

/// One run of the operation: where power goes, and how the store goes on.
#[derive(Clone, Copy, Debug)]
struct Run {
    cut: (u64, Ending),
    /// While the store goes on.
    second: Option<(u64, Ending)>,
    /// Power came back and the device did not start anew.
    keeps_store: bool,
}

/// Does something and goes on after power is back; `false` where it never went.
fn cut_off(
    chip: &RefCell<Sim>,
    run: &Run,
    job: impl FnOnce(&OnChip<'_, '_>) -> Result<(), Error>,
    mut then: impl FnMut(&OnChip<'_, '_>),
) -> bool {
    let mut room = Room::new();
    let store_before = store(chip, &mut room);
    block_on(store_before.open()).expect("it was whole");
    chip.borrow_mut().cut_at(run.cut.0, run.cut.1);
    let done = job(&store_before);
    if !chip.borrow().is_off() {
        assert_eq!(done, Ok(()), "{run:?}");
        chip.borrow_mut().power_on();
        then(&store_before);
        return false;
    }
    assert_eq!(done, Err(CUT), "{run:?}");
    chip.borrow_mut().power_on();
    if run.keeps_store {
        then(&store_before);
    }
    drop(store_before);
    let mut room = Room::new();
    then(&store(chip, &mut room));
    true
}

/// What is seen of the slot, if the flash lets it.
fn look(store: &OnChip<'_, '_>) -> Result<bool, Error> {
    Ok(block_on(store.slot(ID))?.is_some())
}

/// A second cut while the store looks at the flash for the first time and writes on:
/// whether it came to that, and what was seen before.
fn second_cut(chip: &RefCell<Sim>, before: &Before, run: &Run) -> (bool, Option<bool>) {
    let Some((nth, ending)) = run.second else {
        return (true, None);
    };
    chip.borrow_mut().cut_at(nth, ending);
    let mut room = Room::new();
    let store = store(chip, &mut room);
    let seen = look(&store);
    if seen == Ok(false) {
        assert_gone(chip, before, run);
    }
    if seen.is_ok() {
        let state = b"later".as_slice();
        let set = block_on(store.set_state(name(0, 0), Phase::Sent, &state));
        assert!(
            set.map_err(SlotError::Store)
                .err()
                .is_none_or(|cause| cause == CUT),
            "{run:?}"
        );
    } else {
        assert_eq!(seen, Err(CUT), "{run:?}");
    }
    let came = chip.borrow().is_off();
    chip.borrow_mut().power_on();
    (came, seen.ok())
}

/// The slot is gone: so is its sealed key.
fn assert_gone(chip: &RefCell<Sim>, before: &Before, run: &Run) {
    if let Some(sealed) = &before.sealed {
        let left = sealed.find_in(chip.borrow().image());
        assert_eq!(left, None, "sealed key: {run:?}");
    }
}

/// The slot is there as it was made and signs, or not at all; which of them.
fn assert_whole_or_absent(store: &OnChip<'_, '_>, before: &Before, run: &Run) -> bool {
    let info = block_on(store.slot(ID)).unwrap_or_else(|cause| panic!("{cause:?}: {run:?}"));
    let slot = open::<Secp256k1>(store, ID);
    let key = new_key();
    let Some(info) = info else {
        assert_eq!(slot.map(drop), Err(SlotError::NoSuchSlot), "{run:?}");
        assert_eq!(block_on(store.next_slot(None)), Ok(Some(STAYS)), "{run:?}");
        return false;
    };
    assert_eq!(info.policy, before.policy, "{run:?}");
    assert_eq!(info.home, KeyHome::Sealed, "{run:?}");
    let public = key.public_key().to_compressed();
    assert_eq!(info.public_key, public, "{run:?}");
    let mut slot = slot.unwrap_or_else(|cause| panic!("{cause:?}: {run:?}"));
    let message = Message::transaction(1, 1);
    let signature = block_on(slot.sign(&message));
    assert_eq!(signature, Ok(key.sign(&message)), "{run:?}");
    true
}

/// All that was there before is there still. Works on a copy of the chip, as it spends.
fn assert_stays(chip: &RefCell<Sim>, run: &Run) {
    let chip = RefCell::new(chip.borrow().clone());
    let mut room = Room::new();
    let store = store(&chip, &mut room);
    let info = block_on(store.slot(STAYS)).expect("it reads");
    assert_eq!(
        info.map(|info| info.policy),
        Some(daily_policy()),
        "{run:?}"
    );
    // 100 of 200 are left, no more and no less.
    assert_eq!(spend(&store), Ok(()), "{run:?}");
    let over = Err(SlotError::Refused(Refusal::DailyValue));
    assert_eq!(spend(&store), over, "{run:?}");
    let mut buf = [0; 64];
    let intent = block_on(store.intent(name(0, 0), &mut buf));
    assert_eq!(intent, Ok(Some(b"an intent".as_slice())), "{run:?}");
    let nonce = block_on(store.next_nonce(account_name(0)));
    assert_eq!(nonce, Ok(Some(42)), "{run:?}");
    assert_eq!(block_on(store.last_time()), Ok(Some(TODAY_S)), "{run:?}");
}

/// Every operation of the flash with every ending, once without a second cut for each way
/// to go on, then with a second one at each operation after it.
fn each_run(mut is_cut: impl FnMut(&Run) -> (bool, bool)) -> u64 {
    // Each first ending meets each second one, where not every time.
    let mut turn = 0;
    for nth in 1.. {
        let mut came = true;
        turn += 1;
        for ending in Ending::ALL {
            turn += 1;
            let run = Run {
                cut: (nth, ending),
                second: None,
                keeps_store: false,
            };
            for keeps_store in [false, true] {
                (came, _) = is_cut(&Run { keeps_store, ..run });
            }
            if !came {
                return nth - 1;
            }
            for skip in 0..rounds(1, 4) {
                let second_ending = Ending::ALL[(turn + skip) % Ending::ALL.len()];
                let mut second = 1;
                let with = |second| Run {
                    second: Some((second, second_ending)),
                    ..run
                };
                while is_cut(&with(second)).1 {
                    second += 1;
                }
            }
        }
    }
    unreachable!("an operation ends")
}

/// Whether the first cut came, and the second.
fn cut_create(before: &Before, run: &Run) -> (bool, bool) {
    let chip = RefCell::new(before.chip.clone());
    let mut is_there = None;
    let mut came = (true, true);
    let job = |store: &OnChip<'_, '_>| {
        let public = create(store, &before.policy)?;
        assert_eq!(public, *new_key().public_key());
        Ok(())
    };
    came.0 = cut_off(&chip, run, job, |store| {
        before.assert_hidden(&chip, run);
        let seen;
        (came.1, seen) = second_cut(&chip, before, run);
        let now = assert_whole_or_absent(store, before, run);
        for seen in [seen, is_there].into_iter().flatten() {
            assert_eq!(now, seen, "{run:?}");
        }
        is_there = Some(now);
        before.assert_hidden(&chip, run);
    });
    if !came.0 {
        assert_eq!(is_there, Some(true), "{run:?}");
    }
    let mut room = Room::new();
    let store = store(&chip, &mut room);
    if is_there == Some(false) {
        create(&store, &before.policy).unwrap_or_else(|cause| panic!("{cause:?}: {run:?}"));
        assert!(assert_whole_or_absent(&store, before, run), "{run:?}");
    }
    assert_stays(&chip, run);
    before.assert_hidden(&chip, run);
    came
}

fn cut_delete(before: &Before, run: &Run) -> (bool, bool) {
    let chip = RefCell::new(before.chip.clone());
    let mut is_there = Some(true);
    let mut came = (true, true);
    let job = |store: &OnChip<'_, '_>| block_on(store.delete_slot(ID));
    came.0 = cut_off(&chip, run, job, |store| {
        before.assert_hidden(&chip, run);
        let seen;
        (came.1, seen) = second_cut(&chip, before, run);
        block_on(store.open()).unwrap_or_else(|cause| panic!("{cause:?}: {run:?}"));
        let now = look(store) == Ok(true);
        if !now {
            assert_gone(&chip, before, run);
        }
        assert_eq!(assert_whole_or_absent(store, before, run), now, "{run:?}");
        // What was gone once does not come back.
        assert!(seen != Some(false) || !now, "{run:?}");
        assert!(is_there != Some(false) || !now, "{run:?}");
        is_there = Some(now);
        before.assert_hidden(&chip, run);
    });
    if !came.0 {
        assert_eq!(is_there, Some(false), "{run:?}");
    }
    let mut room = Room::new();
    let store = store(&chip, &mut room);
    block_on(store.delete_slot(ID)).unwrap_or_else(|cause| panic!("{cause:?}: {run:?}"));
    assert_gone(&chip, before, run);
    assert!(!assert_whole_or_absent(&store, before, run), "{run:?}");
    assert_stays(&chip, run);
    before.assert_hidden(&chip, run);
    came
}

/// With and without a limit for a day, which is an item of its own.
fn policies() -> [Policy; 2] {
    [Policy::transactions(tx_policy()), daily_policy()]
}

fn each_before(
    make: fn(u64, Policy, usize) -> Before,
    cut: fn(&Before, &Run) -> (bool, bool),
) -> u64 {
    let seed = SeededRng::seed_from_env(21);
    let mut most = 0;
    for (n, policy) in policies().into_iter().enumerate() {
        for writes in (n..100).step_by(rounds(50, 20)) {
            let before = make(seed + writes as u64, policy, writes);
            // So that a failure shows it.
            println!("policy {n}, {writes} writes before");
            most = most.max(each_run(|run| cut(&before, run)));
        }
    }
    most
}

#[test]
fn slot_that_is_being_made_is_whole_or_absent() {
    // The slot and its spending; where the page is full, a new page with all that moves.
    assert!(each_before(Before::without_slot, cut_create) > 5);
}

#[test]
fn slot_that_is_being_deleted_is_usable_or_gone_with_its_sealed_key() {
    // The marks, then every page that may hold the key.
    assert!(each_before(Before::with_slot, cut_delete) > 10);
}
