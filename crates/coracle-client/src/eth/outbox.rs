//! What must survive a power cut, and the interface to whatever keeps it.

use coracle_core::{Address, B256, Error, Wei};
use coracle_eth::tx::CallData;

use crate::{EntryId, Put};

/// What a transaction is to do.
#[derive(Clone, Copy, Debug)]
pub struct Intent<'a> {
    /// The contract or account that is called; `None` creates a contract.
    pub to: Option<Address>,
    /// What is moved.
    pub value: Wei,
    /// Call data.
    pub data: CallData<'a>,
}

/// An account on a chain; nonces count per account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Account {
    /// The chain.
    pub chain_id: u64,
    /// The account.
    pub address: Address,
}

/// What a transaction pays per unit of gas.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fees {
    /// In all, at most; the gas price on chains without a base fee.
    pub max_fee_per_gas: Wei,
    /// To the block's producer, at most; unused on chains without a base fee.
    pub max_priority_fee_per_gas: Wei,
}

/// One signed transaction for an entry. With the intent and the nonce it gives the same
/// bytes again, so nothing is ever signed twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Attempt {
    /// What it pays.
    pub fees: Fees,
    /// Gas that it may use.
    pub gas_limit: u64,
    /// `r || s`.
    pub signature: [u8; 64],
    /// The parity of the signature.
    pub is_y_odd: bool,
    /// Whether it moves nothing to ourselves, in place of what the entry was to do.
    pub is_cancel: bool,
    /// Its hash, computed here.
    pub hash: B256,
}

/// Where a transaction was mined, as nodes tell it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Inclusion {
    /// The transaction: one of the attempts.
    pub hash: B256,
    /// The block.
    pub block_hash: B256,
    /// The block's number.
    pub block_number: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Whether it did what it was to do; `false` for a revert.
    pub is_success: bool,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Phase {
    /// Nothing was done yet.
    Queued,
    /// A nonce is set aside for it.
    Reserved,
    /// A transaction is signed; it is not known whether a node has it.
    Signed,
    /// A node took it.
    Sent,
    /// A block holds it; the block may still be replaced.
    Included,
    /// A block holds it that will not be replaced.
    Final,
    /// It cannot succeed any more.
    Failed(FailReason),
    /// Its time ran out, and none of its transactions will be mined.
    Expired,
}

/// Why an entry failed for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum FailReason {
    /// The contract reverted; the nonce is used.
    Reverted = 1,
    /// A transaction that is not ours was mined under its nonce.
    NonceTaken = 2,
    /// The owner gave it up, and none of its transactions will be mined.
    Cancelled = 3,
}

impl FailReason {
    /// In the order of their numbers, from 1.
    #[cfg(feature = "store")]
    pub(super) const ALL: [Self; 3] = [Self::Reverted, Self::NonceTaken, Self::Cancelled];
}

/// Why an entry is not wanted any more.
///
/// One that has a nonce is open until something is mined under it: another transaction
/// takes its place there, or the entry's own makes it after all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum GivenUp {
    /// The owner said so.
    Cancelled = 1,
    /// Its time ran out.
    Expired = 2,
}

impl GivenUp {
    /// In the order of their numbers, from 1.
    #[cfg(feature = "store")]
    pub(super) const ALL: [Self; 2] = [Self::Cancelled, Self::Expired];

    /// How far an entry is that ends so.
    pub(super) const fn phase(self) -> Phase {
        match self {
            Self::Cancelled => Phase::Failed(FailReason::Cancelled),
            Self::Expired => Phase::Expired,
        }
    }
}

/// What is known of an entry, apart from its intent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Entry {
    /// How far it is.
    pub phase: Phase,
    /// The nonce that is set aside for it; from [`Phase::Reserved`] on.
    pub nonce: Option<u64>,
    /// When it is of no use any more, in Unix seconds.
    pub expires_s: Option<u64>,
    /// Why it is not wanted any more.
    pub given_up: Option<GivenUp>,
    /// Its transactions, the newest last; all under the same nonce, so at most one of
    /// them is ever mined.
    pub attempts: heapless::Vec<Attempt, { Self::MAX_ATTEMPTS }>,
    /// Where it was mined; from [`Phase::Included`] on.
    pub inclusion: Option<Inclusion>,
}

impl Entry {
    /// Fee bumps are bounded by this many transactions, the last of which is for giving
    /// up: an entry that cannot be given up would be waited for by all after it.
    pub const MAX_ATTEMPTS: usize = 4;

