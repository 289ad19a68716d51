//! Progress, one short line a step.

use core::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Write};
use std::string::{String, ToString};
use std::{format, writeln};

use coracle::client::eth::{EntryId, Inclusion};
use coracle::core::{Address, B256};
use coracle::eth::AddressForm;

use super::{Cost, Failure, Options, files};
use crate::contract::Tip;
use crate::device::{Cause, Step, Watch};
use crate::sensor::Sample;

/// What this run saw of one reading.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// `None` where an earlier run took it.
    sample: Option<Sample>,
    /// What its first submit took.
    cost: Option<Cost>,
    pub(super) inclusion: Option<Inclusion>,
}

/// Prints steps as they happen, and keeps what the proof needs.
pub(super) struct Table<'a> {
    out: &'a mut dyn Write,
    cost: &'a Cell<Cost>,
    before: Cost,
    form: AddressForm,
    tip: Tip,
    rows: BTreeMap<u64, Row>,
    resent: usize,
    failure: Option<String>,
}

impl<'a> Table<'a> {
    pub(super) fn new(out: &'a mut dyn Write, cost: &'a Cell<Cost>, form: AddressForm) -> Self {
        Self {
            out,
            cost,
            before: cost.get(),
            form,
            tip: Tip::default(),
            rows: BTreeMap::new(),
            resent: 0,
            failure: None,
        }
    }

    pub(super) const fn rows(&self) -> &BTreeMap<u64, Row> {
        &self.rows
    }

    /// Why the meter stopped: what it told, or else the error itself.
    pub(super) fn why(&mut self, error: &dyn Display) -> Failure {
        let told = self.failure.take();
        told.unwrap_or_else(|| error.to_string()).into()
    }

    /// What meter and contract agreed on.
    pub(super) const fn tip(&mut self, tip: Tip) {
        self.tip = tip;
    }

    pub(super) fn say(&mut self, what: &str, value: impl Display) -> io::Result<()> {
        writeln!(self.out, "{what:<9} {value}")
    }

    fn head(&mut self) -> io::Result<()> {
        writeln!(
            self.out,
            "
{:>5} {:>9}  {:<8}  {:<16} {:>9} {:>7}  {:>5} {:>5} {:>5}",
            "seq", "m3", "state", "transaction", "block", "gas", "trips", "up", "down",
        )
    }

    /// What was shown, once everything was checked.
    pub(super) fn summary(&mut self, options: &Options, on_chain: usize) -> Result<(), Failure> {
        let (readings, tip) = (options.readings, self.tip);
        let resent = match self.resent {
            0 => String::new(),
            count => format!(" ({count} sent again)"),
        };
        writeln!(self.out)?;
        self.say("readings", format!("{readings} signed{resent}"))?;
        self.say(
            "final",
            format!("{on_chain}, each exactly once and byte for byte"),
        )?;
        self.say(
            "head",
            format!(
                "{} over {} records, meter and chain agree",
                tip.head, tip.count
            ),
        )?;
        if let Some(cost) = self.steady_cost() {
            let Cost {
                up,
                down,
                round_trips,
            } = cost;
            let text = format!("{round_trips} round trip, {up} bytes up, {down} down");
            self.say("a submit", text)?;
        }
        let (bundle, key) = (&options.bundle, files::public_path(options));
        self.say(
            "bundle",
            format!("{}, key {}", bundle.display(), key.display()),
        )?;
        Ok(())
    }

    /// What the dearest submit took once fees, gas and nonce were known: of all but the
    /// first reading.
    fn steady_cost(&self) -> Option<Cost> {
        let costs = self.rows.values().skip(1).filter_map(|row| row.cost);
        costs.max_by_key(|cost| (cost.round_trips, cost.up))
    }

    fn sent(&mut self, sequence: u64, hash: B256, cost: Cost) -> io::Result<()> {
        let Row {
            sample,
            cost: first,
            ..
        } = self.rows.entry(sequence).or_default();
        let volume = match *sample {
            Some(Sample { litres, .. }) => format!("{}.{:03}", litres / 1000, litres % 1000),
            None => String::new(),
        };
        self.resent += usize::from(first.is_some());
        first.get_or_insert(cost);
        let Cost {
            up,
            down,
            round_trips,
        } = cost;
        writeln!(
            self.out,
            "{sequence:>5} {volume:>9}  sent      {} {:>9} {:>7}  {round_trips:>5} {up:>5} {down:>5}",
            short(&hash),
            "-",
            "-",
        )
    }

    fn mined(&mut self, sequence: u64, state: &str, at: &Inclusion) -> io::Result<()> {
        let (hash, block, gas) = (short(&at.hash), at.block_number, at.gas_used);
        writeln!(
            self.out,
            "{sequence:>5} {:9}  {state:<8}  {hash} {block:>9} {gas:>7}",
            ""
        )
    }

    fn show(&mut self, row: u64, step: Step, cost: Cost) -> io::Result<()> {
        match step {
            Step::Sent(hash) => self.sent(row, hash, cost),
            Step::Included(at) => self.mined(row, "included", &at),
            Step::Moved(at) => self.mined(row, "moved", &at),
            Step::Final(at) => self.mined(row, "final", &at),
            Step::Vanished => writeln!(self.out, "{row:>5} {:9}  vanished", ""),
            Step::Recorded(_) => Ok(()),
        }
    }
}

impl Watch for Table<'_> {
    fn account(&mut self, account: Address) {
        let account = self.form.display(account);
        let _ = self.say("account", account).and_then(|()| self.head());
        self.before = self.cost.get();
    }

    fn trouble(&mut self, error: &impl Cause) {
        let _ = writeln!(self.out, "  ... {error}; goes on at the next wake");
    }

    fn failure(&mut self, error: &impl Cause) {
        self.failure = Some(error.to_string());
    }

    fn step(&mut self, id: EntryId, step: Step) {
        let now = self.cost.get();
        let cost = now - self.before;
        self.before = now;
        let row = self.rows.entry(id.sequence).or_default();
        match step {
            Step::Recorded(sample) => row.sample = Some(sample),
            Step::Included(at) | Step::Moved(at) | Step::Final(at) => row.inclusion = Some(at),
            Step::Sent(_) | Step::Vanished => {}
        }
        // A console that is gone does not stop a meter.
        let _ = self.show(id.sequence, step, cost);
    }
}

/// The start and the end of a hash.
fn short(hash: &B256) -> String {
    let full = hash.to_string();
    format!("{}..{}", &full[..8], &full[60..])
}
