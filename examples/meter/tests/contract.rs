//! What `contracts/MeterLog.sol` promises.
#![cfg(feature = "host")]

mod support;

use coracle::core::B256;
use coracle::core::ecdsa::{Secp256k1, SecretKey};
use coracle::eth::abi::{Call, Params, PlainCall, Signature, Type, Value};
use coracle_devnet::{Address, Config, Devnet, Outcome, U256};
use meter::contract::{APPEND, APPEND_SELECTOR, TIP, TIP_SELECTOR, Tip, next_head};
use support::{encoded, signed_call};

/// Code as the artifact has it, by the member's name.
fn artifact(member: &str) -> Vec<u8> {
    let text = include_str!("../../../contracts/MeterLog.json");
    let artifact: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let text = artifact[member].as_str().expect("code");
    let mut code = vec![0; text.len() / 2 - 1];
    coracle::core::hex::decode_into(text, &mut code).expect("hexadecimal");
    code
}

fn call_data(signature: &str, values: &[Value<'_>]) -> Vec<u8> {
    let signature = Signature::parse(signature).expect("a signature");
    encoded(&Call::new(signature, values).expect("its values"))
}

/// The contract on a chain of its own, and one account.
struct Log {
    devnet: Devnet,
    key: SecretKey<Secp256k1>,
    sender: Address,
    contract: Address,
}

impl Log {
    fn new() -> Self {
        let key = SecretKey::from_bytes(&[7; 32]).expect("a key");
        let sender = coracle::core::Address::from_public_key(key.public_key());
        let sender = Address::from(sender.0);
        let ether = U256::from(1_000_000_000_000_000_000_u64);
        let devnet = Devnet::new(Config::local().fund(sender, ether));
        let creation = artifact("bytecode");
        let raw = signed_call(&key, 0, None, &creation.as_slice());
        devnet.send_raw(&raw).expect("taken");
        let contract = sender.create(0);
        assert_eq!(devnet.code(contract).to_vec(), artifact("runtime"));
        Self {
            devnet,
            key,
            sender,
            contract,
        }
    }

    /// Appends in a transaction; returns the log's topics and data.
    fn append(&self, device: B256, sequence: u64, record: &[u8]) -> (Vec<[u8; 32]>, Vec<u8>) {
        let values = [
            Value::FixedBytes(device.as_bytes()),
            Value::from(sequence),
            Value::from(record),
        ];
        let data = call_data(APPEND, &values);
        let nonce = self.devnet.nonce(self.sender);
        let raw = signed_call(&self.key, nonce, Some(self.contract), &data.as_slice());
        let hash = self.devnet.send_raw(&raw).expect("taken");
        let mined = self.devnet.mined(hash).expect("mined");
        assert!(mined.receipt.succeeded, "{sequence} was refused");
        let [log] = mined.receipt.logs.as_slice() else {
            panic!("{} logs", mined.receipt.logs.len());
        };
        let topics = log.data.topics().iter().map(|topic| topic.0).collect();
        (topics, log.data.data.to_vec())
    }

    fn tip(&self, sender: Address, device: B256) -> Tip {
        let sender = coracle::core::Address(sender.into_array());
        let values = [Value::Address(sender), Value::FixedBytes(device.as_bytes())];
        let request = coracle_devnet::Call {
            to: Some(self.contract),
            data: call_data(TIP, &values).into(),
            ..Default::default()
        };
        match self.devnet.call(&request) {
            Ok(Outcome::Returned(bytes)) => {
                let bytes = bytes.first_chunk().expect("two words");
                Tip::decode(bytes).expect("head and count")
            }
            other => panic!("{other:?}"),
        }
    }
}

const DEVICE: B256 = B256([1; 32]);

#[test]
fn lost_repeated_and_backward_numbers_are_all_logged() {
    let log = Log::new();
    let mut head = B256::ZERO;
    let numbers = [0, 1, 1, 5, 2, u64::MAX, 0];
    for (count, sequence) in (1..).zip(numbers) {
        let record = format!("record {sequence} for the {count}. time").into_bytes();
        let (topics, data) = log.append(DEVICE, sequence, &record);
        assert_eq!(topics[1], DEVICE.0);
        assert_eq!(topics[2], U256::from(sequence).to_be_bytes::<32>());
        assert_eq!(topics[3], log.sender.into_word().0);
        let expected = encoded(
            &Params::new(
                Type::parse("(bytes)").expect("a type"),
                &[record.as_slice().into()],
            )
            .expect("its value"),
        );
        assert_eq!(data, expected);
        head = next_head(&head, &record.as_slice());
        assert_eq!(log.tip(log.sender, DEVICE), Tip { head, count });
    }
}

#[test]
fn empty_and_long_records_are_logged() {
    let log = Log::new();
    for (count, len) in (1..).zip([0, 31, 32, 33, 5000]) {
        log.append(DEVICE, 0, &vec![0xee; len]);
        assert_eq!(log.tip(log.sender, DEVICE).count, count);
    }
}

#[test]
fn devices_and_senders_have_heads_of_their_own() {
    let log = Log::new();
    let other_device = B256([2; 32]);
    let other_sender = Address::repeat_byte(9);
    log.append(DEVICE, 0, b"one");
    let tip = log.tip(log.sender, DEVICE);
    assert_eq!(log.tip(log.sender, other_device), Tip::default());
    assert_eq!(log.tip(other_sender, DEVICE), Tip::default());
    log.append(other_device, 0, b"two");
    assert_eq!(log.tip(log.sender, DEVICE), tip);
    assert_eq!(log.tip(log.sender, other_device).count, 1);
}

#[test]
fn a_device_encodes_calls_as_their_signatures_ask() {
    let (device, sender) = (B256([7; 32]), coracle::core::Address([9; 20]));
    let appended = [
        Value::FixedBytes(device.as_bytes()),
        Value::from(5_u64),
        Value::from(&b"a record of thirty-three bytes...."[..]),
    ];
    let asked = [Value::Address(sender), Value::FixedBytes(device.as_bytes())];
    for (signature, selector, values) in [
        (APPEND, APPEND_SELECTOR, &appended[..]),
        (TIP, TIP_SELECTOR, &asked[..]),
    ] {
        let plain = PlainCall::new(selector, values).expect("plain values");
        assert_eq!(encoded(&plain), call_data(signature, values), "{signature}");
    }
}