    /// An entry of which nothing is done yet.
    pub const QUEUED: Self = Self {
        phase: Phase::Queued,
        nonce: None,
        expires_s: None,
        given_up: None,
        attempts: heapless::Vec::new(),
        inclusion: None,
    };

    /// Whether there is something left to do.
    pub const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Final | Phase::Failed(_) | Phase::Expired)
    }
}

/// A durable queue of intents and the journal of nonces.
///
/// Whatever a method is given is durable when it returns `Ok`, and wholly absent when it
/// returns an error: the client sends nothing before it is written down.
#[expect(async_fn_in_trait, reason = "executors of devices are single-threaded")]
pub trait Outbox {
    /// Why the store failed.
    type Error: Error;

    /// Adds an intent, unless an entry of this name is there.
    ///
    /// `record` is the hash of what is reported: with it the next one is chained to this
    /// one. From `expires_s` on, in Unix seconds, the entry is of no use any more.
    ///
    /// # Errors
    ///
    /// The store's own, such as a full queue.
    ///
    /// # Cancel safety
    ///
    /// The entry is there whole or not at all.
    async fn put(
        &mut self,
        id: EntryId,
        record: B256,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> Result<Put, Self::Error>;

    /// What is known of an entry; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    async fn entry(&mut self, id: EntryId) -> Result<Option<Entry>, Self::Error>;

    /// The intent of an entry, its call data in `buf`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The store's own, one of which says that `buf` is too short.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing but `buf`.
    async fn intent<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> Result<Option<Intent<'b>>, Self::Error>;

    /// Replaces what is known of an entry.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// Either the old or the new state is there.
    async fn update(&mut self, id: EntryId, entry: &Entry) -> Result<(), Self::Error>;

    /// Sets a nonce aside for an entry and moves it to [`Phase::Reserved`]: the next of
    /// the account's journal, or `floor` where that is higher or there is no journal. An
    /// entry that has one keeps it.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// The journal may skip a number, it never gives one twice.
    async fn reserve_nonce(
        &mut self,
        id: EntryId,
        account: Account,
        floor: u64,
    ) -> Result<u64, Self::Error>;

    /// The next nonce of the account's journal; `None` before the first.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    async fn next_nonce(&mut self, account: Account) -> Result<Option<u64>, Self::Error>;

    /// Nonces below `floor` are not given any more.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// Either the old or the new number is there.
    async fn raise_nonce(&mut self, account: Account, floor: u64) -> Result<(), Self::Error>;

    /// The first open entry after `after`, in the order in which they were put.
    ///
    /// # Errors
    ///
    /// The store's own.
    ///
    /// # Cancel safety
    ///
    /// Changes nothing.
    async fn next_open(&mut self, after: Option<EntryId>) -> Result<Option<EntryId>, Self::Error>;
}

/// Hands the futures on as they are: another layer of them would take flash for nothing.
impl<O: Outbox + ?Sized> Outbox for &mut O {
    type Error = O::Error;

    fn put(
        &mut self,
        id: EntryId,
        record: B256,
        expires_s: Option<u64>,
        intent: &Intent<'_>,
    ) -> impl Future<Output = Result<Put, Self::Error>> {
        O::put(self, id, record, expires_s, intent)
    }

    fn entry(&mut self, id: EntryId) -> impl Future<Output = Result<Option<Entry>, Self::Error>> {
        O::entry(self, id)
    }

    fn intent<'b>(
        &mut self,
        id: EntryId,
        buf: &'b mut [u8],
    ) -> impl Future<Output = Result<Option<Intent<'b>>, Self::Error>> {
        O::intent(self, id, buf)
    }

    fn update(
        &mut self,
        id: EntryId,
        entry: &Entry,
    ) -> impl Future<Output = Result<(), Self::Error>> {
        O::update(self, id, entry)
    }

    fn reserve_nonce(
        &mut self,
        id: EntryId,
        account: Account,
        floor: u64,
    ) -> impl Future<Output = Result<u64, Self::Error>> {
        O::reserve_nonce(self, id, account, floor)
    }

    fn next_nonce(
        &mut self,
        account: Account,
    ) -> impl Future<Output = Result<Option<u64>, Self::Error>> {
        O::next_nonce(self, account)
    }

    fn raise_nonce(
        &mut self,
        account: Account,
        floor: u64,
    ) -> impl Future<Output = Result<(), Self::Error>> {
        O::raise_nonce(self, account, floor)
    }

    fn next_open(
        &mut self,
        after: Option<EntryId>,
    ) -> impl Future<Output = Result<Option<EntryId>, Self::Error>> {
        O::next_open(self, after)
    }
}
