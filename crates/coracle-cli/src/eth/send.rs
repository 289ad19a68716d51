//! `coracle eth send`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use coracle_client::eth::{
    self, Config, EntryId, EthClient, Inclusion, Intent, Limits, MemoryOutbox, Milestone, Outbox,
    Parts, Progress,
};
use coracle_core::ecdsa::{Secp256k1, SecretKey};
use coracle_core::{Address, B256, Wei};
use coracle_eth::tx::{CallData, create_address};
use coracle_eth::{AddressForm, ChainProfile};
use coracle_net::host::{HostStack, block_on};
use embedded_hal_async::delay::DelayNs;

use super::node::{Access, CallDataArgs, Node, NodeArgs};
use crate::failure::{Failure, Within};
use crate::keystore;
use crate::output::{Outcome, line};
use crate::passphrase::PassphraseArgs;

/// Call data, and code to create: EIP-3860 allows 48 KiB of it.
const MAX_DATA: usize = 64 * 1024;

/// Between two looks for the receipt.
const POLL: Duration = Duration::from_secs(1);

type Keeper = MemoryOutbox<1, MAX_DATA>;
type Client<'a> = EthClient<'a, HostStack, SecretKey<Secp256k1>, Keeper, Sleep>;
type ClientFailure = eth::Error<HostStack, SecretKey<Secp256k1>, Keeper>;

#[derive(Args, Debug)]
#[command(group(ArgGroup::new("id").required(true)))]
pub(crate) struct SendArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The keystore file of the account that sends and pays.
    #[arg(long, value_name = "FILE")]
    keystore: PathBuf,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// The chain's id; a node of another chain is refused.
    #[arg(long, value_name = "ID", group = "id")]
    chain_id: Option<u64>,
    /// Take the chain id on the node's word.
    #[arg(long, group = "id")]
    trust_node_chain_id: bool,
    /// The account that is called or paid.
    #[arg(long, value_name = "ADDRESS", required_unless_present = "create")]
    to: Option<String>,
    /// Create a contract: --data is its code.
    #[arg(long, conflicts_with_all = ["to", "signature"], requires = "data")]
    create: bool,
    /// What is moved, with its unit.
    #[arg(long, value_name = "AMOUNT", default_value = "0 wei")]
    value: Wei,
    #[command(flatten)]
    call: CallDataArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// What to wait for.
    #[arg(long, value_enum, default_value_t)]
    until: Until,
    /// How long to wait, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u32,
}

