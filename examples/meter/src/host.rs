//! The host's part: arguments, sockets, the embedded chain, and the proof of the result.

mod args;
mod board;
mod count;
mod files;
mod node;
mod proof;
mod state;
mod table;

use std::boxed::Box;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{env, eprintln, format, println};

use coracle::board::Board as _;
use coracle::client::eth::{Config, EthClient, MemoryOutbox, Parts};
use coracle::core::Address;
use coracle::core::ecdsa::{Secp256k1, SecretKey};
use coracle::net::Endpoint;
use coracle::net::host::{HostConfig, HostStack, block_on};
use coracle::net::http::Target;
use embedded_hal_async::delay::DelayNs;

pub use self::args::{Ask, Options, Remote, USAGE};
use self::board::HostBoard;
pub use self::count::{Cost, Counted};
pub use self::node::{Node, Wait};
use self::state::State;
pub use self::state::join_consoles;
use self::table::Table;
use crate::program::{self, LIMITS, Memory, Settings};

/// Why the run failed, in one line.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The program: reads the arguments, runs, and tells what went wrong in one line.
pub fn main() -> ExitCode {
    let outcome = Ask::parse(env::args().skip(1)).and_then(|ask| match ask {
        Ask::Help => {
            println!("{USAGE}");
            Ok(())
        }
        Ask::Run(options) => run(&options, &mut io::stdout()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("meter: {error}");
            ExitCode::FAILURE
        }
    }
}

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
    let table = Table::new(out, stack.counter(), node.profile.address_form);
    let folder = options
        .remote
        .as_ref()
        .and_then(|remote| remote.state.as_deref());
    Session {
        state: State::open(folder)?,
        options,
        config,
        stack: &stack,
        key: SecretKey::from_bytes(&node.key.dangerous_to_bytes())?,
        wait,
        table,
    }
    .run()
}

/// Call data in bytes that whoever installs a meter sends: the contract's creation code.
const INTENT_LEN: usize = 1024;

/// The client of whoever installs the meter and looks at what it did.
type Installer<'a, D> = EthClient<
    'a,
    Counted<HostStack>,
    &'a mut SecretKey<Secp256k1>,
    MemoryOutbox<1, INTENT_LEN>,
    &'a mut D,
>;

/// One run, from the contract to the summary.
struct Session<'a, D> {
    state: State,
    options: &'a Options,
    config: Config<'a>,
    stack: &'a Counted<HostStack>,
    key: SecretKey<Secp256k1>,
    wait: D,
    table: Table<'a>,
}

impl<D: DelayNs> Session<'_, D> {
    fn run(mut self) -> Result<(), Failure> {
        self.table.say("chain", chain_line(&self.config))?;
        let contract = self.install()?;
        let bundle = self.measure(contract)?;
        self.prove(contract, &bundle)
    }

    /// What is done before the meter is switched on.
    fn install(&mut self) -> Result<Address, Failure> {
        let given = self.options.contract;
        let contract = self.with_installer(async |client| node::contract(client, given).await)?;
        let form = self.config.profile.address_form;
        self.table.say("contract", form.display(contract))?;
        self.table.say("device", self.options.device_name())?;
        Ok(contract)
    }

    /// The meter's own part, the same as on a device; gives its bundle.
    fn measure(&mut self, contract: Address) -> Result<Vec<u8>, Failure> {
        let board = HostBoard {
            network: self.stack,
            delay: &mut self.wait,
            flash: self.state.flash()?,
            secret: self.state.secret()?,
            console: self.state.console()?,
        };
        let settings = Settings {
            profile: self.config.profile,
            nodes: self.config.nodes,
            contract,
            device: self.options.device,
            readings: self.options.readings,
            interval_ms: u32::try_from(self.options.interval.as_millis())?,
            seed: self.options.seed,
            poll_ms: self.config.poll_ms,
            looks: self.config.max_polls,
        };
        let parts = board.into_parts();
        let mut memory = Memory::new();
        let run = program::run(
            parts,
            Some(&self.key),
            &settings,
            &mut memory,
            &mut self.table,
        );
        let tip = block_on(run).map_err(|error| self.table.why(&error))?;
        self.table.tip(tip);
        let consoles = self.state.consoles()?;
        Ok(join_consoles(
            &consoles,
            self.key.public_key(),
            self.options.device,
        ))
    }

    /// What anybody can do afterwards who has the bundle, the key and the chain.
    fn prove(&mut self, contract: Address, bundle: &[u8]) -> Result<(), Failure> {
        let public = *self.key.public_key();
        files::export(self.options, &public, bundle)?;
        let records = files::verify(self.options, &public)?;
        let (device, rows) = (self.options.device, self.table.rows().clone());
        let on_chain = self.with_installer(async |client| {
            proof::logs(client, contract, device, &records, &rows).await
        })?;
        self.table.summary(self.options, on_chain)
    }

    fn with_installer<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Installer<'_, D>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let parts = Parts {
            stack: self.stack,
            signer: &mut self.key,
            outbox: MemoryOutbox::new(),
            delay: &mut self.wait,
            net_buf: &mut [0; 2048],
            intent_buf: &mut [0; INTENT_LEN],
        };
        let mut client = EthClient::new(parts, self.config)?;
        block_on(work(&mut client))
    }
}

/// Without the path of the node's address, which may hold a key.
fn chain_line(config: &Config<'_>) -> String {
    let (name, id) = (config.profile.name, config.profile.chain_id.id());
    let nodes = config.nodes.iter().map(|node| node.endpoint.to_string());
    let nodes: Vec<_> = nodes.collect();
    format!("{name}, id {id}, {}", nodes.join(" "))
}
