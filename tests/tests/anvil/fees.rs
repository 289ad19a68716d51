//! Ceilings that hold, and money that is missing.

use coracle_client::eth::{ClientError, Limits, Outbox, Phase};
use coracle_core::{U256, Wei};
use coracle_net::host::block_on;
use coracle_tests::{Anvil, Device, Probe, account, device, entry, limits};
use serde_json::json;

use super::{call, fund, included, latest_nonce, phase, receipt, send, start, transfer};

fn device_with(anvil: &Anvil, name: &str, limits: Limits) -> Device {
    fund(anvil, name);
    device(name, &[anvil.url()], |config| config.limits = limits)
}

/// Nothing was sent, and the entry can be tried again.
fn assert_untouched(anvil: &Anvil, device: &mut Device, name: &str) {
    assert_eq!(phase(device, 1), Phase::Queued);
    let params = json!([account(name).to_string(), "pending"]);
    assert_eq!(anvil.rpc("eth_getTransactionCount", params), "0x0");
}

#[test]
fn a_base_fee_above_the_ceiling_is_waited_out() {
    let (anvil, mut device) = start("thrifty");
    let set_base_fee = |gwei: u64| {
        let wei = format!("{:#x}", gwei * 1_000_000_000);
        anvil.rpc("anvil_setNextBlockBaseFeePerGas", json!([wei]));
        anvil.mine(1);
    };
    set_base_fee(50);
    block_on(device.put(entry(1), &transfer())).unwrap();
    let error = block_on(device.submit(entry(1))).unwrap_err();
    assert_eq!(error, ClientError::FeeAboveLimit);
    let detail = device.detail();
    assert_eq!(detail.available, limits().max_fee_per_gas);
    assert!(detail.needed > detail.available, "{detail:?}");
    assert_untouched(&anvil, &mut device, "thrifty");
    set_base_fee(1);
    let hash = send(&mut device, 1, &transfer());
    assert_eq!(receipt(&anvil, hash)["status"], "0x1");
}

#[test]
fn a_call_that_needs_more_gas_than_the_ceiling_is_refused() {
    let anvil = Anvil::start();
    let limits = Limits {
        max_gas: 100_000,
        ..limits()
    };
    let mut device = device_with(&anvil, "small", limits);
    let code = Probe::creation(1);
    let mut intent = call(account("x"), &code);
    intent.to = None;
    block_on(device.put(entry(1), &intent)).unwrap();
    let error = block_on(device.submit(entry(1))).unwrap_err();
    assert!(
        matches!(error, ClientError::GasAboveLimit { needed, limit: 100_000 } if needed > 100_000),
        "{error}"
    );
    assert_untouched(&anvil, &mut device, "small");
}

#[test]
fn the_product_of_gas_and_fee_has_its_own_ceiling() {
    let anvil = Anvil::start();
    let limits = Limits {
        max_fee: Wei(U256::from_u64(1_000_000)),
        ..limits()
    };
    let mut device = device_with(&anvil, "poor", limits);
    block_on(device.put(entry(1), &transfer())).unwrap();
    let error = block_on(device.submit(entry(1))).unwrap_err();
    assert_eq!(error, ClientError::TotalFeeAboveLimit);
    let detail = device.detail();
    assert_eq!(detail.available, limits.max_fee);
    assert!(detail.needed > detail.available, "{detail:?}");
    assert_untouched(&anvil, &mut device, "poor");
}

#[test]
fn an_account_without_money_says_what_is_missing_and_pays_later() {
    let anvil = Anvil::start();
    let mut device = device("broke", &[anvil.url()], |_| {});
    let intent = call(account("x"), &[]);
    block_on(device.put(entry(1), &intent)).unwrap();
    let error = block_on(device.submit(entry(1))).unwrap_err();
    assert_eq!(error, ClientError::InsufficientFunds);
    let detail = device.detail();
    assert_eq!(detail.available, Wei::ZERO);
    assert!(detail.needed >= Wei(U256::from_u64(21_000)), "{detail:?}");
    // Signed, so that no second transaction is made for the entry.
    assert_eq!(phase(&mut device, 1), Phase::Signed);
    let before = block_on(device.outbox().entry(entry(1))).unwrap().unwrap();
    fund(&anvil, "broke");
    let hash = send(&mut device, 1, &intent);
    assert_eq!(hash, before.attempts[0].hash);
    assert_eq!(latest_nonce(&anvil, "broke"), "0x1");
}

#[test]
fn a_bump_replaces_the_waiting_transaction() {
    let (anvil, mut device) = start("hasty");
    anvil.set_automine(false);
    block_on(device.put(entry(1), &transfer())).unwrap();
    let old = block_on(device.submit(entry(1))).unwrap();
    let new = block_on(device.bump(entry(1))).unwrap();
    assert_ne!(old, new);
    anvil.mine(1);
    let hash = included(block_on(device.settle(entry(1))).unwrap());
    assert_eq!(hash, new);
    assert_eq!(receipt(&anvil, new)["status"], "0x1");
    assert!(receipt(&anvil, old).is_null());
    assert_eq!(latest_nonce(&anvil, "hasty"), "0x1");
}

#[test]
fn a_bump_raises_both_fees_by_an_eighth_and_stops_at_the_ceiling() {
    let (anvil, mut device) = start("eager");
    anvil.set_automine(false);
    block_on(device.put(entry(1), &transfer())).unwrap();
    block_on(device.submit(entry(1))).unwrap();
    let error = loop {
        match block_on(device.bump(entry(1))) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let attempts = block_on(device.outbox().entry(entry(1)))
        .unwrap()
        .unwrap()
        .attempts;
    for pair in attempts.windows(2) {
        let least = |fee: Wei| fee.0.checked_mul(U256::from_u64(9)).unwrap();
        let got = |fee: Wei| fee.0.checked_mul(U256::from_u64(8)).unwrap();
        let (old, new) = (pair[0].fees, pair[1].fees);
        assert!(got(new.max_fee_per_gas) >= least(old.max_fee_per_gas));
        assert!(got(new.max_priority_fee_per_gas) >= least(old.max_priority_fee_per_gas));
    }
    for attempt in &attempts {
        assert!(attempt.fees.max_fee_per_gas <= limits().max_fee_per_gas);
        assert!(attempt.fees.max_priority_fee_per_gas <= limits().max_priority_fee_per_gas);
    }
    assert!(
        matches!(
            error,
            ClientError::FeeAboveLimit | ClientError::TooManyAttempts
        ),
        "{error}"
    );
    // The last one still goes through.
    anvil.mine(1);
    let hash = included(block_on(device.settle(entry(1))).unwrap());
    assert_eq!(Some(hash), attempts.last().map(|attempt| attempt.hash));
}

#[test]
fn what_is_paid_stays_under_the_ceiling() {
    let (anvil, mut device) = start("payer");
    let hash = send(&mut device, 1, &transfer());
    let price = receipt(&anvil, hash)["effectiveGasPrice"].clone();
    let price = U256::from_quantity(price.as_str().unwrap()).unwrap();
    assert!(Wei(price) <= limits().max_fee_per_gas);
}
