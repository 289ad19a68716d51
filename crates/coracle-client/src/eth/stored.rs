//! The outbox of Ethereum-like chains on flash.
//!
//! A number is a length byte and then its bytes, most significant first, without leading
//! zeros.
//!
//! The intent:
//!
//! | length | field | meaning |
//! | --- | --- | --- |
//! | 1 | version | 1 |
//! | 1 | called | 0 creates a contract, 1: an address follows |
//! | 0 or 20 | address | of the contract or account that is called |
//! | 1 to 33 | value | in wei, a number |
//! | the rest | call data | |
//!
//! The state, none at all before the first signature of an entry that is alive:
//!
//! | length | field | meaning |
//! | --- | --- | --- |
//! | 1 | version | 1 |
//! | 1 | reason | why it failed: 0 it did not, 1 reverted, 2 nonce taken, 3 cancelled |
//! | 1 | given up | 0 it is not, 1 cancelled, 2 expired |
//! | 1 | attempts | how many follow |
//! | each 99 to 140 | attempt | below |
//! | 1 | included | 0, or 1: an inclusion follows |
//! | 0, or 67 to 83 | inclusion | hash 32, block 32, its number, gas used (numbers), success 1 |
//!
//! An attempt:
//!
//! | length | field | meaning |
//! | --- | --- | --- |
//! | 1 | flags | bit 0: the signature's parity; bit 1: it cancels |
//! | 1 to 9 | gas limit | a number |
//! | 1 to 17 | fee per gas | in wei, a number |
//! | 1 to 17 | tip per gas | in wei, a number |
//! | 64 | signature | `r || s` |
//! | 32 | hash | of the transaction |
//!
//! Phase, nonce and expiry are the store's own.

use coracle_core::{Address, B256, Encode, Sink, U256, Wei};
use coracle_eth::tx::CallData;
use coracle_store::{self as store, AccountName, MonotonicCounter, StoreError};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash};

use super::{
    Account, Attempt, Entry, EntryId, FailReason, Fees, GivenUp, Inclusion, Intent, Outbox, Phase,
    Put,
};
use crate::wire::{Reader, write_number};
use crate::{FormatError, StoreOutbox, StoreOutboxError};

const VERSION: u8 = 1;

/// Fees per gas are below 2^128 wei.
const FEE_LEN: usize = 16;

const ATTEMPT_LEN: usize = 1 + 9 + 2 * (1 + FEE_LEN) + 64 + B256::LEN;
const INCLUSION_LEN: usize = 2 * B256::LEN + 2 * 9 + 1;

impl Entry {
    /// The longest state of an entry on flash in bytes.
    pub const MAX_ENCODED_LEN: usize = 5 + Self::MAX_ATTEMPTS * ATTEMPT_LEN + INCLUSION_LEN;

    /// Whether there is nothing but what the store keeps by itself, and why it failed.
    fn is_bare(&self) -> bool {
        self.attempts.is_empty() && self.inclusion.is_none() && self.given_up.is_none()
    }
}

impl Intent<'_> {
    /// What an intent takes on flash in bytes beside its call data, at most. A buffer that
    /// an intent is read into must have room for it as well.
    pub const MAX_ENCODED_OVERHEAD: usize = 2 + Address::LEN + 1 + U256::LEN;
}

type Result<T, F> = core::result::Result<T, StoreOutboxError<<F as ErrorType>::Error>>;

