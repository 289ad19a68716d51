//! Transactions, blocks and reorgs, without a socket.

mod common;

use coracle_devnet::{
    Address, BlockRef, Call, Mining, Orphans, Outcome, Transaction, U256, next_base_fee,
};
use serde_json::json;

use common::{
    Account, ETHER, GWEI, Tx, bytes_of, counter, funded, hex0x, keccak, logger, number, ok,
    refused, revert_data, reverter, send, topic, vectors,
};

/// `v + w` bytes of the deployed contract.
fn deployed(devnet: &coracle_devnet::Devnet, account: &Account, runtime: &[u8]) -> Address {
    let nonce = devnet.nonce(account.address);
    let hash = send(devnet, &Tx::deploy(nonce, runtime), account);
    let receipt = devnet.mined(hash).unwrap().receipt;
    assert!(receipt.succeeded);
    receipt.contract_address.unwrap()
}

#[test]
fn a_transfer_moves_value_and_pays_base_fee_and_tip() {
    let (devnet, account) = funded(Mining::Automatic);
    let tx = Tx {
        value: U256::from(5 * ETHER),
        ..Tx::new(0)
    };
    let to = tx.to.unwrap();
    let hash = send(&devnet, &tx, &account);

    let mined = devnet.mined(hash).unwrap();
    assert_eq!(mined.block_number, 1);
    assert_eq!(mined.receipt.gas_used, 21_000);
    let base_fee = u128::from(devnet.block(BlockRef::Latest).unwrap().header.base_fee);
    assert_eq!(mined.receipt.effective_gas_price, base_fee + GWEI);
    assert_eq!(devnet.balance(to), U256::from(5 * ETHER));
    let spent = 5 * ETHER + 21_000 * (base_fee + GWEI);
    assert_eq!(
        devnet.balance(account.address),
        U256::from(100 * ETHER - spent)
    );
    assert_eq!(devnet.balance(Address::ZERO), U256::from(21_000 * GWEI));
}

#[test]
fn every_transaction_type_is_mined() {
    let (devnet, account) = funded(Mining::Automatic);
    let kinds = [
        (0, None),
        (0, Some(31_337)),
        (1, Some(31_337)),
        (2, Some(31_337)),
    ];
    for (nonce, (tx_type, chain_id)) in kinds.into_iter().enumerate() {
        let tx = Tx {
            tx_type,
            chain_id,
            ..Tx::new(nonce as u64)
        };
        let hash = send(&devnet, &tx, &account);
        let receipt = ok(&devnet, "eth_getTransactionReceipt", json!([hex0x(hash)]));
        assert_eq!(number(&receipt["type"]), u64::from(tx_type));
        assert_eq!(receipt["status"], "0x1");
    }
    assert_eq!(devnet.nonce(account.address), 4);
}

#[test]
fn a_deployed_contract_counts_and_answers_calls() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &counter());
    assert_eq!(contract, account.address.create(0));
    assert_eq!(devnet.code(contract).to_vec(), counter());

    let call = json!([{"to": hex0x(contract)}, "latest"]);
    let one = hex0x(U256::from(1).to_be_bytes::<32>());
    assert_eq!(ok(&devnet, "eth_call", call.clone()), json!(one));
    send(&devnet, &Tx::call(1, contract, &[]), &account);
    let two = hex0x(U256::from(2).to_be_bytes::<32>());
    assert_eq!(ok(&devnet, "eth_call", call), json!(two));

    let before = json!([{"to": hex0x(contract)}, "0x1"]);
    assert_eq!(ok(&devnet, "eth_call", before), json!(one));
}

#[test]
fn an_estimate_is_enough_and_one_less_is_not() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &counter());
    let call = json!([{"from": hex0x(account.address), "to": hex0x(contract)}]);
    let gas = number(&ok(&devnet, "eth_estimateGas", call));

    let short = Tx {
        gas: gas - 1,
        ..Tx::call(1, contract, &[])
    };
    let hash = send(&devnet, &short, &account);
    assert!(!devnet.mined(hash).unwrap().receipt.succeeded);
    let enough = Tx {
        gas,
        ..Tx::call(2, contract, &[])
    };
    let hash = send(&devnet, &enough, &account);
    assert!(devnet.mined(hash).unwrap().receipt.succeeded);
}

