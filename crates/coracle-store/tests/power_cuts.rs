//! The store against a model of it in plain Rust, with a power cut at every operation of
//! the flash.
//!
//! A scenario is twenty operations on a store that has been in use for a while. It runs
//! once without a cut; then once for each operation of the flash and each ending of it,
//! with a second cut soon after the first. What was acknowledged has to be there, what was
//! not is there as a whole or not at all, and the rest of the scenario goes on from there.

mod common;

use core::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use coracle_core::B256;
use coracle_store::{
    DevicePlace, EntryName, Intake, Memory, Phase, Put, Store, StoreError, WhenFull,
};
use coracle_testkit::{Ending, FlashError, SeededRng, SimFlash, rounds};
use embassy_futures::block_on;
use embedded_storage_async::nor_flash::NorFlash;

use crate::common::{Chip, Error, Part, account_name, device_name};

const STEPS: usize = 20;
/// Operations before the first cut, at most: the ring has turned by then.
const PRELUDE: usize = 60;
const DEVICES: u8 = 2;
const ACCOUNTS: u8 = 2;
const CHAINS: u64 = 2;
const ITEMS: usize = 24;
const ITEM_LEN: usize = 96;
const MAX_STATE: usize = 10;
const MAX_INTENT: usize = 14;

const CUT: Error = StoreError::Flash(FlashError::PowerCut);

#[derive(Clone, Debug)]
enum Step {
    Put {
        device: u8,
        /// How far past the next number; below 0 for a number that was there.
        ahead: i64,
        expires_s: Option<u64>,
        intent: Vec<u8>,
    },
    Reserve {
        pick: usize,
        account: u8,
        ahead: u64,
    },
    SetState {
        pick: usize,
        phase: Phase,
        state: Vec<u8>,
    },
    ClearSettled,
    AcceptTime {
        ahead_s: i64,
    },
    AcceptHeight {
        chain: u64,
        ahead: u64,
    },
    Reopen,
}

impl Step {
    fn any(rng: &mut SeededRng) -> Self {
        match rng.below(24) {
            0..8 => Self::Put {
                device: choose(rng, &[0, 0, 0, 1]),
                ahead: choose(rng, &[0, 0, 0, 0, 3, -1]),
                expires_s: choose(rng, &[None, Some(1_800_000_000)]),
                intent: some_bytes(rng, MAX_INTENT),
            },
            8..13 => Self::Reserve {
                pick: rng.below(64),
                account: choose(rng, &[0, 0, 1]),
                ahead: choose(rng, &[0, 0, 0, 5]),
            },
            13..18 => Self::SetState {
                pick: rng.below(64),
                phase: choose(
                    rng,
                    &[
                        Phase::Signed,
                        Phase::Sent,
                        Phase::Included,
                        Phase::Final,
                        Phase::Final,
                        Phase::Failed,
                        Phase::Expired,
                    ],
                ),
                state: some_bytes(rng, MAX_STATE),
            },
            18..20 => Self::ClearSettled,
            20 => Self::AcceptTime {
                ahead_s: choose(rng, &[5, 700, 100_000, -1]),
            },
            21 => Self::AcceptHeight {
                chain: rng.next_word() % CHAINS,
                ahead: choose(rng, &[1, 40]),
            },
            _ => Self::Reopen,
        }
    }
}

fn choose<T: Copy>(rng: &mut SeededRng, from: &[T]) -> T {
    from[rng.below(from.len())]
}

fn some_bytes(rng: &mut SeededRng, max: usize) -> Vec<u8> {
    let len = rng.below(max + 1);
    rng.bytes(len)
}

/// What the store is to know.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Model {
    entries: Vec<Entry>,
    devices: BTreeMap<u8, DevicePlace>,
    next_nonces: BTreeMap<u8, u64>,
    dropped: u64,
    time: Option<u64>,
    heights: BTreeMap<u64, u64>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Entry {
    name: EntryName,
    expires_s: Option<u64>,
    intent: Vec<u8>,
    phase: Phase,
    nonce: Option<u64>,
    state: Vec<u8>,
}