impl<F, M> Outbox for StoreOutbox<'_, '_, F, M>
where
    F: NorFlash,
    F::Error: 'static,
    M: MonotonicCounter,
{
    type Error = StoreOutboxError<F::Error>;

    async fn put(
        &mut self,
        id: EntryId,
        record: B256,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> Result<Put, F> {
        let put = self.store.put(id.into(), record, expires_s, intent).await?;
        Ok(match put {
            store::Put::Added => Put::Added,
            store::Put::Existed => Put::Existed,
        })
    }

    async fn entry(&mut self, id: EntryId) -> Result<Option<Entry>, F> {
        let mut buf = [0; Entry::MAX_ENCODED_LEN];
        let Some(status) = self.store.status(id.into()).await? else {
            return Ok(None);
        };
        let state = self.store.state(id.into(), &mut buf).await?;
        Ok(Some(read_entry(&status, state.unwrap_or_default())?))
    }

    async fn intent<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> Result<Option<Intent<'b>>, F> {
        match self.store.intent(id.into(), buf).await? {
            Some(bytes) => Ok(Some(read_intent(bytes)?)),
            None => Ok(None),
        }
    }

    async fn update(&mut self, id: EntryId, entry: &Entry) -> Result<(), F> {
        let max = Entry::MAX_ENCODED_LEN;
        // It could be written, and never be read again.
        if entry.encoded_len() > max {
            return Err(StoreError::TooLong { max }.into());
        }
        let phase = store_phase(entry.phase);
        Ok(self.store.set_state(id.into(), phase, entry).await?)
    }

    async fn reserve_nonce(&mut self, id: EntryId, account: Account, floor: u64) -> Result<u64, F> {
        Ok(self.store.reserve(id.into(), account.name(), floor).await?)
    }

    async fn next_nonce(&mut self, account: Account) -> Result<Option<u64>, F> {
        Ok(self.store.next_nonce(account.name()).await?)
    }

    async fn raise_nonce(&mut self, account: Account, floor: u64) -> Result<(), F> {
        Ok(self.store.raise_nonce(account.name(), floor).await?)
    }

    async fn next_open(&mut self, after: Option<EntryId>) -> Result<Option<EntryId>, F> {
        let next = self.store.next_open(after.map(Into::into)).await?;
        Ok(next.map(|(name, _)| name.into()))
    }
}

impl Account {
    /// The account's name in the journal: `eth` and a zero, the chain's id, the address.
    pub fn name(&self) -> AccountName {
        let mut name = [0; B256::LEN];
        let chain_id = self.chain_id.to_be_bytes();
        let parts = [b"eth\0".as_slice(), &chain_id, &self.address.0];
        for (to, from) in name.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        B256(name)
    }
}

const _: () = assert!(4 + size_of::<u64>() + Address::LEN == B256::LEN);

impl Encode for Intent<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(&[VERSION, u8::from(self.to.is_some())]);
        if let Some(to) = &self.to {
            out.write(&to.0);
        }
        write_number(out, self.value.0);
        self.data.encode(out);
    }
}

fn read_intent(bytes: &[u8]) -> core::result::Result<Intent<'_>, FormatError> {
    let mut bytes = Reader::new(bytes);
    read_version(&mut bytes)?;
    let to = match bytes.bool()? {
        true => Some(Address(bytes.array()?)),
        false => None,
    };
    Ok(Intent {
        to,
        value: Wei(bytes.number(U256::LEN)?),
        data: CallData::Bytes(bytes.rest()),
    })
}

/// Everything but what the store keeps by itself.
impl Encode for Entry {
    fn encode(&self, out: &mut dyn Sink) {
        let reason = match self.phase {
            Phase::Failed(reason) => Some(reason),
            _ => None,
        };
        if reason.is_none() && self.is_bare() {
            return;
        }
        let count = u8::try_from(self.attempts.len()).unwrap_or(u8::MAX);
        out.write(&[
            VERSION,
            reason.map_or(0, |reason| reason as u8),
            self.given_up.map_or(0, |given_up| given_up as u8),
            count,
        ]);
        for attempt in &self.attempts {
            write_attempt(out, attempt);
        }
        out.write(&[u8::from(self.inclusion.is_some())]);
        if let Some(inclusion) = &self.inclusion {
            write_inclusion(out, inclusion);
        }
    }
}

fn write_attempt(out: &mut dyn Sink, attempt: &Attempt) {
    let Fees {
        max_fee_per_gas,
        max_priority_fee_per_gas,
    } = attempt.fees;
    out.write(&[u8::from(attempt.is_y_odd) | u8::from(attempt.is_cancel) << 1]);
    write_number(out, attempt.gas_limit.into());
    write_number(out, max_fee_per_gas.0);
    write_number(out, max_priority_fee_per_gas.0);
    out.write(&attempt.signature);
    out.write(&attempt.hash.0);
}

