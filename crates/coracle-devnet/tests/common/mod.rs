//! What the tests share: accounts, signed transactions, small contracts, HTTP.

#![allow(dead_code, reason = "every test file uses another part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

use alloy_rlp::Encodable;
use coracle_devnet::{Address, B256, Bytes, Config, Devnet, Mining, Server, U256};
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};

pub(crate) const CHAIN_ID: u64 = 31_337;
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const ETHER: u128 = 1_000_000_000 * GWEI;

/// An account made for these tests; its key is a digit repeated.
pub(crate) struct Account {
    key: SigningKey,
    pub(crate) address: Address,
}

impl Account {
    pub(crate) fn new(digit: u8) -> Self {
        let key = SigningKey::from_slice(&[digit; 32]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let address = Address::from_raw_public_key(&point.as_bytes()[1..]);
        Self { key, address }
    }

    /// r, s and parity over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> (U256, U256, bool) {
        let prehash = keccak(message);
        let (signature, id) = self.key.sign_prehash_recoverable(prehash.as_slice());
        let (r, s) = signature.split_bytes();
        (
            U256::from_be_slice(&r),
            U256::from_be_slice(&s),
            id.is_y_odd(),
        )
    }
}

pub(crate) fn keccak(bytes: &[u8]) -> B256 {
    use sha3::Digest as _;
    B256::from_slice(&sha3::Keccak256::digest(bytes))
}

/// A transaction to be signed; every kind has all the fields.
#[derive(Clone)]
pub(crate) struct Tx {
    pub(crate) tx_type: u8,
    pub(crate) chain_id: Option<u64>,
    pub(crate) nonce: u64,
    pub(crate) tip: u128,
    pub(crate) cap: u128,
    pub(crate) gas: u64,
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) data: Vec<u8>,
}

impl Tx {
    pub(crate) fn new(nonce: u64) -> Self {
        Self {
            tx_type: 2,
            chain_id: Some(CHAIN_ID),
            nonce,
            tip: GWEI,
            cap: 10 * GWEI,
            gas: 21_000,
            to: Some(Address::repeat_byte(0xaa)),
            value: U256::from(1),
            data: Vec::new(),
        }
    }

    pub(crate) fn deploy(nonce: u64, runtime: &[u8]) -> Self {
        Self {
            to: None,
            value: U256::ZERO,
            gas: 1_000_000,
            data: init_code(runtime),
            ..Self::new(nonce)
        }
    }

    pub(crate) fn call(nonce: u64, to: Address, data: &[u8]) -> Self {
        Self {
            to: Some(to),
            value: U256::ZERO,
            gas: 200_000,
            data: data.to_vec(),
            ..Self::new(nonce)
        }
    }

    /// Signed raw bytes.
    pub(crate) fn sign(&self, account: &Account) -> Vec<u8> {
        let mut unsigned = self.fields();
        match (self.tx_type, self.chain_id) {
            (0, Some(chain_id)) => {
                chain_id.encode(&mut unsigned);
                unsigned.extend([0x80, 0x80]);
            }
            (0, None) => {}
            _ => unsigned.push(0xc0),
        }
        let (r, s, odd) = account.sign(&self.envelope(&unsigned));
        let mut signed = self.fields();
        match (self.tx_type, self.chain_id) {
            (0, Some(chain_id)) => (chain_id * 2 + 35 + u64::from(odd)).encode(&mut signed),
            (0, None) => (27 + u64::from(odd)).encode(&mut signed),
            _ => {
                signed.push(0xc0);
                odd.encode(&mut signed);
            }
        }
        r.encode(&mut signed);
        s.encode(&mut signed);
        self.envelope(&signed)
    }

    fn fields(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.tx_type != 0 {
            self.chain_id.unwrap().encode(&mut out);
        }
        self.nonce.encode(&mut out);
        if self.tx_type == 2 {
            self.tip.encode(&mut out);
        }
        self.cap.encode(&mut out);
        self.gas.encode(&mut out);
        match self.to {
            Some(to) => to.encode(&mut out),
            None => out.push(0x80),
        }
        self.value.encode(&mut out);
        self.data.as_slice().encode(&mut out);
        out
    }

    fn envelope(&self, payload: &[u8]) -> Vec<u8> {
        let list = rlp_list(payload);
        match self.tx_type {
            0 => list,
            typed => [&[typed], list.as_slice()].concat(),
        }
    }
}

pub(crate) fn rlp_list(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let payload_length = payload.len();
    alloy_rlp::Header {
        list: true,
        payload_length,
    }
    .encode(&mut out);
    out.extend_from_slice(payload);
    out
}

