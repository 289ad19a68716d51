//! Answers of `getTransactionByHash`.

use coracle_core::B256;

use super::object::{Fields, ObjectAnswer, Value, required};
use super::{AnswerError, Hash};

/// Where the node has a transaction. Nothing of it is proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TransactionInfo {
    /// Its hash.
    pub hash: B256,
    /// Its nonce.
    pub nonce: u64,
    /// The block that holds it; `None` while it waits.
    pub block_hash: Option<B256>,
}

/// Reads a [`TransactionInfo`], or `None` where the node does not know the transaction.
pub type TransactionAnswer = ObjectAnswer<TransactionFields>;

/// What a [`TransactionAnswer`] has read.
#[derive(Debug, Default)]
pub struct TransactionFields {
    hash: Option<B256>,
    nonce: Option<u64>,
    block_hash: Option<B256>,
}

impl Fields for TransactionFields {
    const NAMES: &'static [&'static str] = &["hash", "nonce", "blockHash"];

    type Output = TransactionInfo;

    fn set(&mut self, name: &'static str, value: Value<'_>) -> Result<(), AnswerError> {
        match name {
            "hash" => self.hash = value.optional::<Hash>(name)?,
            "nonce" => self.nonce = value.optional::<u64>(name)?,
            _ => self.block_hash = value.optional::<Hash>(name)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<TransactionInfo, AnswerError> {
        Ok(TransactionInfo {
            hash: required("hash", self.hash)?,
            nonce: required("nonce", self.nonce)?,
            block_hash: self.block_hash,
        })
    }
}
