//! Answers of `getTransactionReceipt`.

use coracle_core::{Address, B256, U256, Wei};

use super::AnswerError;
use super::object::{Fields, Form, ObjectAnswer, Words, required};
use crate::profile::AddressForm;

/// What became of a transaction, as the node tells it. Nothing of it is proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Receipt {
    /// The transaction.
    pub transaction_hash: B256,
    /// The block that holds it.
    pub block_hash: B256,
    /// That block's number.
    pub block_number: u64,
    /// Whether it did what it was to do; `false` for a revert, which costs gas and
    /// changes nothing else.
    pub is_success: bool,
    /// Gas that it used.
    pub gas_used: u64,
    /// What it paid per unit of gas, where the node says so.
    pub effective_gas_price: Option<Wei>,
    /// The contract that it created.
    pub contract_address: Option<Address>,
}

/// Reads a [`Receipt`], or `None` where the transaction is not in a block. Its logs are
/// skipped, however many there are; ask for them by [`LogsAnswer`](super::LogsAnswer).
pub type ReceiptAnswer = ObjectAnswer<ReceiptFields>;

impl ReceiptAnswer {
    /// Reads addresses in the chain's form.
    pub fn new(form: AddressForm) -> Self {
        Self::with_form(form)
    }
}

/// What a [`ReceiptAnswer`] reads.
#[derive(Debug)]
pub enum ReceiptFields {}

impl Fields for ReceiptFields {
    const NAMES: &'static [&'static str] = &[
        "transactionHash",
        "blockHash",
        "blockNumber",
        "status",
        "gasUsed",
        "effectiveGasPrice",
        "contractAddress",
    ];

    const FORMS: &'static [Form] = &[
        Form::Hash,
        Form::Hash,
        Form::Number,
        Form::Quantity,
        Form::Number,
        Form::Quantity,
        Form::Address,
    ];

    type Output = Receipt;

    fn finish(words: &Words) -> Result<Receipt, AnswerError> {
        let status = required("status", words.quantity("status"))?;
        if status > U256::ONE {
            return Err(AnswerError::BadField { name: "status" });
        }
        Ok(Receipt {
            transaction_hash: words.hash("transactionHash")?,
            block_hash: words.hash("blockHash")?,
            block_number: words.number("blockNumber")?,
            is_success: status == U256::ONE,
            gas_used: words.number("gasUsed")?,
            effective_gas_price: words.quantity("effectiveGasPrice").map(Wei),
            contract_address: words.address("contractAddress"),
        })
    }
}
