//! The face of an Ethereum node: method names, parameters, answers.

mod fees;
mod format;
mod params;

use revm::{
    context::result::HaltReason,
    primitives::{B256, Bytes, U256, hex},
};
use serde_json::{Value, json};

use crate::{
    block::{Block, BlockRef, Mined},
    chain::{Chain, EstimateError, Orphans},
    config::Mining,
    devnet::Devnet,
    evm::Outcome,
    refusal::Refusal,
    rpc::{Face, RpcError},
};
use format::Format;
use params::{Filter, Params, Range};

/// Answer of `web3_clientVersion`.
const CLIENT_VERSION: &str = concat!("coracle-devnet/v", env!("CARGO_PKG_VERSION"));

/// Blocks that one `evm_mine` makes at most.
const MAX_MINED: u64 = 10_000;

/// JSON-RPC methods over a [`Devnet`].
#[derive(Clone, Debug)]
pub(crate) struct EthFace(pub(crate) Devnet);

impl Face for EthFace {
    fn call(&self, method: &str, params: &[Value]) -> Result<Value, RpcError> {
        let mut chain = self.0.chain();
        let hrp = chain.config.hrp.clone();
        let hrp = hrp.as_deref();
        let p = |max| Params::new(params, hrp, max);
        let out = Format { hrp };
        let unknown = || RpcError::unknown_method(method);
        match method {
            "web3_clientVersion" => p(0).map(|_| json!(CLIENT_VERSION)),
            "net_version" => p(0).map(|_| json!(chain.config.chain_id.to_string())),
            "evm_mine" => mine(&mut chain, p(1)?),
            "evm_setAutomine" => set_automine(&mut chain, p(1)?),
            "devnet_setBalance" => set_balance(&mut chain, p(2)?),
            "devnet_reorg" => reorg(&mut chain, p(2)?),
            "devnet_dropTransaction" => drop_transaction(&mut chain, p(1)?),
            _ => {
                let (prefix, name) = method.split_once('_').ok_or_else(unknown)?;
                if prefix != chain.config.method_prefix {
                    return Err(unknown());
                }
                match name {
                    "sendRawTransaction" => send_raw(&mut chain, p(1)?),
                    name => read(&chain, name, &p, out).ok_or_else(unknown)?,
                }
            }
        }
    }
}

/// The methods that change nothing; `None` if there is no such one.
fn read<'a>(
    chain: &Chain,
    name: &str,
    p: &dyn Fn(usize) -> Result<Params<'a>, RpcError>,
    out: Format<'_>,
) -> Option<Result<Value, RpcError>> {
    Some(match name {
        "chainId" => p(0).map(|_| format::number(chain.config.chain_id)),
        "blockNumber" => p(0).map(|_| format::number(chain.height())),
        "gasPrice" => p(0).map(|_| format::quantity(U256::from(fees::gas_price(chain)))),
        "maxPriorityFeePerGas" => p(0).map(|_| format::number(chain.config.suggested_tip)),
        "feeHistory" => p(3).and_then(|p| fees::history(chain, p)),
        "getBalance" => p(2).and_then(|p| balance(chain, p)),
        "getTransactionCount" => p(2).and_then(|p| transaction_count(chain, p)),
        "getCode" => p(2).and_then(|p| code(chain, p)),
        "call" => p(2).and_then(|p| call(chain, p)),
        "estimateGas" => p(2).and_then(|p| estimate_gas(chain, p)),
        "getTransactionReceipt" => p(1).and_then(|p| receipt(chain, p, out)),
        "getTransactionByHash" => p(1).and_then(|p| transaction(chain, p, out)),
        "getBlockByNumber" => p(2).and_then(|p| block_by_number(chain, p, out)),
        "getBlockByHash" => p(2).and_then(|p| block_by_hash(chain, p, out)),
        "getLogs" => p(1).and_then(|p| logs(chain, p, out)),
        _ => return None,
    })
}

// Accounts.

fn balance(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let (address, block) = (p.address(0)?, known(chain, p.block(1)?)?);
    Ok(format::quantity(chain.state_at(block).balance(address)))
}

fn transaction_count(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let (address, block) = (p.address(0)?, p.block(1)?);
    if block == BlockRef::Pending {
        return Ok(format::number(chain.pending_nonce(address)));
    }
    let block = known(chain, block)?;
    Ok(format::number(chain.state_at(block).nonce(address)))
}

fn code(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let (address, block) = (p.address(0)?, known(chain, p.block(1)?)?);
    Ok(format::data(&chain.state_at(block).code(address)))
}

// Calls.

fn call(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let (call, block) = (p.call(0)?, p.block(1)?);
    let outcome = chain.call(&call, block).ok_or_else(no_header)?;
    match outcome.map_err(refused)? {
        Outcome::Returned(data) => Ok(format::data(&data)),
        failed => Err(failure(&failed)),
    }
}

fn estimate_gas(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let (call, block) = (p.call(0)?, p.block(1)?);
    match chain.estimate(&call, block).ok_or_else(no_header)? {
        Ok(gas) => Ok(format::number(gas)),
        Err(EstimateError::Refused(refusal)) => Err(refused(refusal)),
        Err(EstimateError::Failed(outcome)) => Err(failure(&outcome)),
        Err(EstimateError::Allowance(most)) => {
            let text = format!("gas required exceeds allowance ({most})");
            Err(RpcError::server(text))
        }
    }
}

fn refused(refusal: Refusal) -> RpcError {
    RpcError::server(refusal.to_string())
}