#[test]
fn a_plain_transfer_is_estimated_at_21000() {
    let (devnet, account) = funded(Mining::Automatic);
    let call = json!([{"from": hex0x(account.address), "to": hex0x(Address::repeat_byte(2)), "value": "0x1"}]);
    assert_eq!(ok(&devnet, "eth_estimateGas", call), json!("0x5208"));
}

#[test]
fn a_revert_gives_code_3_the_reason_and_the_data() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &reverter());
    for method in ["eth_call", "eth_estimateGas"] {
        let error = devnet
            .request(method, &[json!({"to": hex0x(contract)})])
            .unwrap_err();
        assert_eq!(error.code, 3, "{method}");
        assert_eq!(error.message, "execution reverted: full");
        assert_eq!(error.data, Some(hex0x(revert_data("full"))));
    }
    let hash = send(&devnet, &Tx::call(1, contract, &[]), &account);
    let receipt = ok(&devnet, "eth_getTransactionReceipt", json!([hex0x(hash)]));
    assert_eq!(receipt["status"], "0x0");
    assert_eq!(
        devnet.mined(hash).unwrap().receipt.output.to_vec(),
        revert_data("full")
    );
    let outcome = devnet.call(&Call {
        to: Some(contract),
        ..Call::default()
    });
    assert_eq!(outcome, Ok(Outcome::Reverted(revert_data("full").into())));
}

#[test]
fn an_invalid_opcode_is_an_error_without_data() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &[0xfe]);
    let error = devnet
        .request("eth_call", &[json!({"to": hex0x(contract)})])
        .unwrap_err();
    assert_eq!((error.code, error.data), (-32000, None));
}

#[test]
fn a_call_cannot_spend_what_its_sender_lacks() {
    let (devnet, _) = funded(Mining::Automatic);
    let poor = json!([{"from": hex0x(Address::repeat_byte(9)), "to": hex0x(Address::ZERO), "value": "0x1"}]);
    let (code, text) = refused(&devnet, "eth_call", poor);
    assert_eq!(code, -32000);
    assert!(text.starts_with("insufficient funds"), "{text}");
}

#[test]
fn a_call_with_a_price_needs_the_base_fee() {
    let (devnet, account) = funded(Mining::Automatic);
    let from = hex0x(account.address);
    let call = |cap| json!([{"from": from, "to": from, "maxFeePerGas": cap}]);
    let (code, text) = refused(&devnet, "eth_call", call("0x3b9ac9ff"));
    assert_eq!(code, -32000);
    assert_eq!(text, "max fee per gas less than block base fee");
    assert_eq!(ok(&devnet, "eth_call", call("0x3b9aca00")), "0x");
}

#[test]
fn logs_are_found_by_address_topic_range_and_hash() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &logger());
    let other = deployed(&devnet, &account, &logger());
    let word = U256::from(77).to_be_bytes::<32>();
    let hash = send(&devnet, &Tx::call(2, contract, &word), &account);
    send(&devnet, &Tx::call(3, other, &word), &account);

    let count = |filter| {
        ok(&devnet, "eth_getLogs", json!([filter]))
            .as_array()
            .unwrap()
            .len()
    };
    let caller = hex0x(account.address.into_word());
    assert_eq!(count(json!({"fromBlock": "earliest"})), 4);
    assert_eq!(count(json!({})), 2, "latest block only");
    assert_eq!(count(json!({"fromBlock": "0x3", "toBlock": "0x3"})), 2);
    assert_eq!(
        count(json!({"fromBlock": "0x0", "address": hex0x(contract)})),
        2
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "address": [hex0x(contract), hex0x(other)]})),
        4
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [hex0x(topic())]})),
        4
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [hex0x(topic()), null]})),
        2
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [null, caller]})),
        2
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [null, [caller, hex0x(topic())]]})),
        2
    );
    assert_eq!(count(json!({"fromBlock": "0x0", "topics": [caller]})), 0);
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [null, null, null]})),
        0
    );
    assert_eq!(
        count(json!({"fromBlock": "0x9", "toBlock": "0x9"})),
        0,
        "not made yet"
    );

    let receipt = ok(&devnet, "eth_getTransactionReceipt", json!([hex0x(hash)]));
    let by_hash = json!([{"blockHash": receipt["blockHash"]}]);
    assert_eq!(ok(&devnet, "eth_getLogs", by_hash), receipt["logs"]);
    let log = &receipt["logs"][0];
    assert_eq!(log["data"], json!(hex0x(word)));
    assert_eq!(log["topics"], json!([hex0x(topic())]));
    assert_eq!(receipt["logs"][1]["logIndex"], "0x1");
}

