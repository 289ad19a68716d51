//! Block headers and the base fee.

use alloy_rlp::Encodable;
use revm::primitives::{
    Address, B256, Bytes, U256,
    alloy_primitives::{B64, Bloom},
    b256, keccak256,
};

use crate::rlp::list;

/// Keccak-256 of the RLP of an empty list.
pub(crate) const NO_OMMERS: B256 =
    b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// Root of an empty trie.
pub(crate) const NO_WITHDRAWALS: B256 =
    b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// SHA-256 of nothing: no execution requests (EIP-7685).
pub(crate) const NO_REQUESTS: B256 =
    b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// The part of a block that is hashed.
///
/// Fields that a chain without proof of work, withdrawals, blobs, beacon roots
/// and requests does not need have their constant values in the RLP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// Hash of the block before.
    pub parent_hash: B256,
    /// Receiver of the tips.
    pub beneficiary: Address,
    /// Root of the accounts after the block.
    pub state_root: B256,
    /// Root of the transactions.
    pub transactions_root: B256,
    /// Root of the receipts.
    pub receipts_root: B256,
    /// Bloom filter over the logs.
    pub logs_bloom: Bloom,
    /// Height.
    pub number: u64,
    /// Most gas the block may use.
    pub gas_limit: u64,
    /// Gas the block used.
    pub gas_used: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// Says how many forks there were, so that a block made anew after a reorg
    /// has another hash.
    pub extra_data: Bytes,
    /// What the `PREVRANDAO` opcode gives.
    pub mix_hash: B256,
    /// Wei per gas that is burnt (EIP-1559).
    pub base_fee: u64,
}

impl Header {
    /// RLP of the 21 fields, in the order of the Prague fork.
    pub fn to_rlp(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(640);
        self.parent_hash.encode(&mut out);
        NO_OMMERS.encode(&mut out);
        self.beneficiary.encode(&mut out);
        self.state_root.encode(&mut out);
        self.transactions_root.encode(&mut out);
        self.receipts_root.encode(&mut out);
        self.logs_bloom.encode(&mut out);
        U256::ZERO.encode(&mut out); // difficulty
        self.number.encode(&mut out);
        self.gas_limit.encode(&mut out);
        self.gas_used.encode(&mut out);
        self.timestamp.encode(&mut out);
        self.extra_data.encode(&mut out);
        self.mix_hash.encode(&mut out);
        B64::ZERO.encode(&mut out); // nonce
        self.base_fee.encode(&mut out);
        NO_WITHDRAWALS.encode(&mut out);
        0_u64.encode(&mut out); // blob gas used
        0_u64.encode(&mut out); // excess blob gas
        B256::ZERO.encode(&mut out); // parent beacon block root
        NO_REQUESTS.encode(&mut out);
        list(&out)
    }

    /// Keccak-256 of [`to_rlp`](Self::to_rlp).
    pub fn hash(&self) -> B256 {
        keccak256(self.to_rlp())
    }

    /// Base fee of the next block.
    ///
    /// A fee past `u64`, which the EVM's block cannot hold, stays at its top.
    pub fn next_base_fee(&self) -> u64 {
        let next = next_base_fee(U256::from(self.base_fee), self.gas_limit, self.gas_used);
        next.saturating_to()
    }
}

/// Base fee of the block after one with these figures.
///
/// Reference: [EIP-1559](https://eips.ethereum.org/EIPS/eip-1559),
/// elasticity 2, change denominator 8, all divisions rounded down.
pub fn next_base_fee(base_fee: U256, gas_limit: u64, gas_used: u64) -> U256 {
    let target = gas_limit / 2;
    if target == 0 || gas_used == target {
        return base_fee;
    }
    let distance = U256::from(gas_used.abs_diff(target));
    let delta = base_fee.saturating_mul(distance) / U256::from(target) / U256::from(8);
    if gas_used > target {
        return base_fee.saturating_add(delta.max(U256::ONE));
    }
    base_fee.saturating_sub(delta)
}
