//! JSON-RPC: the requests that a device makes, and strict checks of what comes back.
//!
//! Knows no transport: a [`Request`] names its method and writes its parameters, an
//! [`Answer`] reads the `result` of the answer as it streams in.
//!
//! | requests | answer | reader of `coracle_core::json` |
//! | --- | --- | --- |
//! | `chainId`, `blockNumber`, `gasPrice`, `maxPriorityFeePerGas`, `getBalance`, `getTransactionCount` | [`Quantity`] | `flat`: one short text |
//! | `estimateGas`, `sendRawTransaction` | [`Quantity`], [`Hash`](struct@Hash) | streaming: a refusal may carry revert data of any length |
//! | `call`, `getCode` | [`Bytes`] | streaming: the answer may be of any length |
//! | `feeHistory` | [`FeeHistoryAnswer`] | streaming |
//! | `getTransactionReceipt` | [`ReceiptAnswer`] | streaming: any number of logs |
//! | `getTransactionByHash` | [`TransactionAnswer`] | streaming: call data of any length |
//! | `getBlockByNumber` | [`BlockAnswer`] | streaming: any number of transactions |
//! | `getLogs` | [`LogsAnswer`] | streaming: any number of logs |
//!
//! Reference: [Ethereum execution APIs](https://ethereum.github.io/execution-apis/).

mod block;
mod error;
mod fees;
mod log;
mod object;
mod receipt;
mod request;
mod scalar;
mod transaction;

use coracle_core::json::Visitor;

pub use self::block::{Block, BlockAnswer, BlockFields};
pub use self::error::AnswerError;
pub use self::fees::{FeeHistory, FeeHistoryAnswer};
pub use self::log::{Log, LogsAnswer};
pub use self::object::{Fields, Form, ObjectAnswer, Words};
pub use self::receipt::{Receipt, ReceiptAnswer, ReceiptFields};
pub use self::request::{BlockTag, CallRequest, LogFilter, Params, Request};
pub use self::scalar::{Bytes, Hash, Quantity, Scalar, ScalarAnswer};
pub use self::transaction::{TransactionAnswer, TransactionFields, TransactionInfo};

/// Reads the `result` of one answer, which comes in pieces.
pub trait Answer: Visitor {
    /// What the answer says.
    type Output;

    /// What was read, after the last piece; also says why a piece was rejected.
    ///
    /// # Errors
    ///
    /// [`AnswerError`].
    fn finish(self) -> Result<Self::Output, AnswerError>;
}
