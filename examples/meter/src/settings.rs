//! What whoever installs a meter tells it, as text.
//!
//! ```text
//! # one setting a line
//! node http://node.example:8545/
//! chain-id 31337
//! contract 0x44379cC26FFC729Fb7c7b9A6eE2566ccdA62A3b9
//! device meter-7
//! readings 20
//! ```
//!
//! | key | value | without it |
//! | --- | --- | --- |
//! | `node` | URL of the chain's node | an error |
//! | `chain-id` | the chain's number | an error |
//! | `contract` | address of the `MeterLog` | an error |
//! | `device` | name of the meter, 1 to 32 bytes | an error |
//! | `profile` | `ethereum`, `polygon` or `platon` | `ethereum` |
//! | `confirmations` | blocks that make a block final | the chain's own rule |
//! | `readings` | how many to take | 10 |
//! | `interval-ms` | pause between readings | 0 |
//! | `seed` | what the household draws | 1 |
//! | `poll-ms` | between two looks for a receipt | 2000 |
//! | `looks` | before the run gives up | 900 |
//! | `apn` | name of the access point | the network's choice |
//! | `pin` | of the SIM | none is sent |
//! | `hurry` | divides every time limit of the modem's driver: for emulators | 1 |
//!
//! What begins with `-----BEGIN CERTIFICATE-----` and goes to the end is the authority
//! that vouches for an `https` node.

use core::fmt;

use coracle::core::Address;
use coracle::eth::{ChainProfile, Finality};
use coracle::net::Endpoint;
use coracle::net::http::Target;
use coracle::record::DeviceId;

use crate::program::Settings;

const PEM_START: &str = "-----BEGIN CERTIFICATE-----";

/// The settings of a meter, read.
#[derive(Clone, Debug)]
pub struct Installed<'a> {
    /// Name of the access point; empty for the network's choice.
    pub apn: &'a str,
    /// PIN of the SIM.
    pub pin: Option<&'a str>,
    /// Divides every time limit of the modem's driver.
    pub hurry: u32,
    /// The authority that vouches for an `https` node, as PEM.
    pub root: Option<&'a str>,
    nodes: [Target<'a>; 1],
    profile: ChainProfile,
    contract: Address,
    device: DeviceId,
    readings: u32,
    interval_ms: u32,
    seed: u64,
    poll_ms: u32,
    looks: u32,
}

/// Why a text is no settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no such key, or it has no value, in this line, counted from 1.
    Line(u32),
    /// The value of this key is not of its form.
    Value(&'static str),
    /// This key is needed.
    Missing(&'static str),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line} is no setting"),
            Self::Value(key) => write!(f, "the value of {key} is not of its form"),
            Self::Missing(key) => write!(f, "{key} is needed"),
        }
    }
}

impl core::error::Error for SettingsError {}

impl<'a> Installed<'a> {
    /// Reads settings.
    ///
    /// # Errors
    ///
    /// The first line or value that is wrong, or a key that is missing.
    pub fn parse(text: &'a str) -> Result<Self, SettingsError> {
        let raw = Raw::read(text)?;
        let profile = raw.profile()?;
        let contract = profile.address_form.parse(raw.needed("contract")?);
        let node = Endpoint::parse(raw.needed("node")?);
        let device = raw.needed("device")?;
        Ok(Self {
            apn: raw.value("apn").unwrap_or_default(),
            pin: raw.value("pin"),
            hurry: raw.number("hurry", 1)?,
            root: raw.root,
            nodes: [Target {
                endpoint: node.map_err(|_| SettingsError::Value("node"))?,
                headers: &[],
            }],
            profile,
            contract: contract.ok_or(SettingsError::Value("contract"))?,
            device: DeviceId::from_slice(device.as_bytes())
                .map_err(|_| SettingsError::Value("device"))?,
            readings: raw.number("readings", 10)?,
            interval_ms: raw.number("interval-ms", 0)?,
            seed: raw.wide_number("seed")?.unwrap_or(1),
            poll_ms: raw.number("poll-ms", 2000)?,
            looks: raw.number("looks", 900)?,
        })
    }

    /// What the program takes.
    pub fn settings(&self) -> Settings<'_> {
        Settings {
            profile: self.profile,
            nodes: &self.nodes,
            contract: self.contract,
            device: self.device,
            readings: self.readings,
            interval_ms: self.interval_ms,
            seed: self.seed,
            poll_ms: self.poll_ms,
            looks: self.looks,
        }
    }
}

const KEYS: [&str; 14] = [
    "node",
    "chain-id",
    "contract",
    "device",
    "profile",
    "confirmations",
    "readings",
    "interval-ms",
    "seed",
    "poll-ms",
    "looks",
    "apn",
    "pin",
    "hurry",
];

/// The values as they stand, in the order of [`KEYS`].
#[derive(Default)]
struct Raw<'a> {
    values: [Option<&'a str>; KEYS.len()],
    root: Option<&'a str>,
}

