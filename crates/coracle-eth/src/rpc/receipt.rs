//! Answers of `getTransactionReceipt`.

use coracle_core::{Address, B256, U256, Wei};

use super::object::{Fields, ObjectAnswer, Value, required};
use super::{AnswerError, Hash, Quantity};
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
        Self::with_fields(ReceiptFields {
            form: Some(form),
            ..ReceiptFields::default()
        })
    }
}

/// What a [`ReceiptAnswer`] has read.
#[derive(Debug, Default)]
pub struct ReceiptFields {
    form: Option<AddressForm>,
    transaction_hash: Option<B256>,
    block_hash: Option<B256>,
    block_number: Option<u64>,
    status: Option<U256>,
    gas_used: Option<u64>,
    effective_gas_price: Option<Wei>,
    contract_address: Option<Address>,
}

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

    type Output = Receipt;

    fn set(&mut self, name: &'static str, value: Value<'_>) -> Result<(), AnswerError> {
        match name {
            "transactionHash" => self.transaction_hash = value.optional::<Hash>(name)?,
            "blockHash" => self.block_hash = value.optional::<Hash>(name)?,
            "blockNumber" => self.block_number = value.optional::<u64>(name)?,
            "status" => self.status = value.optional::<Quantity>(name)?,
            "gasUsed" => self.gas_used = value.optional::<u64>(name)?,
            "effectiveGasPrice" => {
                self.effective_gas_price = value.optional::<Quantity>(name)?.map(Wei);
            }
            _ => self.contract_address = value.address(name, self.form)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Receipt, AnswerError> {
        let status = required("status", self.status)?;
        if status > U256::ONE {
            return Err(AnswerError::BadField { name: "status" });
        }
        Ok(Receipt {
            transaction_hash: required("transactionHash", self.transaction_hash)?,
            block_hash: required("blockHash", self.block_hash)?,
            block_number: required("blockNumber", self.block_number)?,
            is_success: status == U256::ONE,
            gas_used: required("gasUsed", self.gas_used)?,
            effective_gas_price: self.effective_gas_price,
            contract_address: self.contract_address,
        })
    }
}
