//! JSON-RPC: envelopes, batches, parameters, the PlatON face.

mod common;

use coracle_devnet::{Address, Config, Devnet, Mining, U256};
use serde_json::{Value, json};

use common::{Account, ETHER, Tx, funded, hex0x, logger, ok, refused, send, topic};

fn answer(devnet: &Devnet, body: &str) -> Value {
    serde_json::from_str(&devnet.handle(body.as_bytes())).unwrap()
}

fn code_of(devnet: &Devnet, body: &str) -> i64 {
    answer(devnet, body)["error"]["code"].as_i64().unwrap()
}

#[test]
fn an_answer_carries_the_id_of_its_request() {
    let (devnet, _) = funded(Mining::Manual);
    for id in ["7", "\"a\"", "null", "-1", "18446744073709551615"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_chainId","params":[]}}"#);
        let expected = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"0x7a69"}}"#);
        assert_eq!(devnet.handle(body.as_bytes()), expected);
    }
    let no_params = r#"{"jsonrpc":"2.0","id":1,"method":"net_version"}"#;
    assert_eq!(answer(&devnet, no_params)["result"], "31337");
}

#[test]
fn what_is_not_json_is_a_parse_error() {
    let (devnet, _) = funded(Mining::Manual);
    let deep = "[".repeat(100_000);
    let bad = [
        "",
        " ",
        "{",
        "[1,",
        "nul",
        "{\"a\":1}}",
        "{'a':1}",
        "\u{feff}{}",
        &deep,
    ];
    for body in bad {
        assert_eq!(code_of(&devnet, body), -32700, "{:.20}", body);
    }
    let not_utf8: Value = serde_json::from_str(&devnet.handle(b"{\"\xff\":1}")).unwrap();
    assert_eq!(not_utf8["error"]["code"], -32700);
}

#[test]
fn json_that_is_no_request_is_refused() {
    let (devnet, _) = funded(Mining::Manual);
    let bad = [
        "1",
        "null",
        "\"eth_chainId\"",
        "[]",
        "{}",
        r#"{"id":1,"method":"eth_chainId"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"eth_chainId"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":[],"method":"eth_chainId"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}"#,
    ];
    for body in bad {
        assert_eq!(code_of(&devnet, body), -32600, "{body}");
    }
    let object = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}"#;
    assert_eq!(code_of(&devnet, object), -32602);
}

#[test]
fn a_batch_is_answered_in_order_and_survives_a_bad_member() {
    let (devnet, _) = funded(Mining::Manual);
    let body = r#"[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},
        {"jsonrpc":"2.0","id":2,"method":"nope"}, 5,
        {"jsonrpc":"2.0","method":"evm_mine"},
        {"jsonrpc":"2.0","id":3,"method":"eth_blockNumber"}]"#;
    let answers = answer(&devnet, body);
    assert_eq!(answers.as_array().unwrap().len(), 4);
    assert_eq!(answers[0]["result"], "0x7a69");
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["error"]["code"], -32600);
    assert_eq!(
        answers[3],
        json!({"jsonrpc": "2.0", "id": 3, "result": "0x1"})
    );
}

#[test]
fn notifications_are_done_without_an_answer() {
    let (devnet, _) = funded(Mining::Manual);
    let mine = r#"{"jsonrpc":"2.0","method":"evm_mine"}"#;
    assert_eq!(devnet.handle(mine.as_bytes()), "");
    assert_eq!(devnet.handle(format!("[{mine},{mine}]").as_bytes()), "");
    assert_eq!(devnet.height(), 3);
}

#[test]
fn a_batch_has_a_limit() {
    let (devnet, _) = funded(Mining::Manual);
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#;
    let batch = |count| format!("[{}]", vec![one; count].join(","));
    assert_eq!(answer(&devnet, &batch(100)).as_array().unwrap().len(), 100);
    assert_eq!(code_of(&devnet, &batch(101)), -32600);
}

#[test]
fn unknown_methods_are_named() {
    let (devnet, _) = funded(Mining::Manual);
    for method in [
        "",
        "_",
        "eth",
        "eth_",
        "eth_nope",
        "platon_chainId",
        "devnet_chainId",
        "ETH_chainId",
    ] {
        let (code, text) = refused(&devnet, method, json!([]));
        assert_eq!(code, -32601);
        assert_eq!(
            text,
            format!("the method {method} does not exist/is not available")
        );
    }
}

