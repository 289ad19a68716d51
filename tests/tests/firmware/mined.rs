//! What a chain mined for an account.

use coracle_tests::firmware::Chain;
use serde_json::{Value, json};

/// Every transaction that the account sent, those that reverted as well, in the order of
/// the chain.
pub(crate) fn transactions(chain: &Chain, account: &str) -> Vec<Value> {
    let last = chain.rpc("eth_blockNumber", &json!([])).unwrap();
    let last = u64::from_str_radix(&last.as_str().unwrap()[2..], 16).unwrap();
    let mut sent = Vec::new();
    for number in 0..=last {
        let params = json!([format!("{number:#x}"), true]);
        let block = chain.rpc("eth_getBlockByNumber", &params).unwrap();
        let all = block["transactions"].as_array().unwrap().iter();
        sent.extend(all.filter(|one| is_from(one, account)).cloned());
    }
    sent
}

fn is_from(transaction: &Value, account: &str) -> bool {
    let from = transaction["from"].as_str().unwrap();
    from.eq_ignore_ascii_case(account)
}
