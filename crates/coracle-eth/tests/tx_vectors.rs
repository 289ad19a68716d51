//! Transactions against `tests/vectors/ethereum`.

use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, B256, Encode, U256, Wei};
use coracle_eth::tx::{
    AccessList, AccessListItem, SignedTx, Transaction, TxEip1559, TxEip2930, TxLegacy,
    create_address, create2_address,
};
use coracle_testkit::{Case, cases};

fn uint(case: &Case, field: &str) -> U256 {
    case.str(field).parse().unwrap()
}

fn number(case: &Case, field: &str) -> u64 {
    uint(case, field).try_into().unwrap()
}

fn bytes(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    assert_eq!(value.encode_into(&mut out), Ok(out.len()));
    out
}

/// The parts of a case that a transaction borrows.
struct Parts {
    data: Vec<u8>,
    keys: Vec<(Address, Vec<B256>)>,
}

impl Parts {
    fn of(case: &Case) -> Self {
        let entries = case.0["accessList"].as_array().cloned().unwrap_or_default();
        let keys = entries.iter().map(|entry| {
            let keys = entry["storageKeys"].as_array().unwrap().iter();
            let keys = keys
                .map(|key| key.as_str().unwrap().parse().unwrap())
                .collect();
            (entry["address"].as_str().unwrap().parse().unwrap(), keys)
        });
        Self {
            data: case.bytes("data"),
            keys: keys.collect(),
        }
    }

    fn items(&self) -> Vec<AccessListItem<'_>> {
        self.keys
            .iter()
            .map(|(address, keys)| AccessListItem {
                address: *address,
                storage_keys: keys,
            })
            .collect()
    }
}

fn transaction<'a>(
    case: &Case,
    parts: &'a Parts,
    items: &'a [AccessListItem<'a>],
) -> Option<Transaction<'a>> {
    let nonce = number(case, "nonce");
    let gas_limit = uint(case, "gasLimit");
    let to = case.has("to").then(|| case.str("to").parse().unwrap());
    let value = Wei(uint(case, "value"));
    let data = parts.data.as_slice().into();
    let access_list = AccessList::new(items);
    let wei = |field| Wei(uint(case, field));
    Some(match case.str("type") {
        kind @ ("legacy" | "eip155") => Transaction::Legacy(TxLegacy {
            chain_id: (kind == "eip155").then(|| number(case, "chainId")),
            nonce,
            gas_price: wei("gasPrice"),
            gas_limit,
            to,
            value,
            data,
        }),
        "eip2930" => Transaction::Eip2930(TxEip2930 {
            chain_id: number(case, "chainId"),
            nonce,
            gas_price: wei("gasPrice"),
            gas_limit,
            to,
            value,
            data,
            access_list,
        }),
        "eip1559" => Transaction::Eip1559(TxEip1559 {
            chain_id: number(case, "chainId"),
            nonce,
            max_priority_fee_per_gas: wei("maxPriorityFeePerGas"),
            max_fee_per_gas: wei("maxFeePerGas"),
            gas_limit,
            to,
            value,
            data,
            access_list,
        }),
        _ => return None,
    })
}

/// Signs every case in scope and compares all bytes; returns how many there were.
fn check_file(path: &str) -> usize {
    let mut count = 0;
    for case in cases(path) {
        let parts = Parts::of(&case);
        let items = parts.items();
        let Some(tx) = transaction(&case, &parts, &items) else {
            continue;
        };
        let key = SecretKey::<Secp256k1>::from_bytes(&case.array("key")).unwrap();
        let signed = tx.into_signed(key.sign(&tx)).unwrap();
        let raw = case.bytes("signed");
        assert_eq!(bytes(&tx), case.bytes("unsigned"), "{}", case.name());
        assert_eq!(bytes(&signed), raw, "{}", case.name());
        if case.has("hash") {
            assert_eq!(signed.hash(), B256(case.array("hash")), "{}", case.name());
            assert_eq!(
                tx.signing_hash(),
                B256(case.array("sighash")),
                "{}",
                case.name()
            );
        }
        assert_eq!(
            signed.sender().unwrap(),
            Address::from_public_key(key.public_key())
        );
        check_decode(&case, &raw, &tx);
        count += 1;
    }
    count
}

