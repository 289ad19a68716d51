//! The JSON-RPC vectors through the envelope and the typed answers that a device reads.

use coracle_core::U256;
use coracle_core::json::{Event, Quantity as Hex, Reject, Visitor};
use coracle_eth::rpc::{
    Answer, BlockAnswer, Bytes, FeeHistoryAnswer, Hash, LogsAnswer, Quantity, ReceiptAnswer,
    Scalar, ScalarAnswer, TransactionAnswer,
};
use coracle_eth::{AddressForm, ChainProfile};
use coracle_net::rpc::{self, AnswerError, Envelope, flat_result};
use coracle_testkit::{Case, cases};
use serde_json::{Value, json};

const FORM: AddressForm = ChainProfile::ETHEREUM.address_form;

/// What a device makes of an answer.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// The members that it reads, in the node's own words.
    Value(Value),
    /// A method that a device does not call: the envelope alone was checked.
    Untyped,
    /// The node's error object.
    Rpc(i64),
    /// Not believed.
    Refused,
}

/// Takes any result.
struct Anything;

impl Visitor for Anything {
    fn event(&mut self, _: usize, _: Event<'_>) -> Result<(), Reject> {
        Ok(())
    }
}

/// Reads the answer in pieces of this length.
fn read<A: Answer>(
    id: u32,
    text: &[u8],
    piece: usize,
    mut answer: A,
    say: impl FnOnce(A::Output) -> Value,
) -> Outcome {
    if let Err(outcome) = envelope(id, text, piece, &mut answer) {
        return outcome;
    }
    answer
        .finish()
        .map_or(Outcome::Refused, |output| Outcome::Value(say(output)))
}

fn envelope(id: u32, text: &[u8], piece: usize, out: &mut dyn Visitor) -> Result<(), Outcome> {
    let mut data = [0; 256];
    let parts = rpc::Answer {
        result: out,
        message: None,
        error_data: &mut data,
    };
    let mut envelope = Envelope::new(id, parts);
    // An error stays, so that the end says it too.
    let _ = text.chunks(piece).try_for_each(|part| envelope.feed(part));
    envelope.finish().map_err(|error| match error {
        AnswerError::Rpc(error) => Outcome::Rpc(error.code),
        _ => Outcome::Refused,
    })
}

fn scalar<S: Scalar>(
    id: u32,
    text: &[u8],
    piece: usize,
    say: impl Fn(S::Value) -> Value,
) -> Outcome {
    let streamed = read(id, text, piece, ScalarAnswer::<S>::default(), &say);
    let flat = match flat_result(id, text) {
        Ok(value) => S::parse(value).map_or(Outcome::Refused, |value| Outcome::Value(say(value))),
        Err(AnswerError::Rpc(error)) => Outcome::Rpc(error.code),
        Err(_) => Outcome::Refused,
    };
    // Where one reader cannot say why, both still refuse; values are always the same.
    if matches!(streamed, Outcome::Value(_)) && matches!(flat, Outcome::Value(_)) {
        assert_eq!(streamed, flat, "{}", String::from_utf8_lossy(text));
    }
    streamed
}

fn typed(method: &str, id: u32, text: &[u8], piece: usize) -> Outcome {
    let number = |value: u64| json!(format!("{value:#x}"));
    let amount = |value: U256| json!(Hex(value).to_string());
    let mut buf = [0; 1024];
    match method {
        "eth_chainId" | "eth_blockNumber" | "eth_getTransactionCount" | "eth_estimateGas" => {
            scalar::<u64>(id, text, piece, number)
        }
        "eth_getBalance" | "eth_gasPrice" => scalar::<Quantity>(id, text, piece, amount),
        "eth_sendRawTransaction" => scalar::<Hash>(id, text, piece, |hash| json!(hash.to_string())),
        "eth_call" | "eth_getCode" => {
            // The length; the bytes are shown by the vectors of return data.
            read(id, text, piece, Bytes::new(&mut buf), |len| json!(len))
        }
        "eth_feeHistory" => read(
            id,
            text,
            piece,
            FeeHistoryAnswer::default(),
            |history| json!({"next": amount(history.next_base_fee.0)}),
        ),
        "eth_getTransactionReceipt" => read(id, text, piece, ReceiptAnswer::new(FORM), |receipt| {
            receipt.map_or(Value::Null, |receipt| {
                let created = receipt.contract_address;
                json!({
                    "transactionHash": receipt.transaction_hash.to_string(),
                    "blockHash": receipt.block_hash.to_string(),
                    "blockNumber": number(receipt.block_number),
                    "status": number(u64::from(receipt.is_success)),
                    "gasUsed": number(receipt.gas_used),
                    "effectiveGasPrice": receipt.effective_gas_price.map(|wei| amount(wei.0)),
                    "contractAddress": created.map(|to| to.to_string().to_lowercase()),
                })
            })
        }),
        "eth_getTransactionByHash" => {
            read(id, text, piece, TransactionAnswer::default(), |found| {
                found.map_or(Value::Null, |tx| json!({"hash": tx.hash.to_string()}))
            })
        }
        "eth_getBlockByNumber" => read(id, text, piece, BlockAnswer::default(), |block| {
            block.map_or(Value::Null, |block| {
                json!({
                    "hash": block.hash.to_string(),
                    "number": number(block.number),
                    "timestamp": number(block.timestamp),
                    "baseFeePerGas": block.base_fee_per_gas.map(|wei| amount(wei.0)),
                })
            })
        }),
        "eth_getLogs" => {
            let logs = LogsAnswer::new(FORM, &mut buf, |_| Ok(()));
            read(id, text, piece, logs, |count| json!(count))
        }
        _ => match envelope(id, text, piece, &mut Anything) {
            Ok(()) => Outcome::Untyped,
            Err(outcome) => outcome,
        },
    }
}

