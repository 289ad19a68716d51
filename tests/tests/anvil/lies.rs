//! A lying proxy before the real node: the same device, the node's own answers, changed
//! on their way. `lying_proxy.rs` has many more, before the embedded chain.

use coracle_client::eth::{ClientError, Intent, Lie, Milestone, NodeError};
use coracle_core::{Address, Wei};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_net::rpc::{AnswerError, CallError};
use coracle_tests::{Anvil, Ask, DeviceError, Proxy, Reply, account, device, entry};
use serde_json::{Value, json};

use super::fund;

/// What a lie leads to while it lasts.
#[derive(Clone, Copy)]
enum Outcome {
    /// The transaction is mined all the same, once.
    Harmless,
    /// A typed error.
    Detected(fn(&DeviceError) -> bool),
}

struct Case {
    name: &'static str,
    /// The method whose answers are changed.
    method: &'static str,
    lie: fn(&Ask) -> Reply,
    outcome: Outcome,
}

const WORD: &str = "0x0909090909090909090909090909090909090909090909090909090909090909";

const fn case(
    name: &'static str,
    method: &'static str,
    lie: fn(&Ask) -> Reply,
    outcome: Outcome,
) -> Case {
    Case {
        name,
        method,
        lie,
        outcome,
    }
}

fn lied(error: &DeviceError, lie: Lie) -> bool {
    matches!(error, ClientError::Node(NodeError::Lied(found)) if *found == lie)
}

fn set(ask: &Ask, member: &str, value: Value) -> Reply {
    ask.altered(|result| {
        if result.is_object() {
            result[member] = value;
        }
    })
}

const CASES: [Case; 14] = [
    case(
        "other chain",
        "chainId",
        |ask| ask.result(json!("0x1")),
        Outcome::Detected(|error| lied(error, Lie::ChainId { found: 1 })),
    ),
    case(
        "other hash for a dropped transaction",
        "sendRawTransaction",
        |ask| ask.result(json!(WORD)),
        Outcome::Detected(|error| lied(error, Lie::TransactionHash)),
    ),
    case(
        "other hash for a forwarded transaction",
        "sendRawTransaction",
        |ask| ask.altered(|hash| *hash = json!(WORD)),
        Outcome::Harmless,
    ),
    case(
        "already known, but dropped",
        "sendRawTransaction",
        |ask| ask.error(-32003, "transaction already imported"),
        Outcome::Detected(|error| {
            matches!(
                error,
                ClientError::Node(NodeError::Call(CallError::Answer(AnswerError::Rpc(_))))
            )
        }),
    ),
    case(
        "refused, but forwarded",
        "sendRawTransaction",
        |ask| {
            ask.forward();
            ask.error(-32003, "nonce too low")
        },
        Outcome::Harmless,
    ),
    case(
        "receipt of another transaction",
        "getTransactionReceipt",
        |ask| set(ask, "transactionHash", json!(WORD)),
        Outcome::Detected(|error| lied(error, Lie::ReceiptHash)),
    ),
    case(
        "invented block",
        "getTransactionReceipt",
        |ask| set(ask, "blockHash", json!(WORD)),
        Outcome::Detected(|error| lied(error, Lie::ReceiptBlock)),
    ),
    case(
        "more gas than allowed",
        "getTransactionReceipt",
        |ask| set(ask, "gasUsed", json!("0xffffff")),
        Outcome::Detected(|error| lied(error, Lie::GasUsed)),
    ),
    case(
        "no receipt",
        "getTransactionReceipt",
        |ask| ask.result(json!(null)),
        Outcome::Detected(|error| matches!(error, ClientError::TimedOut)),
    ),
    case(
        "other block",
        "getBlockByNumber",
        |ask| set(ask, "number", json!("0x7777")),
        Outcome::Detected(|error| lied(error, Lie::BlockNumber)),
    ),
    case(
        "absurd base fee",
        "feeHistory",
        |ask| {
            ask.altered(|history| {
                history["baseFeePerGas"] = json!(["0x56bc75e2d63100000"]);
            })
        },
        Outcome::Detected(|error| matches!(error, ClientError::FeeAboveLimit)),
    ),
    case(
        "absurd tips",
        "feeHistory",
        |ask| {
            ask.altered(|history| {
                history["reward"] = json!([["0xde0b6b3a7640000"]]);
            })
        },
        Outcome::Harmless,
    ),
    case(
        "absurd gas",
        "estimateGas",
        |ask| ask.result(json!("0x7fffffffffffffff")),
        Outcome::Detected(|error| matches!(error, ClientError::GasAboveLimit { .. })),
    ),
    case(
        "too little gas",
        "estimateGas",
        |ask| ask.result(json!("0x1")),
        Outcome::Harmless,
    ),
];

#[test]
fn lies_before_a_real_node_are_detected_or_harmless() {
    let anvil = Anvil::start();
    for case in CASES {
        check(&anvil, &case);
        println!(
            "{}: {}",
            case.name,
            match case.outcome {
                Outcome::Harmless => "harmless",
                Outcome::Detected(_) => "detected",
            }
        );
    }
}

fn check(anvil: &Anvil, case: &Case) {
    let name = case.name;
    fund(anvil, name);
    let (method, lie) = (case.method, case.lie);
    let proxy = Proxy::start(anvil.url(), move |ask| match ask.is(method) {
        true => lie(ask),
        false => ask.honest(),
    });
    let mut device = device(name, &[proxy.url()], |config| {
        config.max_polls = 3;
        config.poll_ms = 1;
    });
    let intent = Intent {
        to: Some(Address([0x42; 20])),
        value: Wei::from_u64(1),
        data: CallData::EMPTY,
    };
    let mut send = || block_on(device.send(entry(1), &intent, Milestone::Included));
    match (send(), case.outcome) {
        (Ok(_), Outcome::Harmless) => {}
        (Err(error), Outcome::Detected(is_expected)) if is_expected(&error) => {}
        (other, _) => panic!("{name}: {other:?}"),
    }
    proxy.stop_lying();
    send().unwrap_or_else(|error| panic!("{name}, afterwards: {error}"));
    let count = anvil.rpc(
        "eth_getTransactionCount",
        json!([account(name).to_string(), "latest"]),
    );
    assert_eq!(
        count,
        json!("0x1"),
        "{name}: the intent is on the chain once"
    );
}
