//! PlatON: other method names, bech32 addresses, legacy transactions.

use coracle_client::eth::{ClientError, Intent, Milestone, NodeError, Progress};
use coracle_core::{Address, Wei};
use coracle_devnet::{Config as Chain, Devnet, Server, U256};
use coracle_eth::ChainProfile;
use coracle_eth::rpc::BlockTag;
use coracle_eth::tx::{CallData, create_address};
use coracle_net::host::block_on;
use coracle_net::rpc::{AnswerError, CallError};
use coracle_tests::{Device, Probe, account, device, entry, post, rpc, rpc_error};
use serde_json::{Value, json};

const NAME: &str = "platon";

fn start(profile: ChainProfile) -> (Devnet, Server, Device) {
    let money = U256::from(1_000_000_000_000_000_000_u64);
    let devnet = Devnet::new(Chain::platon().fund(account(NAME).0.into(), money));
    let server = devnet.serve("127.0.0.1:0").unwrap();
    let device = device(NAME, &[&server.url()], |config| {
        config.profile = profile;
        config.poll_ms = 1;
    });
    (devnet, server, device)
}

fn transfer() -> Intent<'static> {
    Intent {
        to: Some(Address([0x42; 20])),
        value: Wei::from_u64(5),
        data: CallData::EMPTY,
    }
}

fn bech32(address: Address) -> String {
    let form = ChainProfile::PLATON.address_form;
    form.display(address).to_string()
}

#[test]
fn a_transfer_becomes_final() {
    let (devnet, server, mut device) = start(ChainProfile::PLATON);
    let sent = transfer();
    let progress = block_on(device.send(entry(0), &sent, Milestone::Included)).unwrap();
    let Progress::Included(inclusion) = progress else {
        panic!("{progress:?}")
    };
    devnet.mine_blocks(2);
    let progress = block_on(device.settle(entry(0))).unwrap();
    assert_eq!(progress, Progress::Final(inclusion));
    let to = Address([0x42; 20]);
    let balance = block_on(device.balance(to, BlockTag::Latest)).unwrap();
    assert_eq!(balance, Wei::from_u64(5));

    let params = json!([inclusion.hash.to_string()]);
    let receipt = rpc(
        &server.url(),
        "platon_getTransactionReceipt",
        params.clone(),
    );
    assert_eq!(receipt["from"], bech32(account(NAME)));
    assert_eq!(receipt["to"], bech32(to));
    let tx = rpc(&server.url(), "platon_getTransactionByHash", params);
    assert_eq!(tx["type"], "0x0");
    // EIP-155: 35 + 2 * 210425, and the parity.
    assert!(
        ["0x66c15", "0x66c16"].contains(&tx["v"].as_str().unwrap()),
        "{tx}"
    );
}

#[test]
fn a_created_contract_has_a_bech32_address() {
    let (_devnet, server, mut device) = start(ChainProfile::PLATON);
    let code = Probe::creation(7);
    let creation = Intent {
        to: None,
        value: Wei::ZERO,
        data: CallData::Bytes(&code),
    };
    let sent = device.send(entry(0), &creation, Milestone::Included);
    let Progress::Included(inclusion) = block_on(sent).unwrap() else {
        panic!("not included")
    };
    let params = json!([inclusion.hash.to_string()]);
    let receipt = rpc(&server.url(), "platon_getTransactionReceipt", params);
    let address = create_address(&account(NAME), 0);
    assert_eq!(receipt["contractAddress"], bech32(address));
    let mut code = [0; 2048];
    let len = block_on(device.code(address, BlockTag::Latest, &mut code)).unwrap();
    assert!(len > 100);
}

#[test]
fn methods_of_ethereum_do_not_exist() {
    let (_devnet, server, mut device) = start(ChainProfile::PLATON);
    block_on(device.send(entry(0), &transfer(), Milestone::Included)).unwrap();
    for method in [
        "chainId",
        "blockNumber",
        "gasPrice",
        "sendRawTransaction",
        "getLogs",
    ] {
        let error = rpc_error(&server.url(), &format!("eth_{method}"), json!([]));
        assert_eq!(error["code"], -32601, "{method}");
    }
    let answer = post(
        &server.url(),
        br#"{"jsonrpc":"2.0","id":1,"method":"platon_chainId","params":[]}"#,
    );
    let answer: Value = serde_json::from_slice(&answer.unwrap()).unwrap();
    assert_eq!(answer["result"], "0x335f9");
}

#[test]
fn a_device_with_the_rules_of_ethereum_is_told_so() {
    let profile = ChainProfile::ETHEREUM.with_chain_id(210_425);
    let (devnet, _server, mut device) = start(profile);
    let error = block_on(device.send(entry(0), &transfer(), Milestone::Sent)).unwrap_err();
    let ClientError::Node(NodeError::Call(CallError::Answer(AnswerError::Rpc(error)))) = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(error.code, -32601);
    assert!(devnet.pool().is_empty());
}

#[test]
fn a_device_with_another_chain_id_is_told_so() {
    let (_devnet, _server, mut device) = start(ChainProfile::PLATON.with_chain_id(2_206_132));
    let error = block_on(device.send(entry(0), &transfer(), Milestone::Sent)).unwrap_err();
    assert_eq!(
        error,
        ClientError::Node(NodeError::Lied(coracle_client::eth::Lie::ChainId {
            found: 210_425
        }))
    );
}