/// The same whatever the pieces.
fn outcome(method: &str, id: u32, text: &str) -> Outcome {
    let whole = typed(method, id, text.as_bytes(), usize::MAX);
    for piece in [1, 7, 64] {
        assert_eq!(
            typed(method, id, text.as_bytes(), piece),
            whole,
            "{piece}: {text}"
        );
    }
    whole
}

fn id(case: &Case, value: &Value) -> u32 {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
    id.unwrap_or_else(|| panic!("{}: id", case.name()))
}

#[test]
fn hostile_answers_are_told_from_good_ones() {
    let mut counts = [0; 4];
    for case in cases("ethereum/jsonrpc_hostile.json") {
        let found = outcome(
            case.str("method"),
            id(&case, &case.0["id"]),
            case.str("response"),
        );
        let (at, is_right) = match case.str("expect") {
            "ok" => (0, matches!(found, Outcome::Value(_))),
            // Strict is what the device is.
            "error" | "strict-error" => (1, found == Outcome::Refused),
            "rpc-error" => (2, matches!(found, Outcome::Rpc(_))),
            "any-error" => (2, matches!(found, Outcome::Rpc(_) | Outcome::Refused)),
            // Either, in bounded memory; the answer it gives is at least a number.
            "any" | "bounded" => (3, found != Outcome::Untyped),
            other => panic!("{}: expects {other}", case.name()),
        };
        assert!(is_right, "{}: {found:?}", case.name());
        counts[at] += 1;
    }
    assert_eq!(counts, [3, 20, 5, 5]);
}

#[test]
fn answers_of_a_real_node_are_read_as_they_stand() {
    let (mut typed, mut untyped, mut errors) = (0, 0, 0);
    for case in cases("ethereum/jsonrpc_transcripts.json") {
        let name = case.name();
        let method = case.0["request"]["method"].as_str().unwrap_or_default();
        let own = case.0["request"]["id"].clone();
        // Requests that were no JSON were answered with the id null.
        let own = if own.is_null() { json!(1) } else { own };
        let found = outcome(method, id(&case, &own), case.str("response"));
        let answer: Value = serde_json::from_str(case.str("response")).unwrap();
        match found {
            Outcome::Value(value) => {
                assert_said(name, method, &value, &answer["result"]);
                typed += 1;
            }
            Outcome::Rpc(code) => {
                assert_eq!(answer["error"]["code"], code, "{name}");
                errors += 1;
            }
            Outcome::Untyped => {
                assert!(!answer["result"].is_null(), "{name}");
                untyped += 1;
            }
            Outcome::Refused => assert_eq!(case.str("kind"), "batch", "{name}"),
        }
    }
    // And one batch, which nobody sends.
    assert_eq!((typed, untyped, errors), (21, 7, 14));
}

/// Everything that was read stands so in the answer.
fn assert_said(name: &str, method: &str, value: &Value, result: &Value) {
    let len = |text: &Value| text.as_str().map(|text| text.len() / 2 - 1);
    match method {
        "eth_call" | "eth_getCode" => assert_eq!(*value, json!(len(result)), "{name}"),
        "eth_getLogs" => assert_eq!(*value, json!(result.as_array().map(Vec::len)), "{name}"),
        "eth_feeHistory" => {
            let fees = result["baseFeePerGas"].as_array();
            assert_eq!(
                Some(&value["next"]),
                fees.and_then(|fees| fees.last()),
                "{name}"
            );
        }
        _ => match value.as_object() {
            None => assert_eq!(value, result, "{name}"),
            Some(members) => {
                for (key, value) in members {
                    assert_eq!(*value, result[key], "{name}: {key}");
                }
            }
        },
    }
}