#[test]
fn a_wrong_parameter_is_named_by_its_place() {
    let (devnet, _) = funded(Mining::Manual);
    let address = hex0x(Address::ZERO);
    let hash = hex0x([0; 32]);
    let cases = [
        (
            "eth_getBalance",
            json!([]),
            "missing value for required argument 0",
        ),
        (
            "eth_getBalance",
            json!([null]),
            "missing value for required argument 0",
        ),
        (
            "eth_getBalance",
            json!(["0x12"]),
            "invalid argument 0: hex string has 1 bytes, want 20",
        ),
        (
            "eth_getBalance",
            json!([address[2..]]),
            "invalid argument 0: hex string without 0x prefix",
        ),
        (
            "eth_getBalance",
            json!([7]),
            "invalid argument 0: not a string",
        ),
        (
            "eth_getBalance",
            json!([address, "0x01"]),
            "invalid argument 1: hex number with leading zero digits",
        ),
        (
            "eth_getBalance",
            json!([address, "0x"]),
            "invalid argument 1: empty hex quantity",
        ),
        (
            "eth_getBalance",
            json!([address, "newest"]),
            "invalid argument 1: hex string without 0x prefix",
        ),
        (
            "eth_getBalance",
            json!([address, "0x-1"]),
            "invalid argument 1: invalid hex quantity",
        ),
        (
            "eth_getBalance",
            json!([address, {}]),
            "invalid argument 1: want blockHash or blockNumber",
        ),
        (
            "eth_getBalance",
            json!([address, "latest", 1]),
            "too many arguments, want at most 2",
        ),
        (
            "eth_chainId",
            json!([1]),
            "too many arguments, want at most 0",
        ),
        (
            "eth_getTransactionReceipt",
            json!([address]),
            "invalid argument 0: hex string has 20 bytes, want 32",
        ),
        (
            "eth_getBlockByNumber",
            json!(["latest", "yes"]),
            "invalid argument 1: not a boolean",
        ),
        (
            "eth_getBlockByNumber",
            json!(["0x10000000000000000"]),
            "invalid argument 0: hex number has more than 64 bits",
        ),
        (
            "eth_call",
            json!(["0x"]),
            "invalid argument 0: not an object",
        ),
        (
            "eth_call",
            json!([{"to": 1}]),
            "invalid argument 0: to: not a string",
        ),
        (
            "eth_call",
            json!([{"gas": "0x00"}]),
            "invalid argument 0: gas: hex number with leading zero digits",
        ),
        (
            "eth_call",
            json!([{"data": "0x1"}]),
            "invalid argument 0: data: invalid hex string: odd number of digits",
        ),
        (
            "eth_call",
            json!([{"data": "0x", "input": "0x00"}]),
            "invalid argument 0: both data and input are set and not equal",
        ),
        (
            "eth_getLogs",
            json!([{"topics": "0x"}]),
            "invalid argument 0: topics: not an array",
        ),
        (
            "eth_getLogs",
            json!([{"topics": [null, null, null, null, null]}]),
            "invalid argument 0: topics: more than 4",
        ),
        (
            "eth_getLogs",
            json!([{"blockHash": hash, "toBlock": "latest"}]),
            "invalid argument 0: cannot specify both blockHash and fromBlock/toBlock",
        ),
        (
            "eth_getLogs",
            json!([{"fromBlock": "0x5", "toBlock": "0x4"}]),
            "invalid block range params",
        ),
        (
            "eth_sendRawTransaction",
            json!(["02"]),
            "invalid argument 0: hex string without 0x prefix",
        ),
        (
            "devnet_setBalance",
            json!([address]),
            "missing value for required argument 1",
        ),
        (
            "evm_mine",
            json!([10_001]),
            "invalid argument 0: more than 10000 blocks",
        ),
        (
            "evm_setAutomine",
            json!([]),
            "missing value for required argument 0",
        ),
    ];
    for (method, params, text) in cases {
        let found = refused(&devnet, method, params.clone());
        assert_eq!(found, (-32602, text.to_owned()), "{method} {params}");
    }
}

#[test]
fn raw_bytes_that_are_no_transaction_are_refused_by_the_server() {
    let (devnet, _) = funded(Mining::Manual);
    for raw in [
        "0x", "0x02", "0x02c0", "0xc0", "0x03c0", "0x00", "0xf86b", "0x80",
    ] {
        let (code, _) = refused(&devnet, "eth_sendRawTransaction", json!([raw]));
        assert_eq!(code, -32000, "{raw}");
    }
}

#[test]
fn a_block_can_be_named_by_an_object() {
    let (devnet, _) = funded(Mining::Manual);
    let hash = hex0x(devnet.mine().hash);
    let address = hex0x(Account::new(1).address);
    for block in [json!({"blockHash": hash}), json!({"blockNumber": "0x1"})] {
        let balance = ok(&devnet, "eth_getBalance", json!([address, block]));
        assert_eq!(balance, json!(format!("{:#x}", 100 * ETHER)));
    }
    let unknown = json!([address, {"blockHash": hex0x([9; 32])}]);
    assert_eq!(refused(&devnet, "eth_getBalance", unknown).0, -32000);
}

