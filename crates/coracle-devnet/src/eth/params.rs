//! Reading parameters, strictly, with the place of a wrong one in the error.

use core::fmt;

use revm::primitives::{Address, B256, Bytes, U256, hex};
use serde_json::Value;

use crate::{bech32, block::BlockRef, evm::Call, rpc::RpcError};

/// Entries of an access list, slots of one, or alternatives in a filter, at most.
const MAX_LIST: usize = 1024;

/// The parameters of one request.
#[derive(Clone, Copy)]
pub(super) struct Params<'a> {
    values: &'a [Value],
    hrp: Option<&'a str>,
}

/// What is wrong with a value; the caller adds where.
type Reason = String;

impl<'a> Params<'a> {
    /// At most `max` of them.
    pub(super) fn new(
        values: &'a [Value],
        hrp: Option<&'a str>,
        max: usize,
    ) -> Result<Self, RpcError> {
        if values.len() > max {
            let text = format!("too many arguments, want at most {max}");
            return Err(RpcError::params(text));
        }
        Ok(Self { values, hrp })
    }

    pub(super) fn address(&self, index: usize) -> Result<Address, RpcError> {
        self.required(index, |value| address(value, self.hrp))
    }

    pub(super) fn hash(&self, index: usize) -> Result<B256, RpcError> {
        self.required(index, hash)
    }

    pub(super) fn bytes(&self, index: usize) -> Result<Bytes, RpcError> {
        self.required(index, bytes)
    }

    pub(super) fn quantity(&self, index: usize) -> Result<U256, RpcError> {
        self.required(index, quantity)
    }

    /// A count: a quantity, or a plain number.
    pub(super) fn count(&self, index: usize) -> Result<u64, RpcError> {
        self.required(index, |value| match value.as_u64() {
            Some(number) => Ok(number),
            None => small(value),
        })
    }

    pub(super) fn flag(&self, index: usize) -> Result<bool, RpcError> {
        self.required(index, flag)
    }

    pub(super) fn flag_or(&self, index: usize, default: bool) -> Result<bool, RpcError> {
        Ok(self.optional(index, flag)?.unwrap_or(default))
    }

    pub(super) fn count_or(&self, index: usize, default: u64) -> Result<u64, RpcError> {
        match self.present(index) {
            Some(_) => self.count(index),
            None => Ok(default),
        }
    }

    /// A block, `latest` if there is none.
    pub(super) fn block(&self, index: usize) -> Result<BlockRef, RpcError> {
        Ok(self.optional(index, block)?.unwrap_or(BlockRef::Latest))
    }

    pub(super) fn required_block(&self, index: usize) -> Result<BlockRef, RpcError> {
        self.required(index, block)
    }

    pub(super) fn call(&self, index: usize) -> Result<Call, RpcError> {
        self.required(index, |value| call(value, self.hrp))
    }

    pub(super) fn filter(&self, index: usize) -> Result<Filter, RpcError> {
        self.required(index, |value| filter(value, self.hrp))
    }

    /// Percentiles in `0..=100`, ascending; none if the parameter is absent.
    pub(super) fn percentiles(&self, index: usize) -> Result<Option<Vec<f64>>, RpcError> {
        self.optional(index, percentiles)
    }

    fn present(&self, index: usize) -> Option<&'a Value> {
        self.values.get(index).filter(|value| !value.is_null())
    }

    fn required<T>(
        &self,
        index: usize,
        read: impl Fn(&Value) -> Result<T, Reason>,
    ) -> Result<T, RpcError> {
        match self.optional(index, read)? {
            Some(value) => Ok(value),
            None => {
                let text = format!("missing value for required argument {index}");
                Err(RpcError::params(text))
            }
        }
    }

    fn optional<T>(
        &self,
        index: usize,
        read: impl Fn(&Value) -> Result<T, Reason>,
    ) -> Result<Option<T>, RpcError> {
        let Some(value) = self.present(index) else {
            return Ok(None);
        };
        match read(value) {
            Ok(read) => Ok(Some(read)),
            Err(reason) => Err(RpcError::argument(index, reason)),
        }
    }
}

