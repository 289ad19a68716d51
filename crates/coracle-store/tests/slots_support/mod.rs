//! What the tests of the slots share.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program takes what it needs"
)]

use coracle_core::ecdsa::{Curve, PublicKey, SecretKey};
use coracle_core::{Address, ChainRef, DigestAlgorithm, Purpose, Signable, Sink, TxScope, U256};
use coracle_store::{
    Allowed, DeviceSecret, InsecureReadableSecret, Intake, KeySlot, Limits, Memory, NoCounter,
    Policy, SlotError, SlotInfo, Store, Target, TxPolicy, WhenFull,
};
use coracle_testkit::{FlashError, SeededRng, SimFlash};
use embassy_futures::block_on;
use rand_core::TryCryptoRng;

pub type Flash = SimFlash<8, 1024>;
pub type Error = SlotError<FlashError>;
pub type Room = Memory<16, { SlotInfo::MAX_LEN }>;

pub const PAGES: usize = 5;
pub const SCALAR: [u8; 32] = *b"a scalar no image should contain";
pub const DEVICE: [u8; 32] = [0xd1; 32];
pub const OTHER_DEVICE: [u8; 32] = [0xd2; 32];
pub const CHAIN: u64 = 31_337;
pub const TARGET: Address = Address([0x7a; 20]);
/// A morning in 2027.
pub const TODAY_S: u64 = 1_800_000_000;
pub const DAY_S: u64 = 24 * 60 * 60;

pub fn device() -> InsecureReadableSecret<'static> {
    InsecureReadableSecret::new(&DEVICE)
}

pub fn other_device() -> InsecureReadableSecret<'static> {
    InsecureReadableSecret::new(&OTHER_DEVICE)
}

pub fn key<C: Curve>() -> SecretKey<C> {
    SecretKey::from_bytes(&SCALAR).expect("in range")
}

/// A store that has not looked at its flash yet.
pub fn store(flash: Flash, room: &mut Room) -> Store<'_, Flash> {
    let intake = Intake {
        max_entries: 2,
        when_full: WhenFull::Refuse,
        max_state: 16,
    };
    Store::new(flash, room, intake)
}

/// A store on a new chip, and its clock is set.
pub fn new_store(room: &mut Room) -> Store<'_, Flash> {
    let store = store(Flash::new(PAGES, 1), room);
    block_on(store.format(&mut SeededRng::new(1))).expect("a new chip");
    block_on(store.accept_time(TODAY_S)).expect("there is none yet");
    store
}

/// Puts the [`key`] into a slot.
pub fn import<C: Curve>(store: &Store<'_, Flash>, id: u8, policy: &Policy) -> PublicKey<C> {
    let key = key::<C>();
    let mut rng = SeededRng::new(id.into());
    block_on(store.import_slot(id, policy, &key, &mut device(), &mut rng)).expect("free slot");
    *key.public_key()
}

/// Makes a key in a slot of [`device`].
pub fn create<C: Curve>(
    store: &Store<'_, Flash>,
    id: u8,
    policy: &Policy,
    rng: &mut impl TryCryptoRng,
) -> Result<PublicKey<C>, Error> {
    block_on(store.create_slot(id, policy, &mut device(), rng))
}

/// Opens a slot.
pub fn open<'s, 'm, C: Curve, D: DeviceSecret>(
    store: &'s Store<'m, Flash>,
    id: u8,
    secret: D,
) -> Result<KeySlot<'s, 'm, Flash, NoCounter, C, D, SeededRng>, Error> {
    block_on(store.open_slot(id, secret, SeededRng::new(9)))
}

pub fn limits(value: u64, fee: u64) -> Limits {
    Limits {
        value: value.into(),
        fee: fee.into(),
    }
}

/// One chain, one contract, 100 and 1,000 for each transaction.
pub fn tx_policy() -> TxPolicy {
    TxPolicy {
        chains: Allowed::only([CHAIN]),
        targets: Allowed::only([Target::from(TARGET)]),
        creates_contracts: false,
        cancels: false,
        each: limits(100, 1000),
        daily: None,
    }
}

#[derive(Clone, Debug)]
pub enum What {
    Transaction {
        chain: ChainRef<'static>,
        target: Vec<u8>,
        value: U256,
        max_fee: U256,
    },
    Record,
    Session,
}

/// A message that says of itself what the test wants.
#[derive(Clone, Debug)]
pub struct Message {
    pub what: What,
    pub body: Vec<u8>,
}

impl Message {
    pub fn new(what: What) -> Self {
        Self {
            what,
            body: b"a message".to_vec(),
        }
    }

    /// A transaction that [`tx_policy`] allows, if it moves and costs no more.
    pub fn transaction(value: u64, fee: u64) -> Self {
        Self::new(What::Transaction {
            chain: ChainRef::Id(CHAIN),
            target: TARGET.as_bytes().to_vec(),
            value: value.into(),
            max_fee: fee.into(),
        })
    }

    pub fn on(mut self, other: ChainRef<'static>) -> Self {
        if let What::Transaction { chain, .. } = &mut self.what {
            *chain = other;
        }
        self
    }

    pub fn to(mut self, other: &[u8]) -> Self {
        if let What::Transaction { target, .. } = &mut self.what {
            *target = other.to_vec();
        }
        self
    }
}

impl Signable for Message {
    fn purpose(&self) -> Purpose<'_> {
        match &self.what {
            What::Transaction {
                chain,
                target,
                value,
                max_fee,
            } => Purpose::Transaction(TxScope {
                chain: *chain,
                target,
                value: *value,
                max_fee: *max_fee,
            }),
            What::Record => Purpose::Record,
            What::Session => Purpose::Session,
        }
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Keccak256
    }

    fn write_preimage(&self, out: &mut dyn Sink) {
        out.write(&self.body);
    }
}

/// Where `needle` stands in the image, in any of the ways in which memory may hold a
/// number: as it is, reversed, and in reversed words of 4 and 8 bytes.
pub fn find(image: &[u8], needle: &[u8]) -> Option<usize> {
    let words = |len: usize| -> Vec<u8> {
        let words = needle.chunks(len).flat_map(|word| word.iter().rev());
        words.copied().collect()
    };
    let forms = [needle.to_vec(), words(needle.len()), words(4), words(8)];
    let mut forms = forms.into_iter().chain([4, 8].map(|len| {
        let words: Vec<&[u8]> = needle.chunks(len).rev().collect();
        words.concat()
    }));
    forms.find_map(|form| image.windows(form.len()).position(|bytes| bytes == form))
}

/// Whether any eight bytes in a row of `needle` stand in the image.
pub fn has_part(image: &[u8], needle: &[u8]) -> bool {
    needle.windows(8).any(|part| find(image, part).is_some())
}
