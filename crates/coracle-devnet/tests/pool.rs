//! What the pool takes, in which order it is mined, and what it refuses.

mod common;

use coracle_devnet::{
    Address, BlockRef, Config, DecodeError, Devnet, Mining, Refusal, Transaction, U256,
};
use serde_json::json;

use common::{
    Account, ETHER, GWEI, Tx, bytes_of, funded, hex0x, number, ok, refused, rlp_list, send, vectors,
};

fn refusal(devnet: &Devnet, tx: &Tx, account: &Account) -> String {
    let raw = hex0x(tx.sign(account));
    let (code, text) = refused(devnet, "eth_sendRawTransaction", json!([raw]));
    assert_eq!(code, -32000);
    text
}

#[test]
fn transactions_wait_until_a_block_is_made() {
    let (devnet, account) = funded(Mining::Manual);
    let hash = send(&devnet, &Tx::new(0), &account);
    assert_eq!(devnet.height(), 0);
    let waiting = ok(&devnet, "eth_getTransactionByHash", json!([hex0x(hash)]));
    assert_eq!(waiting["blockHash"], json!(null));
    assert_eq!(number(&waiting["gasPrice"]), 10_000_000_000);
    let count = |tag| {
        ok(
            &devnet,
            "eth_getTransactionCount",
            json!([hex0x(account.address), tag]),
        )
    };
    assert_eq!([count("latest"), count("pending")], ["0x0", "0x1"]);
    assert_eq!(ok(&devnet, "evm_mine", json!([])), "0x1");
    assert_eq!([count("latest"), count("pending")], ["0x1", "0x1"]);
}

#[test]
fn evm_set_automine_switches_mining() {
    let (devnet, account) = funded(Mining::Automatic);
    ok(&devnet, "evm_setAutomine", json!([false]));
    send(&devnet, &Tx::new(0), &account);
    assert_eq!(devnet.height(), 0);
    ok(&devnet, "evm_setAutomine", json!([true]));
    send(&devnet, &Tx::new(1), &account);
    assert_eq!(devnet.height(), 1);
    assert_eq!(devnet.nonce(account.address), 2);
}

#[test]
fn a_nonce_gap_waits_until_it_is_filled() {
    let (devnet, account) = funded(Mining::Automatic);
    send(&devnet, &Tx::new(2), &account);
    send(&devnet, &Tx::new(1), &account);
    assert_eq!(devnet.nonce(account.address), 0);
    let tag = json!([hex0x(account.address), "pending"]);
    assert_eq!(ok(&devnet, "eth_getTransactionCount", tag), "0x0");
    send(&devnet, &Tx::new(0), &account);
    assert_eq!(devnet.nonce(account.address), 3);
    let block = devnet.block(BlockRef::Latest).unwrap();
    let nonces: Vec<u64> = block.transactions.iter().map(|tx| tx.nonce).collect();
    assert_eq!(nonces, [0, 1, 2]);
}

#[test]
fn the_better_tip_goes_first_and_nonces_stay_in_order() {
    let (devnet, first) = funded(Mining::Manual);
    let second = Account::new(2);
    devnet.set_balance(second.address, U256::from(ETHER));
    let tipped = |nonce, tip| Tx {
        tip: tip * GWEI,
        ..Tx::new(nonce)
    };
    send(&devnet, &tipped(0, 1), &first);
    send(&devnet, &tipped(1, 5), &first);
    send(&devnet, &tipped(0, 2), &second);
    send(&devnet, &tipped(1, 1), &second);
    let block = devnet.mine();
    let order: Vec<(Address, u64)> = block
        .transactions
        .iter()
        .map(|tx| (tx.sender, tx.nonce))
        .collect();
    let (a, b) = (first.address, second.address);
    assert_eq!(order, [(b, 0), (a, 0), (a, 1), (b, 1)]);
}

#[test]
fn a_full_block_leaves_the_rest_for_the_next() {
    let account = Account::new(1);
    let config = Config {
        mining: Mining::Manual,
        gas_limit: 50_000,
        ..Config::local()
    };
    let devnet = Devnet::new(config.fund(account.address, U256::from(ETHER)));
    for nonce in 0..3 {
        send(&devnet, &Tx::new(nonce), &account);
    }
    assert_eq!(devnet.mine().transactions.len(), 2);
    assert_eq!(devnet.mine().transactions.len(), 1);
}

