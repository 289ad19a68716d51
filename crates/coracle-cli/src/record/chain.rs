//! A bundle held against the chain that carries it.
//!
//! `contracts/MeterLog.sol` keeps every record that it is given and refuses none, so
//! what stands there is to be judged here: the bundle's records must each stand there
//! once and in their order, and no other record that the key signed for this device may
//! stand there. Records that the key did not sign are anybody's and are counted only.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use coracle_core::{Address, B256, keccak256};
use coracle_eth::abi::{Decoded, Event, LogValue, Signature};
use coracle_eth::rpc::{BlockTag, Log, LogFilter, LogsAnswer, Request};
use coracle_record::{DeviceId, Record, Unverified};

use super::key::AnyKey;
use super::verify::is_signed;
use crate::eth::{Access, Chain, Node, NodeArgs};
use crate::failure::{Failure, Within};
use crate::output::{Outcome, line};

/// What `contracts/MeterLog.sol` emits; the device is the Keccak-256 of its id.
const EVENT: &str = "Recorded(bytes32,uint64,address,bytes)";
const INDEXED: [bool; 4] = [true, true, true, false];

/// Offset, length and the longest record.
const MAX_LOG_DATA: usize = 64 + Record::MAX_ENCODED_LEN.next_multiple_of(32);

#[derive(Args, Clone, Debug)]
pub(crate) struct ChainArgs {
    /// Compare with a chain too: a node, as an http or https URL.
    #[arg(long, value_name = "URL", requires = "contract")]
    rpc: Option<String>,
    /// The MeterLog contract.
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    contract: Option<String>,
    /// How the chain's nodes speak.
    #[arg(long, value_enum, default_value_t, requires = "rpc")]
    chain: Chain,
    /// The chain's id; a node of another chain is refused.
    #[arg(long, value_name = "ID", requires = "rpc")]
    chain_id: Option<u64>,
    /// Look at records from this account alone.
    #[arg(long, value_name = "ADDRESS", requires = "rpc")]
    sender: Option<String>,
    /// The block from which to look.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "rpc")]
    from_block: u64,
    /// A bearer token for the node, in the first line of a file.
    #[arg(long, value_name = "FILE", requires = "rpc")]
    bearer_file: Option<std::path::PathBuf>,
}

/// A record on the chain.
struct Logged {
    record: Vec<u8>,
    block: Option<u64>,
}

