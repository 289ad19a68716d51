//! The chain: blocks, state and pool. Knows neither JSON nor sockets.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use revm::{
    context::result::{ExecutionResult, HaltReason},
    primitives::{
        Address, B256, Bytes, U256,
        alloy_primitives::{Bloom, logs_bloom},
        eip3860, keccak256,
    },
};

use crate::{
    block::{Block, BlockRef, Mined, Receipt},
    config::{Clock, Config, Mining},
    evm::{self, Call, Executed, Outcome},
    header::Header,
    pool::Pool,
    refusal::Refusal,
    state::{State, Undo, View},
    trie,
    tx::{Transaction, TxType},
};

/// Longest raw transaction, as in geth.
const MAX_TX_LEN: usize = 128 * 1024;

/// Too little gas for any transaction.
const TOO_LITTLE_GAS: u64 = 20_999;

/// What becomes of the transactions of dropped blocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Orphans {
    /// They wait in the pool again.
    ToPool,
    /// They are gone, as if no node had kept them.
    Forget,
}

/// Why a gas limit could not be estimated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EstimateError {
    /// The transaction would not be taken at all.
    Refused(Refusal),
    /// It fails with every gas limit.
    Failed(Outcome),
    /// It fails within the most gas it may have.
    Allowance(u64),
}

impl From<Refusal> for EstimateError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) config: Config,
    blocks: Vec<Block>,
    state: State,
    pool: Pool,
    /// Height and place of every mined transaction.
    places: HashMap<B256, (usize, usize)>,
    /// Counts reorgs.
    forks: u64,
}

impl Chain {
    pub(crate) fn new(config: Config) -> Self {
        let mut state = State::default();
        for (address, wei) in &config.funded {
            // Nothing is older than block 0, so no way back is kept.
            state.set_balance(*address, *wei, &mut Vec::new());
        }
        let mut chain = Self {
            config,
            blocks: Vec::new(),
            state,
            pool: Pool::default(),
            places: HashMap::new(),
            forks: 0,
        };
        let genesis = chain.next_header();
        chain.seal(genesis, Vec::new(), Vec::new(), Vec::new());
        chain
    }

    // Blocks.

    pub(crate) fn height(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn latest(&self) -> &Block {
        &self.blocks[self.blocks.len() - 1]
    }

    pub(crate) fn block(&self, block: BlockRef) -> Option<&Block> {
        let height = self.height();
        let number = match block {
            BlockRef::Latest | BlockRef::Pending => height,
            BlockRef::Safe => height.saturating_sub(self.config.safe_depth),
            BlockRef::Finalized => height.saturating_sub(self.config.finalized_depth),
            BlockRef::Earliest => 0,
            BlockRef::Number(number) => number,
            BlockRef::Hash(hash) => return self.blocks.iter().rfind(|block| block.hash == hash),
        };
        self.blocks.get(usize::try_from(number).ok()?)
    }

    pub(crate) fn range(&self, from: u64, to: u64) -> impl Iterator<Item = &Block> {
        let inside = move |block: &&Block| (from..=to).contains(&block.header.number);
        self.blocks.iter().filter(inside)
    }

    pub(crate) fn mined(&self, hash: B256) -> Option<Mined> {
        let (height, index) = *self.places.get(&hash)?;
        let block = self.blocks.get(height)?;
        Some(Mined {
            transaction: Arc::clone(block.transactions.get(index)?),
            receipt: block.receipts.get(index)?.clone(),
            block_hash: block.hash,
            block_number: block.header.number,
            index,
            base_fee: block.header.base_fee,
        })
    }

    /// Everything `sender` got mined, oldest first.
    pub(crate) fn mined_from(&self, sender: Address) -> Vec<Mined> {
        let transactions = self.blocks.iter().flat_map(|block| &block.transactions);
        transactions
            .filter(|tx| tx.sender == sender)
            .filter_map(|tx| self.mined(tx.hash))
            .collect()
    }

    // State.

    /// The state after `block`; the latest one is not copied.
    pub(crate) fn state_at(&self, block: &Block) -> Cow<'_, State> {
        let later = &self.blocks[self.blocks.len().min(height_of(block).saturating_add(1))..];
        if later.is_empty() {
            return Cow::Borrowed(&self.state);
        }
        let mut state = self.state.clone();
        state.undo(later.iter().flat_map(|block| &block.undos));
        Cow::Owned(state)
    }

