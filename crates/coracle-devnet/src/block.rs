//! Blocks and receipts.

use std::sync::Arc;

use alloy_rlp::Encodable;
use revm::primitives::{
    Address, B256, Bytes, Log,
    alloy_primitives::{Bloom, logs_bloom},
};

use crate::{
    header::Header,
    rlp::list,
    state::Undo,
    tx::{Transaction, TxType},
};

/// What a transaction did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// False if it reverted or halted.
    pub succeeded: bool,
    /// Gas of this transaction.
    pub gas_used: u64,
    /// Gas of the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// Price paid, wei per gas.
    pub effective_gas_price: u128,
    /// Address of the contract, if it was to create one.
    pub contract_address: Option<Address>,
    /// Logs; none if it failed.
    pub logs: Vec<Log>,
    /// Number of logs in the block before this transaction.
    pub first_log_index: usize,
    /// Return data or revert data. Nodes do not give it; tests like it.
    pub output: Bytes,
}

impl Receipt {
    /// Bloom filter over the logs.
    pub fn bloom(&self) -> Bloom {
        logs_bloom(&self.logs)
    }

    /// The form under the receipts root: type byte and RLP (EIP-2718).
    pub fn to_bytes(&self, tx_type: TxType) -> Vec<u8> {
        let mut payload = Vec::new();
        self.succeeded.encode(&mut payload);
        self.cumulative_gas_used.encode(&mut payload);
        self.bloom().encode(&mut payload);
        self.logs.encode(&mut payload);
        let body = list(&payload);
        match tx_type {
            TxType::Legacy => body,
            typed => [&[typed.id()], body.as_slice()].concat(),
        }
    }
}

/// A block that is on the chain.
#[derive(Clone, Debug)]
pub struct Block {
    /// The hashed part.
    pub header: Header,
    /// Keccak-256 of the header's RLP.
    pub hash: B256,
    /// Transactions in their order.
    pub transactions: Vec<Arc<Transaction>>,
    /// One for each transaction.
    pub receipts: Vec<Receipt>,
    pub(crate) undos: Vec<Undo>,
}

impl Block {
    /// Length of the block's RLP: header, transactions, no ommers, no withdrawals.
    pub fn size(&self) -> usize {
        let mut transactions = Vec::new();
        for tx in &self.transactions {
            match tx.tx_type {
                TxType::Legacy => transactions.extend_from_slice(&tx.raw),
                _ => tx.raw.encode(&mut transactions),
            }
        }
        let empty = list(&[]);
        let parts = [
            self.header.to_rlp(),
            list(&transactions),
            empty.clone(),
            empty,
        ];
        list(&parts.concat()).len()
    }
}

/// A transaction where it stands on the chain.
#[derive(Clone, Debug)]
pub struct Mined {
    /// The transaction.
    pub transaction: Arc<Transaction>,
    /// What it did.
    pub receipt: Receipt,
    /// Its block.
    pub block_hash: B256,
    /// Height of its block.
    pub block_number: u64,
    /// Its place in the block.
    pub index: usize,
    /// Wei per gas that its block burns.
    pub base_fee: u64,
}

/// Which block a question is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BlockRef {
    /// The newest block.
    Latest,
    /// The newest block, and what waits in the pool where that matters.
    Pending,
    /// `safe_depth` blocks back.
    Safe,
    /// `finalized_depth` blocks back.
    Finalized,
    /// Block 0.
    Earliest,
    /// This height.
    Number(u64),
    /// This hash.
    Hash(B256),
}

#[cfg(test)]
mod tests {
    use revm::primitives::b256;

    use super::*;
    use crate::trie;

    /// receiptsRoot of a block of another node that holds one EIP-1559 transfer
    /// (`rpc/block-1-full` in tests/vectors/ethereum/jsonrpc_transcripts.json).
    #[test]
    fn receipt_bytes_give_the_receipts_root_of_another_node() {
        let receipt = Receipt {
            succeeded: true,
            gas_used: 21_000,
            cumulative_gas_used: 21_000,
            effective_gas_price: 0,
            contract_address: None,
            logs: Vec::new(),
            first_log_index: 0,
            output: Bytes::new(),
        };
        let root = trie::ordered_root([receipt.to_bytes(TxType::DynamicFee)]);
        let expected = b256!("f78dfb743fbd92ade140711c8bbc542b5e307f0ab7984eff35d751969fe57efa");
        assert_eq!(root, expected);
    }
}
