//! The node: the chain in this process, or one elsewhere; and the contract on it.

use std::format;
use std::string::{String, ToString};
use std::thread;
use std::time::Duration;
use std::vec;
use std::vec::Vec;

use coracle::client::eth::{EntryId, Intent, Milestone, Outbox};
use coracle::core::ecdsa::{Secp256k1, SecretKey};
use coracle::core::{Address, B256, Error as _, ErrorKind, Wei};
use coracle::eth::ChainProfile;
use coracle::eth::rpc::BlockTag;
use coracle::eth::tx::{CallData, create_address};
use coracle_devnet::{Config, Devnet, Server, U256};
use embedded_hal_async::delay::DelayNs;
use getrandom::SysRng;

use super::{Failure, INTENT_LEN, Installer, Options, files};

/// `contracts/MeterLog.sol`, compiled by `cargo xtask contracts`.
const ARTIFACT: &str = include_str!("../../../../contracts/MeterLog.json");

/// A node and an account that can pay.
#[derive(Debug)]
pub struct Node {
    /// Where it is.
    pub url: String,
    /// The chain that it has to be on.
    pub profile: ChainProfile,
    /// The account's key, which signs records as well.
    pub key: SecretKey<Secp256k1>,
    /// Milliseconds between two looks.
    pub poll_ms: u32,
    /// Looks before the run gives up.
    pub looks: u32,
    /// Stops with this value.
    server: Option<Server>,
}

impl Node {
    /// The node that the options name, or the embedded chain.
    ///
    /// # Errors
    ///
    /// A key file that cannot be used, a random source that fails, no free port.
    pub fn open(options: &Options) -> Result<Self, Failure> {
        let Some(remote) = &options.remote else {
            let prefix = options.profile.method_prefix;
            let config = match prefix {
                "platon_" => Config::platon(),
                _ => Config::local(),
            };
            return Self::embedded(options.profile, config);
        };
        Ok(Self {
            url: remote.url.clone(),
            profile: options.profile,
            key: files::read_key(&remote.key_file)?,
            poll_ms: remote.poll_ms,
            // Half an hour of the usual looks: twice what Ethereum takes to call a block
            // final.
            looks: 900,
            server: None,
        })
    }

    /// A chain in this process, and a new account that is rich on it.
    ///
    /// # Errors
    ///
    /// A random source that fails, no free port.
    pub fn embedded(profile: ChainProfile, config: Config) -> Result<Self, Failure> {
        let key = SecretKey::generate(&mut SysRng)?;
        let address = Address::from_public_key(key.public_key());
        let ether = U256::from(1_000_000_000_000_000_000_u64);
        let config = Config {
            chain_id: profile.chain_id.id(),
            ..config
        };
        let config = config.fund(coracle_devnet::Address::from(address.0), ether);
        let server = Devnet::new(config).serve("127.0.0.1:0")?;
        Ok(Self {
            url: server.url(),
            profile,
            key,
            poll_ms: 1,
            looks: 100,
            server: Some(server),
        })
    }

    /// The embedded chain.
    pub fn devnet(&self) -> Option<Devnet> {
        Some(self.server.as_ref()?.devnet().clone())
    }

    /// How to wait on it.
    pub fn wait(&self) -> Wait {
        Wait(self.devnet())
    }
}

/// Waits: on the embedded chain, whose time is its own, for a block; elsewhere for as
/// long as it is told.
#[derive(Clone, Debug)]
pub struct Wait(Option<Devnet>);

impl DelayNs for Wait {
    async fn delay_ns(&mut self, ns: u32) {
        match &self.0 {
            Some(devnet) => {
                devnet.mine();
            }
            None => thread::sleep(Duration::from_nanos(u64::from(ns))),
        }
    }
}

/// The contract at `given`, or a new one; checked to be what the artifact says.
pub(super) async fn contract(
    client: &mut Installer<'_, impl DelayNs>,
    given: Option<Address>,
) -> Result<Address, Failure> {
    let address = match given {
        Some(address) => address,
        None => deploy(client).await?,
    };
    let expected = artifact("runtime")?;
    let mut code = vec![0; expected.len()];
    let found = client.code(address, BlockTag::Latest, &mut code).await;
    let is_same = match found {
        Ok(len) => len == expected.len() && code == expected,
        Err(error) if error.kind() == ErrorKind::Retry => {
            return Err(error.explain(client.detail()).to_string().into());
        }
        // Code of another length is an error of the node as well.
        Err(_) => false,
    };
    if !is_same {
        let address = client.config().profile.address_form.display(address);
        return Err(format!("the code at {address} is not MeterLog's").into());
    }
    Ok(address)
}

async fn deploy(client: &mut Installer<'_, impl DelayNs>) -> Result<Address, Failure> {
    let code = artifact("bytecode")?;
    if code.len() > INTENT_LEN {
        return Err(format!("creation code of {} bytes does not fit", code.len()).into());
    }
    let intent = Intent {
        to: None,
        value: Wei::ZERO,
        data: CallData::Bytes(&code),
    };
    let sent = client.send(DEPLOYMENT, &intent, Milestone::Included).await;
    sent.map_err(|error| error.explain(client.detail()).to_string())?;
    let entry = client.outbox().entry(DEPLOYMENT).await?;
    let nonce = entry.and_then(|entry| entry.nonce);
    let nonce = nonce.ok_or("the outbox lost the deployment")?;
    Ok(create_address(&client.address(), nonce))
}

/// No device has this name: it is the digest of nothing known.
const DEPLOYMENT: EntryId = EntryId {
    device: B256::ZERO,
    sequence: 0,
};

fn artifact(member: &str) -> Result<Vec<u8>, Failure> {
    let artifact: serde_json::Value = serde_json::from_str(ARTIFACT)?;
    let text = artifact[member].as_str().unwrap_or_default().to_string();
    let mut code = vec![0; text.len() / 2];
    let len = coracle::core::hex::decode_into(&text, &mut code)?;
    code.truncate(len);
    Ok(code)
}
