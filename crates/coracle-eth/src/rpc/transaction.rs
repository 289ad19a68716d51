//! Answers of `getTransactionByHash`.

use coracle_core::B256;

use super::AnswerError;
use super::object::{Fields, Form, ObjectAnswer, Words};

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

/// What a [`TransactionAnswer`] reads.
#[derive(Debug)]
pub enum TransactionFields {}

impl Fields for TransactionFields {
    const NAMES: &'static [&'static str] = &["hash", "nonce", "blockHash"];

    const FORMS: &'static [Form] = &[Form::Hash, Form::Number, Form::Hash];

    type Output = TransactionInfo;

    fn finish(words: &Words) -> Result<TransactionInfo, AnswerError> {
        Ok(TransactionInfo {
            hash: words.hash("hash")?,
            nonce: words.number("nonce")?,
            block_hash: words.optional_hash("blockHash"),
        })
    }
}