/// What `eth_getLogs` asks for.
pub(super) struct Filter {
    pub(super) range: Range,
    /// Any of these; every address if empty.
    pub(super) addresses: Vec<Address>,
    /// For each place any of these; every topic if empty.
    pub(super) topics: Vec<Vec<B256>>,
}

pub(super) enum Range {
    Block(B256),
    Between(BlockRef, BlockRef),
}

fn text(value: &Value) -> Result<&str, Reason> {
    value.as_str().ok_or_else(|| "not a string".into())
}

fn digits(value: &Value) -> Result<&str, Reason> {
    let digits = text(value)?.strip_prefix("0x");
    digits.ok_or_else(|| "hex string without 0x prefix".into())
}

fn bytes(value: &Value) -> Result<Bytes, Reason> {
    hex::decode(digits(value)?)
        .map(Bytes::from)
        .map_err(|error| format!("invalid hex string: {error}"))
}

fn fixed<const N: usize>(value: &Value) -> Result<[u8; N], Reason> {
    let bytes = bytes(value)?;
    let found = bytes.len();
    <[u8; N]>::try_from(&*bytes.0).map_err(|_| format!("hex string has {found} bytes, want {N}"))
}

fn hash(value: &Value) -> Result<B256, Reason> {
    fixed(value).map(B256::new)
}

fn address(value: &Value, hrp: Option<&str>) -> Result<Address, Reason> {
    let Some(hrp) = hrp else {
        return fixed(value).map(Address::new);
    };
    let wrong = || format!("not a bech32 address with prefix {hrp}");
    bech32::decode(hrp, text(value)?).ok_or_else(wrong)
}

fn quantity(value: &Value) -> Result<U256, Reason> {
    let digits = digits(value)?;
    if digits.is_empty() {
        return Err("empty hex quantity".into());
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err("hex number with leading zero digits".into());
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("invalid hex quantity".into());
    }
    U256::from_str_radix(digits, 16).map_err(|_| "hex number has more than 256 bits".into())
}

fn small(value: &Value) -> Result<u64, Reason> {
    let wide = quantity(value)?;
    u64::try_from(wide).map_err(|_| "hex number has more than 64 bits".into())
}

fn price(value: &Value) -> Result<u128, Reason> {
    let wide = quantity(value)?;
    u128::try_from(wide).map_err(|_| "hex number has more than 128 bits".into())
}

fn flag(value: &Value) -> Result<bool, Reason> {
    value.as_bool().ok_or_else(|| "not a boolean".into())
}

/// A tag, a number, or the object of EIP-1898.
fn block(value: &Value) -> Result<BlockRef, Reason> {
    if value.is_object() {
        return match (value.get("blockHash"), value.get("blockNumber")) {
            (Some(found), None) => hash(found).map(BlockRef::Hash),
            (None, Some(number)) => block_tag(number),
            _ => Err("want blockHash or blockNumber".into()),
        };
    }
    block_tag(value)
}

fn block_tag(value: &Value) -> Result<BlockRef, Reason> {
    Ok(match text(value)? {
        "latest" => BlockRef::Latest,
        "pending" => BlockRef::Pending,
        "safe" => BlockRef::Safe,
        "finalized" => BlockRef::Finalized,
        "earliest" => BlockRef::Earliest,
        _ => BlockRef::Number(small(value)?),
    })
}

/// Reads one field of an object, if it is there and not null.
fn field<T>(
    object: &Value,
    name: &str,
    read: impl Fn(&Value) -> Result<T, Reason>,
) -> Result<Option<T>, Reason> {
    match object.get(name).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => read(value)
            .map(Some)
            .map_err(|reason| format!("{name}: {reason}")),
    }
}

fn object(value: &Value) -> Result<&Value, Reason> {
    if value.is_object() {
        return Ok(value);
    }
    Err("not an object".into())
}

