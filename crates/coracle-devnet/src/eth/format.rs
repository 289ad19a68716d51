//! Blocks, transactions, receipts and logs as JSON.

use revm::primitives::{Address, B256, Log, U256, hex};
use serde_json::{Map, Value, json};

use crate::{
    bech32,
    block::{Block, Mined},
    tx::{Transaction, TxType},
};

/// How addresses are printed.
#[derive(Clone, Copy)]
pub(super) struct Format<'a> {
    pub(super) hrp: Option<&'a str>,
}

/// Where a transaction stands on the chain.
struct Place {
    block_hash: B256,
    block_number: u64,
    index: usize,
    price: u128,
}

impl Format<'_> {
    pub(super) fn address(&self, address: Address) -> Value {
        match self.hrp {
            Some(hrp) => json!(bech32::encode(hrp, address)),
            None => data(address.as_slice()),
        }
    }

    pub(super) fn block(&self, block: &Block, full: bool) -> Value {
        let header = &block.header;
        let transactions: Vec<Value> = if full {
            let indexes = 0..block.transactions.len();
            indexes.map(|index| self.in_block(block, index)).collect()
        } else {
            let hashes = block.transactions.iter().map(|tx| hash(tx.hash));
            hashes.collect()
        };
        let mut json = json!({
            "number": number(header.number),
            "hash": hash(block.hash),
            "parentHash": hash(header.parent_hash),
            "miner": self.address(header.beneficiary),
            "stateRoot": hash(header.state_root),
            "transactionsRoot": hash(header.transactions_root),
            "receiptsRoot": hash(header.receipts_root),
            "logsBloom": data(header.logs_bloom.as_slice()),
            "gasLimit": number(header.gas_limit),
            "gasUsed": number(header.gas_used),
            "timestamp": number(header.timestamp),
            "extraData": data(&header.extra_data),
            "mixHash": hash(header.mix_hash),
            "baseFeePerGas": number(header.base_fee),
            "size": quantity(U256::from(block.size())),
            "transactions": transactions,
        });
        constant_fields(&mut json);
        json
    }

    pub(super) fn mined(&self, mined: &Mined) -> Value {
        self.transaction(
            &mined.transaction,
            Some(Place {
                block_hash: mined.block_hash,
                block_number: mined.block_number,
                index: mined.index,
                price: mined.receipt.effective_gas_price,
            }),
        )
    }

    pub(super) fn waiting(&self, tx: &Transaction) -> Value {
        self.transaction(tx, None)
    }

    pub(super) fn receipt(&self, mined: &Mined) -> Value {
        let Mined {
            transaction: tx,
            receipt,
            ..
        } = mined;
        let logs = receipt.logs.iter().enumerate();
        let logs: Vec<Value> = logs
            .map(|(index, log)| self.log(mined, index, log))
            .collect();
        json!({
            "transactionHash": hash(tx.hash),
            "transactionIndex": quantity(U256::from(mined.index)),
            "blockHash": hash(mined.block_hash),
            "blockNumber": number(mined.block_number),
            "from": self.address(tx.sender),
            "to": self.address_or_null(tx.to),
            "contractAddress": self.address_or_null(receipt.contract_address),
            "gasUsed": number(receipt.gas_used),
            "cumulativeGasUsed": number(receipt.cumulative_gas_used),
            "effectiveGasPrice": quantity(U256::from(receipt.effective_gas_price)),
            "logs": logs,
            "logsBloom": data(receipt.bloom().as_slice()),
            "status": number(u64::from(receipt.succeeded)),
            "type": number(u64::from(tx.tx_type.id())),
        })
    }

    /// The log at `index` of its transaction.
    pub(super) fn log(&self, mined: &Mined, index: usize, log: &Log) -> Value {
        let topics: Vec<Value> = log.topics().iter().map(|topic| hash(*topic)).collect();
        json!({
            "address": self.address(log.address),
            "topics": topics,
            "data": data(&log.data.data),
            "blockNumber": number(mined.block_number),
            "blockHash": hash(mined.block_hash),
            "transactionHash": hash(mined.transaction.hash),
            "transactionIndex": quantity(U256::from(mined.index)),
            "logIndex": quantity(U256::from(mined.receipt.first_log_index + index)),
            "removed": false,
        })
    }

    fn in_block(&self, block: &Block, index: usize) -> Value {
        let (Some(tx), Some(receipt)) = (block.transactions.get(index), block.receipts.get(index))
        else {
            return Value::Null;
        };
        let place = Place {
            block_hash: block.hash,
            block_number: block.header.number,
            index,
            price: receipt.effective_gas_price,
        };
        self.transaction(tx, Some(place))
    }

    fn transaction(&self, tx: &Transaction, place: Option<Place>) -> Value {
        let price = place.as_ref().map_or(tx.max_fee, |place| place.price);
        let json = json!({
            "hash": hash(tx.hash),
            "type": number(u64::from(tx.tx_type.id())),
            "nonce": number(tx.nonce),
            "from": self.address(tx.sender),
            "to": self.address_or_null(tx.to),
            "value": quantity(tx.value),
            "gas": number(tx.gas_limit),
            "gasPrice": quantity(U256::from(price)),
            "input": data(&tx.data),
            "v": number(tx.v),
            "r": quantity(tx.r),
            "s": quantity(tx.s),
            "blockHash": place.as_ref().map(|place| hash(place.block_hash)),
            "blockNumber": place.as_ref().map(|place| number(place.block_number)),
            "transactionIndex": place.as_ref().map(|place| quantity(U256::from(place.index))),
        });
        self.with_typed_fields(tx, json)
    }

    fn with_typed_fields(&self, tx: &Transaction, mut json: Value) -> Value {
        if let Some(chain_id) = tx.chain_id {
            json["chainId"] = number(chain_id);
        }
        if tx.tx_type == TxType::Legacy {
            return json;
        }
        json["yParity"] = number(tx.v);
        let entries = tx.access_list.iter().map(|(address, slots)| {
            let slots: Vec<Value> = slots.iter().map(|slot| hash(*slot)).collect();
            json!({"address": self.address(*address), "storageKeys": slots})
        });
        json["accessList"] = entries.collect();
        if tx.tx_type == TxType::DynamicFee {
            json["maxFeePerGas"] = quantity(U256::from(tx.max_fee));
            json["maxPriorityFeePerGas"] = quantity(U256::from(tx.max_priority_fee));
        }
        json
    }

    fn address_or_null(&self, address: Option<Address>) -> Value {
        address.map_or(Value::Null, |address| self.address(address))
    }
}

/// Header fields that are the same in every block.
fn constant_fields(block: &mut Value) {
    let constant: Map<String, Value> = [
        ("sha3Uncles", hash(crate::header::NO_OMMERS)),
        ("withdrawalsRoot", hash(crate::header::NO_WITHDRAWALS)),
        ("requestsHash", hash(crate::header::NO_REQUESTS)),
        ("parentBeaconBlockRoot", hash(B256::ZERO)),
        ("difficulty", number(0)),
        ("blobGasUsed", number(0)),
        ("excessBlobGas", number(0)),
        ("nonce", data(&[0; 8])),
        ("uncles", json!([])),
        ("withdrawals", json!([])),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect();
    if let Some(fields) = block.as_object_mut() {
        fields.extend(constant);
    }
}

pub(super) fn quantity(value: U256) -> Value {
    json!(format!("{value:#x}"))
}

pub(super) fn number(value: u64) -> Value {
    json!(format!("{value:#x}"))
}

pub(super) fn hash(value: B256) -> Value {
    data(value.as_slice())
}

pub(super) fn data(bytes: &[u8]) -> Value {
    json!(hex::encode_prefixed(bytes))
}
