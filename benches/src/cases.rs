//! The operations. Each checks its own result, so that none can be optimised away or
//! measure a failure.

use std::hint::black_box;

use coracle_core::ecdsa::{P256, PublicKey, Secp256k1, SecretKey, hazmat};
use coracle_core::{Address, B256, Encode, SliceSink, U256, Wei, keccak256, sha256};
use coracle_eth::abi::{self, Call, Signature, Type, Value};
use coracle_eth::tx::{AccessList, CallData, SignedTx, Transaction, TxEip1559, TxLegacy};
use coracle_record::{Decimal, DeviceId, Name, Reading, Recorder, TimeSource, Timestamp, Unit};

type Case = (&'static str, fn(u64) -> Result<(), String>);

/// A baseline is named after ours, with its library behind a slash.
pub(crate) const CASES: [Case; 17] = [
    ("eip155-sign", eip155),
    ("eip1559-call-100-sign", |times| eip1559(times, 100)),
    ("eip1559-call-10240-sign", |times| eip1559(times, 10_240)),
    ("eip1559-call-10240-decode", decode),
    ("secp256k1-public-key", public_key),
    ("secp256k1-sign", secp256k1_sign),
    ("secp256k1-sign/k256", k256_sign),
    ("secp256k1-sign/libsecp256k1", libsecp256k1_sign),
    ("secp256k1-verify", secp256k1_verify),
    ("p256-sign", p256_sign),
    ("keccak256-32", |times| keccak(times, 32)),
    ("keccak256-1024", |times| keccak(times, 1024)),
    ("sha256-32", |times| sha(times, 32)),
    ("sha256-1024", |times| sha(times, 1024)),
    ("abi-encode-append-200", abi_encode),
    ("abi-decode-uint-string", abi_decode),
    ("record-sign", record),
];

pub(crate) fn run(name: &str, times: u64) -> Result<(), String> {
    let case = CASES.iter().find(|(found, _)| *found == name);
    case.ok_or_else(|| format!("no operation {name}"))?.1(times)
}

/// The key of the example in EIP-155.
fn key() -> Result<SecretKey<Secp256k1>, String> {
    SecretKey::from_bytes(&[0x46; 32]).map_err(|error| error.to_string())
}

fn check(is_right: bool) -> Result<(), String> {
    is_right.then_some(()).ok_or_else(|| "wrong result".into())
}

/// Builds, hashes and signs a transaction and writes its raw bytes.
fn send(tx: &Transaction<'_>, key: &SecretKey<Secp256k1>, out: &mut [u8]) -> Result<usize, String> {
    let signed = tx
        .into_signed(key.sign(tx))
        .map_err(|error| error.to_string())?;
    signed.encode_into(out).map_err(|error| error.to_string())
}

fn eip155(times: u64) -> Result<(), String> {
    let key = key()?;
    let mut raw = [0; 128];
    for _ in 0..times {
        let tx = Transaction::Legacy(TxLegacy {
            chain_id: Some(1),
            nonce: 9,
            gas_price: Wei::from_gwei(20),
            gas_limit: U256::from(21_000_u64),
            to: Some(Address([0x35; 20])),
            value: Wei::from_gwei(1_000_000_000),
            data: CallData::EMPTY,
        });
        let len = send(black_box(&tx), &key, &mut raw)?;
        check(len == 110)?;
    }
    check(coracle_core::hex::decode_array(EIP155_RAW) == Ok::<[u8; 110], _>(first_chunk(&raw)))
}

/// The raw transaction of the example in EIP-155.
const EIP155_RAW: &str = "0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

fn first_chunk<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

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

fn eip1559(times: u64, len: usize) -> Result<(), String> {
    let key = key()?;
    let data = vec![0x5a; len];
    let mut raw = vec![0; len + 200];
    for _ in 0..times {
        let written = send(black_box(&call(&data)), &key, &mut raw)?;
        check(written > len)?;
    }
    Ok(())
}

fn decode(times: u64) -> Result<(), String> {
    let key = key()?;
    let data = vec![0x5a; 10_240];
    let mut raw = vec![0; data.len() + 200];
    let len = send(&call(&data), &key, &mut raw)?;
    for _ in 0..times {
        let tx = SignedTx::decode(black_box(&raw[..len])).map_err(|error| error.to_string())?;
        check(tx.transaction().nonce() == 1)?;
    }
    Ok(())
}

fn public_key(times: u64) -> Result<(), String> {
    for _ in 0..times {
        let key = SecretKey::<Secp256k1>::from_bytes(black_box(&[0x46; 32]));
        check(key.is_ok())?;
    }
    Ok(())
}

fn secp256k1_sign(times: u64) -> Result<(), String> {
    let key = key()?;
    for number in 0..times {
        let digest = digest(number);
        let signature = hazmat::sign_prehash(&key, black_box(&digest));
        check(signature.recovery_id().is_some())?;
    }
    Ok(())
}

/// Another digest for each run, so that no run is a special case.
fn digest(number: u64) -> B256 {
    let mut digest = [0x5a; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    B256(digest)
}

fn k256_sign(times: u64) -> Result<(), String> {
    let key =
        k256::ecdsa::SigningKey::from_slice(&[0x46; 32]).map_err(|error| error.to_string())?;
    for number in 0..times {
        let (signature, _) = key.sign_prehash_recoverable(black_box(&digest(number).0));
        check(signature.to_bytes()[..] != [0; 64])?;
    }
    Ok(())
}

fn libsecp256k1_sign(times: u64) -> Result<(), String> {
    let key =
        secp256k1::SecretKey::from_secret_bytes([0x46; 32]).map_err(|error| error.to_string())?;
    for number in 0..times {
        let message = secp256k1::Message::from_digest(black_box(digest(number).0));
        let signature =
            secp256k1::ecdsa::RecoverableSignature::sign_ecdsa_recoverable(message, &key);
        check(signature.serialize_compact().1 != [0; 64])?;
    }
    Ok(())
}

fn secp256k1_verify(times: u64) -> Result<(), String> {
    let key = key()?;
    let signature = hazmat::sign_prehash(&key, &digest(1));
    for _ in 0..times {
        let verified = key
            .public_key()
            .verify_prehash(black_box(&digest(1)), &signature);
        check(verified.is_ok())?;
    }
    check(PublicKey::recover_prehash(&digest(1), &signature).as_ref() == Ok(key.public_key()))
}

fn p256_sign(times: u64) -> Result<(), String> {
    let key = SecretKey::<P256>::from_bytes(&[0x46; 32]).map_err(|error| error.to_string())?;
    for number in 0..times {
        let signature = hazmat::sign_prehash(&key, black_box(&digest(number)));
        check(signature.is_low_s())?;
    }
    Ok(())
}

fn keccak(times: u64, len: usize) -> Result<(), String> {
    let data = vec![0x5a; len];
    for _ in 0..times {
        check(keccak256(black_box(&data)) != B256::ZERO)?;
    }
    Ok(())
}

fn sha(times: u64, len: usize) -> Result<(), String> {
    let data = vec![0x5a; len];
    for _ in 0..times {
        check(sha256(black_box(&data)) != B256::ZERO)?;
    }
    Ok(())
}

fn abi_encode(times: u64) -> Result<(), String> {
    let text = "append(bytes32,uint64,bytes)";
    let record = [0x5a; 200];
    for number in 0..times {
        let signature = Signature::parse(black_box(text)).map_err(|error| error.to_string())?;
        let values = [
            Value::FixedBytes(&[1; 32]),
            Value::Uint(U256::from(number)),
            Value::from(&record[..]),
        ];
        let call = Call::new(signature, &values).map_err(|error| error.to_string())?;
        let mut out = [0; 512];
        let mut sink = SliceSink::new(&mut out);
        call.encode(&mut sink);
        check(sink.finish() == Ok(4 + 4 * 32 + 224))?;
    }
    Ok(())
}

fn abi_decode(times: u64) -> Result<(), String> {
    let mut data = [0; 128];
    data[31] = 7;
    data[63] = 64;
    data[95] = 5;
    data[96..101].copy_from_slice(b"litre");
    for _ in 0..times {
        let ty = Type::parse(black_box("(uint256,string)")).map_err(|error| error.to_string())?;
        let mut values = abi::decode(ty, black_box(&data)).map_err(|error| error.to_string())?;
        let first = values.next().and_then(Result::ok);
        let second = values.next().and_then(Result::ok);
        check(first.and_then(|value| value.as_uint()) == Some(U256::from(7_u64)))?;
        check(second.is_some_and(|value| value.as_str() == Some("litre")))?;
    }
    Ok(())
}

fn record(times: u64) -> Result<(), String> {
    let key = key()?;
    let text = |error: coracle_record::RecordError| error.to_string();
    let device = DeviceId::from_slice(b"meter-7").map_err(text)?;
    let volume = Name::new("volume").map_err(text)?;
    let litres = Decimal::new(12_345, -3).map_err(text)?;
    let readings = [Reading::new(volume, Unit::CUBIC_METRE, litres)];
    let time = Timestamp::new(1_700_000_000, TimeSource::Network);
    let mut recorder = Recorder::new(device);
    let mut out = [0; 256];
    for _ in 0..times {
        let unsigned = recorder
            .record(time, &readings)
            .map_err(text)?
            .unsigned(key.public_key());
        let signed = unsigned.attach(key.sign(&unsigned));
        check(signed.encode_into(&mut out).is_ok())?;
        recorder.advance(&signed).map_err(text)?;
    }
    Ok(())
}
