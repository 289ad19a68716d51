//! A chain for a device to report to: a node, and who installs the device.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, Encode, U256, Wei};
use coracle_devnet::Devnet;
use coracle_eth::tx::{AccessList, CallData, Transaction, TxEip1559, create_address};
use serde_json::{Value, json};

use super::error::{Error, Result};
use crate::{Anvil, post};

const ARTIFACT: &str = include_str!("../../../contracts/MeterLog.json");

/// What an account gets: ten thousand ether on a chain where it holds nothing.
const PLENTY: u128 = 10_000_000_000_000_000_000_000;

/// Between two blocks without transactions, so that blocks become final.
const BLOCK_TIME: Duration = Duration::from_millis(100);

/// Looks for a receipt, and the pause between two.
const LOOKS: u32 = 300;
const PAUSE: Duration = Duration::from_millis(100);

/// A node. One that was started here ends when this is dropped.
#[derive(Debug)]
pub struct Chain {
    kind: Kind,
    url: String,
    id: u64,
    // In the order in which they end.
    _miner: Option<Miner>,
    _node: Node,
}

/// Whose extra methods the node has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Anvil,
    Devnet,
    Remote,
}

/// Ends when dropped.
type Node = Box<dyn fmt::Debug + Send + Sync>;

impl Chain {
    /// A real node.
    ///
    /// # Errors
    ///
    /// It does not answer. Panics where `CORACLE_ANVIL` does not name its binary.
    pub fn anvil() -> Result<Self> {
        let anvil = Anvil::start();
        let url = anvil.url().to_owned();
        Self::new(Kind::Anvil, url, Box::new(anvil))
    }

    /// The chain that is built into the project.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub fn devnet() -> Result<Self> {
        let server = Devnet::new(coracle_devnet::Config::local()).serve("127.0.0.1:0");
        let server = server.map_err(|error| Error::at("devnet", error))?;
        let url = server.url();
        Self::new(Kind::Devnet, url, Box::new(server))
    }

    /// A node elsewhere, with an unlocked account that pays for what is done here.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn remote(url: &str) -> Result<Self> {
        Self::new(
            Kind::Remote,
            url.trim_end_matches('/').to_owned(),
            Box::new(()),
        )
    }

    fn new(kind: Kind, url: String, node: Node) -> Result<Self> {
        // A node elsewhere makes its blocks itself.
        let miner = (kind != Kind::Remote).then(|| Miner::start(&url));
        let id = rpc(&url, "eth_chainId", &json!([]))?;
        Ok(Self {
            kind,
            id: number(&id)?,
            url,
            _miner: miner,
            _node: node,
        })
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The result of one call.
    ///
    /// # Errors
    ///
    /// The node does not answer, or refuses.
    pub fn rpc(&self, method: &str, params: &Value) -> Result<Value> {
        rpc(&self.url, method, params)
    }

    /// Makes an account rich.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::rpc`].
    pub fn fund(&self, account: &str) -> Result {
        let wei = format!("{PLENTY:#x}");
        let call = match self.kind {
            Kind::Anvil => ("anvil_setBalance", json!([account, wei])),
            Kind::Devnet => ("devnet_setBalance", json!([account, wei])),
            Kind::Remote => return self.pay(account),
        };
        self.rpc(call.0, &call.1).map(drop)
    }

    /// An ether of the node's own account.
    fn pay(&self, account: &str) -> Result {
        let accounts = self.rpc("eth_accounts", &json!([]))?;
        let payer = accounts.get(0).ok_or("the node has no unlocked account")?;
        let value = format!("{:#x}", 1_000_000_000_000_000_000_u64);
        let call = json!([{"from": payer, "to": account, "value": value}]);
        let hash = self.rpc("eth_sendTransaction", &call)?;
        self.receipt(&hash).map(drop)
    }

    /// Puts a new `MeterLog` on the chain and returns its address. The account that does
    /// it is new each time, so that several can do it at once.
    ///
    /// # Errors
    ///
    /// Those of [`Chain::rpc`]; no random bytes; the creation reverts.
    pub fn deploy(&self) -> Result<Address> {
        let key = SecretKey::<Secp256k1>::generate(&mut getrandom::SysRng);
        let key = key.map_err(|error| Error::at("key", error))?;
        let account = Address::from_public_key(key.public_key());
        self.fund(&account.to_string())?;
        let raw = creation(&key, self.id)?;
        let hash = self.rpc("eth_sendRawTransaction", &json!([raw]))?;
        let receipt = self.receipt(&hash)?;
        match receipt["status"].as_str() {
            Some("0x1") => Ok(create_address(&account, 0)),
            _ => Err("the creation of MeterLog reverted".into()),
        }
    }

    fn receipt(&self, hash: &Value) -> Result<Value> {
        for _ in 0..LOOKS {
            let receipt = self.rpc("eth_getTransactionReceipt", &json!([hash]))?;
            if !receipt.is_null() {
                return Ok(receipt);
            }
            thread::sleep(PAUSE);
        }
        Err(format!("no block holds {hash}").into())
    }
}

/// The signed transaction that puts `MeterLog` on a chain, as hex.
fn creation(key: &SecretKey<Secp256k1>, chain_id: u64) -> Result<String> {
    let artifact: Value =
        serde_json::from_str(ARTIFACT).map_err(|error| Error::at("MeterLog.json", error))?;
    let code = unhex(artifact["bytecode"].as_str().unwrap_or_default())?;
    let tx = Transaction::Eip1559(TxEip1559 {
        chain_id,
        nonce: 0,
        gas_limit: U256::from(3_000_000_u64),
        max_fee_per_gas: Wei::from_gwei(100),
        max_priority_fee_per_gas: Wei::from_gwei(2),
        to: None,
        value: Wei::ZERO,
        data: CallData::Bytes(&code),
        access_list: AccessList::EMPTY,
    });
    let signed = tx
        .into_signed(key.sign(&tx))
        .map_err(|error| Error::at("sign", error))?;
    let mut raw = vec![0; signed.encoded_len()];
    signed
        .encode_into(&mut raw)
        .map_err(|error| Error::at("encode", error))?;
    Ok(hex(&raw))
}

fn rpc(url: &str, method: &str, params: &Value) -> Result<Value> {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let answer = post(url, request.to_string().as_bytes());
    let answer = answer.map_err(|error| Error::at(url, error))?;
    let mut answer: Value =
        serde_json::from_slice(&answer).map_err(|error| Error::at(method, error))?;
    match answer["error"].take() {
        Value::Null => Ok(answer["result"].take()),
        error => Err(Error::at(method, error)),
    }
}

fn number(value: &Value) -> Result<u64> {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    number.ok_or_else(|| format!("{value} is no number").into())
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    digits.fold("0x".to_owned(), |text, digits| text + &digits)
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    let len = coracle_core::hex::decode_into(text, &mut bytes);
    let len = len.map_err(|error| Error::at("bytecode", error))?;
    bytes.truncate(len);
    Ok(bytes)
}

/// Makes a block now and then, whether or not there are transactions.
#[derive(Debug)]
struct Miner {
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    fn start(url: &str) -> Self {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (url, is_stopping) = (url.to_owned(), is_stopping.clone());
            move || {
                while !is_stopping.load(Ordering::Relaxed) {
                    // A node that is gone makes itself known to whoever needs it.
                    let _ = rpc(&url, "evm_mine", &json!([]));
                    thread::sleep(BLOCK_TIME);
                }
            }
        });
        Self {
            is_stopping,
            thread: Some(thread),
        }
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
