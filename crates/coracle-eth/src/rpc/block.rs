//! Answers of `getBlockByNumber`.

use coracle_core::{B256, Wei};

use super::AnswerError;
use super::object::{Fields, Form, ObjectAnswer, Words};

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

/// What a [`BlockAnswer`] reads.
#[derive(Debug)]
pub enum BlockFields {}

impl Fields for BlockFields {
    const NAMES: &'static [&'static str] = &["hash", "number", "timestamp", "baseFeePerGas"];

    const FORMS: &'static [Form] = &[Form::Hash, Form::Number, Form::Number, Form::Quantity];

    type Output = Block;

    fn finish(words: &Words) -> Result<Block, AnswerError> {
        Ok(Block {
            hash: words.hash("hash")?,
            number: words.number("number")?,
            timestamp: words.number("timestamp")?,
            base_fee_per_gas: words.quantity("baseFeePerGas").map(Wei),
        })
    }
}
