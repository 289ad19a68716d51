//! What every modem has, whoever made it: settings, card, network, sockets, output.

mod network;
mod output;
mod sockets;

use std::{collections::BTreeMap, sync::mpsc::Sender, time::Instant};

use crate::{
    answer::Answer,
    config::{Clock, Config},
    dialect::{Personality, Purpose},
    engine::Events,
    fault::{FaultKind, Faults},
    files::Files,
    host::Piece,
    network::Network,
    output::Token,
    profile::Profile,
    record::Shared,
    sim_card::Card,
    sockets::{Slot, Socket},
    timers::Timers,
};

/// Data that the firmware announced.
#[derive(Debug)]
pub(crate) struct Want {
    /// How many bytes; until Ctrl-Z if `None`.
    pub(crate) len: Option<usize>,
    pub(crate) got: Vec<u8>,
    pub(crate) purpose: Purpose,
    /// What comes sooner is lost.
    pub(crate) not_before: Instant,
}

/// Whether anybody is at home.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Power {
    Off,
    Booting,
    On,
}

#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) personality: &'static Personality,
    pub(crate) record: Shared,
    pub(crate) faults: Faults,
    pub(crate) timers: Timers,
    pub(crate) power: Power,
    pub(crate) profile: Profile,
    pub(crate) stored: Profile,
    pub(crate) card: Card,
    pub(crate) network: Network,
    pub(crate) files: Files,
    pub(crate) sockets: BTreeMap<Slot, Socket>,
    pub(crate) want: Option<Want>,
    /// The line being worked on.
    pub(crate) command: String,
    pub(crate) is_busy: bool,
    /// A command waits for the network; then its result.
    pub(crate) is_blocked: bool,
    pub(crate) unblocked: Option<Answer>,
    /// Sleeps while DTR is released.
    pub(crate) sleep_allowed: bool,
    pub(crate) dtr: bool,
    pub(crate) client: Option<Sender<Piece>>,
    /// Seconds to add to the host's clock.
    clock_offset: i64,
    events: Events,
    pending: Vec<Token>,
    deferred: Vec<Token>,
    next_key: u64,
}

impl Core {
    pub(crate) fn new(
        config: Config,
        personality: &'static Personality,
        record: Shared,
        events: Events,
    ) -> Self {
        let profile = Profile {
            echo: config.echo,
            ..personality.profile
        };
        let clock_offset = match config.clock {
            Clock::Fixed(unix) => i64::try_from(unix).unwrap_or(0) - host_time(),
            Clock::Host | Clock::Unset => 0,
        };
        Self {
            personality,
            record,
            faults: config.faults.clone(),
            timers: Timers::default(),
            power: Power::Off,
            profile,
            stored: profile,
            card: Card::new(&config.sim),
            network: Network::new(),
            files: Files::default(),
            sockets: BTreeMap::new(),
            want: None,
            command: String::new(),
            is_busy: false,
            is_blocked: false,
            unblocked: None,
            sleep_allowed: false,
            dtr: true,
            client: None,
            clock_offset,
            events,
            pending: Vec::new(),
            deferred: Vec::new(),
            next_key: 0,
            config,
        }
    }

    pub(crate) fn log(&self, sign: char, text: &str) {
        self.record.lock().transcript.add(sign, text);
    }

    /// Whether a fault happens here.
    pub(crate) fn fires(&mut self, kind: FaultKind) -> bool {
        let is_due = self.faults.fires(kind, &self.command);
        if is_due {
            self.note(kind, "");
        }
        is_due
    }

    fn note(&self, kind: FaultKind, text: &str) {
        let mut record = self.record.lock();
        record.counters.faults += 1;
        record.counters.fired = self.faults.fired().to_vec();
        record
            .transcript
            .add('!', format!("{kind:?} {text}").trim());
    }
}

fn host_time() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