/// What no node can talk the command into.
#[derive(Args, Debug)]
struct LimitArgs {
    /// The most that the transaction may cost in fees, with its unit.
    #[arg(long, value_name = "AMOUNT")]
    max_fee: Wei,
    /// The most per gas, with its unit.
    #[arg(long, value_name = "AMOUNT", default_value = "500 gwei")]
    max_fee_per_gas: Wei,
    /// The most as a tip per gas, with its unit.
    #[arg(long, value_name = "AMOUNT", default_value = "50 gwei")]
    max_priority_fee_per_gas: Wei,
    /// The most gas.
    #[arg(long, value_name = "GAS", default_value_t = 10_000_000)]
    max_gas: u64,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Until {
    /// A node took it.
    Sent,
    /// A block holds it.
    #[default]
    Included,
    /// A block holds it that will not be replaced.
    Final,
}

impl SendArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let data = self.call.to_bytes()?;
        let form = self.node.chain.profile().address_form;
        let intent = Intent {
            to: self.to.as_deref().map(|to| parse(form, to)).transpose()?,
            value: self.value,
            data: CallData::Bytes(&data),
        };
        let key = keystore::open(&self.keystore, &self.passphrase)?;
        let access = Access::new(&self.node)?;
        let headers = access.headers()?;
        let nodes = [access.target(&headers)?];
        let (mut net_buf, mut intent_buf) = (vec![0; 16 * 1024], vec![0; MAX_DATA]);
        let parts = Parts {
            stack: &access.stack,
            signer: key,
            outbox: Keeper::new(),
            delay: Sleep,
            net_buf: &mut net_buf,
            intent_buf: &mut intent_buf,
        };
        let profile = self.profile(&access)?;
        let mut client = EthClient::new(parts, self.config(profile, &nodes))?;
        self.send(out, &mut client, &intent)
    }

    fn profile(&self, access: &Access) -> Result<ChainProfile, Failure> {
        let profile = self.node.chain.profile();
        let id = match self.chain_id {
            Some(id) => id,
            None => {
                let headers = access.headers()?;
                Node::new(&access.stack, access.target(&headers)?, profile).chain_id()?
            }
        };
        Ok(profile.with_chain_id(id))
    }

    fn config<'a>(
        &self,
        profile: ChainProfile,
        nodes: &'a [coracle_net::http::Target<'a>],
    ) -> Config<'a> {
        let LimitArgs {
            max_fee,
            max_fee_per_gas,
            max_priority_fee_per_gas,
            max_gas,
        } = self.limits;
        Config {
            profile,
            nodes,
            limits: Limits {
                max_fee_per_gas,
                max_priority_fee_per_gas,
                max_gas,
                max_fee,
            },
            quorum: 1,
            poll_ms: u32::try_from(POLL.as_millis()).unwrap_or(u32::MAX),
            max_polls: self.timeout,
            fee_refresh: 0,
        }
    }

    /// Prints the hash as soon as the transaction is out, whatever comes after.
    fn send(&self, out: &mut dyn Write, client: &mut Client<'_>, intent: &Intent<'_>) -> Outcome {
        let id = EntryId {
            device: B256::ZERO,
            sequence: 0,
        };
        block_on(client.put(id, intent))?;
        let hash = block_on(client.submit(id));
        let hash = hash.map_err(|error| explained(&error, client))?;
        line(out, "hash", hash)?;
        if let (None, Some(nonce)) = (intent.to, nonce(client, id)?) {
            let form = client.config().profile.address_form;
            let contract = create_address(&client.address(), nonce);
            line(out, "contract", form.display(contract))?;
        }
        out.flush()?;
        let until = match self.until {
            Until::Sent => {
                line(out, "status", "sent")?;
                return Ok(ExitCode::SUCCESS);
            }
            Until::Included => Milestone::Included,
            Until::Final => Milestone::Final,
        };
        let progress = block_on(client.wait(id, until));
        let progress = progress.map_err(|error| explained(&error, client));
        let progress = progress.within("sent, but")?;
        print(out, &progress)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The failure, with what the client knows beyond the error.
fn explained(error: &ClientFailure, client: &Client<'_>) -> Failure {
    let text = error.explain(client.detail()).to_string();
    Failure::new(Failure::from(*error).kind(), text)
}

fn nonce(client: &mut Client<'_>, id: EntryId) -> Result<Option<u64>, Failure> {
    let entry = block_on(client.outbox().entry(id))?;
    Ok(entry.and_then(|entry| entry.nonce))
}

fn print(out: &mut dyn Write, progress: &Progress) -> std::io::Result<()> {
    let (
        status,
        Inclusion {
            block_number,
            gas_used,
            ..
        },
    ) = match progress {
        Progress::Included(inclusion) | Progress::Moved(inclusion) => ("included", inclusion),
        Progress::Final(inclusion) => ("final", inclusion),
        // This program gives nothing up.
        Progress::Cancelled(_) | Progress::GivenUp(_) => return line(out, "status", "cancelled"),
        Progress::Sent { .. } | Progress::Vanished { .. } => return line(out, "status", "sent"),
    };
    line(out, "status", status)?;
    line(out, "block", block_number)?;
    line(out, "gas used", gas_used)
}

fn parse(form: AddressForm, text: &str) -> Result<Address, Failure> {
    match form.parse(text) {
        Some(address) => Ok(address),
        // Says what is wrong where it can.
        None => text.parse::<Address>().within(text),
    }
}

/// Waits by blocking this thread.
struct Sleep;

impl DelayNs for Sleep {
    async fn delay_ns(&mut self, ns: u32) {
        std::thread::sleep(Duration::from_nanos(u64::from(ns)));
    }
}
