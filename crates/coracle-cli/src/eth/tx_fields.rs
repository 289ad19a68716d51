//! The fields of a transaction, as the vectors name them.
//!
//! | type | fields |
//! | --- | --- |
//! | `legacy` | `nonce`, `gasPrice`, `gasLimit`, `to`, `value`, `data` |
//! | `eip155` | those and `chainId` |
//! | `eip2930` | those and `accessList` |
//! | `eip1559` | `maxPriorityFeePerGas` and `maxFeePerGas` instead of `gasPrice` |

use coracle_core::hex::Hex;
use coracle_core::{Address, B256, U256, Wei};
use coracle_eth::tx::{
    AccessList, AccessListItem, CallData, Transaction, TxEip1559, TxEip2930, TxLegacy,
};
use serde_json::{Map, Value as Json, json};

use crate::failure::{Failure, Within};
use crate::input::{Input, to_b256, wrong};
use crate::rlp::encoded;

/// An access list in memory.
type OwnedList = Vec<(Address, Vec<B256>)>;

/// A transaction that owns its data.
pub(crate) struct TxFields {
    kind: Kind,
    nonce: u64,
    gas_limit: U256,
    to: Option<Address>,
    value: Wei,
    data: Vec<u8>,
}

enum Kind {
    Legacy {
        chain_id: Option<u64>,
        gas_price: Wei,
    },
    Eip2930 {
        chain_id: u64,
        gas_price: Wei,
        access_list: OwnedList,
    },
    Eip1559 {
        chain_id: u64,
        max_priority_fee_per_gas: Wei,
        max_fee_per_gas: Wei,
        access_list: OwnedList,
    },
}

impl TxFields {
    pub(crate) fn read(input: Input<'_>) -> Result<Self, Failure> {
        Ok(Self {
            kind: Kind::read(input)?,
            nonce: input.u64("nonce")?,
            gas_limit: input.uint("gasLimit")?,
            to: match input.get("to") {
                Some(_) => Some(input.address("to")?),
                None => None,
            },
            value: Wei(input.uint("value")?),
            data: input.bytes("data")?,
        })
    }

    /// Lends the transaction to `work`.
    pub(crate) fn with<T>(&self, work: impl FnOnce(Transaction<'_>) -> T) -> T {
        let items = self.kind.items();
        work(self.transaction(AccessList::new(&items)))
    }

    fn transaction<'a>(&'a self, access_list: AccessList<'a>) -> Transaction<'a> {
        let Self {
            kind: _,
            nonce,
            gas_limit,
            to,
            value,
            ref data,
        } = *self;
        let data = CallData::Bytes(data);
        match self.kind {
            Kind::Legacy {
                chain_id,
                gas_price,
            } => Transaction::Legacy(TxLegacy {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                data,
            }),
            Kind::Eip2930 {
                chain_id,
                gas_price,
                ..
            } => Transaction::Eip2930(TxEip2930 {
                chain_id,
                nonce,
                gas_price,
                gas_limit,
                to,
                value,
                data,
                access_list,
            }),
            Kind::Eip1559 {
                chain_id,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                ..
            } => Transaction::Eip1559(TxEip1559 {
                chain_id,
                nonce,
                max_priority_fee_per_gas,
                max_fee_per_gas,
                gas_limit,
                to,
                value,
                data,
                access_list,
            }),
        }
    }
}

impl Kind {
    fn read(input: Input<'_>) -> Result<Self, Failure> {
        let wei = |name| input.uint(name).map(Wei);
        Ok(match input.text("type")? {
            "legacy" => Self::Legacy {
                chain_id: None,
                gas_price: wei("gasPrice")?,
            },
            "eip155" => Self::Legacy {
                chain_id: Some(input.u64("chainId")?),
                gas_price: wei("gasPrice")?,
            },
            "eip2930" => Self::Eip2930 {
                chain_id: input.u64("chainId")?,
                gas_price: wei("gasPrice")?,
                access_list: read_list(input)?,
            },
            "eip1559" => Self::Eip1559 {
                chain_id: input.u64("chainId")?,
                max_priority_fee_per_gas: wei("maxPriorityFeePerGas")?,
                max_fee_per_gas: wei("maxFeePerGas")?,
                access_list: read_list(input)?,
            },
            other => {
                let message = format!("transaction type {other} not supported");
                return Err(Failure::new("unsupported-type", message));
            }
        })
    }

