//! Fee suggestions and history.

use serde_json::{Value, json};

use super::{format, params::Params};
use crate::{block::Block, block::BlockRef, chain::Chain, rpc::RpcError};

/// Blocks of history at most, as in geth.
const MAX_BLOCKS: u64 = 1024;

/// Base fee of the next block and the suggested tip.
pub(super) fn gas_price(chain: &Chain) -> u128 {
    let base_fee = chain.latest().header.next_base_fee();
    u128::from(base_fee) + u128::from(chain.config.suggested_tip)
}

pub(super) fn history(chain: &Chain, p: Params<'_>) -> Result<Value, RpcError> {
    let count = p.count(0)?.min(MAX_BLOCKS);
    let newest = p.required_block(1)?;
    let percentiles = p.percentiles(2)?;
    let newest = match (newest, chain.block(newest)) {
        (BlockRef::Number(number), None) => {
            let text = format!(
                "request beyond head block: requested {number}, head {}",
                chain.height()
            );
            return Err(RpcError::server(text));
        }
        (_, Some(block)) => block,
        (_, None) => return Err(RpcError::server("header not found")),
    };
    let last = newest.header.number;
    let oldest = (last + 1).saturating_sub(count);
    let blocks: Vec<&Block> = match count {
        0 => Vec::new(),
        _ => chain.range(oldest, last).collect(),
    };
    let fees = blocks.iter().map(|block| block.header.base_fee);
    let next = blocks.last().map(|block| block.header.next_base_fee());
    let fees: Vec<Value> = fees.chain(next).map(format::number).collect();
    let ratios: Vec<f64> = blocks.iter().map(|block| fullness(block)).collect();
    let mut answer = json!({
        "oldestBlock": format::number(oldest.min(last)),
        "baseFeePerGas": fees,
        "gasUsedRatio": ratios,
    });
    if let Some(percentiles) = percentiles {
        let rewards = blocks.iter().map(|block| rewards(block, &percentiles));
        answer["reward"] = rewards.collect();
    }
    Ok(answer)
}

fn fullness(block: &Block) -> f64 {
    block.header.gas_used as f64 / block.header.gas_limit as f64
}

/// Tips at the given percentiles of the block's gas; zeros for an empty block.
fn rewards(block: &Block, percentiles: &[f64]) -> Value {
    let base_fee = block.header.base_fee;
    let pairs = block.transactions.iter().zip(&block.receipts);
    let mut tips: Vec<(u128, u64)> = pairs
        .map(|(tx, receipt)| {
            let tip = tx.effective_tip(base_fee).unwrap_or_default();
            (tip, receipt.gas_used)
        })
        .collect();
    tips.sort_unstable();
    let tip_at = |percentile: &f64| {
        let threshold = block.header.gas_used as f64 * percentile / 100.0;
        let mut sum = 0;
        let reached = tips.iter().find(|(_, gas)| {
            sum += gas;
            sum as f64 >= threshold
        });
        let (tip, _) = reached.or(tips.last()).copied().unwrap_or_default();
        json!(format!("{tip:#x}"))
    };
    percentiles.iter().map(tip_at).collect()
}
