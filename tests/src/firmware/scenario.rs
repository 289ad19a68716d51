//! A device's afternoon: firmware in QEMU, an emulated modem, a chain.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use coracle_modem_sim::{self as modem_sim, Counters, Listen, ModemSim, Name};

use super::board::{Board, Dialect};
use super::chain::Chain;
use super::error::{Error, Result};
use super::image::{Image, Spec};
use super::log::Line;
use super::qemu::{Config, Console, Ended, Link, Qemu};

/// The node's name in the modem's network; nobody but the emulator knows it.
pub const NODE_NAME: &str = "node.test";

/// A free port of this machine.
const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// What is run, and what befalls it. Change fields of [`Scenario::meter`].
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The firmware.
    pub image: Spec,
    /// The modem beside it. Where it listens and what names it knows is added to this.
    pub modem: modem_sim::Config,
    /// Lines of the settings, as key and value. Of two with one key the later is taken.
    pub settings: Vec<(String, String)>,
    /// The authority that vouches for the node, as PEM, at the end of the settings.
    pub root: Option<String>,
    /// Where the modem sends connections to the node: the chain's own port, unless
    /// something stands in between.
    pub node: Option<SocketAddr>,
    /// The contract that the device reports to; one of its own where none is named.
    pub contract: Option<String>,
    /// Where the bytes of the console go, for whoever reads them meanwhile.
    pub console: Option<PathBuf>,
    /// A file that keeps the flash from one run to the next. Beside it, with the extension
    /// `secret`, stands the device's secret.
    pub flash: Option<PathBuf>,
    /// Where QEMU listens for a [`Qmp`](super::Qmp).
    pub qmp: Option<PathBuf>,
    /// The file that the firmware's random bytes come from, in place of true ones.
    pub random: Option<PathBuf>,
    /// How long it may take by the host's clock.
    pub limit: Duration,
}

impl Scenario {
    /// A meter that takes so many readings, with nothing in its way.
    pub fn meter(board: Board, dialect: Dialect, readings: u32) -> Self {
        let settings = [
            ("device", "meter-7".to_owned()),
            ("readings", readings.to_string()),
            // Blocks come ten a second here.
            ("confirmations", "2".to_owned()),
            ("poll-ms", "100".to_owned()),
        ];
        Self {
            image: Spec::meter(board, dialect),
            modem: modem_sim::Config::local(modem_dialect(dialect)),
            settings: settings
                .map(|(key, value)| (key.to_owned(), value))
                .to_vec(),
            root: None,
            node: None,
            contract: None,
            console: None,
            flash: None,
            qmp: None,
            random: None,
            limit: Duration::from_secs(120 + 10 * u64::from(readings)),
        }
    }

    /// The same with another setting.
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Runs to the end. The account is funded when the log names it. `see` gets every line
    /// while it runs.
    ///
    /// # Errors
    ///
    /// The firmware does not build, or something on the host fails. A device that fails
    /// is no error: the report says so.
    pub fn run(&self, chain: &Chain, mut see: impl FnMut(&Line)) -> Result<Report> {
        let image = Image::build(&self.image)?;
        let contract = match &self.contract {
            Some(contract) => contract.clone(),
            None => chain.deploy()?.to_string(),
        };
        let modem = ModemSim::start(self.modem_config(chain)?);
        let modem = modem.map_err(|error| Error::at("modem emulator", error))?;
        let desk = Desk::new()?;
        fs::write(&desk.settings, self.text(chain, &contract))
            .map_err(|error| Error::at("settings", error))?;
        let mut qemu = Qemu::start(&image, &self.qemu_config(&modem, &desk)?)?;
        let mut lines = Vec::new();
        let mut account = None;
        while let Some(line) = qemu.next_line() {
            see(&line);
            if let Some(named) = line.message.strip_prefix("account ") {
                chain.fund(named)?;
                account = Some(named.to_owned());
            }
            lines.push(line);
        }
        let outcome = qemu.finish()?;
        Ok(Report {
            ended: outcome.ended,
            took: outcome.took,
            lines,
            account,
            contract,
            bundle: fs::read(self.console.as_ref().unwrap_or(&desk.console)).unwrap_or_default(),
            transcript: modem.transcript(),
            counters: modem.counters(),
            modem: modem.report(),
        })
    }

    fn modem_config(&self, chain: &Chain) -> Result<modem_sim::Config> {
        let mut config = self.modem.clone();
        config.listen = Listen::Tcp(ANY_PORT);
        config.control = Some(Listen::Tcp(ANY_PORT));
        let node = self.node.map_or_else(|| port_of(chain.url()), Ok)?;
        let name = Name::new(NODE_NAME, None, node);
        config
            .names
            .add(name.map_err(|error| Error::at(chain.url(), error))?);
        Ok(config)
    }

