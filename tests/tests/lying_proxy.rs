//! A node that lies, and what the device makes of it.
//!
//! | lie | what the node does | what the device does |
//! | --- | --- | --- |
//! | other chain | names another chain id | `Lie::ChainId`; signs nothing |
//! | other hash | returns another hash for a transaction it dropped | `Lie::TransactionHash`; the entry stays signed |
//! | other hash, but sent | returns another hash for a transaction it forwarded | asks whether the node has it; counts as sent |
//! | other receipt | returns the receipt of another transaction | `Lie::ReceiptHash` |
//! | invented block | names a block hash that is not on the chain | `Lie::ReceiptBlock` |
//! | block to come | names a block that does not exist yet | `Lie::ReceiptBlock` |
//! | other block | returns another block than was asked for | `Lie::BlockNumber` |
//! | gas used | says more gas than the transaction allowed | `Lie::GasUsed` |
//! | odd status | says a status that is neither 0 nor 1 | `AnswerError::BadField` |
//! | base fee | says a base fee above the ceiling | `FeeAboveLimit`; signs nothing |
//! | base fee below | says a base fee just below the ceiling | offers the ceiling at most, pays the chain's fee |
//! | tip | says that everybody tips an ether | tips the ceiling at most |
//! | huge estimate | says that a call needs 2^63 gas | `GasAboveLimit`; signs nothing |
//! | tiny estimate | says that a call needs 1 gas | allows what every such transaction needs |
//! | nonce | says nonces far off, either way | does not ask: it keeps a journal |
//! | first nonce too low | hides a transaction before there is a journal | the node refuses: an alarm; once the owner decided, the entry after it goes through |
//! | "already known" | says so of a transaction that it dropped | asks, and is told no; the entry stays signed |
//! | swallowed | takes a transaction and drops it | submitted again, it goes to the next node |
//! | refusal | refuses a transaction that it forwarded | asks whether the node has it; counts as sent |
//! | poverty | refuses, and says that the account is empty | `InsufficientFunds`; signs no second transaction |
//! | stranger | invents a transaction of another under the nonce, and refuses | not believed while another node says otherwise; the next node gets it |
//! | no receipt | has no receipt of a mined transaction | stays sent; submitted again, it asks the next node |
//! | lost receipt | forgets a receipt that it gave | the block is still there, so it stays included |
//! | false success | says that a reverted transaction did its work | never final where two nodes must agree |
//! | false success by halves | the same, and fails every other time it is asked for its height | never final: it is not counted twice |
//! | false height | says that the chain is far ahead | never final where two nodes must agree |
//! | other id | answers another call | `EnvelopeErrorKind::WrongId` |
//! | two results | gives two results in one answer | `EnvelopeErrorKind::Duplicate` |
//! | flood | sends 64 MiB | `ResponseErrorKind::BodyTooLong` after 16 MiB |
//! | cut short | closes in the middle of an answer | `ResponseErrorKind::Truncated` |
//! | deep nesting | sends 100,000 open brackets | a JSON error; memory stays as it is |
//! | length too small | appends a second answer to the first | the rest is not taken for the next answer |
//! | no length | says a length that is no number | `ResponseErrorKind::BadLength` |
//! | redirect | points to another server | `HttpError::Redirect`; not followed |
//! | no JSON | sends a page of HTML, with status 200, 429 or 500 | a typed error |
//! | nothing at all | gives null, `{}`, `[]`, a number for a result | `NodeError::Answer` |
//! | terminal codes | puts control characters into reasons and messages | prints them escaped |
//! | slow drip | sends an answer byte by byte | waits, within its deadline |
//!
//! After each of them the device works with an honest node as if nothing had been, and
//! each intent is on the chain once.

#[path = "lying_proxy/costs.rs"]
mod costs;
#[path = "lying_proxy/receipts.rs"]
mod receipts;
#[path = "lying_proxy/sending.rs"]
mod sending;
#[path = "lying_proxy/transport.rs"]
mod transport;

