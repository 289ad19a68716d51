//! What the chain holds, held against what the device said.

use std::collections::BTreeMap;
use std::format;
use std::vec;
use std::vec::Vec;

use coracle::core::json::Reject;
use coracle::core::{Address, B256};
use coracle::eth::rpc::{BlockTag, Log, LogFilter};
use coracle::record::DeviceId;
use embedded_hal_async::delay::DelayNs;

use super::table::Row;
use super::{Failure, Installer};
use crate::contract::{Recorded, device_topic};

/// One log of the contract.
struct Seen {
    sequence: u64,
    record: Vec<u8>,
    transaction: Option<B256>,
    block: Option<B256>,
}

/// Reads the logs back: each record is there once, byte for byte, from the transaction
/// and in the block that the receipt names, where this run saw it. Returns how many.
pub(super) async fn logs(
    client: &mut Installer<'_, impl DelayNs>,
    contract: Address,
    device: DeviceId,
    records: &[Vec<u8>],
    rows: &BTreeMap<u64, Row>,
) -> Result<usize, Failure> {
    // Earlier runs saw what this one did not.
    let first = match rows.len() < records.len() {
        true => BlockTag::Earliest,
        false => first_block(rows)?,
    };
    let seen = read_logs(client, contract, device, first).await?;
    if seen.len() != records.len() {
        return Err(format!("{} records, {} logs", records.len(), seen.len()).into());
    }
    for (number, (seen, record)) in (0..).zip(seen.iter().zip(records)) {
        let is_same = seen.sequence == number && seen.record == *record;
        let is_there = match rows.get(&number) {
            Some(row) => {
                let at = row.inclusion.ok_or("a record without a receipt")?;
                seen.transaction == Some(at.hash) && seen.block == Some(at.block_hash)
            }
            None => true,
        };
        if !is_same || !is_there {
            return Err(format!("the log of record {number} is not what was sent").into());
        }
    }
    Ok(seen.len())
}

fn first_block(rows: &BTreeMap<u64, Row>) -> Result<BlockTag, Failure> {
    let blocks = rows
        .values()
        .filter_map(|row| Some(row.inclusion?.block_number));
    Ok(BlockTag::Number(
        blocks.min().ok_or("no record was included")?,
    ))
}

async fn read_logs(
    client: &mut Installer<'_, impl DelayNs>,
    contract: Address,
    device: DeviceId,
    first: BlockTag,
) -> Result<Vec<Seen>, Failure> {
    let sender = client.address();
    let topics = Recorded::topics(device_topic(&device), sender).ok_or("bad event signature")?;
    let filter = LogFilter {
        from: first,
        to: BlockTag::Latest,
        address: Some(contract),
        topics: &topics,
    };
    let mut seen = Vec::new();
    let take = |log: &Log<'_>| {
        let Recorded { sequence, record } = Recorded::decode(log).ok_or(Reject)?;
        seen.push(Seen {
            sequence,
            record: record.to_vec(),
            transaction: log.transaction_hash,
            block: log.block_hash,
        });
        Ok(())
    };
    client.logs(&filter, &mut vec![0; 1024], take).await?;
    Ok(seen)
}
