//! Answers of `getBlockByNumber`.

use coracle_core::{B256, Wei};

use super::object::{Fields, ObjectAnswer, Value, required};
use super::{AnswerError, Hash, Quantity};

/// The head of a block, as the node tells it. Nothing of it is proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Block {
    /// Its hash.
    pub hash: B256,
    /// Its number.
    pub number: u64,
    /// Unix seconds.
    pub timestamp: u64,
    /// Its base fee per gas, on chains that have one (EIP-1559).
    pub base_fee_per_gas: Option<Wei>,
}

/// Reads a [`Block`], or `None` where the node does not have it.
pub type BlockAnswer = ObjectAnswer<BlockFields>;

/// What a [`BlockAnswer`] has read.
#[derive(Debug, Default)]
pub struct BlockFields {
    hash: Option<B256>,
    number: Option<u64>,
    timestamp: Option<u64>,
    base_fee_per_gas: Option<Wei>,
}

impl Fields for BlockFields {
    const NAMES: &'static [&'static str] = &["hash", "number", "timestamp", "baseFeePerGas"];

    type Output = Block;

    fn set(&mut self, name: &'static str, value: Value<'_>) -> Result<(), AnswerError> {
        match name {
            "hash" => self.hash = value.optional::<Hash>(name)?,
            "number" => self.number = value.optional::<u64>(name)?,
            "timestamp" => self.timestamp = value.optional::<u64>(name)?,
            _ => self.base_fee_per_gas = value.optional::<Quantity>(name)?.map(Wei),
        }
        Ok(())
    }

    fn finish(self) -> Result<Block, AnswerError> {
        Ok(Block {
            hash: required("hash", self.hash)?,
            number: required("number", self.number)?,
            timestamp: required("timestamp", self.timestamp)?,
            base_fee_per_gas: self.base_fee_per_gas,
        })
    }
}