use coracle_client::eth::{Config, Intent, Milestone, Outbox, Phase, Progress};
use coracle_core::{Address, Wei};
use coracle_devnet::{Config as Chain, Devnet, Server, U256};
use coracle_eth::tx::CallData;
use coracle_net::host::block_on;
use coracle_tests::{Ask, Device, DeviceError, Proxy, Reply, account, device, entry};

/// Fits a pattern to an error, and shows the error where it does not.
macro_rules! assert_error {
    ($error:expr, $pattern:pat $(if $guard:expr)?) => {{
        let error = &$error;
        assert!(matches!(error, $pattern $(if $guard)?), "{error:?}");
    }};
}
use assert_error;

/// A lie told by a proxy before a small chain, and a device that knows the proxy alone.
struct Scene {
    devnet: Devnet,
    server: Server,
    proxy: Proxy,
    device: Device,
}

const NAME: &str = "device";

impl Scene {
    fn new(rule: impl FnMut(&Ask) -> Reply + Send + 'static) -> Self {
        Self::with_nodes(rule, |_, proxy| vec![proxy.to_owned()], |_| {})
    }

    /// The proxy first, then the honest node.
    fn with_honest_node(
        rule: impl FnMut(&Ask) -> Reply + Send + 'static,
        change: impl FnOnce(&mut Config<'static>),
    ) -> Self {
        Self::with_nodes(
            rule,
            |node, proxy| vec![proxy.to_owned(), node.to_owned()],
            change,
        )
    }

    fn with_nodes(
        rule: impl FnMut(&Ask) -> Reply + Send + 'static,
        nodes: impl FnOnce(&str, &str) -> Vec<String>,
        change: impl FnOnce(&mut Config<'static>),
    ) -> Self {
        let money = U256::from(1_000_000_000_000_000_000_u64);
        let funded = account(NAME).0.into();
        let devnet = Devnet::new(Chain::local().fund(funded, money));
        let server = devnet.serve("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(&server.url(), rule);
        let nodes = nodes(&server.url(), proxy.url());
        let nodes: Vec<_> = nodes.iter().map(String::as_str).collect();
        let device = device(NAME, &nodes, |config| {
            config.max_polls = 3;
            config.poll_ms = 1;
            change(config);
        });
        Self {
            devnet,
            server,
            proxy,
            device,
        }
    }

    fn send(&mut self, sequence: u64) -> Result<Progress, DeviceError> {
        let intent = transfer(sequence);
        let sent = self
            .device
            .send(entry(sequence), &intent, Milestone::Included);
        block_on(sent)
    }

    /// Puts and submits, and leaves the receipt for later.
    fn submit(&mut self, sequence: u64) -> Result<coracle_core::B256, DeviceError> {
        block_on(self.device.put(entry(sequence), &transfer(sequence))).unwrap();
        block_on(self.device.submit(entry(sequence)))
    }

    fn settle(&mut self, sequence: u64) -> Result<Progress, DeviceError> {
        block_on(self.device.settle(entry(sequence)))
    }

    fn phase(&mut self, sequence: u64) -> Phase {
        let entry = block_on(self.device.outbox().entry(entry(sequence)));
        entry.unwrap().unwrap().phase
    }

    /// How many transactions of the device are on the chain.
    fn mined(&self) -> usize {
        self.devnet.mined_from(account(NAME).0.into()).len()
    }

    /// The lies end: entry 1, which they were about, and another one go through, each
    /// once.
    fn recover(&mut self) {
        self.proxy.stop_lying();
        for sequence in [1, 2] {
            let entry = block_on(self.device.outbox().entry(entry(sequence))).unwrap();
            if entry.is_some_and(|entry| entry.phase == Phase::Sent) {
                self.submit(sequence).unwrap();
            }
            let progress = self.send(sequence).unwrap();
            assert!(progress.milestone() >= Milestone::Included, "{progress:?}");
        }
        assert_eq!(self.mined(), 2, "each intent once");
    }
}

/// A transfer of as many wei.
fn transfer(wei: u64) -> Intent<'static> {
    Intent {
        to: Some(Address([0x42; 20])),
        value: Wei::from_u64(wei),
        data: CallData::EMPTY,
    }
}

/// 32 bytes as a node writes them.
fn word(byte: u8) -> String {
    coracle_core::B256([byte; 32]).to_string()
}
