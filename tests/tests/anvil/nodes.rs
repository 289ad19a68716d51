//! Nonces, nodes that are not there, and what a submit costs on the air.

use coracle_client::eth::{ClientError, Milestone, Phase};
use coracle_net::host::block_on;
use coracle_tests::{Probe, Proxy, device, entry};
use serde_json::json;

use super::{call, fund, included, latest_nonce, phase, send, start, start_with_probe, transfer};

#[test]
fn entries_take_nonces_in_order() {
    let (anvil, mut device) = start("counter");
    anvil.set_automine(false);
    for sequence in 0..3 {
        block_on(device.put(entry(sequence), &transfer())).unwrap();
        block_on(device.submit(entry(sequence))).unwrap();
    }
    anvil.mine(1);
    for sequence in 0..3 {
        let hash = included(block_on(device.settle(entry(sequence))).unwrap());
        let params = json!([hash.to_string()]);
        let seen = anvil.rpc("eth_getTransactionByHash", params);
        assert_eq!(seen["nonce"], format!("{sequence:#x}"));
    }
}

#[test]
fn a_new_journal_begins_after_what_waits() {
    let (anvil, mut old) = start("reborn");
    anvil.set_automine(false);
    block_on(old.put(entry(0), &transfer())).unwrap();
    block_on(old.submit(entry(0))).unwrap();
    let mut new = device("reborn", &[anvil.url()], |_| {});
    block_on(new.put(entry(1), &transfer())).unwrap();
    block_on(new.submit(entry(1))).unwrap();
    anvil.mine(1);
    included(block_on(old.settle(entry(0))).unwrap());
    included(block_on(new.settle(entry(1))).unwrap());
    assert_eq!(latest_nonce(&anvil, "reborn"), "0x2");
}

#[test]
fn a_nonce_taken_by_another_key_holder_is_said() {
    let (anvil, mut device) = start("copied");
    anvil.set_automine(false);
    block_on(device.put(entry(0), &transfer())).unwrap();
    block_on(device.submit(entry(0))).unwrap();
    let hash = block_on(device.submit(entry(0))).unwrap();
    anvil.rpc("anvil_dropTransaction", json!([hash.to_string()]));
    // A copy of the flash pays more for something else under the same nonce.
    let mut copy = coracle_tests::device("copied", &[anvil.url()], |_| {});
    let mut other = transfer();
    other.value = coracle_core::Wei::from_u64(2);
    block_on(copy.put(entry(0), &other)).unwrap();
    block_on(copy.submit(entry(0))).unwrap();
    anvil.mine(1);
    let error = block_on(device.submit(entry(0))).unwrap_err();
    assert_eq!(error, ClientError::NonceTaken { nonce: 0 });
}

#[test]
fn the_same_bytes_twice_are_one_transaction() {
    let (anvil, mut device) = start("twice");
    anvil.set_automine(false);
    block_on(device.put(entry(0), &transfer())).unwrap();
    let first = block_on(device.submit(entry(0))).unwrap();
    let second = block_on(device.submit(entry(0))).unwrap();
    assert_eq!(first, second);
    anvil.mine(1);
    // Mined by now: the node says that the nonce is too low.
    assert_eq!(block_on(device.submit(entry(0))), Ok(first));
    assert_eq!(phase(&mut device, 0), Phase::Sent);
    assert_eq!(included(block_on(device.settle(entry(0))).unwrap()), first);
    assert_eq!(latest_nonce(&anvil, "twice"), "0x1");
}

#[test]
fn a_dead_node_is_passed_over() {
    let (anvil, _) = start("patient");
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", dead.local_addr().unwrap());
    drop(dead);
    let mut device = device("patient", &[&url, anvil.url()], |_| {});
    send(&mut device, 0, &transfer());
}

#[test]
fn a_node_that_dies_later_is_passed_over_too() {
    let (anvil, _) = start("steady");
    let proxy = Proxy::honest(anvil.url());
    let mut device = device("steady", &[proxy.url(), anvil.url()], |_| {});
    send(&mut device, 0, &transfer());
    assert!(proxy.count("eth_sendRawTransaction") == 1);
    device.close();
    drop(proxy);
    send(&mut device, 1, &transfer());
    assert_eq!(latest_nonce(&anvil, "steady"), "0x2");
}

#[test]
fn a_submit_is_one_request_in_the_steady_state() {
    const MOST_BYTES: usize = 640;
    let (anvil, _, probe) = start_with_probe("builder");
    fund(&anvil, "frugal");
    let proxy = Proxy::honest(anvil.url());
    let mut device = device("frugal", &[proxy.url()], |_| {});
    for sequence in 0..6 {
        let data = Probe::store(100 + sequence, b"");
        assert_eq!(data.len(), 100);
        block_on(device.put(entry(sequence), &call(probe.0, &data))).unwrap();
        block_on(device.submit(entry(sequence))).unwrap();
        let counts = proxy.take_counts();
        let sent: usize = counts.up.iter().sum();
        println!("submit {sequence}: {:?}, {sent} bytes up", counts.methods);
        if sequence > 0 {
            assert_eq!(counts.methods, ["eth_sendRawTransaction"]);
            assert_eq!(counts.connections, 0, "the connection is kept");
            assert!(sent <= MOST_BYTES, "{sent} bytes");
        }
    }
    included(block_on(device.wait(entry(5), Milestone::Included)).unwrap());
    assert_eq!(latest_nonce(&anvil, "frugal"), "0x6");
}
