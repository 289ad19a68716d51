//! Transactions, calls and ABI of Ethereum-like chains.

use core::hint::black_box;

use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, B256, Encode as _, Signable as _, SliceSink, U256, Wei, hex};
use coracle_eth::abi::{self, Call, Signature, Type, Value};
use coracle_eth::tx::{AccessList, CallData, SignedTx, Transaction, TxEip1559, TxLegacy};

use crate::{Meter, WrongResult, check};

const SHORT: usize = 100;
const LONG: usize = 10_240;

/// Room for the fields of a transaction beside its data.
const FIELDS_LEN: usize = 200;

static DATA: [u8; LONG] = [0x5a; LONG];

pub(crate) fn all(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    // The key of the example in EIP-155.
    let key = SecretKey::from_bytes(&[0x46; 32]).map_err(|_| WrongResult)?;
    eip155(meter, &key)?;
    hashes(meter)?;
    eip1559(meter, &key)?;
    decode_transaction(meter, &key)?;
    encode_call(meter)?;
    decode_result(meter)
}

/// The transaction of the example in EIP-155.
fn transfer<'a>() -> Transaction<'a> {
    Transaction::Legacy(TxLegacy {
        chain_id: Some(1),
        nonce: 9,
        gas_price: Wei::from_gwei(20),
        gas_limit: U256::from(21_000_u64),
        to: Some(Address([0x35; 20])),
        value: Wei::from_gwei(1_000_000_000),
        data: CallData::EMPTY,
    })
}

/// Its raw form, of the same example.
const TRANSFER_RAW: &str = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

fn call<'a>(data: &'a [u8]) -> Transaction<'a> {
    Transaction::Eip1559(TxEip1559 {
        chain_id: 137,
        nonce: 1,
        max_priority_fee_per_gas: Wei::from_gwei(30),
        max_fee_per_gas: Wei::from_gwei(100),
        gas_limit: U256::from(100_000_u64),
        to: Some(Address([0x11; 20])),
        value: Wei::ZERO,
        data: CallData::Bytes(data),
        access_list: AccessList::EMPTY,
    })
}

fn data(len: usize) -> Result<&'static [u8], WrongResult> {
    DATA.get(..len).ok_or(WrongResult)
}

/// Hashes, signs and writes the raw bytes.
fn send(
    tx: &Transaction<'_>,
    key: &SecretKey<Secp256k1>,
    out: &mut [u8],
) -> Result<usize, WrongResult> {
    let signed = tx.into_signed(key.sign(tx)).map_err(|_| WrongResult)?;
    signed.encode_into(out).map_err(|_| WrongResult)
}

fn eip155(meter: &mut dyn Meter, key: &SecretKey<Secp256k1>) -> Result<(), WrongResult> {
    let mut raw = [0; 128];
    let known: [u8; 110] = hex::decode_array(TRANSFER_RAW).map_err(|_| WrongResult)?;
    meter.count("eip155-sign", &mut |_| {
        let len = send(&black_box(transfer()), key, &mut raw)?;
        check(raw.get(..len) == Some(&known))
    })
}

fn hashes(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    for (name, len) in [("eth-call-hash-100", SHORT), ("eth-call-hash-10240", LONG)] {
        let data = data(len)?;
        meter.count(name, &mut |_| {
            let hash = call(black_box(data)).prehash();
            check(hash != B256::ZERO)
        })?;
    }
    Ok(())
}

fn eip1559(meter: &mut dyn Meter, key: &SecretKey<Secp256k1>) -> Result<(), WrongResult> {
    let cases = [
        ("eip1559-call-100-sign", SHORT),
        ("eip1559-call-10240-sign", LONG),
    ];
    let mut raw = [0; LONG + FIELDS_LEN];
    for (name, len) in cases {
        let data = data(len)?;
        meter.count(name, &mut |_| {
            let written = send(&call(black_box(data)), key, &mut raw)?;
            check(written > len)
        })?;
    }
    Ok(())
}

fn decode_transaction(
    meter: &mut dyn Meter,
    key: &SecretKey<Secp256k1>,
) -> Result<(), WrongResult> {
    let mut raw = [0; LONG + FIELDS_LEN];
    let len = send(&call(data(LONG)?), key, &mut raw)?;
    let raw = raw.get(..len).ok_or(WrongResult)?;
    meter.count("eip1559-call-10240-decode", &mut |_| {
        let tx = SignedTx::decode(black_box(raw)).map_err(|_| WrongResult)?;
        check(tx.transaction().nonce() == 1)
    })
}

fn encode_call(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    let record = data(200)?;
    meter.count("abi-encode", &mut |number| {
        let signature = Signature::parse(black_box("append(bytes32,uint64,bytes)"));
        let values = [
            Value::FixedBytes(&[1; 32]),
            Value::Uint(U256::from(number)),
            Value::from(record),
        ];
        let signature = signature.map_err(|_| WrongResult)?;
        let call = Call::new(signature, &values).map_err(|_| WrongResult)?;
        let mut out = [0; 512];
        let mut sink = SliceSink::new(&mut out);
        call.encode(&mut sink);
        check(sink.finish() == Ok(4 + 4 * 32 + 224))
    })
}

fn decode_result(meter: &mut dyn Meter) -> Result<(), WrongResult> {
    // A number, and where the text is; its length, and the text.
    let data: [u8; 128] = hex::decode_array(RESULT).map_err(|_| WrongResult)?;
    meter.count("abi-decode", &mut |_| {
        let ty = Type::parse(black_box("(uint256,string)")).map_err(|_| WrongResult)?;
        let mut values = abi::decode(ty, black_box(&data)).map_err(|_| WrongResult)?;
        let first = values.next().and_then(Result::ok);
        let second = values.next().and_then(Result::ok);
        check(first.and_then(|value| value.as_uint()) == Some(U256::from(7_u64)))?;
        check(second.is_some_and(|value| value.as_str() == Some("litre")))
    })
}

const RESULT: &str = "0x0000000000000000000000000000000000000000000000000000000000000007000000000000000000000000000000000000000000000000000000000000004000000000000000000000000000000000000000000000000000000000000000056c69747265000000000000000000000000000000000000000000000000000000";
