//! The handle that tests and tools hold.

use std::{
    io,
    net::ToSocketAddrs,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use revm::primitives::{Address, B256, Bytes, U256};
use serde_json::Value;

use crate::{
    block::{Block, BlockRef, Mined},
    chain::{Chain, Orphans},
    config::{Config, Mining},
    eth::EthFace,
    evm::{Call, Outcome},
    http::Server,
    refusal::Refusal,
    rpc::{self, Face as _, RpcError},
    tx::Transaction,
};

/// A chain in this process.
///
/// Clones are handles to the same chain. Each method takes a lock for as long
/// as it runs, so a request over HTTP never sees half a block.
#[derive(Clone, Debug)]
pub struct Devnet {
    chain: Arc<Mutex<Chain>>,
}

impl Devnet {
    /// A chain with its block 0.
    pub fn new(config: Config) -> Self {
        Self {
            chain: Arc::new(Mutex::new(Chain::new(config))),
        }
    }

    /// Serves JSON-RPC over HTTP/1.1 on `addr`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub fn serve(&self, addr: impl ToSocketAddrs) -> io::Result<Server> {
        Server::start(self.clone(), addr)
    }

    /// Answers the body of a JSON-RPC request or batch without a socket.
    ///
    /// Empty if the body holds notifications only.
    pub fn handle(&self, body: &[u8]) -> String {
        rpc::answer(&EthFace(self.clone()), body)
    }

    /// Calls one JSON-RPC method without a socket.
    ///
    /// # Errors
    ///
    /// The error the caller would get.
    pub fn request(&self, method: &str, params: &[Value]) -> Result<Value, RpcError> {
        EthFace(self.clone()).call(method, params)
    }

    /// Makes one block of what waits and fits; returns it.
    pub fn mine(&self) -> Block {
        self.chain().mine().clone()
    }

    /// Makes `count` blocks, the first with what waits.
    pub fn mine_blocks(&self, count: u64) {
        let mut chain = self.chain();
        for _ in 0..count {
            chain.mine();
        }
    }

    /// Switches between automatic and manual mining.
    pub fn set_mining(&self, mining: Mining) {
        self.chain().config.mining = mining;
    }

    /// Drops the newest `depth` blocks, never block 0; returns how many went.
    ///
    /// The height falls by as much. Blocks made afterwards have other hashes
    /// than the dropped ones, even with the same transactions.
    pub fn reorg(&self, depth: u64, orphans: Orphans) -> u64 {
        self.chain().reorg(depth, orphans)
    }

    /// Gives `address` a balance of `wei`.
    ///
    /// The change belongs to the newest block: a reorg that drops this block
    /// takes it back.
    pub fn set_balance(&self, address: Address, wei: U256) {
        self.chain().set_balance(address, wei);
    }

    /// Takes a signed raw transaction into the pool.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says which rule of the pool it breaks.
    pub fn send_raw(&self, raw: &[u8]) -> Result<B256, Refusal> {
        self.chain().send_raw(raw)
    }

    /// Forgets a transaction that waits; false if there is none.
    pub fn drop_transaction(&self, hash: B256) -> bool {
        self.chain().drop_transaction(hash)
    }

    /// Runs `call` after the newest block, and forgets what it changed.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the EVM does not start it.
    pub fn call(&self, call: &Call) -> Result<Outcome, Refusal> {
        let outcome = self.chain().call(call, BlockRef::Latest);
        outcome.unwrap_or(Err(Refusal::Internal("no block".into())))
    }

    /// What the chain was made from, and whether it mines by itself now.
    pub fn config(&self) -> Config {
        self.chain().config.clone()
    }

    /// Height of the newest block.
    pub fn height(&self) -> u64 {
        self.chain().height()
    }

    /// A block, if there is one.
    pub fn block(&self, block: BlockRef) -> Option<Block> {
        self.chain().block(block).cloned()
    }

    /// A mined transaction with its receipt.
    pub fn mined(&self, hash: B256) -> Option<Mined> {
        self.chain().mined(hash)
    }

    /// Every mined transaction of `sender`, oldest first.
    pub fn mined_from(&self, sender: Address) -> Vec<Mined> {
        self.chain().mined_from(sender)
    }

    /// Transactions that wait, by sender and nonce.
    pub fn pool(&self) -> Vec<Arc<Transaction>> {
        self.chain().pool().cloned().collect()
    }

    /// Balance after the newest block, in wei.
    pub fn balance(&self, address: Address) -> U256 {
        let chain = self.chain();
        chain.state_at(chain.latest()).balance(address)
    }

    /// Next nonce after the newest block.
    pub fn nonce(&self, address: Address) -> u64 {
        let chain = self.chain();
        chain.state_at(chain.latest()).nonce(address)
    }

    /// Code after the newest block; empty if there is no contract.
    pub fn code(&self, address: Address) -> Bytes {
        let chain = self.chain();
        chain.state_at(chain.latest()).code(address)
    }

    /// A panic in another thread does not make the chain unusable for a test
    /// that wants to report it.
    pub(crate) fn chain(&self) -> MutexGuard<'_, Chain> {
        self.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