/// An operation, as the model sees it: what the store is to answer, and what may be seen
/// after each of its writes.
struct Plan {
    answer: Answer,
    /// From nothing done to all done.
    states: Vec<Model>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Answer {
    Done,
    Put(Put),
    Nonce(u64),
    Removed(usize),
    Failed(Error),
}

impl Model {
    fn plan(&self, step: &Step, intake: &Intake) -> Plan {
        let mut states = vec![self.clone()];
        let mut now = self.clone();
        let answer = match step {
            Step::Put {
                device,
                ahead,
                expires_s,
                intent,
            } => now.put(
                self.put_name(*device, *ahead),
                (*device, *expires_s, intent),
                intake,
                &mut states,
            ),
            Step::Reserve {
                pick,
                account,
                ahead,
            } => now.reserve(*pick, *account, *ahead, &mut states),
            Step::SetState { pick, phase, state } => match now.pick(*pick) {
                Some(entry) => {
                    entry.phase = *phase;
                    entry.state.clone_from(state);
                    Answer::Done
                }
                None => Answer::Failed(StoreError::NoSuchEntry),
            },
            Step::ClearSettled => {
                let mut removed = 0;
                while let Some(at) = now.entries.iter().position(|entry| !entry.phase.is_open()) {
                    now.entries.remove(at);
                    states.push(now.clone());
                    removed += 1;
                }
                Answer::Removed(removed)
            }
            Step::AcceptTime { ahead_s } => now.accept_time(self.next_time(*ahead_s)),
            Step::AcceptHeight { chain, ahead } => {
                let height = self.next_height(*chain, *ahead);
                let last = self.heights.get(chain);
                if last.is_none_or(|last| height >= last + 32) {
                    now.heights.insert(*chain, height);
                }
                Answer::Done
            }
            Step::Reopen => Answer::Done,
        };
        states.push(now);
        Plan { answer, states }
    }

    fn put_name(&self, device: u8, ahead: i64) -> EntryName {
        let next = self.devices.get(&device);
        let next = next.map_or(1, |place| place.next_sequence);
        EntryName {
            device: device_name(device),
            sequence: next.saturating_add_signed(ahead),
        }
    }

    fn put(
        &mut self,
        name: EntryName,
        (device, expires_s, intent): (u8, Option<u64>, &[u8]),
        intake: &Intake,
        states: &mut Vec<Self>,
    ) -> Answer {
        let known = self.devices.get(&device);
        if known.is_some_and(|place| name.sequence < place.next_sequence) {
            return Answer::Put(Put::Existed);
        }
        let mut ends = Vec::new();
        let mut left = self.clone();
        loop {
            if left.entries.len() < intake.max_entries {
                ends.push(left.with(name, (device, expires_s, intent), states));
            }
            let mut entries = left.entries.iter();
            let oldest = entries.position(|entry| entry.phase == Phase::Queued);
            let (WhenFull::DropOldest, Some(oldest)) = (intake.when_full, oldest) else {
                break;
            };
            left.dropped += 1;
            states.push(left.clone());
            left.entries.remove(oldest);
            states.push(left.clone());
        }
        let Some(first) = ends.first() else {
            return Answer::Failed(StoreError::Full);
        };
        *self = first.clone();
        // Where the flash is small, more than one may have to go.
        states.append(&mut ends);
        Answer::Put(Put::Added)
    }

    /// The same and the new entry.
    fn with(
        &self,
        name: EntryName,
        (device, expires_s, intent): (u8, Option<u64>, &[u8]),
        states: &mut Vec<Self>,
    ) -> Self {
        let mut end = self.clone();
        end.devices.entry(device).or_insert(DevicePlace {
            next_sequence: name.sequence,
            last_hash: B256::ZERO,
        });
        states.push(end.clone());
        let place = DevicePlace {
            next_sequence: name.sequence + 1,
            last_hash: hash_of(&name),
        };
        end.devices.insert(device, place);
        end.entries.push(Entry {
            name,
            expires_s,
            intent: intent.to_vec(),
            phase: Phase::Queued,
            nonce: None,
            state: Vec::new(),
        });
        end
    }