#[test]
fn fee_suggestions_follow_the_next_base_fee() {
    let (devnet, _) = funded(Mining::Manual);
    assert_eq!(
        ok(&devnet, "eth_maxPriorityFeePerGas", json!([])),
        "0x3b9aca00"
    );
    // Block 0 is empty: the next base fee is 7/8 of 1 gwei.
    let price = 875_000_000_u64 + 1_000_000_000;
    assert_eq!(
        ok(&devnet, "eth_gasPrice", json!([])),
        json!(format!("{price:#x}"))
    );
    assert!(
        ok(&devnet, "web3_clientVersion", json!([]))
            .as_str()
            .unwrap()
            .starts_with("coracle-devnet/v")
    );
}

fn platon() -> (Devnet, Account) {
    let account = Account::new(1);
    let config = Config::platon().fund(account.address, U256::from(ETHER));
    (Devnet::new(config), account)
}

#[test]
fn platon_answers_platon_methods_only() {
    let (devnet, _) = platon();
    assert_eq!(ok(&devnet, "platon_chainId", json!([])), json!("0x335f9"));
    for method in [
        "eth_chainId",
        "eth_blockNumber",
        "eth_call",
        "eth_sendRawTransaction",
    ] {
        assert_eq!(refused(&devnet, method, json!([])).0, -32601, "{method}");
    }
    assert_eq!(ok(&devnet, "net_version", json!([])), "210425");
}

#[test]
fn platon_speaks_bech32_in_both_directions() {
    let (devnet, account) = platon();
    let tx = Tx {
        tx_type: 0,
        chain_id: Some(210_425),
        ..Tx::deploy(0, &logger())
    };
    let hash = send(&devnet, &tx, &account);
    let receipt = ok(
        &devnet,
        "platon_getTransactionReceipt",
        json!([hex0x(hash)]),
    );
    let from = receipt["from"].as_str().unwrap();
    let contract = receipt["contractAddress"].as_str().unwrap();
    assert!(from.starts_with("lat1") && from.len() == 42, "{from}");
    assert_eq!(
        ok(
            &devnet,
            "platon_getTransactionCount",
            json!([from, "latest"])
        ),
        "0x1"
    );
    let call = json!([{"from": from, "to": contract}]);
    assert_eq!(ok(&devnet, "platon_call", call), "0x");

    let call = Tx {
        tx_type: 0,
        chain_id: Some(210_425),
        ..Tx::call(1, account.address.create(0), &[])
    };
    send(&devnet, &call, &account);
    let logs = ok(
        &devnet,
        "platon_getLogs",
        json!([{"address": contract, "topics": [hex0x(topic())]}]),
    );
    assert_eq!(logs[0]["address"], contract);
}

#[test]
fn platon_refuses_hex_other_prefixes_and_flipped_letters() {
    let (devnet, account) = platon();
    let block = ok(&devnet, "platon_getBlockByNumber", json!(["latest"]));
    let miner = block["miner"].as_str().unwrap().to_owned();
    ok(&devnet, "platon_getBalance", json!([miner]));
    ok(&devnet, "platon_getBalance", json!([miner.to_uppercase()]));
    let mut mixed = miner.clone();
    mixed.replace_range(0..1, "L");
    let mut flipped = miner.clone();
    let last = if flipped.ends_with('q') { "p" } else { "q" };
    flipped.replace_range(41.., last);
    let bad = [
        hex0x(account.address),
        miner.replacen("lat", "lax", 1),
        miner[..41].to_owned(),
        format!("{miner}q"),
        mixed,
        flipped,
        "lat1".into(),
        String::new(),
    ];
    for address in bad {
        let (code, text) = refused(&devnet, "platon_getBalance", json!([address]));
        assert_eq!(code, -32602, "{address}");
        assert_eq!(
            text,
            "invalid argument 0: not a bech32 address with prefix lat"
        );
    }
}

#[test]
fn platon_takes_protected_legacy_transactions_only() {
    let (devnet, account) = platon();
    for (tx_type, chain_id) in [
        (1, Some(210_425)),
        (2, Some(210_425)),
        (0, None),
        (0, Some(1)),
    ] {
        let tx = Tx {
            tx_type,
            chain_id,
            ..Tx::new(0)
        };
        assert!(devnet.send_raw(&tx.sign(&account)).is_err());
    }
}
