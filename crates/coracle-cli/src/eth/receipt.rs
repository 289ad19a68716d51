//! `coracle eth receipt`.

use std::io::Write;

use clap::Args;
use coracle_core::B256;
use coracle_eth::rpc::{ReceiptAnswer, Request};
use serde_json::json;

use super::call::address_text;
use super::node::{Access, Node, NodeArgs};
use crate::failure::Failure;
use crate::output::{Outcome, show};

#[derive(Args, Debug)]
pub(crate) struct ReceiptArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The transaction's hash.
    hash: B256,
}

impl ReceiptArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let access = Access::new(&self.node)?;
        let headers = access.headers()?;
        let profile = self.node.chain.profile();
        let mut node = Node::new(&access.stack, access.target(&headers)?, profile);
        let answer = ReceiptAnswer::new(profile.address_form);
        let receipt = node.ask(&Request::TransactionReceipt(self.hash), answer)?;
        let receipt = receipt.ok_or_else(|| {
            Failure::new("no-receipt", "node has no receipt: not mined, or not known")
        })?;
        if receipt.transaction_hash != self.hash {
            let message = "node returned the receipt of another transaction";
            return Err(Failure::new("receipt-hash", message));
        }
        let mut answer = json!({
            "status": if receipt.is_success { "success" } else { "reverted" },
            "hash": receipt.transaction_hash.to_string(),
            "block": receipt.block_number,
            "blockHash": receipt.block_hash.to_string(),
            "gasUsed": receipt.gas_used,
        });
        if let Some(price) = receipt.effective_gas_price {
            answer["gasPrice"] = format!("{} gwei", price.gwei()).into();
        }
        if let Some(contract) = receipt.contract_address {
            answer["contract"] = address_text(profile.address_form, contract);
        }
        show(out, &answer)
    }
}
