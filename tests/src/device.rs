//! A device: a client with a key made for the test and an outbox in memory.

use std::time::Duration;

use coracle_client::eth::{Config, EntryId, Error, EthClient, Limits, MemoryOutbox, Parts};
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, B256, U256, Wei, keccak256};
use coracle_eth::{ChainProfile, FeeRule};
use coracle_net::Endpoint;
use coracle_net::host::{HostConfig, HostStack};
use coracle_net::http::Target;
use embedded_hal_async::delay::DelayNs;

use crate::Anvil;

/// The transport of the tests.
pub type Host = HostStack;

/// The outbox of the tests.
type Memory = MemoryOutbox<16, 8192>;

/// The client of the tests. Borrows live as long as the test process.
pub type Device = EthClient<'static, Host, SecretKey<Secp256k1>, Memory, Sleep>;

/// Its error.
pub type DeviceError = Error<Host, SecretKey<Secp256k1>, Memory>;

/// Waits on the thread of the test.
#[derive(Clone, Copy, Debug)]
pub struct Sleep;

impl DelayNs for Sleep {
    async fn delay_ns(&mut self, ns: u32) {
        std::thread::sleep(Duration::from_nanos(u64::from(ns)));
    }
}

/// A key that holds nothing anywhere: the hash of a name.
#[expect(clippy::expect_used, reason = "a hash is below the order")]
pub fn key(name: &str) -> SecretKey<Secp256k1> {
    SecretKey::from_bytes(keccak256(name.as_bytes()).as_bytes()).expect("a hash is a key")
}

/// The account of [`key`].
pub fn account(name: &str) -> Address {
    Address::from_public_key(key(name).public_key())
}

/// The name of the `sequence`th entry.
pub const fn entry(sequence: u64) -> EntryId {
    EntryId {
        device: B256([7; 32]),
        sequence,
    }
}

/// Ethereum's rules on the chain of the tests: a tip even where blocks are empty, and
/// final with two blocks on top.
pub const fn local_profile() -> ChainProfile {
    let min_tip = Wei::from_gwei(1);
    ChainProfile::ETHEREUM
        .with_chain_id(Anvil::CHAIN_ID)
        .with_fee_rule(FeeRule::BaseFee { min_tip })
        .with_finality(coracle_eth::Finality::Confirmations(2))
}

/// Ceilings that leave room for the chains of the tests: 10 and 2 gwei, a million gas.
pub fn limits() -> Limits {
    Limits {
        max_fee_per_gas: Wei::from_gwei(10),
        max_priority_fee_per_gas: Wei::from_gwei(2),
        max_gas: 1_000_000,
        max_fee: Wei(U256::from_u64(10_000_000_000_000_000)),
    }
}

/// A node's address as the client wants it.
#[expect(clippy::expect_used, reason = "the tests make the URLs")]
pub fn target(url: &str) -> Target<'static> {
    let url: &'static str = url.to_owned().leak();
    Target {
        endpoint: Endpoint::parse(url).expect("a URL"),
        headers: &[],
    }
}

/// What a device that knows these nodes keeps to; `change` sets what differs from the
/// usual.
pub fn config(nodes: &[&str], change: impl FnOnce(&mut Config<'static>)) -> Config<'static> {
    let nodes: Vec<_> = nodes.iter().map(|url| target(url)).collect();
    let mut config = Config {
        profile: local_profile(),
        nodes: nodes.leak(),
        limits: limits(),
        quorum: 1,
        poll_ms: 50,
        max_polls: 100,
        fee_refresh: 100,
    };
    change(&mut config);
    config
}

/// A network with timeouts.
pub fn stack() -> &'static Host {
    let timeouts = HostConfig {
        connect_timeout: Duration::from_secs(2),
        io_timeout: Duration::from_secs(5),
        deadline: Duration::from_secs(20),
    };
    Box::leak(Box::new(HostStack::new(timeouts)))
}

/// A device that knows these nodes; `change` sets what differs from the usual.
#[expect(clippy::expect_used, reason = "the tests give a node or more")]
pub fn device(name: &str, nodes: &[&str], change: impl FnOnce(&mut Config<'static>)) -> Device {
    let parts = Parts {
        stack: stack(),
        signer: key(name),
        outbox: MemoryOutbox::new(),
        delay: Sleep,
        net_buf: vec![0; 1024].leak(),
        intent_buf: vec![0; 8192].leak(),
    };
    EthClient::new(parts, config(nodes, change)).expect("a node or more")
}
