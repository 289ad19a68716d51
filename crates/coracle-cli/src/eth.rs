//! `coracle eth`.

mod abi;
mod call;
mod decode_tx;
mod event;
mod node;
mod receipt;
mod send;
mod sign_tx;
mod tx_fields;

use std::io::Write;

use clap::Subcommand;

pub(crate) use self::node::{Access, Chain, Node, NodeArgs};
use crate::output::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a transaction offline with a key from a keystore.
    SignTx(sign_tx::SignTxArgs),
    /// Show a raw signed transaction, its hash and its sender.
    DecodeTx(decode_tx::DecodeTxArgs),
    /// Encode values, or a whole call.
    AbiEncode(abi::EncodeArgs),
    /// Decode values, a whole call, or the payload of a revert.
    AbiDecode(abi::DecodeArgs),
    /// Decode a log.
    DecodeLog(event::DecodeLogArgs),
    /// Sign and send a transaction, and wait for it.
    Send(send::SendArgs),
    /// Ask a contract.
    Call(call::CallArgs),
    /// Show the receipt of a transaction.
    Receipt(receipt::ReceiptArgs),
}

impl Command {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        match self {
            Self::SignTx(args) => args.run(out),
            Self::DecodeTx(args) => args.run(out),
            Self::AbiEncode(args) => args.run(out),
            Self::AbiDecode(args) => args.run(out),
            Self::DecodeLog(args) => args.run(out),
            Self::Send(args) => args.run(out),
            Self::Call(args) => args.run(out),
            Self::Receipt(args) => args.run(out),
        }
    }
}