    pub(crate) fn set_balance(&mut self, address: Address, wei: U256) {
        let head = self.blocks.len() - 1;
        self.state
            .set_balance(address, wei, &mut self.blocks[head].undos);
    }

    /// Next nonce of `address`, counting what waits without a gap.
    pub(crate) fn pending_nonce(&self, address: Address) -> u64 {
        self.pool.next_nonce(address, self.state.nonce(address))
    }

    // Pool.

    pub(crate) fn waiting(&self, hash: B256) -> Option<&Arc<Transaction>> {
        self.pool.get(hash)
    }

    pub(crate) fn pool(&self) -> impl Iterator<Item = &Arc<Transaction>> {
        self.pool.all()
    }

    pub(crate) fn drop_transaction(&mut self, hash: B256) -> bool {
        self.pool.remove(hash).is_some()
    }

    /// Takes a signed transaction, and mines it where mining is automatic.
    pub(crate) fn send_raw(&mut self, raw: &[u8]) -> Result<B256, Refusal> {
        if raw.len() > MAX_TX_LEN {
            return Err(Refusal::Oversized);
        }
        let tx = Transaction::decode(raw)?;
        let hash = tx.hash;
        self.check(&tx)?;
        self.pool.insert(Arc::new(tx))?;
        if self.config.mining == Mining::Automatic {
            self.mine();
        }
        Ok(hash)
    }

    /// The pool's rules, in the order of geth.
    fn check(&self, tx: &Transaction) -> Result<(), Refusal> {
        if self.pool.get(tx.hash).is_some() {
            return Err(Refusal::AlreadyKnown);
        }
        self.check_chain(tx)?;
        self.check_gas(tx)?;
        self.check_fees(tx)?;
        let next = self.state.nonce(tx.sender);
        if tx.nonce < next {
            let have = tx.nonce;
            return Err(Refusal::NonceTooLow { next, have });
        }
        let balance = self.state.balance(tx.sender);
        let cost = tx.max_cost().saturating_add(self.pool.cost_of_others(tx));
        if cost > balance {
            return Err(Refusal::InsufficientFunds { balance, cost });
        }
        Ok(())
    }

    fn check_chain(&self, tx: &Transaction) -> Result<(), Refusal> {
        if tx.tx_type != TxType::Legacy && !self.config.typed_transactions {
            return Err(Refusal::TypeNotSupported);
        }
        let want = self.config.chain_id;
        match tx.chain_id {
            Some(have) if have != want => Err(Refusal::ChainId { have, want }),
            None if !self.config.unprotected_transactions => Err(Refusal::Unprotected),
            _ => Ok(()),
        }
    }

    fn check_gas(&self, tx: &Transaction) -> Result<(), Refusal> {
        let have = tx.gas_limit;
        if tx.to.is_none() && tx.data.len() > eip3860::MAX_INITCODE_SIZE {
            return Err(Refusal::InitCode);
        }
        if have > self.config.gas_limit {
            return Err(Refusal::BlockGasLimit);
        }
        if have > evm::TX_GAS_CAP {
            let cap = evm::TX_GAS_CAP;
            return Err(Refusal::GasCap { have, cap });
        }
        let (intrinsic, floor) = evm::initial_gas(tx);
        if have < intrinsic {
            let want = intrinsic;
            return Err(Refusal::IntrinsicGas { have, want });
        }
        if have < floor {
            let want = floor;
            return Err(Refusal::FloorGas { have, want });
        }
        Ok(())
    }