fn check_decode(case: &Case, raw: &[u8], tx: &Transaction<'_>) {
    let beyond = tx.nonce() == u64::MAX || tx.gas_limit().bits() > 64;
    let fee_order = match tx {
        Transaction::Eip1559(tx) => tx.max_priority_fee_per_gas <= tx.max_fee_per_gas,
        _ => true,
    };
    match SignedTx::decode(raw) {
        Ok(decoded) => assert_eq!(bytes(&decoded), raw, "{}", case.name()),
        Err(error) => assert!(beyond || !fee_order, "{}: {error}", case.name()),
    }
}

#[test]
fn published_transactions_match_byte_for_byte() {
    assert_eq!(check_file("ethereum/transactions.json"), 737);
}

#[test]
fn generated_transactions_match_byte_for_byte() {
    assert_eq!(check_file("ethereum/transactions_generated.json"), 82);
}

/// What a decoder cannot know: gas rules and the older signature rule of a fork come
/// with a later release.
fn needs_fork_rules(case: &Case) -> bool {
    let needs_gas = case.has("error") && case.str("error").ends_with("INTRINSIC_GAS_TOO_LOW");
    needs_gas || case.name() == "basic/txtest1"
}

/// Refused because it names another chain than 1.
fn names_another_chain(case: &Case) -> bool {
    case.has("error") && case.str("error").ends_with("INVALID_CHAINID")
}

#[test]
fn raw_transactions_decode_or_are_refused() {
    let (mut valid, mut refused, mut other_chain, mut later) = (0, 0, 0, 0);
    for case in cases("ethereum/raw_transactions.json") {
        let raw = case.bytes("txbytes");
        let decoded = SignedTx::decode(&raw).and_then(|tx| Ok((tx, tx.sender()?)));
        if needs_fork_rules(&case) {
            later += 1;
        } else if names_another_chain(&case) {
            let is_mainnet = decoded.is_ok_and(|(tx, _)| tx.transaction().chain_id() == Some(1));
            assert!(!is_mainnet, "{}", case.name());
            other_chain += 1;
        } else if case.has("error") {
            assert!(decoded.is_err(), "{}: {}", case.name(), case.str("error"));
            refused += 1;
        } else {
            let (tx, sender) = decoded.unwrap_or_else(|error| panic!("{}: {error}", case.name()));
            check_valid(&case, &raw, &tx, sender);
            valid += 1;
        }
    }
    assert_eq!((valid, refused, other_chain, later), (24, 58, 18, 4));
}

fn check_valid(case: &Case, raw: &[u8], tx: &SignedTx<'_>, sender: Address) {
    assert_eq!(bytes(tx), raw, "{}", case.name());
    if case.has("hash") {
        assert_eq!(tx.hash(), B256(case.array("hash")), "{}", case.name());
        assert_eq!(sender, Address(case.array("sender")), "{}", case.name());
    }
    if case.has("key") {
        let key = SecretKey::<Secp256k1>::from_bytes(&case.array("key")).unwrap();
        assert_eq!(
            sender,
            Address::from_public_key(key.public_key()),
            "{}",
            case.name()
        );
    }
}

#[test]
fn contract_addresses_match() {
    for case in cases("ethereum/contract_address.json") {
        let sender: Address = case.str("sender").parse().unwrap();
        let address = if case.has("salt") {
            create2_address(
                &sender,
                &B256(case.array("salt")),
                &B256(case.array("initCodeHash")),
            )
        } else {
            create_address(&sender, case.0["nonce"].as_u64().unwrap())
        };
        assert_eq!(address.to_string(), case.str("address"), "{}", case.name());
    }
}