    /// The same, and the same without one after the other of the oldest for which nothing
    /// was done, but never without the newest.
    fn with_fewer_queued(&self) -> Vec<Self> {
        let mut all = vec![self.clone()];
        let mut left = self.clone();
        loop {
            let mut entries = left.entries.iter();
            let oldest = entries.position(|entry| entry.phase == Phase::Queued);
            match oldest {
                Some(oldest) if oldest + 1 < left.entries.len() => left.entries.remove(oldest),
                _ => return all,
            };
            left.dropped += 1;
            all.push(left.clone());
        }
    }

    fn pick(&mut self, pick: usize) -> Option<&mut Entry> {
        let len = self.entries.len();
        self.entries.get_mut(pick.checked_rem(len)?)
    }

    fn picked(&self, pick: usize) -> EntryName {
        let at = pick.checked_rem(self.entries.len());
        at.map_or(common::name(0, 0), |at| self.entries[at].name)
    }

    fn floor(&self, account: u8, ahead: u64) -> u64 {
        // Most of the time the floor is what the account has by then, or far below.
        self.next_nonces
            .get(&account)
            .map_or(7, |next| match ahead {
                0 => 0,
                ahead => next + ahead,
            })
    }

    fn reserve(&mut self, pick: usize, account: u8, ahead: u64, states: &mut Vec<Self>) -> Answer {
        let floor = self.floor(account, ahead);
        let Some(entry) = self.pick(pick) else {
            return Answer::Failed(StoreError::NoSuchEntry);
        };
        if let Some(nonce) = entry.nonce {
            return Answer::Nonce(nonce);
        }
        let next = *self.next_nonces.entry(account).or_insert(floor);
        states.push(self.clone());
        let nonce = next.max(floor);
        self.next_nonces.insert(account, nonce + 1);
        let entry = self.pick(pick).expect("it was there");
        entry.nonce = Some(nonce);
        entry.phase = Phase::Reserved;
        entry.state.clear();
        Answer::Nonce(nonce)
    }

    fn next_time(&self, ahead_s: i64) -> u64 {
        let last = self.time.unwrap_or(1_700_000_000);
        last.saturating_add_signed(ahead_s)
    }

    fn accept_time(&mut self, now_s: u64) -> Answer {
        match self.time {
            Some(last) if now_s < last => return Answer::Failed(StoreError::TimeRunsBackwards),
            Some(last) if now_s < last + 600 => {}
            _ => self.time = Some(now_s),
        }
        Answer::Done
    }

    fn next_height(&self, chain: u64, ahead: u64) -> u64 {
        self.heights.get(&chain).copied().unwrap_or(100) + ahead
    }
}

fn hash_of(name: &EntryName) -> B256 {
    let mut hash = name.device;
    hash.0[..8].copy_from_slice(&name.sequence.to_le_bytes());
    hash
}

/// What must not happen in the life of a device, whatever the model says.
#[derive(Clone, Debug, Default)]
struct History {
    /// Every entry that ever was, and the account a number was last asked of for it.
    names: HashMap<EntryName, Option<u8>>,
    nonces: HashMap<(u8, u64), EntryName>,
}

impl History {
    /// A number is about to be asked for.
    fn note_account(&mut self, step: &Step, model: &Model) {
        if let Step::Reserve { pick, account, .. } = step
            && let Some(entry) = model.clone().pick(*pick)
            && entry.nonce.is_none()
        {
            self.names.insert(entry.name, Some(*account));
        }
    }