#[test]
fn log_indexes_and_cumulative_gas_run_through_the_block() {
    let (devnet, account) = funded(Mining::Manual);
    send(&devnet, &Tx::deploy(0, &logger()), &account);
    devnet.mine();
    let contract = account.address.create(0);
    for nonce in 1..=3 {
        send(&devnet, &Tx::call(nonce, contract, &[]), &account);
    }
    let block = devnet.mine();
    assert_eq!(block.transactions.len(), 3);
    let mut gas = 0;
    for (index, (tx, receipt)) in block.transactions.iter().zip(&block.receipts).enumerate() {
        gas += receipt.gas_used;
        assert_eq!(receipt.cumulative_gas_used, gas);
        assert_eq!(receipt.first_log_index, index * 2);
        let json = ok(
            &devnet,
            "eth_getTransactionReceipt",
            json!([hex0x(tx.hash)]),
        );
        assert_eq!(number(&json["logs"][1]["logIndex"]), index as u64 * 2 + 1);
        assert_eq!(number(&json["transactionIndex"]), index as u64);
    }
    assert_eq!(block.header.gas_used, gas);
}

#[test]
fn block_hash_is_the_hash_of_the_header_and_parents_are_linked() {
    let (devnet, account) = funded(Mining::Automatic);
    for nonce in 0..3 {
        send(&devnet, &Tx::new(nonce), &account);
    }
    for number in 1..=3 {
        let block = devnet.block(BlockRef::Number(number)).unwrap();
        let parent = devnet.block(BlockRef::Number(number - 1)).unwrap();
        assert_eq!(block.hash, keccak(&block.header.to_rlp()));
        assert_eq!(block.header.parent_hash, parent.hash);
        assert_eq!(block.header.base_fee, parent.header.next_base_fee());
        assert_eq!(block.header.timestamp, parent.header.timestamp + 2);
    }
}

#[test]
fn two_chains_from_one_config_are_equal() {
    let [first, second] = [0, 1].map(|_| {
        let (devnet, account) = funded(Mining::Automatic);
        send(&devnet, &Tx::deploy(0, &counter()), &account);
        devnet.block(BlockRef::Latest).unwrap().hash
    });
    assert_eq!(first, second);
}

/// The block of another node, its header hash recomputed from its JSON.
#[test]
fn header_hash_agrees_with_a_block_of_another_node() {
    use coracle_devnet::{B256, Bloom, Header};
    let cases = vectors("jsonrpc_transcripts.json");
    let mut seen = 0;
    for case in cases {
        let Ok(answer) =
            serde_json::from_str::<serde_json::Value>(case["response"].as_str().unwrap())
        else {
            continue;
        };
        let block = &answer["result"];
        if block.get("parentBeaconBlockRoot").is_none() {
            continue;
        }
        let hash = |name: &str| B256::from_slice(&bytes_of(&block[name]));
        let header = Header {
            parent_hash: hash("parentHash"),
            beneficiary: Address::from_slice(&bytes_of(&block["miner"])),
            state_root: hash("stateRoot"),
            transactions_root: hash("transactionsRoot"),
            receipts_root: hash("receiptsRoot"),
            logs_bloom: Bloom::from_slice(&bytes_of(&block["logsBloom"])),
            number: number(&block["number"]),
            gas_limit: number(&block["gasLimit"]),
            gas_used: number(&block["gasUsed"]),
            timestamp: number(&block["timestamp"]),
            extra_data: bytes_of(&block["extraData"]),
            mix_hash: hash("mixHash"),
            base_fee: number(&block["baseFeePerGas"]),
        };
        assert_eq!(header.hash(), hash("hash"), "{}", case["name"]);
        seen += 1;
    }
    assert!(seen > 0);
}

