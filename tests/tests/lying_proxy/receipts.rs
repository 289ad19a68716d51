//! Lies about what became of a transaction.

use coracle_client::eth::{
    ClientError, FailReason, Intent, Lie, Milestone, NodeError, Phase, Progress,
};
use coracle_core::{Address, Wei};
use coracle_eth::rpc::AnswerError;
use coracle_eth::tx::{CallData, create_address};
use coracle_net::host::block_on;
use coracle_tests::{Ask, Probe, Reply, account, entry};
use serde_json::{Value, json};

use super::{NAME, Scene, assert_error, word};

/// Changes every receipt.
fn receipt(alter: impl Fn(&mut Value) + Send + Copy) -> impl FnMut(&Ask) -> Reply + Send {
    move |ask| match ask.is("getTransactionReceipt") {
        true => ask.altered(alter),
        false => ask.honest(),
    }
}

/// The error that a settled transaction gives under this lie.
fn error_of(rule: impl FnMut(&Ask) -> Reply + Send + 'static) -> super::DeviceError {
    let mut scene = Scene::new(rule);
    scene.submit(1).unwrap();
    let error = scene.settle(1).unwrap_err();
    assert_eq!(scene.phase(1), Phase::Sent, "nothing is written down");
    scene.recover();
    error
}

#[test]
fn other_receipt() {
    let error = error_of(receipt(|receipt| {
        receipt["transactionHash"] = json!(word(9));
    }));
    assert_error!(error, ClientError::Node(NodeError::Lied(Lie::ReceiptHash)));
}

#[test]
fn invented_block() {
    let error = error_of(receipt(|receipt| receipt["blockHash"] = json!(word(9))));
    assert_error!(error, ClientError::Node(NodeError::Lied(Lie::ReceiptBlock)));
}

#[test]
fn block_to_come() {
    let error = error_of(receipt(|receipt| receipt["blockNumber"] = json!("0xffff")));
    assert_error!(error, ClientError::Node(NodeError::Lied(Lie::ReceiptBlock)));
}

#[test]
fn other_block() {
    let error = error_of(|ask: &Ask| match ask.is("getBlockByNumber") {
        true => ask.altered(|block| block["number"] = json!("0x77")),
        false => ask.honest(),
    });
    assert_error!(error, ClientError::Node(NodeError::Lied(Lie::BlockNumber)));
}

#[test]
fn gas_used() {
    let error = error_of(receipt(|receipt| receipt["gasUsed"] = json!("0xffffff")));
    assert_error!(error, ClientError::Node(NodeError::Lied(Lie::GasUsed)));
}

#[test]
fn odd_status() {
    for status in ["0x2", "0x01", "", "0xffffffffffffffffffffffff"] {
        let error = error_of(move |ask: &Ask| match ask.is("getTransactionReceipt") {
            true => ask.altered(|receipt| receipt["status"] = json!(status)),
            false => ask.honest(),
        });
        assert_error!(
            error,
            ClientError::Node(NodeError::Answer(AnswerError::BadField { name: "status" }))
        );
    }
}

#[test]
fn no_receipt() {
    let lie = receipt(|receipt| *receipt = Value::Null);
    let mut scene = Scene::with_honest_node(lie, |_| {});
    assert_error!(scene.send(1).unwrap_err(), ClientError::TimedOut);
    assert_eq!((scene.phase(1), scene.mined()), (Phase::Sent, 1));
    scene.submit(1).unwrap();
    let progress = scene.settle(1).unwrap();
    assert_error!(progress, Progress::Included(_));
    scene.recover();
}

#[test]
fn lost_receipt() {
    let mut scene = Scene::new(Ask::honest);
    scene.send(1).unwrap();
    scene
        .proxy
        .set_rule(receipt(|receipt| *receipt = Value::Null));
    // The block is still there, and so is the transaction.
    let progress = scene.settle(1).unwrap();
    assert_error!(progress, Progress::Included(_));
    assert_eq!(scene.phase(1), Phase::Included);
    scene.recover();
}