#[test]
fn a_cap_below_the_base_fee_waits_for_it_to_fall() {
    let (devnet, account) = funded(Mining::Automatic);
    let tx = Tx {
        cap: 600_000_000,
        tip: 1,
        ..Tx::new(0)
    };
    let hash = send(&devnet, &tx, &account);
    assert!(devnet.mined(hash).is_none());
    // Empty blocks take an eighth off: 875, 766, 670, 586 million.
    devnet.mine_blocks(2);
    assert!(devnet.mined(hash).is_none());
    devnet.mine();
    let mined = devnet.mined(hash).unwrap();
    assert!(mined.base_fee < 600_000_000);
    assert_eq!(
        mined.receipt.effective_gas_price,
        u128::from(mined.base_fee) + 1
    );
}

#[test]
fn a_replacement_needs_ten_percent_more_tip_and_cap() {
    let (devnet, account) = funded(Mining::Manual);
    let first = send(&devnet, &Tx::new(0), &account);
    let bid = |tip_percent, cap_percent| Tx {
        tip: GWEI * tip_percent / 100,
        cap: 10 * GWEI * cap_percent / 100,
        ..Tx::new(0)
    };
    let underpriced = "replacement transaction underpriced";
    assert_eq!(refusal(&devnet, &bid(109, 200), &account), underpriced);
    assert_eq!(refusal(&devnet, &bid(200, 109), &account), underpriced);
    assert_eq!(
        refusal(&devnet, &bid(100, 100 + 100), &account),
        underpriced
    );
    let second = send(&devnet, &bid(110, 110), &account);
    assert_eq!(devnet.pool().len(), 1);
    devnet.mine();
    assert!(devnet.mined(first).is_none());
    assert!(devnet.mined(second).is_some());
}

#[test]
fn a_dropped_transaction_is_gone() {
    let (devnet, account) = funded(Mining::Manual);
    let hash = send(&devnet, &Tx::new(0), &account);
    let drop = json!([hex0x(hash)]);
    assert_eq!(ok(&devnet, "devnet_dropTransaction", drop.clone()), true);
    assert_eq!(ok(&devnet, "devnet_dropTransaction", drop), false);
    assert!(devnet.mine().transactions.is_empty());
}

#[test]
fn refuses_what_it_already_has_and_what_is_past() {
    let (devnet, account) = funded(Mining::Manual);
    send(&devnet, &Tx::new(0), &account);
    assert_eq!(refusal(&devnet, &Tx::new(0), &account), "already known");
    devnet.mine();
    let text = refusal(&devnet, &Tx::new(0), &account);
    assert_eq!(text, "nonce too low: next nonce 1, tx nonce 0");
}

#[test]
fn refuses_another_chain() {
    let (devnet, account) = funded(Mining::Manual);
    for tx_type in [0, 1, 2] {
        let tx = Tx {
            tx_type,
            chain_id: Some(1),
            ..Tx::new(0)
        };
        let text = refusal(&devnet, &tx, &account);
        assert!(
            text.contains("invalid chain id for signer: have 1 want 31337"),
            "{text}"
        );
    }
}

#[test]
fn refuses_gas_limits_that_cannot_be() {
    let (devnet, account) = funded(Mining::Manual);
    let gas = |gas| Tx { gas, ..Tx::new(0) };
    let text = refusal(&devnet, &gas(20_999), &account);
    assert_eq!(
        text,
        "intrinsic gas too low: gas 20999, minimum needed 21000"
    );
    let floor = Tx {
        data: vec![1; 100],
        ..gas(22_700)
    };
    let text = refusal(&devnet, &floor, &account);
    assert!(
        text.starts_with("insufficient gas for floor data gas cost"),
        "{text}"
    );
    assert_eq!(
        refusal(&devnet, &gas(30_000_001), &account),
        "exceeds block gas limit"
    );
    let text = refusal(&devnet, &gas(16_777_217), &account);
    assert!(text.starts_with("transaction gas limit too high"), "{text}");
    send(&devnet, &gas(16_777_216), &account);
}