/// tests/vectors/ethereum/base_fee.json: EIP-1559, agreed with another node.
#[test]
fn base_fee_follows_the_exact_integer_rule() {
    for case in vectors("base_fee.json") {
        let decimal = |name: &str| -> U256 { case[name].as_str().unwrap().parse().unwrap() };
        let limit = case["gasLimit"].as_u64().unwrap();
        let used = case["gasUsed"].as_u64().unwrap();
        let next = next_base_fee(decimal("baseFee"), limit, used);
        assert_eq!(next, decimal("next"), "{}", case["name"]);
    }
}

/// tests/vectors/ethereum/transactions_generated.json, the types taken here.
#[test]
fn signed_transactions_decode_to_their_hash_and_sender() {
    let mut seen = 0;
    for case in vectors("transactions_generated.json") {
        if matches!(case["type"].as_str(), Some("eip4844" | "eip7702")) {
            continue;
        }
        let tx = Transaction::decode(&bytes_of(&case["signed"]))
            .unwrap_or_else(|error| panic!("{}: {error}", case["name"]));
        assert_eq!(hex0x(tx.hash), case["hash"], "{}", case["name"]);
        let sender = case["sender"].as_str().unwrap().to_ascii_lowercase();
        assert_eq!(hex0x(tx.sender), sender, "{}", case["name"]);
        seen += 1;
    }
    assert!(seen >= 50, "{seen}");
}

#[test]
fn reorg_returns_transactions_to_the_pool_and_changes_hashes() {
    let (devnet, account) = funded(Mining::Manual);
    let hash = send(&devnet, &Tx::new(0), &account);
    devnet.mine();
    devnet.mine();
    let before = devnet.mined(hash).unwrap();

    assert_eq!(devnet.reorg(2, Orphans::ToPool), 2);
    assert_eq!(devnet.height(), 0);
    assert!(devnet.mined(hash).is_none());
    assert_eq!(
        ok(&devnet, "eth_getTransactionReceipt", json!([hex0x(hash)])),
        json!(null)
    );
    assert_eq!(devnet.balance(account.address), U256::from(100 * ETHER));
    assert_eq!(devnet.pool().len(), 1);

    devnet.mine();
    let after = devnet.mined(hash).unwrap();
    assert_eq!(after.block_number, before.block_number);
    assert_ne!(after.block_hash, before.block_hash);
    assert!(devnet.block(BlockRef::Hash(before.block_hash)).is_none());
}

#[test]
fn reorg_can_forget_transactions() {
    let (devnet, account) = funded(Mining::Manual);
    let hash = send(&devnet, &Tx::new(0), &account);
    devnet.mine();
    assert_eq!(ok(&devnet, "devnet_reorg", json!([1, true])), json!("0x0"));
    devnet.mine();
    assert!(devnet.mined(hash).is_none());
    assert_eq!(
        ok(&devnet, "eth_getTransactionByHash", json!([hex0x(hash)])),
        json!(null)
    );
    assert_eq!(devnet.nonce(account.address), 0);
    send(&devnet, &Tx::new(0), &account);
}

#[test]
fn reorg_takes_contracts_and_slots_back_but_never_block_0() {
    let (devnet, account) = funded(Mining::Automatic);
    let contract = deployed(&devnet, &account, &counter());
    let root = devnet.block(BlockRef::Latest).unwrap().header.state_root;
    for nonce in 1..4 {
        send(&devnet, &Tx::call(nonce, contract, &[]), &account);
    }
    devnet.reorg(3, Orphans::Forget);
    let one = hex0x(U256::from(1).to_be_bytes::<32>());
    assert_eq!(
        ok(&devnet, "eth_call", json!([{"to": hex0x(contract)}])),
        json!(one)
    );
    // A block without transactions has the state of its parent.
    assert_eq!(devnet.mine().header.state_root, root);
    assert_eq!(devnet.reorg(99, Orphans::Forget), 2);
    assert!(devnet.code(contract).is_empty());
    assert_eq!(devnet.height(), 0);
}