    /// The settings as the firmware reads them.
    fn text(&self, chain: &Chain, contract: &str) -> String {
        let scheme = if self.root.is_some() { "https" } else { "http" };
        let node = format!("{scheme}://{NODE_NAME}:8545/");
        let mut text = format!(
            "node {node}\nchain-id {}\ncontract {contract}\n",
            chain.id()
        );
        for (key, value) in &self.settings {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} {value}");
        }
        text + self.root.as_deref().unwrap_or_default()
    }

    /// The file of the device's secret, which lives as long as the flash.
    fn secret(&self, desk: &Desk) -> Result<PathBuf> {
        let beside = self
            .flash
            .as_ref()
            .map(|flash| flash.with_extension("secret"));
        let path = beside.unwrap_or_else(|| desk.secret.clone());
        if !path.exists() {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(|error| Error::at("random bytes", error))?;
            fs::write(&path, secret).map_err(|error| Error::at("device secret", error))?;
        }
        Ok(path)
    }

    fn qemu_config(&self, modem: &modem_sim::Handle, desk: &Desk) -> Result<Config> {
        let mut config = Config::closed(self.limit);
        config.modem = Some(link(modem.address())?);
        config.control = modem.control_address().map(link).transpose()?;
        let console = self.console.as_ref().unwrap_or(&desk.console);
        config.console = Console::File(console.clone());
        config.flash.clone_from(&self.flash);
        config.qmp.clone_from(&self.qmp);
        let secret = self.secret(desk)?;
        config.args = vec![
            format!("settings={}", desk.settings.display()),
            format!("secret={}", secret.display()),
        ];
        if let Some(random) = &self.random {
            config.args.push(format!("random={}", random.display()));
        }
        Ok(config)
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How the firmware ended.
    pub ended: Ended,
    /// How long it took by the host's clock.
    pub took: Duration,
    /// Its log.
    pub lines: Vec<Line>,
    /// Its account, if it came to name it.
    pub account: Option<String>,
    /// The contract that it reported to.
    pub contract: String,
    /// What it wrote to the console: the bundle of its records.
    pub bundle: Vec<u8>,
    /// What was said between firmware and modem.
    pub transcript: String,
    /// What the modem counted.
    pub counters: Counters,
    /// What it cost: connections, and radio time by the emulator's model.
    pub modem: modem_sim::Report,
}

impl Report {
    /// Whether the firmware says that it succeeded.
    pub fn is_success(&self) -> bool {
        self.ended == Ended::Exited(0)
    }

    /// The deepest that the stack has been, if the firmware came to say it.
    pub fn stack_bytes(&self) -> Option<u64> {
        bytes_of("stack", &self.lines)
    }

    /// What the store keeps in RAM, if the firmware came to say it.
    pub fn store_bytes(&self) -> Option<u64> {
        bytes_of("store", &self.lines)
    }

    /// The log as text, for a test that fails.
    pub fn log(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// The number in the last line of the form `... stack N bytes`.
pub fn stack_bytes(lines: &[Line]) -> Option<u64> {
    bytes_of("stack", lines)
}

fn bytes_of(what: &str, lines: &[Line]) -> Option<u64> {
    lines.iter().rev().find_map(|line| {
        let (_, rest) = line.message.rsplit_once(what)?;
        rest.strip_prefix(' ')?.strip_suffix(" bytes")?.parse().ok()
    })
}

/// Files of one run, gone after it.
struct Desk {
    settings: PathBuf,
    console: PathBuf,
    secret: PathBuf,
    _dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Result<Self> {
        let dir = tempfile::tempdir().map_err(|error| Error::at("temporary folder", error))?;
        Ok(Self {
            settings: dir.path().join("settings"),
            console: dir.path().join("console"),
            secret: dir.path().join("secret"),
            _dir: dir,
        })
    }
}

fn modem_dialect(dialect: Dialect) -> modem_sim::Dialect {
    match dialect {
        Dialect::Quectel => modem_sim::Dialect::Quectel,
        Dialect::Simcom => modem_sim::Dialect::Simcom,
        Dialect::Ublox => modem_sim::Dialect::Ublox,
    }
}

fn link(address: &modem_sim::Address) -> Result<Link> {
    match address {
        modem_sim::Address::Tcp(address) => Ok(Link::Tcp(*address)),
        modem_sim::Address::Unix(path) => Ok(Link::Unix(path.clone())),
        modem_sim::Address::Pty(_) => Err("QEMU is given sockets, not terminals".into()),
    }
}

fn port_of(url: &str) -> Result<SocketAddr> {
    let host = url.strip_prefix("http://").unwrap_or(url);
    let host = host
        .split('/')
        .next()
        .unwrap_or(host)
        .replace("localhost", "127.0.0.1");
    host.parse().map_err(|_| {
        format!("{url} is no node of this machine: the modem reaches 127.0.0.1 alone").into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firmware::Level;

    fn line(message: &str) -> Line {
        Line {
            level: Level::Info,
            message: message.into(),
            timestamp: None,
            place: None,
        }
    }

    #[test]
    fn the_last_word_on_the_stack_counts() {
        let lines = ["stack 100 bytes", "done, stack 928 bytes", "bye"].map(line);
        assert_eq!(stack_bytes(&lines), Some(928));
        assert_eq!(stack_bytes(&[line("stack ok, 1 then 2")]), None);
    }

    #[test]
    fn a_node_elsewhere_is_refused() {
        assert!(port_of("http://127.0.0.1:8545/").is_ok());
        assert!(port_of("http://localhost:8545").is_ok());
        assert!(port_of("http://node.example:8545").is_err());
    }
}