fn failure(outcome: &Outcome) -> RpcError {
    match outcome {
        Outcome::Reverted(data) => RpcError {
            code: 3,
            message: match reason(data) {
                Some(reason) => format!("execution reverted: {reason}"),
                None => "execution reverted".into(),
            },
            data: Some(hex::encode_prefixed(data)),
        },
        Outcome::Halted(HaltReason::OutOfGas(_)) => RpcError::server("out of gas"),
        Outcome::Halted(HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode) => {
            RpcError::server("invalid opcode")
        }
        Outcome::Halted(halt) => RpcError::server(halt.to_string()),
        Outcome::Returned(_) => RpcError::server("no failure"),
    }
}

/// The text of `Error(string)`.
fn reason(data: &Bytes) -> Option<String> {
    let words = data.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0])?;
    let offset = usize_at(words, 0)?;
    let length = usize_at(words, offset)?;
    let text = words.get(offset.checked_add(32)?..)?.get(..length)?;
    Some(String::from_utf8_lossy(text).into_owned())
}

fn usize_at(words: &[u8], offset: usize) -> Option<usize> {
    let word = words.get(offset..)?.first_chunk::<32>()?;
    U256::from_be_bytes(*word).try_into().ok()
}

// Blocks, transactions, logs.

fn block_by_number(chain: &Chain, p: Params<'_>, out: Format<'_>) -> Result<Value, RpcError> {
    let (block, full) = (p.required_block(0)?, p.flag_or(1, false)?);
    let block = chain.block(block);
    Ok(block.map_or(Value::Null, |block| out.block(block, full)))
}

fn block_by_hash(chain: &Chain, p: Params<'_>, out: Format<'_>) -> Result<Value, RpcError> {
    let (hash, full) = (p.hash(0)?, p.flag_or(1, false)?);
    let block = chain.block(BlockRef::Hash(hash));
    Ok(block.map_or(Value::Null, |block| out.block(block, full)))
}

fn receipt(chain: &Chain, p: Params<'_>, out: Format<'_>) -> Result<Value, RpcError> {
    let mined = chain.mined(p.hash(0)?);
    Ok(mined.map_or(Value::Null, |mined| out.receipt(&mined)))
}

fn transaction(chain: &Chain, p: Params<'_>, out: Format<'_>) -> Result<Value, RpcError> {
    let hash = p.hash(0)?;
    if let Some(mined) = chain.mined(hash) {
        return Ok(out.mined(&mined));
    }
    let waiting = chain.waiting(hash);
    Ok(waiting.map_or(Value::Null, |tx| out.waiting(tx)))
}

fn logs(chain: &Chain, p: Params<'_>, out: Format<'_>) -> Result<Value, RpcError> {
    let filter = p.filter(0)?;
    let blocks = match filter.range {
        Range::Block(hash) => {
            let unknown = || RpcError::server("unknown block");
            let block = chain.block(BlockRef::Hash(hash)).ok_or_else(unknown)?;
            vec![block]
        }
        Range::Between(from, to) => {
            let (from, to) = (height(chain, from), height(chain, to));
            if from > to {
                return Err(RpcError::params("invalid block range params"));
            }
            chain.range(from, to).collect()
        }
    };
    let hashes = blocks.iter().flat_map(|block| &block.transactions);
    let mined = hashes.filter_map(|tx| chain.mined(tx.hash));
    Ok(mined
        .flat_map(|mined| matching(&mined, &filter, out))
        .collect())
}

fn matching(mined: &Mined, filter: &Filter, out: Format<'_>) -> Vec<Value> {
    let logs = mined.receipt.logs.iter().enumerate();
    logs.filter(|(_, log)| {
        let topics = log.topics();
        (filter.addresses.is_empty() || filter.addresses.contains(&log.address))
            && filter.topics.len() <= topics.len()
            && filter
                .topics
                .iter()
                .zip(topics)
                .all(|(any, topic)| allows(any, topic))
    })
    .map(|(index, log)| out.log(mined, index, log))
    .collect()
}

fn allows(any: &[B256], topic: &B256) -> bool {
    any.is_empty() || any.contains(topic)
}

/// Height of a block that need not exist yet.
fn height(chain: &Chain, block: BlockRef) -> u64 {
    match block {
        BlockRef::Number(number) => number,
        tag => chain.block(tag).map_or(0, |block| block.header.number),
    }
}

fn known(chain: &Chain, block: BlockRef) -> Result<&Block, RpcError> {
    chain.block(block).ok_or_else(no_header)
}

fn no_header() -> RpcError {
    RpcError::server("header not found")
}

// Methods that change the chain.

fn send_raw(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let raw = p.bytes(0)?;
    chain.send_raw(&raw).map(format::hash).map_err(refused)
}

/// Parameter: how many blocks, 1 if absent.
fn mine(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let blocks = p.count_or(0, 1)?;
    if blocks > MAX_MINED {
        return Err(RpcError::argument(
            0,
            format_args!("more than {MAX_MINED} blocks"),
        ));
    }
    for _ in 0..blocks {
        chain.mine();
    }
    Ok(format::number(chain.height()))
}

fn set_automine(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    chain.config.mining = match p.flag(0)? {
        true => Mining::Automatic,
        false => Mining::Manual,
    };
    Ok(json!(true))
}

fn set_balance(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    chain.set_balance(p.address(0)?, p.quantity(1)?);
    Ok(json!(true))
}

/// Parameters: how many blocks; true to forget their transactions.
fn reorg(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let orphans = match p.flag_or(1, false)? {
        true => Orphans::Forget,
        false => Orphans::ToPool,
    };
    chain.reorg(p.count(0)?, orphans);
    Ok(format::number(chain.height()))
}

fn drop_transaction(chain: &mut Chain, p: Params<'_>) -> Result<Value, RpcError> {
    Ok(json!(chain.drop_transaction(p.hash(0)?)))
}
