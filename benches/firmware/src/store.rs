//! The store, on flash in memory: what is counted is the store, not the flash.

use core::fmt;

use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{
    Address, B256, ChainRef, DigestAlgorithm, Purpose, Signable, Signer, Sink, TxScope, U256,
};
use coracle_store::{
    Allowed, EntryName, InsecureReadableSecret, Intake, Limits, Memory, Phase, Policy, SlotInfo,
    Store, Target, TxPolicy, WhenFull,
};
use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

use crate::keys::Predictable;
use crate::{Meter, WrongResult, check, digest, now};

/// Entries of a full outbox.
const ENTRIES: usize = 16;
/// An intent that carries a reading of 324 bytes.
const INTENT_LEN: usize = 384;
/// A state with one signature and a receipt.
const STATE_LEN: usize = 224;

const ITEMS: usize = 2 * ENTRIES + SlotInfo::ITEMS + 6;
const ITEM_LEN: usize = 512;

const INTAKE: Intake = Intake {
    max_entries: ENTRIES,
    when_full: WhenFull::DropOldest,
    max_state: STATE_LEN,
};

const CHAIN: u64 = 1;
const CONTRACT: [u8; 20] = [0x42; 20];

pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let mut flash = Flash([0xff; Flash::LEN]);
    {
        let mut memory = Memory::<ITEMS, ITEM_LEN>::new();
        let store = Store::new(&mut flash, &mut memory, INTAKE);
        done(store.format(&mut Predictable(1)))?;
        put(meter, &store)?;
        fill(&store)?;
        sign(meter, &store)?;
    }
    meter.count("store-open", &mut |_| {
        let mut memory = Memory::<ITEMS, ITEM_LEN>::new();
        let store = Store::new(&mut flash, &mut memory, INTAKE);
        done(store.open())
    })
}

/// One intent, written and read back.
fn put<F: NorFlash>(meter: &mut dyn Meter, store: &Store<'_, F>) -> Result<(), WrongResult> {
    let intent = [0x5a_u8; INTENT_LEN];
    meter.count("store-put", &mut |number| {
        let hash = B256(digest(number));
        done(store.put(name(number), hash, None, &intent.as_slice())).map(drop)
    })
}

/// As many entries as there may be, each with its longest state.
fn fill<F: NorFlash>(store: &Store<'_, F>) -> Result<(), WrongResult> {
    let (intent, state) = ([0x5a_u8; INTENT_LEN], [0xa5_u8; STATE_LEN]);
    for number in 100..100 + ENTRIES as u64 {
        let name = name(number);
        done(store.put(name, B256::ZERO, None, &intent.as_slice()))?;
        done(store.reserve(name, B256([7; 32]), 0))?;
        done(store.set_state(name, Phase::Sent, &state.as_slice()))?;
    }
    Ok(())
}

/// A transaction through a slot: policy, limit of the day written down, unsealed, signed,
/// verified, stack wiped.
fn sign<F>(meter: &mut dyn Meter, store: &Store<'_, F>) -> Result<(), WrongResult>
where
    F: NorFlash,
    F::Error: 'static,
{
    let bytes = [0x33; InsecureReadableSecret::LEN];
    let mut secret = InsecureReadableSecret::new(&bytes);
    let key = SecretKey::<Secp256k1>::from_bytes(&[0x46; 32]).map_err(|_| WrongResult)?;
    let most = Limits {
        value: U256::ZERO,
        fee: U256::from(u64::MAX),
    };
    let transactions = TxPolicy {
        chains: Allowed::only([CHAIN]),
        targets: Allowed::only([Target::from(Address(CONTRACT))]),
        creates_contracts: false,
        cancels: true,
        each: most,
        daily: Some(most),
    };
    let policy = Policy::transactions(transactions);
    done(store.accept_time(1_800_000_000))?;
    done(store.import_slot(0, &policy, &key, &mut secret, &mut Predictable(2)))?;
    let slot = done(store.open_slot::<Secp256k1, _, _>(0, secret, Predictable(3)));
    let mut slot = slot?;
    meter.count("slot-sign", &mut |number| {
        let message = Message(digest(number));
        let signature = done(slot.sign(&message))?;
        check(signature.is_low_s() && signature.recovery_id().is_some())
    })
}

fn name(sequence: u64) -> EntryName {
    EntryName {
        device: B256([1; 32]),
        sequence,
    }
}

fn done<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, WrongResult> {
    now(work)?.map_err(|_| WrongResult)
}

/// A call of the contract.
struct Message([u8; 32]);

impl Signable for Message {
    fn purpose(&self) -> Purpose<'_> {
        Purpose::Transaction(TxScope {
            chain: ChainRef::Id(CHAIN),
            target: &CONTRACT,
            value: U256::ZERO,
            max_fee: U256::from(1_000_u64),
        })
    }

    fn digest_algorithm(&self) -> DigestAlgorithm {
        DigestAlgorithm::Keccak256
    }

    fn write_preimage(&self, out: &mut dyn Sink) {
        out.write(&self.0);
    }
}

/// Eight pages of 4 KiB.
struct Flash([u8; Self::LEN]);

impl Flash {
    const PAGE: usize = 4096;
    const LEN: usize = 8 * Self::PAGE;

    fn cells(&mut self, from: u32, len: usize) -> Result<&mut [u8], OutOfBounds> {
        let from = from as usize;
        self.0.get_mut(from..from + len).ok_or(OutOfBounds)
    }
}

#[derive(Debug)]
struct OutOfBounds;

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of bounds")
    }
}

impl core::error::Error for OutOfBounds {}

impl NorFlashError for OutOfBounds {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::OutOfBounds
    }
}

impl ErrorType for Flash {
    type Error = OutOfBounds;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        bytes.copy_from_slice(self.cells(offset, bytes.len())?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        Self::LEN
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = Self::PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), OutOfBounds> {
        self.cells(from, to.saturating_sub(from) as usize)?
            .fill(0xff);
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let cells = self.cells(offset, bytes.len())?;
        cells.copy_from_slice(bytes);
        Ok(())
    }
}
