//! The whole meter against a real node: readings, records, transactions, the proof, and
//! an auditor who has the bundle, the public key and the chain.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use coracle_core::ecdsa::{PublicKey, Secp256k1};
use coracle_core::{hex, keccak256, sha256};
use coracle_eth::abi::{Decoded, Signature};
use coracle_record::{Bundle, DeviceId, Finding, Place, Start};
use coracle_tests::{Anvil, account, key};
use embedded_hal_async::delay::DelayNs;
use meter::host::{Ask, Node, Options, run_on};
use serde_json::{Value, json};

const DEVICE: &str = "meter-e2e";
const READINGS: usize = 5;

/// Time on this chain passes while the meter waits.
struct Mine<'a>(&'a Anvil);

impl DelayNs for Mine<'_> {
    async fn delay_ns(&mut self, _ns: u32) {
        self.0.mine(1);
    }
}

/// A new folder of this test run for its key and its bundle.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn options(anvil: &Anvil, folder: &Path, name: &str) -> Options {
    let key_file = folder.join("key");
    let secret = hex::Hex(&*key(name).dangerous_to_bytes()).to_string();
    fs::write(&key_file, secret).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let bundle = folder.join("bundle.cbor");
    let args = [
        ("--rpc", anvil.url()),
        ("--chain-id", "31337"),
        ("--confirmations", "2"),
        ("--readings", &READINGS.to_string()),
        ("--device", DEVICE),
        ("--key-file", key_file.to_str().unwrap()),
        ("--bundle", bundle.to_str().unwrap()),
    ];
    let args = args.into_iter().flat_map(|(name, value)| [name, value]);
    match Ask::parse(args.map(str::to_owned)).unwrap() {
        Ask::Run(options) => options,
        Ask::Help => panic!("help"),
    }
}

/// Runs the meter; gives its bundle and its public key.
fn run(anvil: &Anvil, name: &str) -> (Vec<u8>, PublicKey<Secp256k1>) {
    let params = json!([account(name).to_string(), "0xde0b6b3a7640000"]);
    anvil.rpc("anvil_setBalance", params);
    let folder = folder(name);
    let options = options(anvil, &folder, name);
    let node = Node::open(&options).unwrap();
    let mut said = Vec::new();
    let outcome = run_on(node, Mine(anvil), &options, &mut said);
    let said = String::from_utf8(said).unwrap();
    println!("{said}");
    outcome.unwrap();
    assert!(!said.contains("0x0x") && said.matches(" final ").count() >= READINGS);
    let public = fs::read_to_string(folder.join("bundle.pub")).unwrap();
    let public: [u8; 33] = hex::decode_array(public.trim()).unwrap();
    let bundle = fs::read(folder.join("bundle.cbor")).unwrap();
    (bundle, PublicKey::from_sec1(&public).unwrap())
}

fn device_id() -> DeviceId {
    DeviceId::from_slice(DEVICE.as_bytes()).unwrap()
}

/// The records that the chain logged, in its order, as a plain socket tells them.
fn on_chain(anvil: &Anvil, name: &str) -> Vec<Vec<u8>> {
    let recorded = Signature::parse("Recorded(bytes32,uint64,address,bytes)").unwrap();
    let device = keccak256(DEVICE.as_bytes());
    let filter = json!([{
        "fromBlock": "0x0",
        "toBlock": "latest",
        "topics": [recorded.topic0().to_string(), device.to_string()],
    }]);
    let logs = anvil.rpc("eth_getLogs", filter);
    let sender = account(name).to_string()[2..].to_lowercase();
    let record = |(at, log): (usize, &Value)| {
        let sequence = u64::from_str_radix(&log["topics"][2].as_str().unwrap()[2..], 16);
        assert_eq!(sequence, Ok(at as u64), "{log}");
        assert!(
            log["topics"][3].as_str().unwrap().ends_with(&sender),
            "{log}"
        );
        let data = unhex(log["data"].as_str().unwrap());
        let bytes = Signature::parse("f(bytes)").unwrap();
        let values = coracle_eth::abi::decode(bytes.params(), &data).unwrap();
        match values.into_iter().next().unwrap().unwrap() {
            Decoded::Bytes(record) => record.to_vec(),
            other => panic!("{other:?}"),
        }
    };
    logs.as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(record)
        .collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (2..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn every_reading_is_on_the_chain_once_and_the_bundle_verifies() {
    let anvil = Anvil::start();
    let (bytes, public) = run(&anvil, "meter");
    let logged = on_chain(&anvil, "meter");
    assert_eq!(logged.len(), READINGS);

    let bundle = Bundle::decode(&bytes).unwrap();
    let mut audit = bundle.audit(&public, device_id(), Start::At(Place::FIRST));
    for (entry, logged) in audit.by_ref().zip(&logged) {
        assert_eq!(entry.finding, Finding::Intact);
        // The very bytes that the chain has.
        let start = entry.offset;
        let found = bytes[start..]
            .windows(logged.len())
            .position(|part| part == logged);
        assert!(found.is_some_and(|at| at < 4), "record at byte {start}");
    }
    let summary = audit.finish();
    assert!(summary.is_complete(), "{summary:?}");
    assert_eq!(summary.intact, READINGS as u64);
    assert_eq!(
        summary.last_hash,
        logged.last().map(|record| sha256(record))
    );
    // The contract was made by the first transaction, each record took one more.
    let params = json!([account("meter").to_string(), "latest"]);
    let nonce = anvil.rpc("eth_getTransactionCount", params);
    assert_eq!(nonce, format!("{:#x}", READINGS + 1));
}

#[test]
fn a_bundle_with_a_flipped_bit_or_another_key_does_not_verify() {
    let anvil = Anvil::start();
    let (bytes, public) = run(&anvil, "tampered-meter");
    let is_whole = |bytes: &[u8], public: &PublicKey<Secp256k1>| {
        Bundle::decode(bytes).is_ok_and(|bundle| {
            let audit = bundle.audit(public, device_id(), Start::At(Place::FIRST));
            let summary = audit.finish();
            summary.is_complete() && summary.intact == READINGS as u64
        })
    };
    assert!(is_whole(&bytes, &public));
    assert!(!is_whole(&bytes, key("someone").public_key()));
    // Behind the header, which only claims what an auditor knows from elsewhere.
    let records = bytes.len() / 3;
    for at in (records..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x10;
        assert!(!is_whole(&bytes, &public), "byte {at}");
    }
}
