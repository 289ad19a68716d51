//! Requests.

use core::fmt;

use coracle_core::json::{Quantity, Writer};
use coracle_core::{Address, B256, Encode, Sink, U256, Wei};

use crate::profile::AddressForm;
use crate::tx::{CallData, SignedTx};

/// A block, by number or by what the node says of it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BlockTag {
    /// The newest block.
    #[default]
    Latest,
    /// The block that the node would make now.
    Pending,
    /// A block that an honest majority will not replace.
    Safe,
    /// A block that cannot be replaced.
    Finalized,
    /// The first block.
    Earliest,
    /// The block of this number.
    Number(u64),
}

impl fmt::Display for BlockTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest => f.write_str("latest"),
            Self::Pending => f.write_str("pending"),
            Self::Safe => f.write_str("safe"),
            Self::Finalized => f.write_str("finalized"),
            Self::Earliest => f.write_str("earliest"),
            Self::Number(number) => Quantity(U256::from(*number)).fmt(f),
        }
    }
}

/// The same text.
impl Encode for BlockTag {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(match self {
            Self::Latest => b"latest",
            Self::Pending => b"pending",
            Self::Safe => b"safe",
            Self::Finalized => b"finalized",
            Self::Earliest => b"earliest",
            Self::Number(number) => return Quantity(U256::from(*number)).encode(out),
        });
    }
}

/// A message call that is only tried.
#[derive(Clone, Copy, Debug)]
pub struct CallRequest<'a> {
    /// Who calls.
    pub from: Option<Address>,
    /// Who is called; `None` creates a contract.
    pub to: Option<Address>,
    /// What the call moves.
    pub value: Wei,
    /// Call data.
    pub data: CallData<'a>,
}

/// Which logs are wanted.
#[derive(Clone, Copy, Debug)]
pub struct LogFilter<'a> {
    /// The first block.
    pub from: BlockTag,
    /// The last block.
    pub to: BlockTag,
    /// The contract that emitted them.
    pub address: Option<Address>,
    /// Topics by position, at most 4; `None` takes any.
    pub topics: &'a [Option<B256>],
}

/// One request to a node.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// The node's chain id.
    ChainId,
    /// The number of the newest block.
    BlockNumber,
    /// A price per unit of gas that the node suggests.
    GasPrice,
    /// A tip per unit of gas that the node suggests.
    MaxPriorityFeePerGas,
    /// Base fees and tips of the newest blocks.
    FeeHistory {
        /// How many blocks.
        blocks: u8,
        /// The percentile of each block's tips that is wanted, `0..=100`.
        percentile: u8,
    },
    /// An account's balance.
    Balance {
        /// The account.
        account: Address,
        /// At the end of this block.
        at: BlockTag,
    },
    /// How many transactions an account made.
    TransactionCount {
        /// The account.
        account: Address,
        /// At the end of this block.
        at: BlockTag,
    },
    /// A contract's code.
    Code {
        /// The contract.
        account: Address,
        /// At the end of this block.
        at: BlockTag,
    },
    /// How much gas a call would use.
    EstimateGas(CallRequest<'a>),
    /// What a call would return.
    Call {
        /// The call.
        call: CallRequest<'a>,
        /// On the state at the end of this block.
        at: BlockTag,
    },
    /// Hands in a signed transaction.
    SendRawTransaction(&'a SignedTx<'a>),
    /// The receipt of a transaction.
    TransactionReceipt(B256),
    /// A transaction.
    Transaction(B256),
    /// A block, its transactions by hash.
    Block(BlockTag),
    /// Logs.
    Logs(LogFilter<'a>),
}

impl<'a> Request<'a> {
    /// The method's name after the chain's prefix.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ChainId => "chainId",
            Self::BlockNumber => "blockNumber",
            Self::GasPrice => "gasPrice",
            Self::MaxPriorityFeePerGas => "maxPriorityFeePerGas",
            Self::FeeHistory { .. } => "feeHistory",
            Self::Balance { .. } => "getBalance",
            Self::TransactionCount { .. } => "getTransactionCount",
            Self::Code { .. } => "getCode",
            Self::EstimateGas(_) => "estimateGas",
            Self::Call { .. } => "call",
            Self::SendRawTransaction(_) => "sendRawTransaction",
            Self::TransactionReceipt(_) => "getTransactionReceipt",
            Self::Transaction(_) => "getTransactionByHash",
            Self::Block(_) => "getBlockByNumber",
            Self::Logs(_) => "getLogs",
        }
    }

    /// The JSON array of parameters, with addresses in the chain's form.
    pub const fn params(&'a self, form: AddressForm) -> Params<'a> {
        Params {
            request: self,
            form,
        }
    }
}

/// The parameters of a request; encodes as a JSON array.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    request: &'a Request<'a>,
    form: AddressForm,
}

impl Encode for Params<'_> {
    fn encode(&self, out: &mut dyn Sink) {
        let mut json = Writer::new(out);
        json.begin_array();
        self.write(&mut json);
        json.end_array();
    }
}

impl Params<'_> {
    fn write(&self, json: &mut Writer<'_>) {
        match self.request {
            Request::ChainId
            | Request::BlockNumber
            | Request::GasPrice
            | Request::MaxPriorityFeePerGas => {}
            Request::FeeHistory { blocks, percentile } => {
                json.quantity(U256::from(u64::from(*blocks)));
                json.string("latest");
                json.begin_array();
                json.number(u64::from(*percentile));
                json.end_array();
            }
            Request::Balance { account, at }
            | Request::TransactionCount { account, at }
            | Request::Code { account, at } => {
                self.address(json, *account);
                json.text(at);
            }
            Request::EstimateGas(call) => self.call(json, call),
            Request::Call { call, at } => {
                self.call(json, call);
                json.text(at);
            }
            Request::SendRawTransaction(tx) => json.hex(*tx),
            Request::TransactionReceipt(hash) | Request::Transaction(hash) => {
                json.hex(&hash.0[..]);
            }
            Request::Block(tag) => {
                json.text(tag);
                json.bool(false);
            }
            Request::Logs(filter) => self.logs(json, filter),
        }
    }

    fn address(&self, json: &mut Writer<'_>, address: Address) {
        json.text(&self.form.display(address));
    }

    fn call(&self, json: &mut Writer<'_>, call: &CallRequest<'_>) {
        json.begin_object();
        for (name, account) in [("from", call.from), ("to", call.to)] {
            if let Some(account) = account {
                json.key(name);
                self.address(json, account);
            }
        }
        if call.value != Wei::ZERO {
            json.key("value").quantity(call.value.0);
        }
        json.key("data").hex(&call.data);
        json.end_object();
    }

    fn logs(&self, json: &mut Writer<'_>, filter: &LogFilter<'_>) {
        json.begin_object();
        json.key("fromBlock").text(&filter.from);
        json.key("toBlock").text(&filter.to);
        if let Some(address) = filter.address {
            json.key("address");
            self.address(json, address);
        }
        json.key("topics").begin_array();
        for topic in filter.topics {
            match topic {
                Some(topic) => json.hex(&topic.0[..]),
                None => json.null(),
            }
        }
        json.end_array();
        json.end_object();
    }
}