/// Init code that returns `runtime`: CODECOPY of what follows it, RETURN.
pub(crate) fn init_code(runtime: &[u8]) -> Vec<u8> {
    let length = u8::try_from(runtime.len()).unwrap();
    let copy_and_return = format!("60{length:02x}600c60003960{length:02x}6000f3");
    [hex::decode(copy_and_return).unwrap(), runtime.to_vec()].concat()
}

/// LOG1 of the first 32 bytes of call data under [`topic`], then LOG2 of
/// nothing under that topic and the caller.
pub(crate) fn logger() -> Vec<u8> {
    let push_topic = format!("7f{}", hex::encode(topic()));
    let copy_call_data = "60206000600037";
    let log1 = format!("{push_topic}60206000a1");
    let log2 = format!("33{push_topic}60006000a2");
    hex::decode(format!("{copy_call_data}{log1}{log2}00")).unwrap()
}

/// Topic of the logger's logs.
pub(crate) fn topic() -> B256 {
    B256::repeat_byte(1)
}

/// Reverts with `Error("full")`.
pub(crate) fn reverter() -> Vec<u8> {
    let data = revert_data("full");
    // CODECOPY(0, 12, length); REVERT(0, length).
    let length = u8::try_from(data.len()).unwrap();
    let copy_and_revert = format!("60{length:02x}600c60003960{length:02x}6000fd");
    [hex::decode(copy_and_revert).unwrap(), data].concat()
}

/// Adds one to slot 0 and returns it.
pub(crate) fn counter() -> Vec<u8> {
    // SLOAD(0)+1; DUP1; SSTORE(0); MSTORE(0); RETURN(0, 32).
    hex::decode("6000546001018060005560005260206000f3").unwrap()
}

/// ABI encoding of `Error(string)`.
pub(crate) fn revert_data(reason: &str) -> Vec<u8> {
    let mut data = vec![0x08, 0xc3, 0x79, 0xa0];
    data.extend(U256::from(32).to_be_bytes::<32>());
    data.extend(U256::from(reason.len()).to_be_bytes::<32>());
    let mut padded = [0; 32];
    padded[..reason.len()].copy_from_slice(reason.as_bytes());
    data.extend(padded);
    data
}

/// A chain with account 1 funded, and that account.
pub(crate) fn funded(mining: Mining) -> (Devnet, Account) {
    let account = Account::new(1);
    let config = Config {
        mining,
        ..Config::local()
    };
    let config = config.fund(account.address, U256::from(100 * ETHER));
    (Devnet::new(config), account)
}

/// Result of one request; panics on an error answer.
pub(crate) fn ok(devnet: &Devnet, method: &str, params: Value) -> Value {
    match devnet.request(method, params.as_array().unwrap()) {
        Ok(result) => result,
        Err(error) => panic!("{method}: {error}"),
    }
}

/// Code and text of the error answer to one request.
pub(crate) fn refused(devnet: &Devnet, method: &str, params: Value) -> (i64, String) {
    match devnet.request(method, params.as_array().unwrap()) {
        Ok(result) => panic!("{method}: {result}"),
        Err(error) => (error.code, error.message),
    }
}

pub(crate) fn send(devnet: &Devnet, tx: &Tx, account: &Account) -> B256 {
    devnet.send_raw(&tx.sign(account)).unwrap()
}

pub(crate) fn hex0x(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", hex::encode(bytes))
}

pub(crate) fn number(value: &Value) -> u64 {
    let digits = value.as_str().and_then(|text| text.strip_prefix("0x"));
    u64::from_str_radix(
        digits.unwrap_or_else(|| panic!("{value} is no quantity")),
        16,
    )
    .unwrap()
}

/// Cases of a vector file.
pub(crate) fn vectors(file: &str) -> Vec<Value> {
    let path = format!(
        "{}/../../tests/vectors/ethereum/{file}",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn bytes_of(value: &Value) -> Bytes {
    hex::decode(value.as_str().unwrap().trim_start_matches("0x"))
        .unwrap()
        .into()
}

/// A connection that is kept open.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

/// Status line, headers in lower case, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Client {
    pub(crate) fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.addr()).unwrap();
        Self {
            reader: BufReader::new(stream),
        }
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Answer {
        // The server may have answered and closed before all is written.
        let _ = self.reader.get_mut().write_all(bytes);
        self.read()
    }

    pub(crate) fn post(&mut self, body: &str) -> Answer {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: devnet\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body.as_bytes()].concat())
    }

    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
        self.post(&body.to_string()).json()
    }

    pub(crate) fn read(&mut self) -> Answer {
        let status = self.line();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer {
            status: status.split(' ').nth(1).unwrap().parse().unwrap(),
            headers,
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .unwrap_or("0")
            .parse()
            .unwrap();
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// True if the server has closed the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.reader.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

pub(crate) fn serve(devnet: &Devnet) -> Arc<Server> {
    Arc::new(devnet.serve("127.0.0.1:0").unwrap())
}
