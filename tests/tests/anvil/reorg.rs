//! Receipts that vanish or move, and the rules of finality.

use coracle_client::eth::{Milestone, Phase, Progress};
use coracle_eth::Finality;
use coracle_net::host::block_on;
use coracle_tests::{device, entry, local_profile};
use serde_json::json;

use super::{included, latest_nonce, phase, receipt, send, start, transfer};

#[test]
fn a_receipt_lost_in_a_reorg_is_noticed_and_the_transaction_sent_again() {
    let (anvil, mut device) = start("unmoored");
    anvil.mine(3);
    let hash = send(&mut device, 0, &transfer());
    anvil.rpc("anvil_reorg", json!([2, []]));
    assert!(receipt(&anvil, hash).is_null(), "the node forgot it");
    let progress = block_on(device.settle(entry(0))).unwrap();
    assert_eq!(progress, Progress::Vanished { hash });
    assert_eq!(phase(&mut device, 0), Phase::Sent);
    // It is the same transaction, so it can be on the chain only once.
    assert_eq!(block_on(device.submit(entry(0))), Ok(hash));
    let again = block_on(device.wait(entry(0), Milestone::Included)).unwrap();
    assert_eq!(included(again), hash);
    assert_eq!(latest_nonce(&anvil, "unmoored"), "0x1");
    anvil.mine(2);
    let settled = block_on(device.settle(entry(0))).unwrap();
    assert!(matches!(settled, Progress::Final(inclusion) if inclusion.hash == hash));
}

#[test]
fn a_receipt_that_moves_to_another_block_is_noticed() {
    let (anvil, _) = start("adrift");
    let mut device = device("adrift", &[anvil.url()], |config| {
        config.profile = local_profile().with_finality(Finality::Confirmations(10));
    });
    anvil.mine(3);
    let hash = send(&mut device, 0, &transfer());
    let before = receipt(&anvil, hash)["blockHash"].clone();
    let raw = anvil.rpc("eth_getRawTransactionByHash", json!([hash.to_string()]));
    anvil.rpc("anvil_reorg", json!([2, [[raw, 0]]]));
    let after = receipt(&anvil, hash)["blockHash"].clone();
    assert_ne!(before, after, "the node moved it");
    let progress = block_on(device.settle(entry(0))).unwrap();
    let Progress::Moved(inclusion) = progress else {
        panic!("{progress:?}")
    };
    assert_eq!(after, inclusion.block_hash.to_string());
}

#[test]
fn confirmations_make_it_final() {
    let (anvil, mut device) = start("confirmed");
    send(&mut device, 0, &transfer());
    anvil.mine(1);
    included(block_on(device.settle(entry(0))).unwrap());
    anvil.mine(1);
    let settled = block_on(device.settle(entry(0))).unwrap();
    assert!(matches!(settled, Progress::Final(_)), "{settled:?}");
    assert_eq!(phase(&mut device, 0), Phase::Final);
}

#[test]
fn the_finalized_tag_makes_it_final() {
    let (anvil, _) = start("tagged");
    let mut device = device("tagged", &[anvil.url()], |config| {
        config.profile = local_profile().with_finality(Finality::FinalizedTag);
    });
    anvil.mine(70);
    send(&mut device, 0, &transfer());
    anvil.mine(60);
    included(block_on(device.settle(entry(0))).unwrap());
    anvil.mine(10);
    let settled = block_on(device.settle(entry(0))).unwrap();
    assert!(matches!(settled, Progress::Final(_)), "{settled:?}");
}