/// tests/vectors/ethereum/intrinsic_gas.json: one gas less than the minimum is
/// refused, the minimum is taken.
#[test]
fn least_gas_limit_is_that_of_the_vectors() {
    let (devnet, account) = funded(Mining::Manual);
    let mut seen = 0;
    for case in vectors("intrinsic_gas.json") {
        let list = case["accessList"].as_array();
        let plain = list.is_none_or(Vec::is_empty);
        let tx_type = match case["type"].as_str().unwrap() {
            "legacy" | "eip155" => 0,
            "eip1559" => 2,
            _ => continue,
        };
        let least = case["minGasLimit"].as_u64().unwrap();
        if !plain || least > 16_777_216 {
            continue;
        }
        let mut tx = Tx {
            tx_type,
            gas: least - 1,
            to: case["to"]
                .as_str()
                .map(|_| Address::from_slice(&bytes_of(&case["to"]))),
            data: bytes_of(&case["data"]).to_vec(),
            ..Tx::new(0)
        };
        let refusal = devnet.send_raw(&tx.sign(&account));
        let expected = matches!(
            refusal,
            Err(Refusal::IntrinsicGas { .. } | Refusal::FloorGas { .. })
        );
        assert!(expected, "{}: {refusal:?}", case["name"]);
        tx.gas = least;
        let hash = devnet
            .send_raw(&tx.sign(&account))
            .unwrap_or_else(|refusal| panic!("{}: {refusal}", case["name"]));
        devnet.drop_transaction(hash);
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn refuses_fees_that_cannot_be() {
    let (devnet, account) = funded(Mining::Manual);
    let fees = |tip, cap| Tx {
        tip,
        cap,
        ..Tx::new(0)
    };
    let text = refusal(&devnet, &fees(2, 1), &account);
    assert_eq!(text, "max priority fee per gas higher than max fee per gas");
    let text = refusal(&devnet, &fees(0, GWEI), &account);
    assert_eq!(
        text,
        "transaction underpriced: gas tip cap 0, minimum needed 1"
    );
}

#[test]
fn refuses_more_than_the_account_can_pay_for_all_it_has_waiting() {
    let (devnet, account) = funded(Mining::Manual);
    let worth = |nonce, ether| Tx {
        value: U256::from(ether * ETHER),
        ..Tx::new(nonce)
    };
    let text = refusal(&devnet, &worth(0, 100), &account);
    assert!(
        text.starts_with("insufficient funds for gas * price + value"),
        "{text}"
    );
    send(&devnet, &worth(0, 60), &account);
    let text = refusal(&devnet, &worth(1, 60), &account);
    assert!(
        text.starts_with("insufficient funds for gas * price + value"),
        "{text}"
    );
    send(&devnet, &worth(1, 39), &account);
}

#[test]
fn refuses_the_last_nonce_and_oversized_data() {
    let (devnet, account) = funded(Mining::Manual);
    assert_eq!(
        refusal(&devnet, &Tx::new(u64::MAX), &account),
        "nonce has max value"
    );
    let tx = Tx {
        data: vec![0; 128 * 1024],
        gas: 1_000_000,
        ..Tx::new(0)
    };
    assert_eq!(refusal(&devnet, &tx, &account), "oversized data");
}

#[test]
fn refuses_long_init_code() {
    let (devnet, account) = funded(Mining::Manual);
    let tx = Tx {
        to: None,
        data: vec![0; 49_153],
        gas: 2_000_000,
        ..Tx::new(0)
    };
    assert_eq!(devnet.send_raw(&tx.sign(&account)), Err(Refusal::InitCode));
}

#[test]
fn refuses_unprotected_and_typed_transactions_where_the_chain_has_none() {
    let account = Account::new(1);
    let config = Config {
        typed_transactions: false,
        unprotected_transactions: false,
        ..Config::local()
    };
    let devnet = Devnet::new(config.fund(account.address, U256::from(ETHER)));
    let kind = |tx_type, chain_id| Tx {
        tx_type,
        chain_id,
        ..Tx::new(0)
    };
    assert_eq!(
        refusal(&devnet, &kind(2, Some(31_337)), &account),
        "transaction type not supported"
    );
    assert_eq!(
        refusal(&devnet, &kind(1, Some(31_337)), &account),
        "transaction type not supported"
    );
    let text = refusal(&devnet, &kind(0, None), &account);
    assert!(text.starts_with("only replay-protected"), "{text}");
    send(&devnet, &kind(0, Some(31_337)), &account);
}

#[test]
fn refuses_bytes_that_are_no_transaction() {
    let raw = Tx::new(0).sign(&Account::new(1));
    assert_eq!(Transaction::decode(&[]), Err(DecodeError::Empty));
    for id in [0, 3, 4, 5, 0x7f, 0x80, 0xbf] {
        assert_eq!(Transaction::decode(&[id, 0xc0]), Err(DecodeError::Type(id)));
    }
    for cut in 0..raw.len() {
        assert!(Transaction::decode(&raw[..cut]).is_err(), "{cut} bytes");
    }
    let longer = [raw.as_slice(), &[0]].concat();
    assert_eq!(
        Transaction::decode(&longer),
        Err(DecodeError::TrailingBytes)
    );
}

#[test]
fn refuses_integers_with_leading_zeros_and_spare_fields() {
    // A legacy transaction from its fields, RLP of each.
    let legacy = |nonce: &[u8], extra: &[u8]| {
        let mut payload = nonce.to_vec();
        payload.extend([0x01, 0x82, 0x52, 0x08, 0x80, 0x80, 0x80, 0x1b, 0x01, 0x01]);
        payload.extend(extra);
        rlp_list(&payload)
    };
    // These fields are right, so what the others fail for is the nonce.
    let right = Transaction::decode(&legacy(&[0x80], &[]));
    assert!(!matches!(right, Err(DecodeError::Rlp(_))), "{right:?}");
    for nonce in [&[0x00][..], &[0x81, 0x05], &[0x82, 0x00, 0x05], &[0xc0]] {
        let found = Transaction::decode(&legacy(nonce, &[]));
        assert!(
            matches!(found, Err(DecodeError::Rlp(_))),
            "{nonce:02x?}: {found:?}"
        );
    }
    let spare = Transaction::decode(&legacy(&[0x80], &[0x80]));
    assert_eq!(spare, Err(DecodeError::TrailingBytes));
}

#[test]
fn refuses_signatures_that_no_key_makes() {
    let raw = Tx::new(0).sign(&Account::new(1));
    let s_at = raw.len() - 32;
    let order: U256 = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
        .parse()
        .unwrap();
    let s = U256::from_be_slice(&raw[s_at..]);
    let with_s = |s: U256| [&raw[..s_at], &s.to_be_bytes::<32>()].concat();
    assert!(Transaction::decode(&with_s(s)).is_ok());
    for (name, s) in [("high", order - s), ("order", order), ("top", U256::MAX)] {
        let found = Transaction::decode(&with_s(s));
        assert_eq!(found, Err(DecodeError::Signature), "{name} s");
    }
}

/// Legacy `v` is 27, 28 or from 35 on (EIP-155); a parity is 0 or 1.
#[test]
fn refuses_a_v_that_no_signature_has() {
    let account = Account::new(1);
    let legacy = Tx {
        tx_type: 0,
        chain_id: None,
        ..Tx::new(0)
    };
    let raw = legacy.sign(&account);
    // v stands before two 32-byte strings with one byte of header each.
    let v_at = raw.len() - 67;
    assert!(matches!(raw[v_at], 27 | 28));
    for v in [0x80, 1, 26, 29, 34] {
        let mut raw = raw.clone();
        raw[v_at] = v;
        assert_eq!(Transaction::decode(&raw), Err(DecodeError::Parity), "v {v}");
    }
    let mut raw = Tx::new(0).sign(&account);
    let parity_at = raw.len() - 67;
    raw[parity_at] = 2;
    assert_eq!(Transaction::decode(&raw), Err(DecodeError::Parity));
}

/// tests/vectors/ethereum/raw_transactions.json, from ethereum/tests
/// `TransactionTests`, chain id 1.
#[test]
fn decoding_agrees_with_the_public_transaction_tests() {
    let mut seen = [0, 0];
    for case in vectors("raw_transactions.json") {
        let name = &case["name"];
        let error = case["error"].as_str().unwrap_or_default();
        match (
            case["sender"].as_str(),
            Transaction::decode(&bytes_of(&case["txbytes"])),
        ) {
            (Some(sender), Ok(tx)) => {
                assert_eq!(hex0x(tx.sender), sender.to_ascii_lowercase(), "{name}");
                assert_eq!(json!(hex0x(tx.hash)), case["hash"], "{name}");
                seen[0] += 1;
            }
            // Blobs and code authorizations, and prices past 128 bits.
            (Some(_), Err(DecodeError::Type(3 | 4))) => {}
            (Some(_), Err(DecodeError::Rlp(alloy_rlp::Error::Overflow))) => {
                let text = name.as_str().unwrap();
                assert!(text.contains("Price"), "{name}");
            }
            (Some(_), Err(error)) => panic!("{name}: {error}"),
            (None, Err(_)) => seen[1] += 1,
            // Rules of the pool, not of the bytes.
            (None, Ok(tx)) if error.ends_with("INVALID_CHAINID") => {
                assert_ne!(tx.chain_id, Some(1), "{name}");
            }
            (None, Ok(_)) if error.ends_with("INTRINSIC_GAS_TOO_LOW") => {}
            // A signing case, which says nothing about the sender.
            (None, Ok(_)) if case["unsigned9"].is_string() => {}
            (None, Ok(_)) => panic!("{name} decodes in spite of {error}"),
        }
    }
    assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}
