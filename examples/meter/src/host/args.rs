//! Arguments, by hand: the demo is to build fast.

use std::format;
use std::path::PathBuf;
use std::str::FromStr;
use std::string::{String, ToString};
use std::time::Duration;

use coracle::core::Address;
use coracle::eth::{ChainProfile, Finality};
use coracle::record::DeviceId;

use super::Failure;

/// What `--help` prints.
pub const USAGE: &str = "\
A water meter: readings become signed records, each in a transaction of its own, and the
result is proven. Runs against a chain of its own unless --rpc names a node.

usage: meter [OPTION VALUE]...

  --readings N         how many (10)
  --seed N             what the household draws (1)
  --interval-ms N      pause between readings (0)
  --bundle FILE        where the records go (target/meter-bundle.cbor); the public key
                       goes beside it, as .pub
  --profile NAME       ethereum, polygon or platon (ethereum)
  --chain-id N         of the chain; required with --rpc
  --device ID          name of the meter on the contract (meter- and 8 random digits)

A node elsewhere:
  --rpc URL            http or https
  --key-file FILE      0x and 64 digits, mode 0600: an account that can pay
  --contract ADDRESS   a MeterLog that is there already; without it one is made
  --confirmations N    blocks on top that make a block final, where the chain's own rule
                       is too slow or its nodes do not know it
  --poll-ms N          pause between two looks for a block (2000)
  --state DIR          where the meter keeps key, numbers and readings on their way;
                       started again with it, it goes on until --readings are taken in
                       all. Needs --device and --contract";

/// What the user asks for.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it")]
pub enum Ask {
    /// Nothing but the usage.
    Help,
    /// A run.
    Run(Options),
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many readings to take.
    pub readings: u32,
    /// What the household draws.
    pub seed: u64,
    /// Pause between readings.
    pub interval: Duration,
    /// Where the records go.
    pub bundle: PathBuf,
    /// The chain.
    pub profile: ChainProfile,
    /// The meter.
    pub device: DeviceId,
    /// A contract that is there already.
    pub contract: Option<Address>,
    /// The node; `None` for the embedded chain.
    pub remote: Option<Remote>,
}

/// A node elsewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its address.
    pub url: String,
    /// The file with the key of an account that can pay.
    pub key_file: PathBuf,
    /// Milliseconds between two looks.
    pub poll_ms: u32,
    /// Where the meter keeps its state; `None` where it has no life after this run.
    pub state: Option<PathBuf>,
}

impl Ask {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// Which argument is wrong, and why.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut raw = Raw::default();
        let mut args = args;
        while let Some(name) = args.next() {
            if matches!(name.as_str(), "--help" | "-h") {
                return Ok(Self::Help);
            }
            let place = raw.place(&name)?;
            let value = args.next().ok_or_else(|| format!("{name} takes a value"))?;
            if place.replace(value).is_some() {
                return Err(format!("{name} is given twice").into());
            }
        }
        raw.checked().map(Self::Run)
    }
}

impl Options {
    /// The name of the meter as text, where it is some.
    pub fn device_name(&self) -> String {
        String::from_utf8_lossy(self.device.as_bytes()).into_owned()
    }
}

#[derive(Default)]
struct Raw {
    readings: Option<String>,
    seed: Option<String>,
    interval_ms: Option<String>,
    bundle: Option<String>,
    profile: Option<String>,
    chain_id: Option<String>,
    device: Option<String>,
    rpc: Option<String>,
    key_file: Option<String>,
    state: Option<String>,
    poll_ms: Option<String>,
    contract: Option<String>,
    confirmations: Option<String>,
}