    /// A fee cap below the base fee is fine: the transaction waits.
    fn check_fees(&self, tx: &Transaction) -> Result<(), Refusal> {
        if tx.nonce == u64::MAX {
            return Err(Refusal::NonceMax);
        }
        if tx.max_priority_fee > tx.max_fee {
            return Err(Refusal::TipAboveCap);
        }
        let (have, want) = (tx.max_priority_fee, self.config.min_tip);
        if have < u128::from(want) {
            return Err(Refusal::TipTooLow { have, want });
        }
        Ok(())
    }

    // Mining.

    /// Makes one block of what waits and fits.
    pub(crate) fn mine(&mut self) -> &Block {
        let mut header = self.next_header();
        let mut transactions = Vec::new();
        let mut receipts: Vec<Receipt> = Vec::new();
        let mut undos = Vec::new();
        while let Some(tx) = self.next_transaction(&header) {
            let view = View {
                state: &self.state,
                blocks: &self.blocks,
            };
            self.pool.remove(tx.hash);
            // What the EVM refuses now, say for want of balance, is dropped.
            let Ok(done) = evm::transact(view, self.config.chain_id, &header, &tx) else {
                continue;
            };
            let Executed { result, state } = done;
            self.state.commit(state, &mut undos);
            header.gas_used += result.tx_gas_used();
            let last = receipts.last();
            let first_log = last.map_or(0, |last| last.first_log_index + last.logs.len());
            receipts.push(receipt(&tx, &header, first_log, result));
            transactions.push(tx);
        }
        self.seal(header, transactions, receipts, undos)
    }

    fn next_transaction(&self, header: &Header) -> Option<Arc<Transaction>> {
        let gas_left = header.gas_limit - header.gas_used;
        self.pool.best(
            header.base_fee,
            |sender| self.state.nonce(sender),
            |tx| tx.gas_limit <= gas_left,
        )
    }

    fn next_header(&self) -> Header {
        let parent = self.blocks.last();
        let number = self.blocks.len() as u64;
        let timestamp = self.timestamp(number);
        let mut seed = self.forks.to_be_bytes().to_vec();
        seed.extend(number.to_be_bytes());
        Header {
            parent_hash: parent.map(|parent| parent.hash).unwrap_or_default(),
            beneficiary: Address::ZERO,
            state_root: B256::ZERO,
            transactions_root: B256::ZERO,
            receipts_root: B256::ZERO,
            logs_bloom: Bloom::ZERO,
            number,
            gas_limit: self.config.gas_limit,
            gas_used: 0,
            timestamp,
            extra_data: Bytes::from(format!("coracle-devnet/{}", self.forks).into_bytes()),
            mix_hash: keccak256(seed),
            base_fee: parent.map_or(self.config.base_fee, |parent| parent.header.next_base_fee()),
        }
    }

    fn timestamp(&self, number: u64) -> u64 {
        let genesis = self.config.genesis_timestamp;
        let Some(parent) = self.blocks.last() else {
            return genesis;
        };
        match self.config.clock {
            Clock::PerBlock { seconds } => genesis.saturating_add(number.saturating_mul(seconds)),
            Clock::Host => unix_now().max(parent.header.timestamp + 1),
        }
    }

    /// Fills in the roots and puts the block on the chain.
    fn seal(
        &mut self,
        mut header: Header,
        transactions: Vec<Arc<Transaction>>,
        receipts: Vec<Receipt>,
        undos: Vec<Undo>,
    ) -> &Block {
        let pairs = transactions.iter().zip(&receipts);
        header.state_root = self.state.root();
        header.transactions_root =
            trie::ordered_root(transactions.iter().map(|tx| tx.raw.to_vec()));
        header.receipts_root =
            trie::ordered_root(pairs.map(|(tx, receipt)| receipt.to_bytes(tx.tx_type)));
        header.logs_bloom = logs_bloom(receipts.iter().flat_map(|receipt| &receipt.logs));
        let height = self.blocks.len();
        for (index, tx) in transactions.iter().enumerate() {
            self.places.insert(tx.hash, (height, index));
        }
        self.blocks.push(Block {
            hash: header.hash(),
            header,
            transactions,
            receipts,
            undos,
        });
        self.latest()
    }

