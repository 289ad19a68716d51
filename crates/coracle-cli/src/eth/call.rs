//! `coracle eth call`.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use coracle_core::hex::Hex;
use coracle_core::{Address, Wei};
use coracle_eth::abi::{Type, decode};
use coracle_eth::rpc::{BlockTag, Bytes, CallRequest, Request};
use coracle_eth::tx::CallData;
use serde_json::Value as Json;

use super::node::{Access, CallDataArgs, Node, NodeArgs};
use crate::abi_json::to_json;
use crate::failure::{Failure, Within};
use crate::output::{Outcome, show};

/// Answers of contracts that are read.
const MAX_RESULT_LEN: usize = 16 * 1024 * 1024;

#[derive(Args, Debug)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The contract.
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    /// The account that asks.
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    /// The block after which it is asked: a number, latest, safe, finalized or earliest.
    #[arg(long, default_value = "latest", value_parser = block_tag)]
    block: BlockTag,
    /// The types of the answer: (string,uint256).
    #[arg(long, value_name = "TYPE")]
    returns: Option<String>,
    #[command(flatten)]
    call: CallDataArgs,
}

impl CallArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let returns = self.returns.as_deref().map(Type::parse).transpose();
        let returns = returns.within("--returns")?;
        let profile = self.node.chain.profile();
        let address = |text: &str| {
            let parsed = profile.address_form.parse(text);
            parsed.ok_or_else(|| Failure::new("bad-address", format!("{text}: no address")))
        };
        let data = self.call.to_bytes()?;
        let call = CallRequest {
            from: self.from.as_deref().map(address).transpose()?,
            to: Some(address(&self.to)?),
            value: Wei::ZERO,
            data: CallData::Bytes(&data),
        };
        let at = self.block;
        let access = Access::new(&self.node)?;
        let headers = access.headers()?;
        let mut node = Node::new(&access.stack, access.target(&headers)?, profile);
        let mut result = vec![0; MAX_RESULT_LEN];
        let len = node.ask(&Request::Call { call, at }, Bytes::new(&mut result))?;
        print(out, returns, &result[..len])
    }
}

fn print(out: &mut dyn Write, returns: Option<Type<'_>>, data: &[u8]) -> Outcome {
    let Some(ty) = returns else {
        writeln!(out, "{}", Hex(data))?;
        return Ok(ExitCode::SUCCESS);
    };
    if data.is_empty() && ty.head_len() > 0 {
        let message = "empty answer; is there a contract at this address?";
        return Err(Failure::new("empty-answer", message));
    }
    let values = to_json(decode(ty, data)?)?;
    for value in values.as_array().map_or(&[][..], Vec::as_slice) {
        show(out, value)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn block_tag(text: &str) -> Result<BlockTag, String> {
    Ok(match text {
        "latest" => BlockTag::Latest,
        "safe" => BlockTag::Safe,
        "finalized" => BlockTag::Finalized,
        "earliest" => BlockTag::Earliest,
        _ => BlockTag::Number(text.parse().map_err(|_| "no block number or name")?),
    })
}

/// An address as a chain writes it.
pub(crate) fn address_text(form: coracle_eth::AddressForm, address: Address) -> Json {
    form.display(address).to_string().into()
}