impl ChainArgs {
    /// Does nothing where no node is given.
    pub(crate) fn compare(
        &self,
        out: &mut dyn Write,
        device: &DeviceId,
        key: &AnyKey,
        records: &[&[u8]],
    ) -> Outcome {
        let Some(logged) = self.fetch(device)? else {
            return Ok(ExitCode::SUCCESS);
        };
        let mut problems = compare_order(out, &logged, records)?;
        let others = logged
            .iter()
            .filter(|logged| !records.contains(&logged.record.as_slice()));
        let (signed, foreign): (Vec<_>, Vec<_>) =
            others.partition(|logged| is_signed(&logged.record, device, key));
        for logged in &signed {
            let name = sequence(&logged.record);
            line(out, &name, "on the chain, not in the bundle")?;
        }
        problems += signed.len();
        if !foreign.is_empty() {
            let text = format!(
                "{} of the log's entries, not signed by the key",
                foreign.len()
            );
            line(out, "ignored", text)?;
        }
        if problems > 0 {
            let message = format!("chain and bundle differ in {problems} records");
            return Err(Failure::new("chain-differs", message));
        }
        line(out, "on chain", format_args!("{}, in order", records.len()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn fetch(&self, device: &DeviceId) -> Result<Option<Vec<Logged>>, Failure> {
        let (Some(rpc), Some(contract)) = (&self.rpc, &self.contract) else {
            return Ok(None);
        };
        let profile = self.chain.profile();
        let parse = |text: &str| {
            let address = profile.address_form.parse(text);
            address.ok_or_else(|| Failure::new("bad-address", format!("{text}: no address")))
        };
        let contract = parse(contract)?;
        let sender = self.sender.as_deref().map(parse).transpose()?;
        let access = Access::new(&NodeArgs {
            rpc: rpc.clone(),
            chain: self.chain,
            bearer_file: self.bearer_file.clone(),
        })?;
        let headers = access.headers()?;
        let mut node = Node::new(&access.stack, access.target(&headers)?, profile);
        self.check_chain(&mut node)?;
        self.logs(&mut node, contract, device, sender).map(Some)
    }

    fn check_chain(&self, node: &mut Node<'_>) -> Result<(), Failure> {
        let Some(expected) = self.chain_id else {
            return Ok(());
        };
        match node.chain_id()? {
            found if found == expected => Ok(()),
            found => Err(Failure::new(
                "chain-id",
                format!("node is on chain {found}"),
            )),
        }
    }

    fn logs(
        &self,
        node: &mut Node<'_>,
        contract: Address,
        device: &DeviceId,
        sender: Option<Address>,
    ) -> Result<Vec<Logged>, Failure> {
        let event = Event::new(Signature::parse(EVENT)?, &INDEXED)?;
        let sender = sender.map(|address| left_padded(address.as_bytes()));
        let topics = [
            event.topic0(),
            Some(keccak256(device.as_bytes())),
            None,
            sender,
        ];
        let filter = LogFilter {
            from: BlockTag::Number(self.from_block),
            to: BlockTag::Latest,
            address: Some(contract),
            topics: &topics,
        };
        let mut buf = vec![0; MAX_LOG_DATA];
        let mut logged = Vec::new();
        let receive = |log: &Log<'_>| {
            // What is none of ours to begin with is skipped: the contract takes anything.
            let is_ours = log.address == contract && !log.is_removed;
            if is_ours && let Some(record) = record_of(event, log) {
                let block = log.block_number;
                logged.push(Logged { record, block });
            }
            Ok(())
        };
        let answer = LogsAnswer::new(node.profile().address_form, &mut buf, receive);
        node.ask(&Request::Logs(filter), answer).within("logs")?;
        Ok(logged)
    }
}

/// The record in a log, where there is one that could be a record.
fn record_of(event: Event<'_>, log: &Log<'_>) -> Option<Vec<u8>> {
    if log.data_len > log.data.len() {
        return None;
    }
    match event.decode(log.topics, log.data).ok()?.last()?.ok()? {
        LogValue::Decoded(Decoded::Bytes(record)) => Some(record.to_vec()),
        _ => None,
    }
}

/// Prints where each record stands; returns how many do not stand where they should.
fn compare_order(
    out: &mut dyn Write,
    logged: &[Logged],
    records: &[&[u8]],
) -> std::io::Result<usize> {
    let mut problems = 0;
    let mut last = None;
    for record in records {
        let places = logged.iter().enumerate();
        let places: Vec<_> = places
            .filter(|(_, logged)| logged.record == *record)
            .collect();
        let finding = match places.as_slice() {
            [] => "not on the chain".to_owned(),
            [(at, _)] if last.is_some_and(|last| *at < last) => "out of order on the chain".into(),
            [(at, logged)] => {
                last = Some(*at);
                let block = logged.block.map_or("?".into(), |block| block.to_string());
                line(
                    out,
                    &sequence(record),
                    format_args!("on the chain, block {block}"),
                )?;
                continue;
            }
            more => format!("{} times on the chain", more.len()),
        };
        line(out, &sequence(record), finding)?;
        problems += 1;
    }
    Ok(problems)
}

fn sequence(record: &[u8]) -> String {
    Unverified::decode(record).map_or("record ?".into(), |record| {
        format!("record {}", record.claims().place().sequence())
    })
}

/// An address as a topic.
fn left_padded(address: &[u8; 20]) -> B256 {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    B256(word)
}