    fn note(&mut self, before: &Model, after: &Model) {
        for entry in &after.entries {
            if !before.entries.iter().any(|old| old.name == entry.name) {
                let again = self.names.insert(entry.name, None);
                assert_eq!(again, None, "accepted twice: {:?}", entry.name);
            }
            if let Some(nonce) = entry.nonce {
                let account = self.names[&entry.name].expect("it was asked for");
                let holder = self.nonces.entry((account, nonce)).or_insert(entry.name);
                assert_eq!(
                    *holder, entry.name,
                    "nonce {nonce} of {account} serves twice"
                );
            }
        }
        for (device, old) in &before.devices {
            assert!(after.devices[device].next_sequence >= old.next_sequence);
        }
        for (account, old) in &before.next_nonces {
            assert!(after.next_nonces[account] >= *old);
        }
        assert!(after.time >= before.time && after.dropped >= before.dropped);
        for (chain, old) in &before.heights {
            assert!(after.heights[chain] >= *old);
        }
    }
}

/// Scenario, geometry and parts.
struct Scenario {
    prelude: Vec<Step>,
    steps: Vec<Step>,
    intake: Intake,
    has_counter: bool,
    fail_reads: u64,
    /// Whether the flash is so small that room may run out.
    is_tight: bool,
}

impl Scenario {
    fn any(rng: &mut SeededRng, fails_reads: bool, is_tight: bool) -> Self {
        let prelude = rng.below(PRELUDE);
        let intake = Intake {
            max_entries: 1 + rng.below(4),
            when_full: choose(rng, &[WhenFull::Refuse, WhenFull::DropOldest]),
            max_state: MAX_STATE,
        };
        Self {
            prelude: (0..prelude).map(|_| Step::any(rng)).collect(),
            steps: (0..STEPS).map(|_| Step::any(rng)).collect(),
            intake,
            has_counter: rng.below(3) == 0,
            fail_reads: if fails_reads {
                2 + rng.next_word() % 6
            } else {
                0
            },
            is_tight,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    nth: u64,
    ending: Ending,
}

/// A device: what survives a cut, and what the test knows of it.
#[derive(Clone)]
struct Device<const WORD: usize, const PAGE: usize, const READ: usize> {
    flash: RefCell<SimFlash<WORD, PAGE, READ>>,
    counter: Cell<u32>,
    model: Model,
    history: History,
    cuts: Cell<u64>,
}

impl<const WORD: usize, const PAGE: usize, const READ: usize> Device<WORD, PAGE, READ> {
    fn new(pages: usize, rng: &mut SeededRng, scenario: &Scenario) -> Self {
        let device = Self {
            flash: RefCell::new(SimFlash::new(pages, rng.next_word())),
            counter: Cell::new(17),
            model: Model::default(),
            history: History::default(),
            cuts: Cell::new(0),
        };
        let mut memory = Memory::<ITEMS, ITEM_LEN>::new();
        let store = device.store(scenario, &mut memory);
        block_on(store.format(rng)).expect("a new chip");
        device.flash.borrow_mut().fail_reads(scenario.fail_reads);
        device
    }

    fn store<'a>(
        &'a self,
        scenario: &Scenario,
        memory: &'a mut Memory<ITEMS, ITEM_LEN>,
    ) -> Store<'a, Chip<'a, WORD, PAGE, READ>, Part<'a>> {
        let part = Part(scenario.has_counter.then_some(&self.counter));
        Store::with_counter(Chip(&self.flash), part, memory, scenario.intake)
    }