fn write_inclusion(out: &mut dyn Sink, inclusion: &Inclusion) {
    out.write(&inclusion.hash.0);
    out.write(&inclusion.block_hash.0);
    write_number(out, inclusion.block_number.into());
    write_number(out, inclusion.gas_used.into());
    out.write(&[u8::from(inclusion.is_success)]);
}

fn read_entry(status: &store::Status, state: &[u8]) -> core::result::Result<Entry, FormatError> {
    let mut entry = Entry {
        nonce: status.nonce,
        expires_s: status.expires_s,
        ..Entry::QUEUED
    };
    let mut reason = None;
    if !state.is_empty() {
        reason = read_state(&mut entry, state)?;
    }
    entry.phase = eth_phase(status.phase, reason)?;
    Ok(entry)
}

/// Reads all that there is into the entry but its phase; returns why it failed.
fn read_state(
    entry: &mut Entry,
    state: &[u8],
) -> core::result::Result<Option<FailReason>, FormatError> {
    let mut bytes = Reader::new(state);
    read_version(&mut bytes)?;
    let reason = read_choice(bytes.byte()?, &FailReason::ALL)?;
    entry.given_up = read_choice(bytes.byte()?, &GivenUp::ALL)?;
    for _ in 0..bytes.byte()? {
        let attempt = read_attempt(&mut bytes)?;
        let pushed = entry.attempts.push(attempt);
        pushed.map_err(|_| FormatError::BadField)?;
    }
    if bytes.bool()? {
        entry.inclusion = Some(read_inclusion(&mut bytes)?);
    }
    bytes.finish()?;
    match reason.is_none() && entry.is_bare() {
        true => Err(FormatError::BadField),
        false => Ok(reason),
    }
}

fn read_attempt(bytes: &mut Reader<'_>) -> core::result::Result<Attempt, FormatError> {
    let flags = bytes.byte()?;
    if flags > 3 {
        return Err(FormatError::BadField);
    }
    Ok(Attempt {
        is_y_odd: flags & 1 != 0,
        is_cancel: flags & 2 != 0,
        gas_limit: bytes.u64()?,
        fees: Fees {
            max_fee_per_gas: Wei(bytes.number(FEE_LEN)?),
            max_priority_fee_per_gas: Wei(bytes.number(FEE_LEN)?),
        },
        signature: bytes.array()?,
        hash: B256(bytes.array()?),
    })
}

fn read_inclusion(bytes: &mut Reader<'_>) -> core::result::Result<Inclusion, FormatError> {
    Ok(Inclusion {
        hash: B256(bytes.array()?),
        block_hash: B256(bytes.array()?),
        block_number: bytes.u64()?,
        gas_used: bytes.u64()?,
        is_success: bytes.bool()?,
    })
}

fn read_version(bytes: &mut Reader<'_>) -> core::result::Result<(), FormatError> {
    match bytes.byte()? {
        VERSION => Ok(()),
        found => Err(FormatError::UnknownVersion { found }),
    }
}

/// 0 for none, else the place in `all`, from 1.
fn read_choice<T: Copy>(byte: u8, all: &[T]) -> core::result::Result<Option<T>, FormatError> {
    let Some(at) = byte.checked_sub(1) else {
        return Ok(None);
    };
    let choice = all.get(usize::from(at)).ok_or(FormatError::BadField)?;
    Ok(Some(*choice))
}

const fn store_phase(phase: Phase) -> store::Phase {
    match phase {
        Phase::Queued => store::Phase::Queued,
        Phase::Reserved => store::Phase::Reserved,
        Phase::Signed => store::Phase::Signed,
        Phase::Sent => store::Phase::Sent,
        Phase::Included => store::Phase::Included,
        Phase::Final => store::Phase::Final,
        Phase::Failed(_) => store::Phase::Failed,
        Phase::Expired => store::Phase::Expired,
    }
}

