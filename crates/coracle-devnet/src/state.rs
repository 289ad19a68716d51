//! Accounts, and the way back to what they were.
//!
//! Only the latest state is kept. Every change leaves an [`Undo`], so that an
//! older state is the latest one with the undos of later blocks applied.

use std::collections::{BTreeMap, HashMap};

use alloy_rlp::Encodable;
use core::convert::Infallible;
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    primitives::{Address, B256, Bytes, KECCAK_EMPTY, U256, keccak256},
    state::{AccountInfo, EvmState},
};

use crate::{block::Block, rlp::list, trie};

#[derive(Clone, Debug)]
struct Account {
    info: Info,
    storage: BTreeMap<U256, U256>,
    /// Forgotten when a slot changes.
    storage_root: Option<B256>,
}

#[derive(Clone, Copy, Debug)]
struct Info {
    balance: U256,
    nonce: u64,
    code_hash: B256,
}

impl Info {
    const EMPTY: Self = Self {
        balance: U256::ZERO,
        nonce: 0,
        code_hash: KECCAK_EMPTY,
    };
}

/// One step back.
#[derive(Clone, Debug)]
pub(crate) struct Undo(Step);

#[derive(Clone, Debug)]
enum Step {
    /// The account was not there.
    Created(Address),
    /// Its balance, nonce and code were these.
    Info(Address, Info),
    /// The slot held this.
    Slot(Address, U256, U256),
    /// The account was this before it went.
    Removed(Address, Account),
}

/// All accounts at one point of the chain.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    accounts: HashMap<Address, Account>,
    codes: HashMap<B256, Bytecode>,
}

impl State {
    /// Takes over what a transaction changed.
    pub(crate) fn commit(&mut self, changes: EvmState, undos: &mut Vec<Undo>) {
        for (address, account) in changes {
            if !account.is_touched() {
                continue;
            }
            // EIP-161: a touched account that is empty does not exist. EIP-6780:
            // an account is destroyed only where it was made, so its slots are
            // not in the map yet.
            if account.is_selfdestructed() || account.info.is_empty() {
                self.remove(address, undos);
                continue;
            }
            let info = Info {
                balance: account.info.balance,
                nonce: account.info.nonce,
                code_hash: account.info.code_hash,
            };
            if let Some(code) = account.info.code.filter(|code| !code.is_empty()) {
                self.codes.entry(info.code_hash).or_insert(code);
            }
            self.set_info(address, info, undos);
            for (slot, value) in account.storage {
                if value.is_changed() {
                    self.set_slot(address, slot, value.present_value(), undos);
                }
            }
        }
    }

    /// Gives `address` a balance out of nothing.
    pub(crate) fn set_balance(&mut self, address: Address, wei: U256, undos: &mut Vec<Undo>) {
        let info = Info {
            balance: wei,
            ..self.info(address)
        };
        self.set_info(address, info, undos);
    }

