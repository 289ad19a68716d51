//! Against a real node: anvil.
//!
//! What a node says is looked at through a plain socket as well, so that no test rests
//! on the client's own view.

#[path = "anvil/contract.rs"]
mod contract;
#[path = "anvil/fees.rs"]
mod fees;
#[path = "anvil/lies.rs"]
mod lies;
#[path = "anvil/nodes.rs"]
mod nodes;
#[path = "anvil/reorg.rs"]
mod reorg;
#[path = "anvil/transactions.rs"]
mod transactions;

use coracle_client::eth::{Intent, Milestone, Outbox, Phase, Progress};
use coracle_core::{Address, B256, Wei};
use coracle_eth::tx::{CallData, create_address};
use coracle_net::host::block_on;
use coracle_tests::{Anvil, Device, Probe, account, device, entry};
use serde_json::{Value, json};

/// One ether.
const ETHER: &str = "0xde0b6b3a7640000";

/// A node and a device with money on it.
fn start(name: &str) -> (Anvil, Device) {
    let anvil = Anvil::start();
    fund(&anvil, name);
    let device = device(name, &[anvil.url()], |_| {});
    (anvil, device)
}

/// A node with the probe on it, and the device that put it there.
fn start_with_probe(name: &str) -> (Anvil, Device, Probe) {
    let (anvil, mut device) = start(name);
    let code = Probe::creation(7);
    let creation = Intent {
        to: None,
        value: Wei::ZERO,
        data: CallData::Bytes(&code),
    };
    send(&mut device, 0, &creation);
    let probe = Probe(create_address(&account(name), 0));
    (anvil, device, probe)
}

fn fund(anvil: &Anvil, name: &str) {
    anvil.rpc(
        "anvil_setBalance",
        json!([account(name).to_string(), ETHER]),
    );
}

fn call(to: Address, data: &[u8]) -> Intent<'_> {
    Intent {
        to: Some(to),
        value: Wei::ZERO,
        data: CallData::Bytes(data),
    }
}

/// A transfer of one wei.
fn transfer() -> Intent<'static> {
    Intent {
        to: Some(Address([0x42; 20])),
        value: Wei::from_u64(1),
        data: CallData::EMPTY,
    }
}

/// Sends it and waits for its block.
fn send(device: &mut Device, sequence: u64, intent: &Intent<'_>) -> B256 {
    let sent = device.send(entry(sequence), intent, Milestone::Included);
    included(block_on(sent).unwrap())
}

fn included(progress: Progress) -> B256 {
    match progress {
        Progress::Included(inclusion) => inclusion.hash,
        other => panic!("not included: {other:?}"),
    }
}

fn phase(device: &mut Device, sequence: u64) -> Phase {
    let entry = block_on(device.outbox().entry(entry(sequence))).unwrap();
    entry.unwrap().phase
}

fn receipt(anvil: &Anvil, hash: B256) -> Value {
    anvil.rpc("eth_getTransactionReceipt", json!([hash.to_string()]))
}

fn latest_nonce(anvil: &Anvil, name: &str) -> Value {
    let params = json!([account(name).to_string(), "latest"]);
    anvil.rpc("eth_getTransactionCount", params)
}
