//! `send`, `call`, `receipt` and `record verify --rpc` against an embedded chain, and the
//! chain that `devnet` runs.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use coracle_core::hex::Hex;
use coracle_core::keccak256;
use coracle_devnet::{Address, Config, Devnet, Mining, Server, U256};
use serde_json::Value as Json;

mod support;
use support::records::Device;
use support::{Folder, answer, complaint_of, coracle, run, stderr, stdout};

/// The account of the keystore vector that takes the least work to open; its passphrase
/// is empty.
const SENDER: &str = "0x00a329c0648769A73afAc7F9381E08FB43dBEA72";
const SOMEONE: &str = "0x00000000000000000000000000000000000000AA";

/// A chain, and files for an account that has 10 ether on it.
struct World {
    server: Server,
    url: String,
    folder: Folder,
    keystore: String,
    passphrase: String,
}

impl World {
    fn new(config: Config) -> Self {
        let sender: Address = SENDER.parse().unwrap();
        let ether = U256::from(10_u64.pow(18));
        let server = Devnet::new(config.fund(sender, ether * U256::from(10)))
            .serve("127.0.0.1:0")
            .unwrap();
        let folder = Folder::new();
        let passphrase = folder.write("pass", "\n");
        let keystore = folder.write("key.json", light_keystore());
        Self {
            url: server.url(),
            server,
            folder,
            keystore,
            passphrase,
        }
    }

    fn send_args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        let base = [
            "eth",
            "send",
            "--rpc",
            &self.url,
            "--keystore",
            &self.keystore,
            "--passphrase-file",
            &self.passphrase,
        ];
        [&base[..], args].concat()
    }

    fn send(&self, args: &[&str]) -> String {
        answer(&self.send_args(args))
    }

    fn refused(&self, args: &[&str]) -> String {
        let args = self.send_args(args);
        complaint_of(&args, &run(&args))
    }

    fn deploy(&self) -> String {
        let path = coracle_testkit::root().join("contracts/MeterLog.json");
        let json: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let code = json["bytecode"].as_str().unwrap();
        let text = self.send(&[
            "--chain-id",
            "31337",
            "--create",
            "--data",
            code,
            "--max-fee",
            "0.1 ether",
        ]);
        field(&text, "contract").to_owned()
    }
}

fn light_keystore() -> String {
    let cases = coracle_testkit::cases("ethereum/keystore.json");
    let mut cases = cases
        .iter()
        .filter(|case| case.name().contains("parity_pbkdf2"));
    cases.next().unwrap().str("json").to_owned()
}

/// The value of a `name  value` line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}  ")));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line[name.len()..].trim()
}

#[test]
fn value_is_sent_and_its_receipt_shown() {
    let world = World::new(Config::local());
    let pay = [
        "--to",
        SOMEONE,
        "--value",
        "0.5 ether",
        "--max-fee",
        "0.01 ether",
    ];
    let text = world.send(&[&pay[..], &["--chain-id", "31337"]].concat());
    assert_eq!(field(&text, "status"), "included");
    assert_eq!(field(&text, "gas used"), "21000");
    let hash = field(&text, "hash");
    let receipt = answer(&["eth", "receipt", "--rpc", &world.url, hash]);
    assert_eq!(field(&receipt, "status"), "success");
    assert_eq!(field(&receipt, "block"), "1");
    let paid = world.server.devnet().balance(SOMEONE.parse().unwrap());
    assert_eq!(paid, U256::from(5 * 10_u64.pow(17)));
    // The id on the node's word, and no waiting.
    let more = [&pay[..], &["--trust-node-chain-id", "--until", "sent"]].concat();
    assert_eq!(field(&world.send(&more), "status"), "sent");
    assert_eq!(world.server.devnet().height(), 2);
}