#[test]
fn older_state_stays_readable() {
    let (devnet, account) = funded(Mining::Automatic);
    let to = Address::repeat_byte(0xaa);
    for nonce in 0..3 {
        send(&devnet, &Tx::new(nonce), &account);
    }
    for height in 0..=3_u64 {
        let at = format!("{height:#x}");
        assert_eq!(
            ok(&devnet, "eth_getBalance", json!([hex0x(to), at])),
            json!(at)
        );
        let count = ok(
            &devnet,
            "eth_getTransactionCount",
            json!([hex0x(account.address), at]),
        );
        assert_eq!(count, json!(at));
    }
    let (code, text) = refused(&devnet, "eth_getBalance", json!([hex0x(to), "0x4"]));
    assert_eq!((code, text.as_str()), (-32000, "header not found"));
}

#[test]
fn a_balance_out_of_nothing_can_be_spent() {
    let (devnet, _) = funded(Mining::Automatic);
    let new = Account::new(2);
    assert!(devnet.send_raw(&Tx::new(0).sign(&new)).is_err());
    ok(
        &devnet,
        "devnet_setBalance",
        json!([hex0x(new.address), "0xde0b6b3a7640000"]),
    );
    send(&devnet, &Tx::new(0), &new);
    assert_eq!(devnet.mined_from(new.address).len(), 1);
}

#[test]
fn tags_keep_their_distance() {
    let (devnet, _) = funded(Mining::Manual);
    let height = |tag| number(&ok(&devnet, "eth_getBlockByNumber", json!([tag]))["number"]);
    assert_eq!([height("safe"), height("finalized")], [0, 0]);
    devnet.mine_blocks(10);
    assert_eq!([height("latest"), height("pending")], [10, 10]);
    assert_eq!(
        [height("safe"), height("finalized"), height("earliest")],
        [8, 6, 0]
    );
}

#[test]
fn block_carries_hashes_or_whole_transactions() {
    let (devnet, account) = funded(Mining::Automatic);
    let hash = send(&devnet, &Tx::new(0), &account);
    let short = ok(&devnet, "eth_getBlockByNumber", json!(["latest", false]));
    assert_eq!(short["transactions"], json!([hex0x(hash)]));
    let full = ok(&devnet, "eth_getBlockByHash", json!([short["hash"], true]));
    let by_hash = ok(&devnet, "eth_getTransactionByHash", json!([hex0x(hash)]));
    assert_eq!(full["transactions"], json!([by_hash]));
    assert_eq!(by_hash["from"], json!(hex0x(account.address)));
    assert_eq!(
        ok(&devnet, "eth_getBlockByNumber", json!(["0x63"])),
        json!(null)
    );
    assert_eq!(
        ok(&devnet, "eth_getBlockByHash", json!([hex0x(hash)])),
        json!(null)
    );
}

#[test]
fn fee_history_covers_the_next_block_and_the_tips() {
    let (devnet, account) = funded(Mining::Manual);
    for (nonce, tip) in [(0, 3), (1, 2)] {
        let tx = Tx {
            tip: tip * GWEI,
            ..Tx::new(nonce)
        };
        send(&devnet, &tx, &account);
    }
    let block = devnet.mine();
    let history = ok(
        &devnet,
        "eth_feeHistory",
        json!(["0x2", "latest", [0, 50, 100]]),
    );
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    let next = number(&history["baseFeePerGas"][2]);
    assert_eq!(next, block.header.next_base_fee());
    assert_eq!(history["gasUsedRatio"], json!([0.0, 42_000.0 / 30e6]));
    let gwei = |count: u128| json!(format!("{:#x}", count * GWEI));
    assert_eq!(history["reward"][0], json!(["0x0", "0x0", "0x0"]));
    assert_eq!(history["reward"][1], json!([gwei(2), gwei(2), gwei(3)]));
    assert_eq!(
        refused(&devnet, "eth_feeHistory", json!([1, "0x9", null])).0,
        -32000
    );
    assert_eq!(
        refused(&devnet, "eth_feeHistory", json!([1, "latest", [2, 1]])).0,
        -32602
    );
}
