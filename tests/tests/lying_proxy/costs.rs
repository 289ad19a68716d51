//! Lies about fees, gas and nonces.

use coracle_client::eth::{ClientError, FailReason, NodeError, Phase};
use coracle_core::{U256, Wei};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_net::rpc::{AnswerError, CallError};
use coracle_tests::{Ask, Reply, device, entry, limits};
use serde_json::{Value, json};

use super::{NAME, Scene, assert_error, transfer};

/// Says this base fee for every block, and this tip.
fn fees(base: &'static str, tip: &'static str) -> impl FnMut(&Ask) -> Reply + Send {
    move |ask| {
        if !ask.is("feeHistory") {
            return ask.honest();
        }
        ask.altered(|history| {
            let fill = |list: &mut Value, value: &Value| {
                for item in list.as_array_mut().into_iter().flatten() {
                    *item = value.clone();
                }
            };
            fill(&mut history["baseFeePerGas"], &json!(base));
            fill(&mut history["reward"], &json!([tip]));
        })
    }
}

/// Says this for every estimate.
fn estimate(gas: &'static str) -> impl FnMut(&Ask) -> Reply + Send {
    move |ask| match ask.is("estimateGas") {
        true => ask.result(json!(gas)),
        false => ask.honest(),
    }
}

/// The newest transaction of the device, as the chain has it.
fn newest(scene: &Scene) -> Value {
    let params = json!(["latest", true]);
    let block = coracle_tests::rpc(&scene.server.url(), "eth_getBlockByNumber", params);
    block["transactions"][0].clone()
}

fn wei(value: &Value) -> Wei {
    Wei(U256::from_quantity(value.as_str().unwrap()).unwrap())
}

#[test]
fn base_fee() {
    // A hundred ether per gas, and all that 256 bits hold.
    let lies = [
        "0x56bc75e2d63100000",
        "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    for base in lies {
        let mut scene = Scene::new(fees(base, "0x1"));
        assert_error!(scene.submit(1).unwrap_err(), ClientError::FeeAboveLimit);
        assert_eq!(scene.phase(1), Phase::Queued);
        scene.recover();
    }
}

#[test]
fn base_fee_below() {
    // 8.9 gwei and a tip of 1 gwei, where the ceiling is 10: the chain asks for 1.
    let mut scene = Scene::new(fees("0x2127b7a00", "0x3b9aca00"));
    scene.send(1).unwrap();
    let tx = newest(&scene);
    assert_eq!(wei(&tx["maxFeePerGas"]), limits().max_fee_per_gas);
    assert!(wei(&tx["gasPrice"]) < Wei::from_gwei(3), "{tx}");
    scene.recover();
}

#[test]
fn tip() {
    let mut scene = Scene::new(fees("0x3b9aca00", "0xde0b6b3a7640000"));
    scene.send(1).unwrap();
    let tx = newest(&scene);
    assert_eq!(
        wei(&tx["maxPriorityFeePerGas"]),
        limits().max_priority_fee_per_gas
    );
    assert!(wei(&tx["gasPrice"]) <= limits().max_fee_per_gas);
    scene.recover();
}

#[test]
fn huge_estimate() {
    for gas in ["0x7fffffffffffffff", "0xffffffffffffffff", "0xf4241"] {
        let mut scene = Scene::new(estimate(gas));
        assert_error!(
            scene.submit(1).unwrap_err(),
            ClientError::GasAboveLimit { .. }
        );
        assert_eq!(scene.phase(1), Phase::Queued);
        scene.recover();
    }
    // Just below the ceiling: the limit is the ceiling, what is not used is not paid.
    let mut scene = Scene::new(estimate("0xf4240"));
    scene.send(1).unwrap();
    assert_eq!(wei(&newest(&scene)["gas"]), Wei::from_u64(limits().max_gas));
    scene.recover();
    // More than 64 bits: no number of gas.
    let mut scene = Scene::new(estimate("0x10000000000000000"));
    let error = scene.submit(1).unwrap_err();
    assert_error!(error, ClientError::Node(NodeError::Answer(_)));
    scene.recover();
}

#[test]
fn tiny_estimate() {
    let mut scene = Scene::new(estimate("0x1"));
    scene.send(1).unwrap();
    assert_eq!(newest(&scene)["gas"], "0x668a", "21000 and a quarter");
    // With data the floor is higher, so that the transaction is at least taken.
    let mut intent = transfer(2);
    intent.data = CallData::Bytes(&[0xff; 100]);
    block_on(scene.device.put(entry(2), &intent)).unwrap();
    scene.send(2).unwrap();
    assert_eq!(scene.mined(), 2);
    scene.recover();
}

#[test]
fn nonce() {
    for lie in ["0x0", "0xffff"] {
        let mut scene = Scene::new(Ask::honest);
        scene.send(1).unwrap();
        let counts = scene.proxy.take_counts();
        assert!(
            counts
                .methods
                .contains(&"eth_getTransactionCount".to_owned())
        );
        scene
            .proxy
            .set_rule(move |ask: &Ask| match ask.is("getTransactionCount") {
                true => ask.result(json!(lie)),
                false => ask.honest(),
            });
        scene.device.forget_costs();
        scene.send(2).unwrap();
        assert_eq!(scene.proxy.count("eth_getTransactionCount"), 0);
        assert_eq!(scene.mined(), 2);
        scene.recover();
    }
}

#[test]
fn first_nonce_too_low() {
    let mut scene = Scene::new(|ask: &Ask| match ask.is("getTransactionCount") {
        true => ask.result(json!("0x0")),
        false => ask.honest(),
    });
    // Something that this journal knows nothing of.
    let mut before = device(NAME, &[&scene.server.url()], |_| {});
    block_on(before.put(entry(9), &transfer(9))).unwrap();
    block_on(before.submit(entry(9))).unwrap();

    let error = scene.submit(1).unwrap_err();
    assert_error!(
        error,
        ClientError::Node(NodeError::Call(CallError::Answer(AnswerError::Rpc(_))))
    );
    assert_eq!(scene.phase(1), Phase::Signed);
    scene.proxy.stop_lying();
    let error = scene.submit(1).unwrap_err();
    assert_error!(error, ClientError::NonceTaken { nonce: 0 });
    // Nothing is signed until the owner decides.
    let error = scene.submit(2).unwrap_err();
    assert_error!(error, ClientError::NonceTaken { nonce: 0 });
    assert_eq!(scene.phase(2), Phase::Queued);
    block_on(scene.device.adopt_nonce(0)).unwrap();
    assert_eq!(scene.phase(1), Phase::Failed(FailReason::NonceTaken));
    scene.send(2).unwrap();
    assert_eq!(scene.mined(), 2);
}