#[test]
fn limits_and_the_chain_id_hold_and_nothing_is_sent() {
    let world = World::new(Config::local());
    let pay = ["--to", SOMEONE, "--value", "1 ether"];
    for (more, says) in [
        (
            &["--chain-id", "1", "--max-fee", "1 ether"][..],
            "chain 31337",
        ),
        (&["--chain-id", "31337", "--max-fee", "1 wei"], "limit"),
        (
            &[
                "--chain-id",
                "31337",
                "--max-fee",
                "1 ether",
                "--max-fee-per-gas",
                "1 wei",
            ],
            "limit",
        ),
        (
            &[
                "--chain-id",
                "31337",
                "--max-fee",
                "1 ether",
                "--max-gas",
                "20000",
            ],
            "limit",
        ),
        (&["--chain-id", "31337"], "--max-fee"),
        (&["--max-fee", "1 ether"], "--chain-id"),
    ] {
        let line = world.refused(&[&pay[..], more].concat());
        assert!(line.contains(says), "{says}: {line}");
    }
    assert_eq!(world.server.devnet().height(), 0);
    assert!(world.server.devnet().pool().is_empty());
}

#[test]
fn a_transaction_that_waits_is_named_before_the_command_gives_up() {
    let config = Config {
        mining: Mining::Manual,
        ..Config::local()
    };
    let world = World::new(config);
    let args = world.send_args(&[
        "--to",
        SOMEONE,
        "--max-fee",
        "0.01 ether",
        "--chain-id",
        "31337",
        "--timeout",
        "0",
    ]);
    let output = run(&args);
    let line = complaint_of(&args, &output);
    assert!(line.contains("no receipt in time"), "{line}");
    let text = stdout(&output);
    let hash = field(&text, "hash");
    assert_eq!(world.server.devnet().pool().len(), 1);
    let args = ["eth", "receipt", "--rpc", &world.url, hash];
    let line = complaint_of(&args, &run(&args));
    assert!(line.contains("no receipt"), "{line}");
    world.server.devnet().mine();
    assert_eq!(field(&answer(&args), "status"), "success");
}

#[test]
fn a_contract_is_created_called_and_asked() {
    let world = World::new(Config::local());
    let contract = world.deploy();
    let device = keccak256(b"meter-0001").to_string();
    let append = "append(bytes32,uint64,bytes)";
    let send = [
        "--chain-id",
        "31337",
        "--max-fee",
        "0.01 ether",
        "--to",
        &contract,
        append,
        &device,
        "7",
        "0x0102",
    ];
    let text = world.send(&send);
    assert_eq!(field(&text, "status"), "included");
    let call = [
        "eth",
        "call",
        "--rpc",
        &world.url,
        "--to",
        &contract,
        "tip(address,bytes32)",
        SENDER,
        &device,
    ];
    let args = [&call[..], &["--returns", "(bytes32,uint64)"]].concat();
    assert_eq!(answer(&args).lines().nth(1), Some("1"));
    assert_eq!(answer(&call).trim().len(), 2 + 128);
    let block0 = [&args[..], &["--block", "1"]].concat();
    assert_eq!(answer(&block0).lines().nth(1), Some("0"));
    // A call that reverts, and an account without code.
    let args = [
        "eth",
        "call",
        "--rpc",
        &world.url,
        "--to",
        &contract,
        "nonsense()",
    ];
    let line = complaint_of(&args, &run(&args));
    assert!(line.contains("reverted"), "{line}");
    let args = [
        "eth",
        "call",
        "--rpc",
        &world.url,
        "--to",
        SOMEONE,
        "symbol()",
        "--returns",
        "(string)",
    ];
    let line = complaint_of(&args, &run(&args));
    assert!(line.contains("empty answer"), "{line}");
    let line = world.refused(&[
        "--chain-id",
        "31337",
        "--max-fee",
        "0.01 ether",
        "--to",
        &contract,
        "nonsense()",
    ]);
    assert!(line.contains("reverted"), "{line}");
}