    /// Runs the steps, and through the cuts in them: at the `first` operation, and once more
    /// at the `second` one after that. What the store knows is compared with the model
    /// after each cut, at the end, and after each step where it is asked for.
    fn run(&mut self, scenario: &Scenario, steps: &[Step], cuts: &[Cut], looks: bool) {
        let mut cuts = cuts.iter();
        self.arm(cuts.next());
        let mut life = Life {
            model: self.model.clone(),
            history: self.history.clone(),
            pending: None,
            looks,
        };
        let mut steps = steps.iter();
        // Each turn is a life between two resets.
        while !steps.as_slice().is_empty() || life.pending.is_some() {
            let mut memory = Memory::new();
            let store = self.store(scenario, &mut memory);
            let mut is_on = life.go_on(&store, scenario, &mut steps);
            // Where only the flash lost its power, the store goes on with what it has in
            // memory.
            while !is_on {
                assert!(self.flash.borrow().is_off());
                self.cuts.set(self.cuts.get() + 1);
                let cut = cuts.next();
                self.arm(cut);
                if cut.is_none_or(|cut| cut.nth % 2 == 0) {
                    break;
                }
                is_on = life.go_on(&store, scenario, &mut steps);
            }
        }
        self.flash.borrow_mut().power_on();
        let mut memory = Memory::new();
        let seen = look(&self.store(scenario, &mut memory), scenario);
        assert_eq!(seen, Ok(life.model.clone()), "in the end");
        let Life { model, history, .. } = life;
        self.model = model;
        self.history = history;
    }

    fn arm(&self, cut: Option<&Cut>) {
        let mut flash = self.flash.borrow_mut();
        flash.power_on();
        if let Some(cut) = cut {
            flash.cut_at(cut.nth, cut.ending);
        }
    }
}

/// What the test knows while a device runs.
struct Life {
    model: Model,
    history: History,
    /// What was begun when power went.
    pending: Option<(Plan, Step)>,
    looks: bool,
}

impl Life {
    /// Goes on until the next reset; false where power goes before.
    fn go_on<F: NorFlash<Error = FlashError>>(
        &mut self,
        store: &Store<'_, F, Part<'_>>,
        scenario: &Scenario,
        steps: &mut core::slice::Iter<'_, Step>,
    ) -> bool {
        if self.pending.is_some() || self.looks {
            match look(store, scenario) {
                Err(CUT) => return false,
                Err(cause) => panic!("the store is unreadable: {cause:?}"),
                Ok(seen) => self.resolve(seen),
            }
        }
        for step in steps.by_ref() {
            if matches!(step, Step::Reopen) {
                break;
            }
            let plan = self.model.plan(step, &scenario.intake);
            self.history.note_account(step, &self.model);
            let answer = perform(store, &self.model, step);
            if answer == Answer::Failed(CUT) {
                self.pending = Some((plan, step.clone()));
                return false;
            }
            let is_added = answer == Answer::Put(Put::Added);
            let mut end = plan.end(&answer, step, scenario);
            if is_added && scenario.is_tight {
                let ends = end.with_fewer_queued();
                let seen = match look(store, scenario) {
                    // It went after the last word of what was acknowledged.
                    Err(CUT) => {
                        let states = ends;
                        self.pending = Some((Plan { answer, states }, step.clone()));
                        return false;
                    }
                    seen => seen.expect("the store is readable"),
                };
                assert!(ends.contains(&seen), "after {step:?}: {seen:#?}");
                end = seen;
            }
            self.adopt(end);
            if self.looks {
                assert_eq!(
                    look(store, scenario),
                    Ok(self.model.clone()),
                    "after {step:?}"
                );
            }
        }
        true
    }

    /// What is there after a cut is one of the states on the way.
    fn resolve(&mut self, seen: Model) {
        match self.pending.take() {
            None => assert_eq!(seen, self.model),
            Some((plan, step)) => assert!(
                plan.states.contains(&seen),
                "after a cut in {step:?}\nseen   {seen:#?}\nbefore {:#?}\nafter  {:#?}",
                plan.states.first(),
                plan.states.last(),
            ),
        }
        self.adopt(seen);
    }