fn call(value: &Value, hrp: Option<&str>) -> Result<Call, Reason> {
    let value = object(value)?;
    let data = field(value, "data", bytes)?;
    let input = field(value, "input", bytes)?;
    if data.is_some() && input.is_some() && data != input {
        return Err("both data and input are set and not equal".into());
    }
    let gas_price = field(value, "gasPrice", price)?;
    let max_fee = field(value, "maxFeePerGas", price)?;
    let tip = field(value, "maxPriorityFeePerGas", price)?;
    if gas_price.is_some() && (max_fee.is_some() || tip.is_some()) {
        return Err("both gasPrice and maxFeePerGas or maxPriorityFeePerGas specified".into());
    }
    Ok(Call {
        from: field(value, "from", |value| address(value, hrp))?.unwrap_or_default(),
        to: field(value, "to", |value| address(value, hrp))?,
        gas: field(value, "gas", small)?,
        max_fee: gas_price.or(max_fee).unwrap_or_default(),
        max_priority_fee: gas_price.or(tip).unwrap_or_default(),
        value: field(value, "value", quantity)?.unwrap_or_default(),
        data: input.or(data).unwrap_or_default(),
        access_list: field(value, "accessList", |value| access_list(value, hrp))?
            .unwrap_or_default(),
    })
}

fn access_list(value: &Value, hrp: Option<&str>) -> Result<Vec<(Address, Vec<B256>)>, Reason> {
    let entry = |value: &Value| {
        let address = field(value, "address", |value| address(value, hrp))?;
        let slots = field(value, "storageKeys", |value| list(value, hash))?;
        Ok((
            address.ok_or("address: missing")?,
            slots.unwrap_or_default(),
        ))
    };
    list(value, entry)
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Result<T, Reason>) -> Result<Vec<T>, Reason> {
    let values = value.as_array().ok_or("not an array")?;
    if values.len() > MAX_LIST {
        return Err(format!("more than {MAX_LIST} entries"));
    }
    values.iter().map(read).collect()
}

/// One value or a list of them.
fn one_or_more<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, Reason>,
) -> Result<Vec<T>, Reason> {
    if value.is_array() {
        return list(value, read);
    }
    Ok(vec![read(value)?])
}

fn filter(value: &Value, hrp: Option<&str>) -> Result<Filter, Reason> {
    let value = object(value)?;
    let from = field(value, "fromBlock", block_tag)?;
    let to = field(value, "toBlock", block_tag)?;
    let range = match field(value, "blockHash", hash)? {
        Some(_) if from.is_some() || to.is_some() => {
            return Err("cannot specify both blockHash and fromBlock/toBlock".into());
        }
        Some(hash) => Range::Block(hash),
        None => Range::Between(
            from.unwrap_or(BlockRef::Latest),
            to.unwrap_or(BlockRef::Latest),
        ),
    };
    let any_of = |value: &Value| match value {
        Value::Null => Ok(Vec::new()),
        value => one_or_more(value, hash),
    };
    let topics = field(value, "topics", |value| list(value, any_of))?.unwrap_or_default();
    if topics.len() > 4 {
        return Err("topics: more than 4".into());
    }
    Ok(Filter {
        range,
        addresses: field(value, "address", |value| {
            one_or_more(value, |value| address(value, hrp))
        })?
        .unwrap_or_default(),
        topics,
    })
}

fn percentiles(value: &Value) -> Result<Vec<f64>, Reason> {
    let number = |value: &Value| value.as_f64().ok_or_else(|| "not a number".into());
    let percentiles = list(value, number)?;
    if !percentiles
        .iter()
        .all(|share| (0.0..=100.0).contains(share))
    {
        return Err("percentile outside 0..100".into());
    }
    if !percentiles.is_sorted() {
        return Err("percentiles are not ascending".into());
    }
    Ok(percentiles)
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values).finish()
    }
}
