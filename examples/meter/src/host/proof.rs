//! What the chain holds, held against what the device said.

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
/// and in the block that the receipt names. Returns how many.
pub(super) async fn logs(
    client: &mut Installer<'_, impl DelayNs>,
    contract: Address,
    device: DeviceId,
    records: &[Vec<u8>],
    rows: &[Row],
) -> Result<usize, Failure> {
    let seen = read_logs(client, contract, device, rows).await?;
    if seen.len() != records.len() || rows.len() != records.len() {
        return Err(format!("{} records, {} logs", records.len(), seen.len()).into());
    }
    for (number, ((seen, record), row)) in seen.iter().zip(records).zip(rows).enumerate() {
        let at = row.inclusion.ok_or("a record without a receipt")?;
        let same = seen.sequence == number as u64
            && seen.record == *record
            && seen.transaction == Some(at.hash)
            && seen.block == Some(at.block_hash);
        if !same {
            return Err(format!("the log of record {number} is not what was sent").into());
        }
    }
    Ok(seen.len())
}

async fn read_logs(
    client: &mut Installer<'_, impl DelayNs>,
    contract: Address,
    device: DeviceId,
    rows: &[Row],
) -> Result<Vec<Seen>, Failure> {
    let blocks = rows
        .iter()
        .filter_map(|row| Some(row.inclusion?.block_number));
    let (Some(first), Some(last)) = (blocks.clone().min(), blocks.max()) else {
        return Err("no record was included".into());
    };
    let sender = client.address();
    let topics = Recorded::topics(device_topic(&device), sender).ok_or("bad event signature")?;
    let filter = LogFilter {
        from: BlockTag::Number(first),
        to: BlockTag::Number(last),
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
