//! What a transaction takes on the air.
#![cfg(feature = "host")]

mod support;

use coracle::client::eth::{Config, EntryId, EthClient, Intent, Limits, MemoryOutbox, Parts};
use coracle::core::{Address, B256, Wei};
use coracle::eth::ChainProfile;
use coracle::eth::tx::CallData;
use coracle::net::Endpoint;
use coracle::net::host::{HostConfig, HostStack, block_on};
use coracle::net::http::Target;
use meter::host::{Cost, Counted, Node};
use support::Hook;

const LIMITS: Limits = Limits {
    max_fee_per_gas: Wei::from_gwei(100),
    max_priority_fee_per_gas: Wei::from_gwei(10),
    max_gas: 100_000,
    max_fee: Wei::from_gwei(10_000_000),
};

/// What the third of three calls with `data` takes: nothing is new then.
fn steady_cost(data: &[u8]) -> Cost {
    let profile = ChainProfile::ETHEREUM.with_chain_id(31_337);
    let node = Node::embedded(profile, coracle_devnet::Config::local()).expect("a chain");
    let stack = Counted::new(HostStack::new(HostConfig::default()));
    let targets = [Target {
        endpoint: Endpoint::parse(&node.url).expect("a URL"),
        headers: &[],
    }];
    let config = Config {
        profile,
        nodes: &targets,
        limits: LIMITS,
        quorum: 1,
        poll_ms: 1,
        max_polls: 1,
        fee_refresh: 100,
    };
    let parts = Parts {
        stack: &stack,
        signer: node.key,
        outbox: MemoryOutbox::<4, 128>::new(),
        delay: Hook(|| ()),
        net_buf: &mut [0; 1024],
        intent_buf: &mut [0; 128],
    };
    let mut client = EthClient::new(parts, config).expect("a client");
    let intent = Intent {
        to: Some(Address([0x11; 20])),
        value: Wei::ZERO,
        data: CallData::Bytes(data),
    };
    let mut cost = Cost::default();
    for sequence in 0..3 {
        let device = B256::ZERO;
        let id = EntryId { device, sequence };
        let before = stack.counter().get();
        block_on(client.put(id, &intent)).expect("a place");
        block_on(client.submit(id)).expect("taken");
        cost = stack.counter().get() - before;
    }
    cost
}

#[test]
fn a_call_of_100_bytes_is_one_round_trip_and_at_most_640_bytes() {
    let cost = steady_cost(&[0xa5; 100]);
    println!("100-byte call, steady state: {cost:?}");
    assert_eq!(cost.round_trips, 1);
    assert!(cost.up <= 640, "{} bytes up", cost.up);
    // Two digits a byte at least, or the counter misses some.
    assert!(cost.up > 2 * 200, "{} bytes up", cost.up);
}
