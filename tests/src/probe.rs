//! The contract `contracts/Probe.sol`, compiled by `xtask/npm/compile.js`.

use coracle_core::{Address, Encode, U256};
use coracle_eth::abi::{Call, Params, Payload, Signature, Type, Value};
use serde_json::Value as Json;

/// The event that `store` emits.
pub const STORED: &str = "Stored(address,uint256,bytes)";

/// A deployed probe.
#[derive(Clone, Copy, Debug)]
pub struct Probe(pub Address);

impl Probe {
    /// The call data of a creation: code and the first value.
    #[expect(clippy::expect_used, reason = "the artifact is checked in")]
    pub fn creation(first: u64) -> Vec<u8> {
        let artifact: Json = serde_json::from_str(include_str!("../contracts/Probe.json"))
            .expect("the artifact is JSON");
        let code = artifact["bytecode"].as_str().expect("bytecode");
        let values = [Value::from(first)];
        let ty = Type::parse("(uint256)").expect("a type");
        let params = Params::new(ty, &values).expect("a value of the type");
        [unhex(code), to_vec(&params)].concat()
    }

    /// The call data of `store`: 1 to 4 revert, each in its way.
    #[expect(clippy::expect_used, reason = "signature and values are constant")]
    pub fn store(next: u64, data: &[u8]) -> Vec<u8> {
        let signature = Signature::parse("store(uint256,bytes)").expect("a signature");
        let values = [
            Value::Uint(U256::from_u64(next)),
            Value::Bytes(Payload::Bytes(data)),
        ];
        to_vec(&Call::new(signature, &values).expect("values of the types"))
    }

    /// The call data of `value`.
    #[expect(clippy::expect_used, reason = "the signature is constant")]
    pub fn value() -> Vec<u8> {
        Signature::parse("value()")
            .expect("a signature")
            .selector()
            .to_vec()
    }
}

#[expect(clippy::expect_used, reason = "the buffer is as long as asked")]
fn to_vec(value: &dyn Encode) -> Vec<u8> {
    let mut out = vec![0; value.encoded_len()];
    value
        .encode_into(&mut out)
        .expect("a buffer of this length");
    out
}

#[expect(clippy::expect_used, reason = "the artifact is checked in")]
fn unhex(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits"))
        .collect()
}
