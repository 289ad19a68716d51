//! What a run did, as anybody sees it who has the chain and the bundle.

use coracle_core::ecdsa::{PublicKey, Secp256k1};
use coracle_core::{Address, hex, keccak256};
use coracle_eth::abi::Signature;
use coracle_record::{Bundle, Place, Start};
use coracle_tests::firmware::{Chain, Report};
use meter::contract::RECORDED;
use serde_json::{Value, json};

/// How many readings came how far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Judgement {
    /// Signed by the device, in an unbroken chain.
    pub(crate) recorded: usize,
    /// On the blockchain, each once, in order, byte for byte as recorded.
    pub(crate) on_chain: usize,
}

impl Judgement {
    pub(crate) const fn all(readings: u32) -> Self {
        let readings = readings as usize;
        Self {
            recorded: readings,
            on_chain: readings,
        }
    }
}

/// Compares bundle and chain; says what should not be.
pub(crate) fn judge(chain: &Chain, report: &Report) -> Result<Judgement, String> {
    match &report.account {
        Some(account) => compare(chain, &report.contract, account, &report.bundle),
        None => Ok(Judgement::default()),
    }
}

/// The same for a device of this account that reports to this contract.
pub(crate) fn compare(
    chain: &Chain,
    contract: &str,
    account: &str,
    bundle: &[u8],
) -> Result<Judgement, String> {
    let recorded = records(account, bundle)?;
    let logs = logs(chain, contract, account)?;
    for (at, log) in logs.iter().enumerate() {
        if recorded.get(at) != Some(log) {
            let again = recorded.iter().take(at).any(|record| record == log);
            let what = if again {
                "is there twice"
            } else {
                "is not what was recorded"
            };
            return Err(format!("log {at} on the chain {what}"));
        }
    }
    Ok(Judgement {
        recorded: recorded.len(),
        on_chain: logs.len(),
    })
}

/// The records of a bundle, all signed by the key of the account, none missing.
fn records(account: &str, bundle: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let bundle = Bundle::decode(bundle).map_err(|error| format!("bundle: {error}"))?;
    let key: PublicKey<Secp256k1> = bundle
        .dangerous_claimed_key()
        .map_err(|error| format!("key: {error}"))?;
    // The node knows the account; so the key is known from elsewhere than the bundle.
    let owner = Address::from_public_key(&key).to_string();
    if owner != account {
        return Err(format!("the bundle is {owner}'s, not {account}'s"));
    }
    let device = *bundle.claimed_device();
    let mut audit = bundle.audit(&key, device, Start::At(Place::FIRST));
    let records = audit.by_ref().filter_map(|entry| entry.record);
    let records = records.map(|record| record.as_bytes().to_vec()).collect();
    let summary = audit.finish();
    // A device that fails before its first reading exports none.
    match summary.is_complete() || summary.entries() == 0 {
        true => Ok(records),
        false => Err(format!("bundle: {summary:?}")),
    }
}

/// The records that the contract logged for the account, in the order of the chain.
fn logs(chain: &Chain, contract: &str, account: &str) -> Result<Vec<Vec<u8>>, String> {
    let topic0 = Signature::parse(RECORDED).unwrap().topic0().to_string();
    let sender = format!("0x{:0>64}", account.trim_start_matches("0x").to_lowercase());
    let filter = json!([{
        "fromBlock": "earliest", "toBlock": "latest", "address": contract,
        "topics": [topic0, null, null, sender],
    }]);
    let logs = chain.rpc("eth_getLogs", &filter);
    let logs = logs.map_err(|error| error.to_string())?;
    let logs = logs.as_array().ok_or("no array of logs")?;
    logs.iter().map(record).collect()
}

/// One dynamic `bytes`: offset, length, bytes, padding.
fn record(log: &Value) -> Result<Vec<u8>, String> {
    let text = log["data"].as_str().unwrap_or_default();
    let mut data = vec![0; text.len() / 2];
    let len = hex::decode_into(text, &mut data).map_err(|error| error.to_string())?;
    data.truncate(len);
    let size = data.get(32 + 24..64).ok_or("short log")?;
    let size = usize::from_str_radix(&hex::Hex(size).to_string()[2..], 16).unwrap();
    let record = data.get(64..64 + size).ok_or("short log")?;
    assert_ne!(keccak256(record), keccak256(&[]));
    Ok(record.to_vec())
}
