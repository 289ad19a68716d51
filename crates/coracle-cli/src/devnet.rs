//! `coracle devnet`.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use coracle_core::Wei;
use coracle_devnet::{Config, Devnet, Mining, Server};
use coracle_eth::AddressForm;

use crate::eth::Chain;
use crate::failure::{Failure, Within};
use crate::output::{Outcome, line};

#[derive(Args, Debug)]
pub(crate) struct DevnetArgs {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8545)]
    port: u16,
    /// The chain id; by default 31337, with --platon 210425.
    #[arg(long, value_name = "ID")]
    chain_id: Option<u64>,
    /// Give an account so much ether from the start.
    #[arg(long, value_name = "ADDRESS=ETHER")]
    fund: Vec<String>,
    /// Make blocks on evm_mine alone and not for each transaction.
    #[arg(long)]
    manual_mining: bool,
    /// Make a block every so many seconds and not for each transaction.
    #[arg(long, value_name = "SECONDS", conflicts_with = "manual_mining",
          value_parser = clap::value_parser!(u64).range(1..=3600))]
    block_time: Option<u64>,
    /// Behave as PlatON: platon_ methods, lat1 addresses, legacy transactions.
    #[arg(long)]
    platon: bool,
}

impl DevnetArgs {
    pub(crate) fn run(self, out: &mut dyn Write) -> Outcome {
        let config = self.config()?;
        let devnet = Devnet::new(config.clone());
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let server = devnet.serve(addr).within(addr)?;
        writeln!(out, "{}", server.url())?;
        line(out, "chain id", config.chain_id)?;
        if self.fund.is_empty() {
            line(out, "note", "no account has money; see --fund")?;
        }
        out.flush()?;
        self.serve(server);
        Ok(ExitCode::SUCCESS)
    }

    /// Goes on until the process is stopped.
    fn serve(&self, server: Server) {
        let Some(seconds) = self.block_time else {
            return server.wait();
        };
        loop {
            std::thread::sleep(Duration::from_secs(seconds));
            server.devnet().mine();
        }
    }

    fn config(&self) -> Result<Config, Failure> {
        let (mut config, chain) = match self.platon {
            true => (Config::platon(), Chain::Platon),
            false => (Config::local(), Chain::Ethereum),
        };
        if let Some(id) = self.chain_id {
            config.chain_id = id;
        }
        if self.manual_mining || self.block_time.is_some() {
            config.mining = Mining::Manual;
        }
        let form = chain.profile().address_form;
        self.fund.iter().try_fold(config, |config, text| {
            fund(config, form, text).within("--fund")
        })
    }
}

fn fund(config: Config, form: AddressForm, text: &str) -> Result<Config, Failure> {
    let (address, ether) = text
        .split_once('=')
        .ok_or_else(|| Failure::new("bad-argument", format!("{text}: not ADDRESS=ETHER")))?;
    let address = form
        .parse(address)
        .ok_or_else(|| Failure::new("bad-address", format!("{address}: no address")))?;
    let Wei(amount) = Wei::parse_units(ether, Wei::ETHER_DECIMALS).within(ether)?;
    let amount = coracle_devnet::U256::from_be_bytes(amount.to_be_bytes());
    Ok(config.fund(address.0.into(), amount))
}
