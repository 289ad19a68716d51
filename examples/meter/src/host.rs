//! The host's part: arguments, sockets, the embedded chain, and the proof of the result.

mod args;
mod count;
mod files;
mod node;
mod proof;
mod table;

use std::boxed::Box;
use std::error::Error;
use std::format;
use std::io::Write;
use std::string::{String, ToString};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};
use std::vec::Vec;

use coracle::client::eth::{Config, EthClient, Limits, MemoryOutbox, Parts};
use coracle::core::ecdsa::{PublicKey, Secp256k1, SecretKey};
use coracle::core::{ErrorKind, Sink, Wei};
use coracle::net::Endpoint;
use coracle::net::host::{HostConfig, HostStack, block_on};
use coracle::net::http::Target;
use embedded_hal_async::delay::DelayNs;

pub use self::args::{Ask, Options, Remote, USAGE};
pub use self::count::{Cost, Counted};
pub use self::node::{Node, Wait};
use self::table::Table;
use crate::device::Meter;
use crate::sensor::Household;

/// Why the run failed, in one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Entries that the outbox holds: readings on their way to finality, and the contract.
const PLACES: usize = 32;

/// Call data of one entry in bytes: the creation code of the contract is the longest.
const PLACE_LEN: usize = 1024;

/// What no node can talk this meter into.
const LIMITS: Limits = Limits {
    max_fee_per_gas: Wei::from_gwei(500),
    max_priority_fee_per_gas: Wei::from_gwei(100),
    max_gas: 1_000_000,
    max_fee: Wei::from_gwei(100_000_000),
};

type HostOutbox = MemoryOutbox<PLACES, PLACE_LEN>;
type HostClient<'a, D> = EthClient<'a, Counted<HostStack>, SecretKey<Secp256k1>, HostOutbox, D>;
type HostMeter<'a, D> = Meter<'a, Counted<HostStack>, SecretKey<Secp256k1>, HostOutbox, D>;

/// Takes the readings that `options` ask for, on the chain that they ask for, proves the
/// result and exports it; tells `out` about each step.
///
/// # Errors
///
/// Whatever went wrong or was not as it should be.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let node = Node::open(options)?;
    let wait = node.wait();
    run_on(node, wait, options, out)
}

/// [`run`] on a node that is there, with another way to wait.
///
/// # Errors
///
/// Whatever went wrong or was not as it should be.
pub fn run_on(
    node: Node,
    wait: impl DelayNs,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let stack = Counted::new(HostStack::new(HostConfig::default()));
    let targets = [Target {
        endpoint: Endpoint::parse(&node.url)?,
        headers: &[],
    }];
    let config = Config {
        profile: node.profile,
        nodes: &targets,
        limits: LIMITS,
        quorum: 1,
        poll_ms: node.poll_ms,
        max_polls: node.looks,
        fee_refresh: 100,
    };
    let public = *node.key.public_key();
    let parts = Parts {
        stack: &stack,
        signer: node.key,
        outbox: HostOutbox::new(),
        delay: wait,
        net_buf: &mut [0; 2048],
        intent_buf: &mut [0; PLACE_LEN],
    };
    let client = EthClient::new(parts, config)?;
    let table = Table::new(out, stack.counter());
    block_on(
        Session {
            options,
            public,
            looks: node.looks,
            table,
            records: Vec::new(),
        }
        .run(client),
    )
}

/// One run, from the contract to the summary.
struct Session<'a> {
    options: &'a Options,
    public: PublicKey<Secp256k1>,
    looks: u32,
    table: Table<'a>,
    records: Vec<Vec<u8>>,
}

impl Session<'_> {
    async fn run(mut self, mut client: HostClient<'_, impl DelayNs>) -> Result<(), Failure> {
        let form = client.config().profile.address_form;
        self.table.say("chain", chain_line(client.config()))?;
        self.table.say("account", form.display(client.address()))?;
        let contract = node::contract(&mut client, self.options.contract).await?;
        self.table.say("contract", form.display(contract))?;
        self.table.say("device", self.options.device_name())?;
        let mut meter = Meter::new(client, contract, self.options.device);
        if meter.tip().await?.count > 0 {
            return Err("the contract holds records of this device already; \
                        name another with --device"
                .into());
        }
        self.table.head()?;
        self.read(&mut meter).await?;
        meter.finish(self.looks, &mut self.table).await?;
        self.prove(&mut meter).await
    }

    async fn read(&mut self, meter: &mut HostMeter<'_, impl DelayNs>) -> Result<(), Failure> {
        let readings = self.options.readings;
        let lived = u64::from(readings) * u64::from(Household::PERIOD_S);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut house = Household::new(self.options.seed, now.saturating_sub(lived), 812_345);
        for reading in 0..readings {
            if reading > 0 {
                thread::sleep(self.options.interval);
            }
            self.make_room(meter).await?;
            let mut record = Bytes(Vec::new());
            let sample = house.next_sample();
            meter.record(&sample, &mut record, &mut self.table).await?;
            self.records.push(record.0);
            self.wake(meter).await?;
        }
        Ok(())
    }

    /// One wake of the radio. What passes by itself is left to the next.
    async fn wake(&mut self, meter: &mut HostMeter<'_, impl DelayNs>) -> Result<usize, Failure> {
        match meter.advance(&mut self.table).await {
            Ok(open) => {
                meter.client().outbox().clear_settled();
                Ok(open)
            }
            Err(error) if error.kind() == ErrorKind::Retry => {
                self.table.trouble(&error)?;
                Ok(PLACES)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A meter whose outbox is full stops reading until the chain has caught up.
    async fn make_room(&mut self, meter: &mut HostMeter<'_, impl DelayNs>) -> Result<(), Failure> {
        for _ in 0..self.looks {
            if self.table.open() < PLACES - 1 {
                return Ok(());
            }
            meter.rest().await;
            self.wake(meter).await?;
        }
        Err("the chain does not keep up with the readings".into())
    }

    async fn prove(&mut self, meter: &mut HostMeter<'_, impl DelayNs>) -> Result<(), Failure> {
        let on_chain = proof::logs(meter, &self.records, self.table.rows()).await?;
        let tip = proof::tip(meter).await?;
        files::export(self.options, &self.public, &self.records)?;
        files::verify(self.options, &self.public, &self.records)?;
        self.table.summary(self.options, on_chain, &tip)
    }
}

/// Without the path of the node's address, which may hold a key.
fn chain_line(config: &Config<'_>) -> String {
    let (name, id) = (config.profile.name, config.profile.chain_id.id());
    let nodes = config.nodes.iter().map(|node| node.endpoint.to_string());
    let nodes: Vec<_> = nodes.collect();
    format!("{name}, id {id}, {}", nodes.join(" "))
}

/// Bytes that are kept.
struct Bytes(Vec<u8>);

impl Sink for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}
