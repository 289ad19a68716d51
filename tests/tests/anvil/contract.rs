//! A contract: deployment, calls, logs, and the reasons of its reverts.

use coracle_client::eth::{ClientError, FailReason, Milestone, NodeError, Phase, RevertData};
use coracle_core::{B256, U256};
use coracle_eth::abi::{Decoded, Event, LogValue, Revert, Signature};
use coracle_eth::rpc::{BlockTag, CallRequest, LogFilter};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_tests::{Device, DeviceError, Probe, STORED, account, entry};

use super::{call, latest_nonce, phase, receipt, send, start, start_with_probe};

fn value_of(device: &mut Device, probe: Probe) -> [u8; 32] {
    let data = Probe::value();
    let request = CallRequest {
        from: None,
        to: Some(probe.0),
        value: coracle_core::Wei::ZERO,
        data: CallData::Bytes(&data),
    };
    let mut out = [0; 32];
    let len = block_on(device.call(&request, BlockTag::Latest, &mut out)).unwrap();
    assert_eq!(len, 32);
    out
}

fn store(device: &mut Device, probe: Probe, sequence: u64, next: u64) -> B256 {
    let data = Probe::store(next, b"water");
    send(device, sequence, &call(probe.0, &data))
}

#[test]
fn a_deployed_contract_has_code_and_answers_calls() {
    let (_anvil, mut device, probe) = start_with_probe("deployer");
    let mut code = [0; 4096];
    assert!(block_on(device.code(probe.0, BlockTag::Latest, &mut code)).unwrap() > 100);
    assert_eq!(
        value_of(&mut device, probe),
        U256::from_u64(7).to_be_bytes()
    );
    store(&mut device, probe, 1, 42);
    assert_eq!(
        value_of(&mut device, probe),
        U256::from_u64(42).to_be_bytes()
    );
}

#[test]
fn logs_are_found_by_topic_and_by_range() {
    let (anvil, mut device, probe) = start_with_probe("logger");
    let hashes = [10, 11, 12].map(|next| store(&mut device, probe, next, next));
    let block = receipt(&anvil, hashes[1])["blockNumber"].clone();
    let block = u64::from_str_radix(&block.as_str().unwrap()[2..], 16).unwrap();
    let topic0 = Signature::parse(STORED).unwrap().topic0();
    let eleven = B256(U256::from_u64(11).to_be_bytes());
    let all = LogFilter {
        from: BlockTag::Earliest,
        to: BlockTag::Latest,
        address: Some(probe.0),
        topics: &[Some(topic0)],
    };
    let by_topic = LogFilter {
        topics: &[Some(topic0), None, Some(eleven)],
        ..all
    };
    let by_range = LogFilter {
        from: BlockTag::Number(block),
        to: BlockTag::Number(block),
        ..all
    };
    assert_eq!(values_of(&mut device, &all), [10, 11, 12]);
    assert_eq!(values_of(&mut device, &by_topic), [11]);
    assert_eq!(values_of(&mut device, &by_range), [11]);
    let other = LogFilter {
        topics: &[Some(B256([1; 32]))],
        ..all
    };
    assert_eq!(values_of(&mut device, &other), [0_u64; 0]);
}

/// The values of the logs, each checked in full.
fn values_of(device: &mut Device, filter: &LogFilter<'_>) -> Vec<u64> {
    let me = device.address();
    let mut found = Vec::new();
    let mut buf = [0; 256];
    let count = block_on(device.logs(filter, &mut buf, |log| {
        let stored = Signature::parse(STORED).unwrap();
        let event = Event::new(stored, &[true, true, false]).unwrap();
        let values: Vec<_> = event
            .decode(log.topics, log.data)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(!log.is_removed && log.data_len == log.data.len());
        let [
            LogValue::Decoded(Decoded::Address(by)),
            LogValue::Decoded(Decoded::Uint(value)),
            LogValue::Decoded(Decoded::Bytes(data)),
        ] = &values[..]
        else {
            panic!("other values: {values:?}")
        };
        assert_eq!((*by, *data), (me, &b"water"[..]));
        found.push(u64::try_from(*value).unwrap());
        Ok(())
    }));
    assert_eq!(count.unwrap(), found.len());
    found
}