fn eth_phase(
    phase: store::Phase,
    reason: Option<FailReason>,
) -> core::result::Result<Phase, FormatError> {
    Ok(match (phase, reason) {
        (store::Phase::Failed, Some(reason)) => Phase::Failed(reason),
        (store::Phase::Failed, None) | (_, Some(_)) => return Err(FormatError::BadField),
        (store::Phase::Queued, None) => Phase::Queued,
        (store::Phase::Reserved, None) => Phase::Reserved,
        (store::Phase::Signed, None) => Phase::Signed,
        (store::Phase::Sent, None) => Phase::Sent,
        (store::Phase::Included, None) => Phase::Included,
        (store::Phase::Final, None) => Phase::Final,
        (store::Phase::Expired, None) => Phase::Expired,
    })
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use coracle_net::host::block_on;
    use coracle_store::{Intake, Memory, Store, WhenFull};
    use coracle_testkit::{FlashError, SeededRng, SimFlash};

    use super::*;

    type Flash = SimFlash<4, 4096>;

    const DATA: &[u8] = &[0xa5; 100];

    const MEMORY_LEN: usize = 1024;

    /// Makes a store for one test.
    fn with_store(max_state: usize, test: impl FnOnce(&Store<'_, Flash>)) {
        let intake = Intake {
            max_entries: 4,
            when_full: WhenFull::Refuse,
            max_state,
        };
        let mut memory = Memory::<16, MEMORY_LEN>::new();
        let store = Store::new(Flash::new(8, 1), &mut memory, intake);
        block_on(store.format(&mut SeededRng::new(2))).unwrap();
        test(&store);
    }

    fn with_outbox(test: impl FnOnce(StoreOutbox<'_, '_, Flash>)) {
        with_store(Entry::MAX_ENCODED_LEN, |store| {
            test(StoreOutbox::new(store));
        });
    }

    const fn id(sequence: u64) -> EntryId {
        EntryId {
            device: B256([7; 32]),
            sequence,
        }
    }

    const ACCOUNT: Account = Account {
        chain_id: 31_337,
        address: Address([0x11; 20]),
    };

    const fn call(to: Option<Address>, value: u64, data: &[u8]) -> Intent<'_> {
        Intent {
            to,
            value: Wei::from_u64(value),
            data: CallData::Bytes(data),
        }
    }

    fn put(outbox: &mut StoreOutbox<'_, '_, Flash>, sequence: u64) -> Put {
        let intent = call(Some(Address([0x42; 20])), 1, DATA);
        block_on(outbox.put(id(sequence), B256([1; 32]), None, &intent)).unwrap()
    }

    fn attempt(fee: U256, is_cancel: bool) -> Attempt {
        Attempt {
            fees: Fees {
                max_fee_per_gas: Wei(fee),
                max_priority_fee_per_gas: Wei(fee),
            },
            gas_limit: u64::MAX,
            signature: [0x5a; 64],
            is_y_odd: true,
            is_cancel,
            hash: B256([3; 32]),
        }
    }

    fn inclusion(number: u64) -> Inclusion {
        Inclusion {
            hash: B256([3; 32]),
            block_hash: B256([4; 32]),
            block_number: number,
            gas_used: number,
            is_success: true,
        }
    }

    /// The largest fee that is written.
    fn most() -> U256 {
        U256::from_be_slice(&[0xff; FEE_LEN]).unwrap()
    }

    /// Of each kind one; the last is the longest that there is.
    fn entries() -> Vec<Entry> {
        let queued = Entry::QUEUED;
        let mut signed = queued.clone();
        signed.phase = Phase::Signed;
        signed.attempts.push(attempt(U256::ZERO, false)).unwrap();
        let mut given_up = signed.clone();
        given_up.given_up = Some(GivenUp::Expired);
        given_up.attempts.push(attempt(most(), true)).unwrap();
        given_up.phase = Phase::Sent;
        let mut mined = given_up.clone();
        mined.inclusion = Some(inclusion(1));
        mined.phase = Phase::Included;
        let ends = [
            Phase::Final,
            Phase::Failed(FailReason::Reverted),
            Phase::Failed(FailReason::NonceTaken),
            Phase::Failed(FailReason::Cancelled),
            Phase::Expired,
        ];
        let ended = ends.map(|phase| Entry {
            phase,
            ..mined.clone()
        });
        let mut bare = queued.clone();
        bare.phase = Phase::Failed(FailReason::Cancelled);
        bare.given_up = Some(GivenUp::Cancelled);
        let mut longest = mined.clone();
        longest.inclusion = Some(inclusion(u64::MAX));
        longest.attempts.clear();
        while longest.attempts.push(attempt(most(), true)).is_ok() {}
        let mut all = vec![queued, signed, given_up, mined, bare];
        all.extend(ended);
        all.push(longest);
        all
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        with_outbox(|mut outbox| {
            put(&mut outbox, 0);
            for entry in entries() {
                block_on(outbox.update(id(0), &entry)).unwrap();
                assert_eq!(block_on(outbox.entry(id(0))), Ok(Some(entry)));
            }
        });
    }

    #[test]
    fn the_longest_entry_has_the_length_that_is_kept_for_it() {
        let lens: Vec<_> = entries().iter().map(Encode::encoded_len).collect();
        assert_eq!(lens.iter().max(), Some(&Entry::MAX_ENCODED_LEN));
        assert_eq!(lens.last(), Some(&Entry::MAX_ENCODED_LEN));
        assert_eq!(lens.first(), Some(&0), "a queued entry takes nothing");
    }

    #[test]
    fn an_entry_that_would_not_read_back_is_refused() {
        with_store(2 * Entry::MAX_ENCODED_LEN, |store| {
            let mut outbox = StoreOutbox::new(store);
            put(&mut outbox, 0);
            let mut entry = Entry::QUEUED;
            entry.phase = Phase::Signed;
            while entry.attempts.push(attempt(U256::MAX, true)).is_ok() {}
            let max = Entry::MAX_ENCODED_LEN;
            let error = block_on(outbox.update(id(0), &entry)).unwrap_err();
            assert_eq!(error, StoreError::TooLong { max }.into());
            assert_eq!(block_on(outbox.entry(id(0))), Ok(Some(Entry::QUEUED)));
        });
    }

    #[test]
    fn an_intent_reads_back_with_room_for_the_overhead() {
        with_outbox(|mut outbox| {
            let intents = [
                call(Some(Address([0x42; 20])), 1, DATA),
                call(None, 0, DATA),
                Intent {
                    value: Wei(U256::MAX),
                    ..call(Some(Address([0x42; 20])), 0, &[])
                },
            ];
            for (sequence, intent) in (0..).zip(&intents) {
                block_on(outbox.put(id(sequence), B256::ZERO, None, intent)).unwrap();
                let mut buf = [0; Intent::MAX_ENCODED_OVERHEAD + DATA.len()];
                let read = block_on(outbox.intent(id(sequence), &mut buf)).unwrap();
                let read = read.expect("it was put");
                assert_eq!((read.to, read.value), (intent.to, intent.value));
                let (mut one, mut other) = (Vec::new(), Vec::new());
                one.resize(read.data.encoded_len(), 0);
                other.resize(intent.data.encoded_len(), 0);
                read.data.encode_into(&mut one).unwrap();
                intent.data.encode_into(&mut other).unwrap();
                assert_eq!(one, other);
            }
            let overhead = intents[2].encoded_len();
            assert_eq!(overhead, Intent::MAX_ENCODED_OVERHEAD);
        });
    }

    #[test]
    fn a_short_buffer_is_an_error_that_says_what_it_takes() {
        with_outbox(|mut outbox| {
            put(&mut outbox, 0);
            let error = block_on(outbox.intent(id(0), &mut [0; 10])).unwrap_err();
            let StoreOutboxError::Store(StoreError::BufferTooSmall { needed }) = error else {
                panic!("{error:?}")
            };
            let mut buf = vec![0; needed];
            assert!(block_on(outbox.intent(id(0), &mut buf)).unwrap().is_some());
        });
    }

    #[test]
    fn a_name_serves_once_even_after_its_entry_is_gone() {
        with_outbox(|mut outbox| {
            assert_eq!(put(&mut outbox, 0), Put::Added);
            assert_eq!(put(&mut outbox, 0), Put::Existed);
            let ended = Entry {
                phase: Phase::Expired,
                ..Entry::QUEUED
            };
            block_on(outbox.update(id(0), &ended)).unwrap();
            assert_eq!(block_on(outbox.store().clear_settled()), Ok(1));
            assert_eq!(block_on(outbox.entry(id(0))), Ok(None));
            assert_eq!(put(&mut outbox, 0), Put::Existed);
            assert_eq!(put(&mut outbox, 1), Put::Added);
        });
    }

    #[test]
    fn the_expiry_and_the_record_of_an_entry_are_kept() {
        with_outbox(|mut outbox| {
            let intent = call(None, 0, DATA);
            block_on(outbox.put(id(5), B256([9; 32]), Some(77), &intent)).unwrap();
            let entry = block_on(outbox.entry(id(5))).unwrap().unwrap();
            assert_eq!(entry.expires_s, Some(77));
            let place = block_on(outbox.store().device(id(5).device))
                .unwrap()
                .unwrap();
            assert_eq!((place.next_sequence, place.last_hash), (6, B256([9; 32])));
        });
    }

    #[test]
    fn nonces_go_up_and_an_entry_keeps_its_own() {
        with_outbox(|mut outbox| {
            for sequence in 0..4 {
                put(&mut outbox, sequence);
            }
            let mut reserve = |sequence, floor| {
                block_on(outbox.reserve_nonce(id(sequence), ACCOUNT, floor)).unwrap()
            };
            assert_eq!(reserve(0, 5), 5);
            assert_eq!(reserve(1, 0), 6);
            assert_eq!(reserve(0, 9), 5, "it has one");
            assert_eq!(reserve(2, 9), 9);
            assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(Some(10)));
            block_on(outbox.raise_nonce(ACCOUNT, 7)).unwrap();
            assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(Some(10)));
            block_on(outbox.raise_nonce(ACCOUNT, 12)).unwrap();
            let nonce = block_on(outbox.reserve_nonce(id(3), ACCOUNT, 0)).unwrap();
            assert_eq!(nonce, 12);
        });
    }

    #[test]
    fn accounts_of_other_chains_and_addresses_have_journals_of_their_own() {
        let other_chain = Account {
            chain_id: 1,
            ..ACCOUNT
        };
        let other_address = Account {
            address: Address([0x12; 20]),
            ..ACCOUNT
        };
        assert_ne!(ACCOUNT.name(), other_chain.name());
        assert_ne!(ACCOUNT.name(), other_address.name());
        with_outbox(|mut outbox| {
            block_on(outbox.raise_nonce(ACCOUNT, 3)).unwrap();
            assert_eq!(block_on(outbox.next_nonce(other_chain)), Ok(None));
            block_on(outbox.raise_nonce(other_address, 1)).unwrap();
            assert_eq!(block_on(outbox.next_nonce(ACCOUNT)), Ok(Some(3)));
            assert_eq!(block_on(outbox.next_nonce(other_address)), Ok(Some(1)));
        });
    }

    #[test]
    fn open_entries_come_in_order_and_settled_ones_do_not() {
        with_outbox(|mut outbox| {
            for sequence in 0..3 {
                put(&mut outbox, sequence);
            }
            let ended = Entry {
                phase: Phase::Failed(FailReason::Reverted),
                ..Entry::QUEUED
            };
            block_on(outbox.update(id(1), &ended)).unwrap();
            assert_eq!(block_on(outbox.next_open(None)), Ok(Some(id(0))));
            assert_eq!(block_on(outbox.next_open(Some(id(0)))), Ok(Some(id(2))));
            assert_eq!(block_on(outbox.next_open(Some(id(2)))), Ok(None));
            let error = block_on(outbox.next_open(Some(id(9)))).unwrap_err();
            assert_eq!(error, StoreError::NoSuchEntry.into());
        });
    }

    #[test]
    fn an_entry_that_is_not_there_is_not_updated() {
        with_outbox(|mut outbox| {
            let error = block_on(outbox.update(id(0), &Entry::QUEUED)).unwrap_err();
            assert_eq!(error, StoreError::<FlashError>::NoSuchEntry.into());
            assert_eq!(block_on(outbox.entry(id(0))), Ok(None));
        });
    }

    fn bytes_of(value: &dyn Encode) -> Vec<u8> {
        let mut bytes = vec![0; value.encoded_len()];
        value.encode_into(&mut bytes).unwrap();
        bytes
    }

    fn status(phase: store::Phase) -> store::Status {
        store::Status {
            phase,
            nonce: Some(1),
            expires_s: None,
        }
    }

    fn read(state: &[u8]) -> core::result::Result<Entry, FormatError> {
        read_entry(&status(store::Phase::Sent), state)
    }

    #[test]
    fn a_state_that_is_cut_or_too_long_is_an_error() {
        let [.., longest] = &entries()[..] else {
            unreachable!()
        };
        let bytes = bytes_of(longest);
        assert!(read(&bytes).is_ok());
        for len in 1..bytes.len() {
            assert_eq!(read(&bytes[..len]), Err(FormatError::Truncated), "{len}");
        }
        let more = [&bytes[..], &[0]].concat();
        assert_eq!(read(&more), Err(FormatError::TrailingBytes));
    }

    #[test]
    fn a_state_with_a_field_of_no_meaning_is_an_error() {
        let bad = Err(FormatError::BadField);
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes_of(&entries()[2]);
            bytes[at] = byte;
            read(&bytes)
        };
        assert!(with(2, 2).is_ok());
        assert_eq!(with(0, 2), Err(FormatError::UnknownVersion { found: 2 }));
        assert_eq!(with(1, 4), bad, "reason");
        assert_eq!(with(1, 1), bad, "failed, and still on its way");
        assert_eq!(with(2, 3), bad, "given up");
        assert_eq!(with(4, 4), bad, "flags");
        assert_eq!(with(5, 9), bad, "gas limit of nine bytes");
        assert_eq!(with(6, 0), bad, "leading zero");
        assert_eq!(read(&[1, 0, 0, 0, 0]), bad, "nothing at all");
        let last = bytes_of(&entries()[2]).len() - 1;
        assert_eq!(with(last, 2), bad, "included");
    }

    #[test]
    fn more_attempts_than_an_entry_holds_are_an_error() {
        let [.., longest] = &entries()[..] else {
            unreachable!()
        };
        let mut bytes = bytes_of(longest);
        bytes[3] += 1;
        let attempt = bytes[4..4 + ATTEMPT_LEN].to_vec();
        bytes.splice(4..4, attempt);
        assert_eq!(read(&bytes), Err(FormatError::BadField));
    }

    #[test]
    fn a_reason_stands_with_failed_entries_alone() {
        let failed = status(store::Phase::Failed);
        assert_eq!(read_entry(&failed, &[]), Err(FormatError::BadField));
        let bytes = bytes_of(&entries()[1]);
        assert_eq!(read_entry(&failed, &bytes), Err(FormatError::BadField));
    }

    #[test]
    fn no_bytes_make_the_readers_panic() {
        let mut rng = SeededRng::from_env(0x57_0e);
        for _ in 0..coracle_testkit::rounds(2_000, 200_000) {
            let mut bytes = bytes_of(&entries()[rng.below(entries().len())]);
            for _ in 0..rng.below(4) {
                if !bytes.is_empty() {
                    let at = rng.below(bytes.len());
                    bytes[at] = rng.next_word().to_le_bytes()[0];
                }
            }
            let len = rng.below(bytes.len() + 1);
            for bytes in [&bytes[..], &bytes[..len]] {
                // What is read is written back as it stood: there is one encoding.
                if let Ok(entry) = read(bytes) {
                    assert_eq!(bytes_of(&entry), bytes);
                }
                if let Ok(intent) = read_intent(bytes) {
                    assert_eq!(bytes_of(&intent), bytes);
                }
            }
        }
    }

    #[test]
    fn an_intent_with_a_field_of_no_meaning_is_an_error() {
        let bytes = bytes_of(&call(Some(Address([0x42; 20])), 1, DATA));
        let with = |at: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = byte;
            read_intent(&bytes).map(drop)
        };
        let bad = Err(FormatError::BadField);
        assert_eq!(with(0, 0), Err(FormatError::UnknownVersion { found: 0 }));
        assert_eq!(with(1, 2), bad, "called");
        assert_eq!(with(22, 33), bad, "value of 33 bytes");
        assert_eq!(with(23, 0), bad, "leading zero");
        for len in 0..24 {
            let cut = read_intent(&bytes[..len]).map(drop);
            assert_eq!(cut, Err(FormatError::Truncated), "{len}");
        }
    }
}