impl<'a> Raw<'a> {
    fn read(text: &'a str) -> Result<Self, SettingsError> {
        let mut raw = Self::default();
        let mut rest = text;
        for number in 1.. {
            if rest.is_empty() {
                break;
            }
            if rest.starts_with(PEM_START) {
                raw.root = Some(rest);
                break;
            }
            let (line, after) = split(rest, b'\n').unwrap_or((rest, ""));
            rest = after;
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = SettingsError::Line(number);
            let (key, value) = split(line, b' ').ok_or(wrong)?;
            *raw.place(key).ok_or(wrong)? = Some(value.trim_ascii());
        }
        Ok(raw)
    }

    fn place(&mut self, key: &str) -> Option<&mut Option<&'a str>> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.values.get_mut(at)
    }

    fn value(&self, key: &str) -> Option<&'a str> {
        let at = KEYS.iter().position(|known| *known == key)?;
        self.values.get(at).copied().flatten()
    }

    fn needed(&self, key: &'static str) -> Result<&'a str, SettingsError> {
        self.value(key).ok_or(SettingsError::Missing(key))
    }

    fn number(&self, key: &'static str, usual: u32) -> Result<u32, SettingsError> {
        let number = self.wide_number(key)?.map(u32::try_from);
        let number = number.transpose();
        let number = number.map_err(|_| SettingsError::Value(key))?;
        Ok(number.unwrap_or(usual))
    }

    fn wide_number(&self, key: &'static str) -> Result<Option<u64>, SettingsError> {
        let number = self.value(key).map(str::parse).transpose();
        number.map_err(|_| SettingsError::Value(key))
    }

    fn profile(&self) -> Result<ChainProfile, SettingsError> {
        let mut profile = match self.value("profile").unwrap_or("ethereum") {
            "ethereum" => ChainProfile::ETHEREUM,
            "polygon" => ChainProfile::POLYGON,
            "platon" => ChainProfile::PLATON,
            _ => return Err(SettingsError::Value("profile")),
        };
        self.needed("chain-id")?;
        if let Some(id) = self.wide_number("chain-id")? {
            profile = profile.with_chain_id(id);
        }
        if let Some(count) = self.wide_number("confirmations")? {
            profile = profile.with_finality(Finality::Confirmations(count));
        }
        Ok(profile)
    }
}

/// The text before the first `c`, and the text behind it.
fn split(text: &str, c: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|found| found == c)?;
    let (before, from) = text.split_at_checked(at)?;
    Some((before, from.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
        # a meter in a cellar\n\
        node http://node.test:8545/\n\
        chain-id 31337\r\n\
        \n\
        contract 0x44379cC26FFC729Fb7c7b9A6eE2566ccdA62A3b9\n\
        device meter 7\n\
        confirmations 2\n";

    fn error(text: &str) -> SettingsError {
        Installed::parse(text).expect_err("not settings")
    }

    #[test]
    fn reads_what_is_there_and_fills_in_the_rest() {
        let installed = Installed::parse(TEXT).expect("settings");
        let settings = installed.settings();
        assert_eq!(settings.profile.chain_id.id(), 31_337);
        assert_eq!(settings.profile.finality, Finality::Confirmations(2));
        assert_eq!(settings.nodes[0].endpoint.host(), "node.test");
        assert_eq!(settings.device.as_bytes(), b"meter 7");
        assert_eq!((settings.readings, settings.looks), (10, 900));
        assert_eq!((installed.apn, installed.root), ("", None));
    }

    #[test]
    fn a_certificate_is_the_rest_of_the_text() {
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        let text = std::format!("{TEXT}{pem}");
        let installed = Installed::parse(&text).expect("settings");
        assert_eq!(installed.root, Some(pem));
    }

    #[test]
    fn names_what_is_wrong() {
        let with = |line: &str| error(&std::format!("{TEXT}{line}\n"));
        assert_eq!(with("reading 3"), SettingsError::Line(8));
        assert_eq!(with("readings"), SettingsError::Line(8));
        assert_eq!(with("readings many"), SettingsError::Value("readings"));
        assert_eq!(with("seed -1"), SettingsError::Value("seed"));
        assert_eq!(with("node ftp://x/"), SettingsError::Value("node"));
        assert_eq!(with("contract 0x12"), SettingsError::Value("contract"));
        assert_eq!(with("profile bitcoin"), SettingsError::Value("profile"));
        assert_eq!(with("chain-id one"), SettingsError::Value("chain-id"));
        let long = "x".repeat(33);
        assert_eq!(
            with(&std::format!("device {long}")),
            SettingsError::Value("device")
        );
        assert_eq!(error(""), SettingsError::Missing("chain-id"));
        assert_eq!(error("chain-id 1"), SettingsError::Missing("contract"));
    }
}
