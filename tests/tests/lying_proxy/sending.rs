//! Lies about the chain and about transactions that are handed in.

use coracle_client::eth::{ClientError, Lie, NodeError, Phase, Progress};
use coracle_devnet::U256;
use coracle_net::host::block_on;
use coracle_net::rpc::{AnswerError, CallError};
use coracle_tests::{Ask, Reply, account, entry};
use serde_json::json;

use super::{NAME, Scene, assert_error, word};

#[test]
fn other_chain() {
    let mut scene = Scene::new(|ask: &Ask| match ask.is("chainId") {
        true => ask.result(json!("0x1")),
        false => ask.honest(),
    });
    let error = scene.submit(1).unwrap_err();
    assert_error!(
        error,
        ClientError::Node(NodeError::Lied(Lie::ChainId { found: 1 }))
    );
    assert_eq!(scene.phase(1), Phase::Queued);
    let asked = scene.proxy.take_counts().methods;
    assert!(
        asked.iter().all(|method| method == "eth_chainId"),
        "{asked:?}"
    );
    scene.recover();
}

/// Does not forward transactions, and answers with this instead.
fn drops(reply: impl Fn(&Ask) -> Reply + Send) -> impl FnMut(&Ask) -> Reply + Send {
    move |ask| match ask.is("sendRawTransaction") {
        true => reply(ask),
        false => ask.honest(),
    }
}

#[test]
fn other_hash() {
    let mut scene = Scene::new(drops(|ask| ask.result(json!(word(1)))));
    let error = scene.submit(1).unwrap_err();
    assert_error!(
        error,
        ClientError::Node(NodeError::Lied(Lie::TransactionHash))
    );
    assert_eq!(scene.phase(1), Phase::Signed);
    scene.recover();
}

#[test]
fn other_hash_but_sent() {
    let mut scene = Scene::new(drops(|ask| ask.altered(|hash| *hash = json!(word(1)))));
    let hash = scene.submit(1).unwrap();
    assert_ne!(hash.to_string(), word(1));
    scene.recover();
}

#[test]
fn already_known() {
    let mut scene = Scene::new(drops(|ask| ask.error(-32000, "already known")));
    let error = scene.submit(1).unwrap_err();
    assert_error!(
        error,
        ClientError::Node(NodeError::Call(CallError::Answer(AnswerError::Rpc(_))))
    );
    assert_eq!(scene.phase(1), Phase::Signed);
    scene.recover();
}

#[test]
fn already_known_with_an_honest_node_beside_it() {
    let lie = drops(|ask| ask.error(-32000, "already known"));
    let mut scene = Scene::with_honest_node(lie, |_| {});
    scene.send(1).unwrap();
    assert_eq!(scene.mined(), 1);
    scene.recover();
}

#[test]
fn swallowed() {
    // Returns the right hash, which anyone can compute, and says that it has it.
    let mut hash = json!(null);
    let lie = move |ask: &Ask| {
        if ask.is("sendRawTransaction") {
            let raw = ask.request["params"][0].as_str().unwrap_or_default();
            hash = json!(hash_of(raw));
            return ask.result(hash.clone());
        }
        if ask.is("getTransactionByHash") {
            return ask.result(json!({"hash": hash}));
        }
        ask.honest()
    };
    let mut scene = Scene::with_honest_node(lie, |_| {});
    assert_error!(scene.send(1).unwrap_err(), ClientError::TimedOut);
    assert_eq!((scene.phase(1), scene.mined()), (Phase::Sent, 0));
    scene.submit(1).unwrap();
    assert_eq!(scene.mined(), 1);
    let progress = scene.settle(1).unwrap();
    assert_error!(progress, Progress::Included(_));
    scene.recover();
}

fn hash_of(raw: &str) -> String {
    let raw: Vec<u8> = (2..raw.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&raw[at..at + 2], 16).unwrap())
        .collect();
    coracle_core::keccak256(&raw).to_string()
}

#[test]
fn refusal() {
    let mut scene = Scene::new(drops(|ask| {
        ask.forward();
        ask.error(-32000, "insufficient funds for gas * price + value")
    }));
    scene.submit(1).unwrap();
    assert_eq!((scene.phase(1), scene.mined()), (Phase::Sent, 1));
    scene.recover();
}

#[test]
fn false_poverty() {
    let mut scene = Scene::new(|ask: &Ask| match ask.method() {
        "eth_sendRawTransaction" => ask.error(-32000, "insufficient funds"),
        "eth_getBalance" => ask.result(json!("0x0")),
        _ => ask.honest(),
    });
    assert_error!(scene.submit(1).unwrap_err(), ClientError::InsufficientFunds);
    // The error is one to try again after, and nothing was signed twice.
    assert_eq!(scene.phase(1), Phase::Signed);
    assert_error!(
        block_on(scene.device.submit(entry(1))).unwrap_err(),
        ClientError::InsufficientFunds
    );
    scene.recover();
}

/// Refuses everything, counts a transaction more than there is, and knows none.
fn stranger(ask: &Ask) -> Reply {
    match ask.method() {
        "eth_sendRawTransaction" => ask.error(-32000, "nonce too low"),
        "eth_getTransactionByHash" => ask.result(json!(null)),
        "eth_getTransactionCount" => ask.altered(|count| *count = json!("0x7")),
        _ => ask.honest(),
    }
}

#[test]
fn invented_stranger() {
    let mut scene = Scene::with_honest_node(stranger, |_| {});
    // The journal is the device's own: entry 0 began it while the node was honest.
    scene.proxy.stop_lying();
    scene.send(0).unwrap();
    scene.proxy.set_rule(stranger);
    scene.submit(1).unwrap();
    assert_eq!(scene.mined(), 2, "the honest node has it");
    assert_eq!(scene.phase(1), Phase::Sent);
}

#[test]
fn invented_stranger_where_the_honest_node_refuses_too() {
    let mut scene = Scene::with_honest_node(stranger, |_| {});
    scene.proxy.stop_lying();
    scene.send(0).unwrap();
    scene.proxy.set_rule(stranger);
    // The account is emptied: the honest node refuses, but says that the nonce is free.
    scene.devnet.set_balance(account(NAME).0.into(), U256::ZERO);
    assert_error!(scene.submit(1).unwrap_err(), ClientError::InsufficientFunds);
    assert_eq!(scene.phase(1), Phase::Signed, "not given up");
}