#[test]
fn a_bundle_is_compared_with_the_chain() {
    let world = World::new(Config::local());
    let contract = world.deploy();
    let device = Device::es256k();
    let records = device.records(3);
    let topic = keccak256(Device::id().as_bytes()).to_string();
    let append = |record: &[u8], number: &str| {
        let record = Hex(record).to_string();
        world.send(&[
            "--chain-id",
            "31337",
            "--max-fee",
            "0.01 ether",
            "--to",
            &contract,
            "append(bytes32,uint64,bytes)",
            &topic,
            number,
            &record,
        ]);
    };
    let verify = |count: usize, more: &[&str]| {
        let file = world
            .folder
            .write("bundle", device.bundle(&records[..count]));
        let key = device.key_hex();
        let base = [
            "record",
            "verify",
            &file,
            "--key",
            &key,
            "--rpc",
            &world.url,
            "--contract",
            &contract,
        ];
        run(&[&base[..], more].concat())
    };
    let differs = |count: usize, more: &[&str], says: &str| {
        let output = verify(count, more);
        complaint_of(&["record verify"], &output);
        assert!(
            stdout(&output).contains(says),
            "{says}: {}",
            stdout(&output)
        );
    };
    append(&records[0], "0");
    append(&records[2], "2");
    differs(2, &[], "record 1      not on the chain\n");
    differs(2, &[], "record 2      on the chain, not in the bundle\n");
    append(&records[1], "1");
    differs(3, &[], "record 2      out of order on the chain\n");
    // Junk under the device's name changes nothing.
    append(b"junk", "1");
    differs(
        1,
        &["--from-block", "3"],
        "record 0      not on the chain\n",
    );
    append(&records[0], "0");
    differs(3, &[], "record 0      2 times on the chain\n");
    let output = verify(1, &["--chain-id", "1"]);
    assert!(complaint_of(&["verify"], &output).contains("chain 31337"));
}

#[test]
fn a_bundle_that_is_on_the_chain_in_order_is_accepted_among_junk() {
    let world = World::new(Config::local());
    let contract = world.deploy();
    let device = Device::es256();
    let records = device.records(2);
    let topic = keccak256(Device::id().as_bytes()).to_string();
    for record in [&records[0][..], b"junk", &records[1]] {
        let record = Hex(record).to_string();
        world.send(&[
            "--chain-id",
            "31337",
            "--max-fee",
            "0.01 ether",
            "--to",
            &contract,
            "append(bytes32,uint64,bytes)",
            &topic,
            "0",
            &record,
        ]);
    }
    let file = world.folder.write("bundle", device.bundle(&records));
    let key = device.key_hex();
    let base = [
        "record",
        "verify",
        &file,
        "--key",
        &key,
        "--rpc",
        &world.url,
        "--contract",
        &contract,
    ];
    let text = answer(&[&base[..], &["--chain-id", "31337"]].concat());
    assert!(
        text.contains("ignored       1 of the log's entries"),
        "{text}"
    );
    assert!(text.contains("on chain      2, in order\n"), "{text}");
    answer(&[&base[..], &["--sender", SENDER]].concat());
    let args = [&base[..], &["--sender", SOMEONE]].concat();
    complaint_of(&args, &run(&args));
}

/// The command's own chain: it says where it is, and has the accounts it was given.
#[test]
fn devnet_serves_until_it_is_stopped() {
    let form = coracle_eth::ChainProfile::PLATON.address_form;
    let platon = form.display(coracle_core::Address([0x11; 20]));
    for (more, fund, id) in [
        (&[][..], format!("{SENDER}=3"), "31337"),
        (
            &["--chain-id", "5"],
            format!("{SENDER}=0.000000000000000001"),
            "5",
        ),
        (&["--platon"], format!("{platon}=1"), "210425"),
    ] {
        let args = [&["devnet", "--port", "0", "--fund", &fund][..], more].concat();
        let mut child = coracle(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next().map(Result::unwrap);
        let chain_id = lines.next().map(Result::unwrap);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(stderr(&output), "", "{args:?}");
        assert!(url.unwrap().starts_with("http://127.0.0.1:"));
        assert_eq!(field(&chain_id.unwrap(), "chain id"), id);
    }
}
