//! Each transaction type, signed here and mined there.

use coracle_core::{Address, B256, Encode, U256, Wei};
use coracle_eth::tx::{
    AccessList, AccessListItem, CallData, Transaction, TxEip1559, TxEip2930, TxLegacy,
    create_address,
};
use coracle_tests::{Anvil, Probe, account, key};
use serde_json::{Value, json};

use super::fund;

const NAME: &str = "signer";
const TO: Address = Address([0x42; 20]);

fn legacy(chain_id: Option<u64>) -> Transaction<'static> {
    Transaction::Legacy(TxLegacy {
        chain_id,
        nonce: 0,
        gas_price: Wei::from_gwei(3),
        gas_limit: U256::from_u64(50_000),
        to: Some(TO),
        value: Wei::from_u64(5),
        data: CallData::Bytes(&[0, 1, 2]),
    })
}

fn eip2930(access_list: AccessList<'_>) -> Transaction<'_> {
    Transaction::Eip2930(TxEip2930 {
        chain_id: Anvil::CHAIN_ID,
        nonce: 0,
        gas_price: Wei::from_gwei(3),
        gas_limit: U256::from_u64(80_000),
        to: Some(TO),
        value: Wei::from_u64(5),
        data: CallData::EMPTY,
        access_list,
    })
}

fn eip1559<'a>(
    to: Option<Address>,
    data: &'a [u8],
    access_list: AccessList<'a>,
) -> Transaction<'a> {
    Transaction::Eip1559(TxEip1559 {
        chain_id: Anvil::CHAIN_ID,
        nonce: 0,
        max_priority_fee_per_gas: Wei::from_gwei(1),
        max_fee_per_gas: Wei::from_gwei(4),
        gas_limit: U256::from_u64(900_000),
        to,
        value: Wei::ZERO,
        data: CallData::Bytes(data),
        access_list,
    })
}

/// Signs, sends and mines it; gives the node's transaction and receipt.
fn mine(tx: Transaction<'_>) -> (Value, Value) {
    let anvil = Anvil::start();
    fund(&anvil, NAME);
    anvil.set_automine(false);
    let signed = tx.into_signed(key(NAME).sign(&tx)).unwrap();
    assert_eq!(signed.sender(), Ok(account(NAME)));
    let mut raw = vec![0; signed.encoded_len()];
    signed.encode_into(&mut raw).unwrap();
    let text: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = anvil.rpc("eth_sendRawTransaction", json!([format!("0x{text}")]));
    assert_eq!(hash, signed.hash().to_string(), "hash");
    anvil.mine(1);
    let seen = anvil.rpc("eth_getTransactionByHash", json!([hash]));
    let receipt = anvil.rpc("eth_getTransactionReceipt", json!([hash]));
    let sender = account(NAME).to_string().to_lowercase();
    assert_eq!(seen["from"], sender, "sender");
    assert_eq!(receipt["from"], sender, "sender");
    assert_eq!(receipt["status"], "0x1", "{receipt}");
    (seen, receipt)
}

#[test]
fn legacy_without_a_chain_id_is_mined() {
    let (seen, _) = mine(legacy(None));
    assert_eq!(seen["type"], "0x0");
    assert!(["0x1b", "0x1c"].contains(&seen["v"].as_str().unwrap()));
    assert_eq!(seen["value"], "0x5");
    assert_eq!(seen["input"], "0x000102");
}

#[test]
fn legacy_with_a_chain_id_is_mined() {
    let (seen, _) = mine(legacy(Some(Anvil::CHAIN_ID)));
    assert_eq!(seen["type"], "0x0");
    assert_eq!(seen["chainId"], "0x7a69");
    assert_eq!(seen["gasPrice"], "0xb2d05e00");
}

#[test]
fn eip2930_is_mined_with_its_access_list() {
    let keys = [B256([1; 32]), B256([2; 32])];
    let items = [
        AccessListItem {
            address: TO,
            storage_keys: &keys,
        },
        AccessListItem {
            address: Address([9; 20]),
            storage_keys: &[],
        },
    ];
    let (seen, receipt) = mine(eip2930(AccessList::new(&items)));
    assert_eq!(seen["type"], "0x1");
    assert_eq!(seen["accessList"][0]["storageKeys"][1], keys[1].to_string());
    assert_eq!(seen["accessList"][1]["storageKeys"], json!([]));
    // 21000, two accounts and two slots.
    assert_eq!(
        receipt["gasUsed"],
        format!("{:#x}", 21_000 + 2 * 2_400 + 2 * 1_900)
    );
}

#[test]
fn eip1559_is_mined_with_and_without_an_access_list() {
    let items = [AccessListItem {
        address: TO,
        storage_keys: &[B256([3; 32])],
    }];
    for access_list in [AccessList::EMPTY, AccessList::new(&items)] {
        let (seen, receipt) = mine(eip1559(Some(TO), &[0xff; 100], access_list));
        assert_eq!(seen["type"], "0x2");
        assert_eq!(seen["maxFeePerGas"], "0xee6b2800");
        assert_eq!(seen["maxPriorityFeePerGas"], "0x3b9aca00");
        assert_eq!(receipt["type"], "0x2");
    }
}

#[test]
fn a_creation_is_found_at_the_create_address() {
    let code = Probe::creation(7);
    let (_, receipt) = mine(eip1559(None, &code, AccessList::EMPTY));
    let address = create_address(&account(NAME), 0).to_string().to_lowercase();
    assert_eq!(receipt["contractAddress"], address);
}