    /// Drops the newest `depth` blocks, but never block 0; returns how many went.
    pub(crate) fn reorg(&mut self, depth: u64, orphans: Orphans) -> u64 {
        let depth = depth.min(self.height());
        for _ in 0..depth {
            let Some(block) = self.blocks.pop() else {
                break;
            };
            self.state.undo(block.undos.iter());
            for tx in block.transactions {
                self.places.remove(&tx.hash);
                if orphans == Orphans::ToPool {
                    self.pool.restore(tx);
                }
            }
        }
        self.forks += u64::from(depth > 0);
        depth
    }

    // Calls.

    /// Runs `call` after `block`, and forgets what it changed.
    pub(crate) fn call(&self, call: &Call, block: BlockRef) -> Option<Result<Outcome, Refusal>> {
        let (header, state) = self.stage(block)?;
        let gas = call.gas.unwrap_or(u64::MAX).min(header.gas_limit);
        Some(self.try_call(&state, &header, call, gas))
    }

    /// The least gas limit with which `call` succeeds.
    pub(crate) fn estimate(
        &self,
        call: &Call,
        block: BlockRef,
    ) -> Option<Result<u64, EstimateError>> {
        let (header, state) = self.stage(block)?;
        Some(self.search_gas(&state, &header, call))
    }

    fn search_gas(
        &self,
        state: &State,
        header: &Header,
        call: &Call,
    ) -> Result<u64, EstimateError> {
        let cap = header.gas_limit.min(evm::TX_GAS_CAP);
        let mut enough = call.gas.unwrap_or(cap).min(cap);
        if call.max_fee > 0 {
            let funds = state.balance(call.from).saturating_sub(call.value);
            enough = enough.min((funds / U256::from(call.max_fee)).saturating_to());
        }
        match self.try_call(state, header, call, enough) {
            Ok(Outcome::Returned(_)) => {}
            Ok(Outcome::Halted(HaltReason::OutOfGas(_)))
            | Err(Refusal::IntrinsicGas { .. } | Refusal::FloorGas { .. }) => {
                return Err(EstimateError::Allowance(enough));
            }
            Ok(failed) => return Err(EstimateError::Failed(failed)),
            Err(refusal) => return Err(refusal.into()),
        }
        let mut too_little = TOO_LITTLE_GAS.min(enough);
        while too_little + 1 < enough {
            let middle = too_little + (enough - too_little) / 2;
            match self.try_call(state, header, call, middle) {
                Ok(Outcome::Returned(_)) => enough = middle,
                _ => too_little = middle,
            }
        }
        Ok(enough)
    }

    fn try_call(
        &self,
        state: &State,
        header: &Header,
        call: &Call,
        gas: u64,
    ) -> Result<Outcome, Refusal> {
        let blocks = &self.blocks;
        let view = View { state, blocks };
        let done = evm::call(view, self.config.chain_id, header, call, gas)?;
        Ok(evm::outcome(done.result))
    }

    /// The header and state that a call after `block` sees.
    fn stage(&self, block: BlockRef) -> Option<(Header, Cow<'_, State>)> {
        if block == BlockRef::Pending {
            return Some((self.next_header(), Cow::Borrowed(&self.state)));
        }
        let block = self.block(block)?;
        Some((block.header.clone(), self.state_at(block)))
    }
}

fn receipt(
    tx: &Transaction,
    header: &Header,
    first_log_index: usize,
    result: ExecutionResult,
) -> Receipt {
    let succeeded = result.is_success();
    let created = tx.to.is_none().then(|| tx.sender.create(tx.nonce));
    Receipt {
        succeeded,
        gas_used: result.tx_gas_used(),
        cumulative_gas_used: header.gas_used,
        effective_gas_price: tx.effective_price(header.base_fee),
        contract_address: created,
        first_log_index,
        output: result.output().cloned().unwrap_or_default(),
        logs: if succeeded {
            result.into_logs()
        } else {
            Vec::new()
        },
    }
}

fn height_of(block: &Block) -> usize {
    usize::try_from(block.header.number).unwrap_or(usize::MAX)
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