    /// Takes the changes back, the last one first.
    pub(crate) fn undo<'a>(&mut self, undos: impl DoubleEndedIterator<Item = &'a Undo>) {
        for Undo(step) in undos.rev() {
            match step {
                Step::Created(address) => {
                    self.accounts.remove(address);
                }
                Step::Info(address, info) => self.entry(*address).info = *info,
                Step::Slot(address, slot, value) => self.put_slot(*address, *slot, *value),
                Step::Removed(address, account) => {
                    self.accounts.insert(*address, account.clone());
                }
            }
        }
    }

    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.info(address).balance
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.info(address).nonce
    }

    pub(crate) fn code(&self, address: Address) -> Bytes {
        let code = self.codes.get(&self.info(address).code_hash);
        code.map(Bytecode::original_bytes).unwrap_or_default()
    }

    /// Root of the account trie. Walks every account, and every slot of the
    /// accounts whose storage changed since the last call.
    pub(crate) fn root(&mut self) -> B256 {
        let leaves = self.accounts.iter_mut().map(|(address, account)| {
            let key = keccak256(address).to_vec();
            let storage_root = *account
                .storage_root
                .get_or_insert_with(|| storage_root(&account.storage));
            (key, leaf(&account.info, storage_root))
        });
        trie::root(leaves)
    }

    fn info(&self, address: Address) -> Info {
        let account = self.accounts.get(&address);
        account.map_or(Info::EMPTY, |account| account.info)
    }

    fn entry(&mut self, address: Address) -> &mut Account {
        self.accounts.entry(address).or_insert_with(|| Account {
            info: Info::EMPTY,
            storage: BTreeMap::new(),
            storage_root: None,
        })
    }

    fn set_info(&mut self, address: Address, info: Info, undos: &mut Vec<Undo>) {
        let before = self.accounts.get(&address);
        undos.push(Undo(match before {
            Some(account) => Step::Info(address, account.info),
            None => Step::Created(address),
        }));
        self.entry(address).info = info;
    }

    fn set_slot(&mut self, address: Address, slot: U256, value: U256, undos: &mut Vec<Undo>) {
        let before = self.slot(address, slot);
        undos.push(Undo(Step::Slot(address, slot, before)));
        self.put_slot(address, slot, value);
    }

    fn put_slot(&mut self, address: Address, slot: U256, value: U256) {
        let account = self.entry(address);
        account.storage_root = None;
        if value.is_zero() {
            account.storage.remove(&slot);
        } else {
            account.storage.insert(slot, value);
        }
    }

    fn slot(&self, address: Address, slot: U256) -> U256 {
        let account = self.accounts.get(&address);
        let value = account.and_then(|account| account.storage.get(&slot));
        value.copied().unwrap_or_default()
    }

    fn remove(&mut self, address: Address, undos: &mut Vec<Undo>) {
        if let Some(account) = self.accounts.remove(&address) {
            undos.push(Undo(Step::Removed(address, account)));
        }
    }
}

fn storage_root(storage: &BTreeMap<U256, U256>) -> B256 {
    trie::root(storage.iter().map(|(slot, value)| {
        let key = keccak256(slot.to_be_bytes::<32>()).to_vec();
        (key, alloy_rlp::encode(value))
    }))
}

fn leaf(info: &Info, storage_root: B256) -> Vec<u8> {
    let mut payload = Vec::new();
    info.nonce.encode(&mut payload);
    info.balance.encode(&mut payload);
    storage_root.encode(&mut payload);
    info.code_hash.encode(&mut payload);
    list(&payload)
}

/// What the EVM reads: a state, and the blocks below the one it works on.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) state: &'a State,
    pub(crate) blocks: &'a [Block],
}

impl DatabaseRef for View<'_> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let account = self.state.accounts.get(&address);
        Ok(account.map(|account| AccountInfo {
            balance: account.info.balance,
            nonce: account.info.nonce,
            code_hash: account.info.code_hash,
            code: None,
            ..AccountInfo::default()
        }))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self
            .state
            .codes
            .get(&code_hash)
            .cloned()
            .unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.state.slot(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(self
            .blocks
            .get(index)
            .map(|block| block.hash)
            .unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use revm::primitives::hex;

    use super::*;

    /// An account of the public trie tests (`hex_encoded_securetrie_test`).
    #[test]
    fn leaf_is_the_account_of_the_public_trie_tests() {
        let info = Info {
            nonce: 1,
            balance: U256::from(0x05f4_46a7),
            code_hash: KECCAK_EMPTY,
        };
        let expected = "f848018405f446a7a056e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb\
                        5e363b421a0c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(
            hex::encode(leaf(&info, storage_root(&BTreeMap::new()))),
            expected
        );
    }

    #[test]
    fn undo_restores_the_root() {
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut state = State::default();
        state.set_balance(a, U256::from(5), &mut Vec::new());
        state.set_slot(a, U256::ZERO, U256::from(9), &mut Vec::new());
        let before = state.root();

        let mut undos = Vec::new();
        state.set_balance(a, U256::from(6), &mut undos);
        state.set_slot(a, U256::ZERO, U256::ZERO, &mut undos);
        state.set_slot(a, U256::from(1), U256::from(1), &mut undos);
        state.set_balance(b, U256::from(1), &mut undos);
        state.set_slot(b, U256::from(1), U256::from(1), &mut undos);
        state.remove(a, &mut undos);
        assert_ne!(state.root(), before);
        state.undo(undos.iter());
        assert_eq!(state.root(), before);
        assert_eq!(state.slot(a, U256::ZERO), U256::from(9));
    }
}