    fn adopt(&mut self, model: Model) {
        self.history.note(&self.model, &model);
        self.model = model;
    }
}

impl Plan {
    /// What there is after an answer.
    fn end(mut self, answer: &Answer, step: &Step, scenario: &Scenario) -> Model {
        if *answer == self.answer && !matches!(answer, Answer::Failed(_)) {
            return self.states.pop().expect("there is one at least");
        }
        // What makes an item that was not there may be refused where the flash is small.
        let grows = matches!(
            step,
            Step::Put { .. }
                | Step::Reserve { .. }
                | Step::AcceptTime { .. }
                | Step::AcceptHeight { .. }
        );
        let is_full = *answer == Answer::Failed(StoreError::Full) && grows && scenario.is_tight;
        if is_full {
            FULL.fetch_add(1, Ordering::Relaxed);
        }
        assert!(
            is_full || *answer == self.answer,
            "{step:?} answers {answer:?} and not {:?}",
            self.answer
        );
        self.states.swap_remove(0)
    }
}

/// How often the flash had no room.
static FULL: AtomicU64 = AtomicU64::new(0);

fn perform<F: NorFlash<Error = FlashError>>(
    store: &Store<'_, F, Part<'_>>,
    model: &Model,
    step: &Step,
) -> Answer {
    let done = match step {
        Step::Put {
            device,
            ahead,
            expires_s,
            intent,
        } => {
            let name = model.put_name(*device, *ahead);
            let intent = intent.as_slice();
            block_on(store.put(name, hash_of(&name), *expires_s, &intent)).map(Answer::Put)
        }
        Step::Reserve {
            pick,
            account,
            ahead,
        } => {
            let floor = model.floor(*account, *ahead);
            let account = account_name(*account);
            let nonce = block_on(store.reserve(model.picked(*pick), account, floor));
            nonce.map(Answer::Nonce)
        }
        Step::SetState { pick, phase, state } => {
            let state = state.as_slice();
            let done = block_on(store.set_state(model.picked(*pick), *phase, &state));
            done.map(|()| Answer::Done)
        }
        Step::ClearSettled => block_on(store.clear_settled()).map(Answer::Removed),
        Step::AcceptTime { ahead_s } => {
            let done = block_on(store.accept_time(model.next_time(*ahead_s)));
            done.map(|()| Answer::Done)
        }
        Step::AcceptHeight { chain, ahead } => {
            let height = model.next_height(*chain, *ahead);
            block_on(store.accept_height(*chain, height)).map(|()| Answer::Done)
        }
        Step::Reopen => block_on(store.open()).map(|()| Answer::Done),
    };
    done.unwrap_or_else(Answer::Failed)
}

/// All that the store tells.
fn look<F: NorFlash<Error = FlashError>>(
    store: &Store<'_, F, Part<'_>>,
    _scenario: &Scenario,
) -> Result<Model, Error> {
    let mut seen = Model {
        dropped: block_on(store.dropped())?,
        time: block_on(store.last_time())?,
        ..Model::default()
    };
    for device in 0..DEVICES {
        if let Some(place) = block_on(store.device(device_name(device)))? {
            seen.devices.insert(device, place);
        }
    }
    for account in 0..ACCOUNTS {
        if let Some(next) = block_on(store.next_nonce(account_name(account)))? {
            seen.next_nonces.insert(account, next);
        }
    }
    for chain in 0..CHAINS {
        if let Some(height) = block_on(store.height(chain))? {
            seen.heights.insert(chain, height);
        }
    }
    let mut after = None;
    while let Some((name, phase)) = block_on(store.next_entry(after))? {
        after = Some(name);
        let status = block_on(store.status(name))?.expect("it was listed");
        assert_eq!(status.phase, phase);
        let mut buf = [0; ITEM_LEN];
        let intent = block_on(store.intent(name, &mut buf))?.map(<[u8]>::to_vec);
        let state = block_on(store.state(name, &mut buf))?.map(<[u8]>::to_vec);
        seen.entries.push(Entry {
            name,
            expires_s: status.expires_s,
            intent: intent.expect("it was listed"),
            phase,
            nonce: status.nonce,
            state: state.expect("it was listed"),
        });
    }
    Ok(seen)
}

/// Tells which scenario failed.
struct Tell<'a>(&'a str, u64, Cell<&'a [Cut]>);

impl Drop for Tell<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(what, seed, cuts) = self;
            eprintln!(
                "{what}: CORACLE_SEED={seed} begins with what failed; cuts {:?}",
                cuts.get()
            );
        }
    }
}