/// A device whose next `store` is sent without asking whether it reverts, and its call.
fn with_reverting_call(scene: &mut Scene) -> (Address, Vec<u8>) {
    let code = Probe::creation(7);
    let mut send = |sequence, to, data: &[u8]| {
        let intent = Intent {
            to,
            value: Wei::ZERO,
            data: CallData::Bytes(data),
        };
        let sent = scene
            .device
            .send(entry(sequence), &intent, Milestone::Included);
        block_on(sent).unwrap();
    };
    let probe = create_address(&account(NAME), 0);
    send(10, None, &code);
    send(11, Some(probe), &Probe::store(77, b"w"));
    (probe, Probe::store(1, b"w"))
}

/// Submits the call that reverts as entry 12.
fn submit_reverting(scene: &mut Scene) {
    let (probe, data) = with_reverting_call(scene);
    let intent = Intent {
        to: Some(probe),
        value: Wei::ZERO,
        data: CallData::Bytes(&data),
    };
    block_on(scene.device.put(entry(12), &intent)).unwrap();
    block_on(scene.device.submit(entry(12))).unwrap();
    scene.devnet.mine_blocks(10);
}

#[test]
fn false_success() {
    let lie = receipt(|receipt| receipt["status"] = json!("0x1"));
    let mut scene = Scene::with_honest_node(lie, |config| config.quorum = 2);
    submit_reverting(&mut scene);
    for _ in 0..6 {
        match scene.settle(12) {
            Ok(progress) => assert_error!(progress, Progress::Included(_) | Progress::Moved(_)),
            Err(error) => assert_error!(error, ClientError::Node(NodeError::Reverted)),
        }
        assert_eq!(scene.phase(12), Phase::Included, "never final");
    }
}

#[test]
fn false_success_by_a_node_that_answers_by_halves() {
    let mut is_silent = false;
    let lie = move |ask: &Ask| {
        if ask.is("blockNumber") {
            is_silent = !is_silent;
        }
        if ask.is("blockNumber") && is_silent {
            return ask.error(-32005, "limit exceeded");
        }
        match ask.is("getTransactionReceipt") {
            true => ask.altered(|receipt| receipt["status"] = json!("0x1")),
            false => ask.honest(),
        }
    };
    let mut scene = Scene::with_honest_node(lie, |config| config.quorum = 2);
    submit_reverting(&mut scene);
    for _ in 0..8 {
        // Its silence is an error like any other.
        let _ = scene.settle(12);
        let phase = scene.phase(12);
        assert!(matches!(phase, Phase::Sent | Phase::Included), "{phase:?}");
    }
}

#[test]
fn false_success_against_two_honest_nodes() {
    let lie = receipt(|receipt| receipt["status"] = json!("0x1"));
    let nodes = |node: &str, proxy: &str| vec![proxy.to_owned(), node.to_owned(), node.to_owned()];
    let mut scene = Scene::with_nodes(lie, nodes, |config| config.quorum = 2);
    submit_reverting(&mut scene);
    for _ in 0..6 {
        if let Ok(progress) = scene.settle(12) {
            assert_error!(progress, Progress::Included(_));
        }
    }
    assert_eq!(scene.phase(12), Phase::Failed(FailReason::Reverted));
}

#[test]
fn false_height() {
    let mut scene = Scene::with_honest_node(
        |ask: &Ask| match ask.is("blockNumber") {
            true => ask.result(json!("0xffffffff")),
            false => ask.honest(),
        },
        |config| config.quorum = 2,
    );
    scene.send(1).unwrap();
    for _ in 0..4 {
        let progress = scene.settle(1).unwrap();
        assert_error!(progress, Progress::Included(_));
    }
    scene.devnet.mine_blocks(2);
    let progress = scene.settle(1).unwrap();
    assert_error!(progress, Progress::Final(_));
    scene.recover();
}