    fn items(&self) -> Vec<AccessListItem<'_>> {
        let list = match self {
            Self::Legacy { .. } => &[][..],
            Self::Eip2930 { access_list, .. } | Self::Eip1559 { access_list, .. } => access_list,
        };
        let items = list.iter().map(|(address, keys)| AccessListItem {
            address: *address,
            storage_keys: keys,
        });
        items.collect()
    }
}

/// A missing list is an empty one.
fn read_list(input: Input<'_>) -> Result<OwnedList, Failure> {
    if !input.has("accessList") {
        return Ok(Vec::new());
    }
    input.list("accessList")?.iter().map(read_item).collect()
}

fn read_item(item: &Json) -> Result<(Address, Vec<B256>), Failure> {
    let item = item.as_object().ok_or_else(|| {
        wrong(
            "accessList",
            "an array of objects with address and storageKeys",
        )
    });
    let item = Input(item?);
    let keys = item.list("storageKeys").within("accessList")?.iter();
    let keys = keys.map(|key| to_b256("storageKeys", key));
    Ok((
        item.address("address").within("accessList")?,
        keys.collect::<Result<_, _>>().within("accessList")?,
    ))
}

/// The fields of a transaction as the vectors write them.
pub(crate) fn write(tx: &Transaction<'_>) -> Map<String, Json> {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Json| {
        fields.insert(name.to_owned(), value);
    };
    put("type", type_name(tx).into());
    if let Some(id) = tx.chain_id() {
        put("chainId", quantity(U256::from(id)));
    }
    put("nonce", quantity(U256::from(tx.nonce())));
    match tx {
        Transaction::Legacy(TxLegacy { gas_price, .. })
        | Transaction::Eip2930(TxEip2930 { gas_price, .. }) => {
            put("gasPrice", quantity(gas_price.0));
        }
        Transaction::Eip1559(tx) => {
            put(
                "maxPriorityFeePerGas",
                quantity(tx.max_priority_fee_per_gas.0),
            );
            put("maxFeePerGas", quantity(tx.max_fee_per_gas.0));
        }
        _ => {}
    }
    put("gasLimit", quantity(tx.gas_limit()));
    put("to", tx.to().map_or(Json::Null, |to| lower(to).into()));
    put("value", quantity(tx.value().0));
    put("data", Hex(&encoded(tx.data())).to_string().into());
    match tx {
        Transaction::Eip2930(TxEip2930 { access_list, .. })
        | Transaction::Eip1559(TxEip1559 { access_list, .. }) => {
            put("accessList", write_list(access_list));
        }
        _ => {}
    }
    fields
}

fn type_name(tx: &Transaction<'_>) -> &'static str {
    match tx {
        Transaction::Legacy(TxLegacy { chain_id: None, .. }) => "legacy",
        Transaction::Legacy(_) => "eip155",
        Transaction::Eip2930(_) => "eip2930",
        Transaction::Eip1559(_) => "eip1559",
        _ => "unknown",
    }
}

fn write_list(list: &AccessList<'_>) -> Json {
    let items = list.iter().map(|(address, keys)| {
        let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
        json!({ "address": lower(&address), "storageKeys": keys })
    });
    items.collect()
}

/// A number as `0x` and digits without leading zeros.
pub(crate) fn quantity(value: U256) -> Json {
    format!("{value:#x}").into()
}

fn lower(address: &Address) -> String {
    format!("{address:x}")
}