impl Raw {
    fn place(&mut self, name: &str) -> Result<&mut Option<String>, Failure> {
        Ok(match name {
            "--readings" => &mut self.readings,
            "--seed" => &mut self.seed,
            "--interval-ms" => &mut self.interval_ms,
            "--bundle" => &mut self.bundle,
            "--profile" => &mut self.profile,
            "--chain-id" => &mut self.chain_id,
            "--device" => &mut self.device,
            "--rpc" => &mut self.rpc,
            "--key-file" => &mut self.key_file,
            "--state" => &mut self.state,
            "--poll-ms" => &mut self.poll_ms,
            "--contract" => &mut self.contract,
            "--confirmations" => &mut self.confirmations,
            other => return Err(format!("no option {other}; see --help").into()),
        })
    }

    fn checked(self) -> Result<Options, Failure> {
        let profile = self.profile()?;
        let readings = number("--readings", self.readings)?.unwrap_or(10);
        if readings == 0 {
            return Err("--readings takes a number above 0".into());
        }
        let contract = self.contract.map(|text| {
            let address = profile.address_form.parse(&text);
            address.ok_or(format!(
                "--contract {text} is no address of {}",
                profile.name
            ))
        });
        if self.state.is_some() {
            let missing = [
                ("--rpc", self.rpc.is_none()),
                ("--device", self.device.is_none()),
                ("--contract", contract.is_none()),
            ];
            if let Some((missing, _)) = missing.iter().find(|(_, is_missing)| *is_missing) {
                return Err(format!("--state needs {missing}: it has to be the same again").into());
            }
        }
        let poll_ms = number("--poll-ms", self.poll_ms)?;
        let remote = match (self.rpc, self.key_file) {
            (Some(_), _) if self.chain_id.is_none() => {
                return Err("--rpc needs --chain-id: a node may be on any chain".into());
            }
            (Some(url), Some(key_file)) => Some(Remote {
                url,
                key_file: key_file.into(),
                poll_ms: poll_ms.unwrap_or(2000),
                state: self.state.map(PathBuf::from),
            }),
            (Some(_), None) => return Err("--rpc needs --key-file".into()),
            (None, Some(_)) => return Err("--key-file needs --rpc".into()),
            (None, None) if poll_ms.is_some() => return Err("--poll-ms needs --rpc".into()),
            (None, None) => None,
        };
        let device = self.device.map_or_else(random_name, Ok)?;
        let bundle = self
            .bundle
            .unwrap_or("target/meter-bundle.cbor".to_string());
        Ok(Options {
            readings,
            seed: number("--seed", self.seed)?.unwrap_or(1),
            interval: Duration::from_millis(
                number("--interval-ms", self.interval_ms)?.unwrap_or(0),
            ),
            bundle: bundle.into(),
            profile,
            device: DeviceId::from_slice(device.as_bytes())?,
            contract: contract.transpose()?,
            remote,
        })
    }

    fn profile(&self) -> Result<ChainProfile, Failure> {
        let name = self.profile.as_deref().unwrap_or("ethereum");
        let profile = match name {
            "ethereum" => ChainProfile::ETHEREUM,
            "polygon" => ChainProfile::POLYGON,
            "platon" => ChainProfile::PLATON,
            other => return Err(format!("--profile {other} is unknown; see --help").into()),
        };
        let profile = match number("--chain-id", self.chain_id.clone())? {
            Some(id) => profile.with_chain_id(id),
            // The embedded chain is not mainnet, and says so.
            None if name == "ethereum" => profile.with_chain_id(31_337),
            None => profile,
        };
        Ok(
            match number("--confirmations", self.confirmations.clone())? {
                Some(count) => profile.with_finality(Finality::Confirmations(count)),
                None => profile,
            },
        )
    }
}

fn number<T: FromStr>(name: &str, text: Option<String>) -> Result<Option<T>, Failure> {
    let parse = |text: String| {
        let wrong = format!("{name} {text} is no number in range");
        text.parse().map_err(|_| wrong.into())
    };
    text.map(parse).transpose()
}

fn random_name() -> Result<String, Failure> {
    let mut digits = [0; 4];
    getrandom::fill(&mut digits)?;
    Ok(format!("meter-{:08x}", u32::from_be_bytes(digits)))
}
