//! Transactions that wait for a block.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use revm::primitives::{Address, B256, U256};

use crate::{refusal::Refusal, tx::Transaction};

/// Transactions the pool holds at most.
const MAX_TRANSACTIONS: usize = 4096;

/// A replacement pays at least this many percent more, tip and cap alike.
const REPLACEMENT_PERCENT: u128 = 10;

#[derive(Clone, Debug)]
struct Waiting {
    tx: Arc<Transaction>,
    /// Counts arrivals: of two equal tips the older one goes first.
    arrival: u64,
}

/// At most one transaction for each sender and nonce.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    waiting: BTreeMap<(Address, u64), Waiting>,
    places: HashMap<B256, (Address, u64)>,
    arrivals: u64,
}

impl Pool {
    /// Adds `tx`, or puts it in the place of one with the same nonce.
    pub(crate) fn insert(&mut self, tx: Arc<Transaction>) -> Result<(), Refusal> {
        let place = (tx.sender, tx.nonce);
        match self.waiting.get(&place) {
            Some(old) if !outbids(&tx, &old.tx) => return Err(Refusal::Underpriced),
            None if self.waiting.len() >= MAX_TRANSACTIONS => return Err(Refusal::PoolFull),
            _ => {}
        }
        self.put(place, tx);
        Ok(())
    }

    /// Takes back a transaction of a dropped block, unless its place is taken.
    pub(crate) fn restore(&mut self, tx: Arc<Transaction>) {
        let place = (tx.sender, tx.nonce);
        if !self.waiting.contains_key(&place) {
            self.put(place, tx);
        }
    }

    /// Removes the transaction with this hash.
    pub(crate) fn remove(&mut self, hash: B256) -> Option<Arc<Transaction>> {
        let place = self.places.remove(&hash)?;
        self.waiting.remove(&place).map(|waiting| waiting.tx)
    }

    pub(crate) fn get(&self, hash: B256) -> Option<&Arc<Transaction>> {
        let place = self.places.get(&hash)?;
        self.waiting.get(place).map(|waiting| &waiting.tx)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Transaction>> {
        self.waiting.values().map(|waiting| &waiting.tx)
    }

    /// The nonce after the last one that waits without a gap from `next` on.
    pub(crate) fn next_nonce(&self, sender: Address, next: u64) -> u64 {
        let mut nonce = next;
        while self.waiting.contains_key(&(sender, nonce)) {
            nonce += 1;
        }
        nonce
    }

    /// What all others of `tx`'s sender cost at most, the one it replaces left out.
    pub(crate) fn cost_of_others(&self, tx: &Transaction) -> U256 {
        let sender = (tx.sender, 0)..=(tx.sender, u64::MAX);
        self.waiting
            .range(sender)
            .filter(|((_, nonce), _)| *nonce != tx.nonce)
            .fold(U256::ZERO, |sum, (_, waiting)| {
                sum.saturating_add(waiting.tx.max_cost())
            })
    }

    /// The best paying transaction that is its sender's next one and that
    /// `fits`; the older one of two equals.
    pub(crate) fn best(
        &self,
        base_fee: u64,
        nonce_of: impl Fn(Address) -> u64,
        fits: impl Fn(&Transaction) -> bool,
    ) -> Option<Arc<Transaction>> {
        self.waiting
            .iter()
            .filter(|((sender, nonce), _)| nonce_of(*sender) == *nonce)
            .filter(|(_, waiting)| fits(&waiting.tx))
            .filter_map(|(_, waiting)| {
                let tip = waiting.tx.effective_tip(base_fee)?;
                Some((tip, core::cmp::Reverse(waiting.arrival), &waiting.tx))
            })
            .max_by_key(|(tip, arrival, _)| (*tip, *arrival))
            .map(|(_, _, tx)| Arc::clone(tx))
    }

    fn put(&mut self, place: (Address, u64), tx: Arc<Transaction>) {
        self.arrivals += 1;
        let hash = tx.hash;
        let arrival = self.arrivals;
        if let Some(old) = self.waiting.insert(place, Waiting { tx, arrival }) {
            self.places.remove(&old.tx.hash);
        }
        self.places.insert(hash, place);
    }
}

fn outbids(new: &Transaction, old: &Transaction) -> bool {
    raised(new.max_fee, old.max_fee) && raised(new.max_priority_fee, old.max_priority_fee)
}

/// True if `new` is more than `old` by at least the replacement percentage,
/// the bound rounded down.
fn raised(new: u128, old: u128) -> bool {
    let bound = U256::from(old) * U256::from(100 + REPLACEMENT_PERCENT) / U256::from(100);
    new > old && U256::from(new) >= bound
}