/// One scenario on one geometry; how many cuts there were.
fn scenario<const WORD: usize, const PAGE: usize, const READ: usize>(
    pages: [usize; 2],
    seed: u64,
    rng: &mut SeededRng,
    fails_reads: bool,
) -> u64 {
    let [few, many] = pages;
    let pages = few + rng.below(many - few + 1);
    let scenario = Scenario::any(rng, fails_reads, pages < many);
    let what = format!("words of {WORD}, {pages} pages of {PAGE}");
    let tell = Tell(&what, seed, Cell::new(&[]));
    let mut start = Device::<WORD, PAGE, READ>::new(pages, rng, &scenario);
    start.run(&scenario, &scenario.prelude, &[], false);
    let before = start.flash.borrow().operations();
    let mut whole = start.clone();
    whole.run(&scenario, &scenario.steps, &[], false);
    let operations = whole.flash.borrow().operations() - before;
    start.clone().run(&scenario, &scenario.steps, &[], true);
    let mut count = 0;
    for nth in 1..=operations {
        for ending in Ending::ALL {
            let second = Cut {
                nth: 1 + rng.next_word() % 8,
                ending: choose(rng, &Ending::ALL),
            };
            let cuts = [Cut { nth, ending }, second];
            let tell = Tell(&what, seed, Cell::new(&cuts));
            let mut device = start.clone();
            device.run(&scenario, &scenario.steps, &cuts, false);
            let happened = device.cuts.get();
            assert!(happened >= 1, "the first cut did not happen");
            count += happened;
            drop(tell);
        }
    }
    drop(tell);
    count
}

fn any_geometry(seed: u64, fails_reads: bool) -> u64 {
    let mut rng = SeededRng::new(seed);
    let r = &mut rng;
    match r.below(10) {
        0 => scenario::<1, 512, 1>([4, 6], seed, r, fails_reads),
        1 => scenario::<1, 512, 4>([4, 6], seed, r, fails_reads),
        2 => scenario::<2, 1024, 2>([3, 4], seed, r, fails_reads),
        3 => scenario::<4, 256, 4>([6, 12], seed, r, fails_reads),
        4 => scenario::<4, 1024, 4>([3, 4], seed, r, fails_reads),
        5 => scenario::<8, 512, 8>([4, 6], seed, r, fails_reads),
        6 => scenario::<8, 1024, 1>([3, 4], seed, r, fails_reads),
        7 => scenario::<16, 1024, 16>([3, 5], seed, r, fails_reads),
        8 => scenario::<32, 1024, 32>([3, 5], seed, r, fails_reads),
        _ => scenario::<32, 2048, 4>([3, 4], seed, r, fails_reads),
    }
}

/// Runs so many scenarios, on all cores.
fn run_all(what: &str, scenarios: u64, fallback: u64, fails_reads: bool) {
    let first = SeededRng::seed_from_env(fallback);
    let next = AtomicU64::new(0);
    let cuts = AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= scenarios {
                        break;
                    }
                    let count = any_geometry(first.wrapping_add(index), fails_reads);
                    cuts.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
    });
    let cuts = cuts.into_inner();
    println!("{what}: {scenarios} scenarios, {cuts} power cuts");
    assert!(cuts > scenarios * 40, "too few to say anything");
}

#[test]
fn nothing_is_lost_or_done_twice_through_any_two_power_cuts() {
    let scenarios = rounds(500, 10_000) as u64;
    run_all("power cuts", scenarios, 0x0c0a_c1e0, false);
    println!("refused for want of room: {}", FULL.load(Ordering::Relaxed));
}

#[test]
fn reads_that_fail_once_change_nothing_of_that() {
    let scenarios = rounds(50, 1_000) as u64;
    run_all("power cuts and failing reads", scenarios, 0x0c0a_c1e1, true);
}