/// The reason that a call of `store` was refused with.
fn reason(device: &Device, error: DeviceError) -> RevertData {
    match error {
        ClientError::Node(NodeError::Reverted) => device.detail().revert.clone(),
        other => panic!("no revert: {other}"),
    }
}

fn check_reason(next: u64, data: &RevertData) {
    match (next, data.decode()) {
        (1, Revert::Error(text)) => assert_eq!(text, "meter is closed"),
        (2, Revert::Panic(code)) => assert_eq!(code.meaning(), Some("assertion failed")),
        (3, Revert::Custom { selector, params }) => {
            let error = Signature::parse("TooHigh(uint256,uint256)").unwrap();
            assert_eq!(selector, error.selector());
            assert_eq!(params[31], 3);
            assert_eq!(params[63], 2);
        }
        (4, Revert::Error(text)) => {
            assert!(text.starts_with('\u{1b}'));
            assert_eq!(data.to_string(), r"\u{1b}[2Jcleared\u{0}");
        }
        (_, other) => panic!("{next}: {other:?}"),
    }
}

#[test]
fn a_call_that_reverts_is_refused_before_a_nonce_is_used() {
    let (anvil, mut device, probe) = start_with_probe("careful");
    for next in 1..=4 {
        let data = Probe::store(next, b"");
        block_on(device.put(entry(next), &call(probe.0, &data))).unwrap();
        let error = block_on(device.submit(entry(next))).unwrap_err();
        check_reason(next, &reason(&device, error));
        assert_eq!(phase(&mut device, next), Phase::Queued);
    }
    assert_eq!(latest_nonce(&anvil, "careful"), "0x1");
    store(&mut device, probe, 9, 9);
    assert_eq!(latest_nonce(&anvil, "careful"), "0x2");
}

#[test]
fn a_mined_revert_is_an_error_with_its_reason() {
    let (anvil, mut device, probe) = start_with_probe("unlucky");
    for next in 1..=4 {
        // The gas of the good call is taken for the bad one, which is so not tried.
        store(&mut device, probe, 10 + next, 10 + next);
        let data = Probe::store(next, b"water");
        let intent = call(probe.0, &data);
        let sent = device.send(entry(next), &intent, Milestone::Included);
        let error = block_on(sent).unwrap_err();
        check_reason(next, &reason(&device, error));
        assert_eq!(phase(&mut device, next), Phase::Included);
        anvil.mine(2);
        let error = block_on(device.settle(entry(next))).unwrap_err();
        check_reason(next, &reason(&device, error));
        assert_eq!(
            phase(&mut device, next),
            Phase::Failed(FailReason::Reverted)
        );
        // What ended stays so, and says why again.
        let error = block_on(device.settle(entry(next))).unwrap_err();
        check_reason(next, &reason(&device, error));
    }
    assert_eq!(latest_nonce(&anvil, "unlucky"), "0x9");
}

#[test]
fn a_call_of_no_contract_is_no_revert() {
    let (_anvil, mut device) = start("lost");
    let request = CallRequest {
        from: Some(account("lost")),
        to: Some(account("nobody")),
        value: coracle_core::Wei::ZERO,
        data: CallData::EMPTY,
    };
    let mut out = [0; 32];
    let called = block_on(device.call(&request, BlockTag::Latest, &mut out));
    assert_eq!(called, Ok(0));
}

#[test]
fn an_answer_longer_than_the_buffer_is_an_error_of_the_caller() {
    let (_anvil, mut device, probe) = start_with_probe("short");
    let error = block_on(device.code(probe.0, BlockTag::Latest, &mut [0; 16])).unwrap_err();
    assert!(matches!(
        error,
        ClientError::Node(NodeError::Answer(coracle_eth::rpc::AnswerError::TooLong {
            max: 16
        }))
    ));
}
