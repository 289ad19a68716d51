//! What every modem has, whoever made it: settings, card, network, sockets, output.

use std::{
    collections::BTreeMap,
    sync::mpsc::Sender,
    time::{Duration, Instant},
};

use crate::{
    answer::{Answer, Done, Refusal, cme_words},
    clock,
    config::{Clock, Config},
    dialect::{Personality, Purpose},
    engine::{Event, Events},
    fault::{FaultKind, Faults},
    files::Files,
    host::Piece,
    names::NoRoute,
    network::{Network, REGISTRATIONS, outcome_stat, stat},
    output::{self, Token},
    profile::Profile,
    record::Shared,
    sim_card::Card,
    sockets::{ConnectionReport, OpenError, Slot, Socket, SocketEvent, State, Target},
    stream::TlsClient,
    timers::{Timer, Timers},
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

/// Output.
impl Core {
    /// A line of the answer to a command.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.pending.push(Token::line(format!("\r\n{text}\r\n")));
    }

    /// A line, payload of announced length, and what follows it.
    pub(crate) fn block(&mut self, head: String, payload: Vec<u8>, tail: &str) {
        self.pending.push(Token {
            head: format!("\r\n{head}").into_bytes(),
            payload,
            tail: tail.into(),
            is_line: true,
        });
    }

    /// As [`Core::block`], by itself: at once, or after what is being worked on.
    pub(crate) fn push(&mut self, head: String, payload: Vec<u8>, tail: &str) {
        let head = format!("\r\n{head}").into_bytes();
        self.deferred.push(Token {
            head,
            payload,
            tail: tail.into(),
            is_line: true,
        });
        self.release();
    }

    /// Text outside of lines.
    pub(crate) fn raw(&mut self, bytes: impl Into<Vec<u8>>) {
        self.pending.push(Token::raw(bytes));
    }

    /// A line that nobody asked for: at once, or after the command or the data that is
    /// being worked on.
    pub(crate) fn urc(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.deferred.push(Token::line(format!("\r\n{text}\r\n")));
        self.release();
    }

    /// Says what was held back, unless it still has to wait.
    pub(crate) fn release(&mut self) {
        if self.is_busy || self.want.is_some() || self.power != Power::On {
            return;
        }
        for token in std::mem::take(&mut self.deferred) {
            self.pending.push(token);
            self.flush();
        }
    }

    /// Asks for data with a prompt.
    pub(crate) fn prompt(&mut self, prompt: &str, len: Option<usize>, purpose: Purpose) -> Answer {
        if !self.fires(FaultKind::MissingPrompt) {
            self.raw(prompt);
        }
        // u-blox wants 50 ms after this one.
        let pause = match prompt.ends_with('@') {
            true => self.config.prompt_pause,
            false => Duration::ZERO,
        };
        self.timers.set(self.config.data_timeout, Timer::DataLate);
        self.want = Some(Want {
            len,
            got: Vec::new(),
            purpose,
            not_before: Instant::now() + pause,
        });
        Ok(Done::Said)
    }

    /// The final result of a command.
    pub(crate) fn finish(&mut self, answer: Answer) {
        let (text, number) = match answer {
            Ok(Done::Said | Done::Wait) => return,
            _ if self.profile.quiet => return,
            Ok(Done::Ok) => ("OK".to_owned(), 0),
            Err(Refusal::Cme(code)) if self.profile.cmee > 0 => (self.cme(code), 4),
            Err(_) => ("ERROR".to_owned(), 4),
        };
        match self.profile.verbose || text.starts_with('+') {
            true => self.line(text),
            false => self.pending.push(Token::line(format!("{number}\r"))),
        }
    }

    fn cme(&self, code: u16) -> String {
        match self.profile.cmee {
            1 => format!("+CME ERROR: {code}"),
            _ => format!("+CME ERROR: {}", cme_words(code)),
        }
    }

    /// The result of a command that waits; nothing if none does.
    pub(crate) fn unblock(&mut self, answer: Answer) {
        if self.is_blocked {
            self.unblocked = Some(answer);
        }
    }

    /// Sends what was said, with what goes wrong on the way.
    pub(crate) fn flush(&mut self) {
        let tokens = std::mem::take(&mut self.pending);
        if tokens.is_empty() {
            return;
        }
        let mut notes = Vec::new();
        let urc = self.chatter();
        let (command, baud) = (&self.command, self.config.baud);
        let tokens = output::spoil(tokens, &urc, &mut self.faults, command, &mut notes);
        for token in &tokens {
            self.log('<', &token.shown());
        }
        let pieces = output::pace(tokens, baud, &mut self.faults, command, &mut notes);
        for (kind, text) in notes {
            self.note(kind, &text);
        }
        for piece in pieces {
            // Without a client the bytes leave the pin and nobody sees them.
            let sent = self.client.as_ref().map(|client| client.send(piece));
            if let Some(Err(_)) = sent {
                self.client = None;
            }
        }
    }

    /// A line that means nothing new.
    fn chatter(&mut self) -> String {
        let own = self.personality.chatter;
        let place = self.faults.below(own.len() + 3);
        let which = REGISTRATIONS.get(place).copied();
        match which {
            Some(name) => format!("{name}: {}", self.stat_of(place)),
            None => own.get(place - 3).copied().unwrap_or("+CTZV: +00").into(),
        }
    }

    /// Forgets what was about to be said.
    pub(crate) fn hush(&mut self) {
        self.pending.clear();
        self.deferred.clear();
    }
}

/// Network.
impl Core {
    /// Radio or card changed: looks for a network if there can be one.
    pub(crate) fn search(&mut self) {
        let can = self.network.fun == 1 && self.card.require().is_ok() && self.network.cops.0 != 2;
        if !can {
            return self.deregister(stat::IDLE);
        }
        if self.network.stat == stat::IDLE {
            self.set_stat(stat::SEARCHING);
            self.timers
                .set(self.config.registration.delay, Timer::Registered);
        }
    }

    /// The network's decision.
    pub(crate) fn register(&mut self) {
        let outcome = outcome_stat(self.config.registration.outcome);
        self.network.is_attached = matches!(outcome, stat::HOME | stat::ROAMING);
        self.set_stat(outcome);
        if self.network.is_attached && self.config.clock != Clock::Unset {
            self.network.has_time = true;
            if self.network.zone_report > 0 {
                let zone = self.config.zone_quarters;
                self.urc(format!("+CTZV: {zone:+03}"));
            }
        }
    }

    /// Leaves the network; the engine tells the dialect which contexts went.
    pub(crate) fn deregister(&mut self, to: u8) {
        self.timers.cancel(Timer::Registered);
        self.timers.cancel(Timer::OutageOver);
        self.set_stat(to);
        self.drop_contexts();
    }

    /// Detaches and cuts every connection.
    pub(crate) fn drop_contexts(&mut self) {
        let lost = self.network.detach();
        if !lost.is_empty() {
            let _ = self.events.send(Event::ContextsLost(lost));
        }
    }

    fn set_stat(&mut self, to: u8) {
        if self.network.stat == to {
            return;
        }
        let before = [0, 1, 2].map(|which| self.stat_of(which));
        self.network.stat = to;
        for (which, name) in REGISTRATIONS.iter().enumerate() {
            let mode = self.network.modes.get(which).copied().unwrap_or(0);
            if mode > 0 && before.get(which) != Some(&self.stat_of(which)) {
                let text = self.registration_words(which);
                self.urc(format!("{name}: {text}"));
            }
        }
    }

    pub(crate) fn stat_of(&self, which: usize) -> u8 {
        self.network.stat_of(which, &self.config.registration)
    }

    /// `<stat>` and, in mode 2 and above, where the modem is.
    pub(crate) fn registration_words(&self, which: usize) -> String {
        let stat = self.stat_of(which);
        let mode = self.network.modes.get(which).copied().unwrap_or(0);
        if mode < 2 || !matches!(stat, stat::HOME | stat::ROAMING) {
            return stat.to_string();
        }
        let access = self.config.registration.access;
        format!("{stat},\"1A2B\",\"01A2B3C4\",{access}")
    }

    /// Unix time as the modem knows it; `None` before the network told.
    pub(crate) fn unix_time(&self) -> Option<i64> {
        self.network
            .has_time
            .then(|| host_time() + self.clock_offset)
    }

    pub(crate) fn set_unix_time(&mut self, unix: i64) {
        self.clock_offset = unix - host_time();
        self.network.has_time = true;
    }

    /// `CCLK`: local time with the zone in quarters of an hour.
    pub(crate) fn local_time(&self) -> String {
        let Some(unix) = self.unix_time() else {
            return self.personality.epoch.into();
        };
        let zone = self.config.zone_quarters;
        let local = unix + i64::from(zone) * 900;
        format!("{}{zone:+03}", clock::civil(local))
    }
}

/// Sockets.
impl Core {
    /// Opens a connection; how it goes comes as an event.
    pub(crate) fn connect(&mut self, slot: Slot, host: &str, port: u16, tls: Option<TlsClient>) {
        let is_name = host.parse::<std::net::IpAddr>().is_err();
        let route = if is_name && self.fires(FaultKind::DnsFailure) {
            Err(OpenError::Route(NoRoute::Name))
        } else if self.fires(FaultKind::ConnectRefused) {
            Err(OpenError::Refused)
        } else {
            self.config
                .names
                .target(host, port)
                .map_err(OpenError::Route)
        };
        let report = self.begin_report(host, port, tls.is_some());
        self.next_key += 1;
        let target = Target {
            host: host.to_owned(),
            port,
            route,
            tls,
        };
        let socket = Socket::open(self.next_key, target, report, &self.events);
        self.sockets.insert(slot, socket);
    }

    fn begin_report(&mut self, host: &str, port: u16, tls: bool) -> usize {
        let mut record = self.record.lock();
        let opened_at = record.start.elapsed();
        record.meter.activity(opened_at);
        record.connections.push(ConnectionReport {
            host: host.to_owned(),
            port,
            tls,
            connected: false,
            is_open: true,
            up: 0,
            down: 0,
            opened_at,
            lasted: Duration::ZERO,
        });
        record.connections.len() - 1
    }

    /// Something went over the air.
    fn on_air(&self) {
        let mut record = self.record.lock();
        let now = record.start.elapsed();
        record.meter.activity(now);
    }

    fn report(&self, place: usize, change: impl FnOnce(&mut ConnectionReport)) {
        let mut record = self.record.lock();
        let now = record.start.elapsed();
        if let Some(report) = record.connections.get_mut(place) {
            change(report);
            report.lasted = now.saturating_sub(report.opened_at);
        }
    }

    /// The socket that an event is about, brought up to date.
    pub(crate) fn update(&mut self, key: u64, what: &SocketEvent) -> Option<Slot> {
        let mut all = self.sockets.iter_mut();
        let (slot, socket) = all.find(|(_, socket)| socket.key == key)?;
        let (slot, place) = (*slot, socket.report);
        match what {
            SocketEvent::Opened => socket.state = State::Open,
            SocketEvent::Failed(_) => socket.cut(),
            // A line that was told already.
            SocketEvent::Closed if socket.state == State::Ended => return None,
            SocketEvent::Closed => socket.cut(),
            SocketEvent::Readable => {}
        }
        self.on_air();
        match what {
            SocketEvent::Opened => self.report(place, |report| report.connected = true),
            SocketEvent::Failed(_) | SocketEvent::Closed => {
                self.report(place, |report| report.is_open = false);
            }
            SocketEvent::Readable => {}
        }
        Some(slot)
    }

    /// Hands bytes to the network; how many it took, `None` without a connection.
    pub(crate) fn send(&mut self, slot: Slot, bytes: &[u8]) -> Option<usize> {
        let socket = self.sockets.get_mut(&slot)?;
        if socket.state != State::Open {
            return None;
        }
        let taken = socket.send(bytes);
        let place = socket.report;
        self.on_air();
        self.report(place, |report| report.up += taken as u64);
        Some(taken)
    }

    /// Up to `max` received bytes. When none are left the next ones are announced again.
    pub(crate) fn take(&mut self, slot: Slot, max: usize) -> Option<Vec<u8>> {
        let socket = self.sockets.get_mut(&slot)?;
        let bytes = socket.take(max);
        socket.is_armed |= socket.unread() == 0;
        let place = socket.report;
        self.report(place, |report| report.down += bytes.len() as u64);
        Some(bytes)
    }

    /// Whether to announce received bytes: once, until all are read.
    pub(crate) fn announces(&mut self, slot: Slot) -> bool {
        let Some(socket) = self.sockets.get_mut(&slot) else {
            return false;
        };
        if !socket.is_armed || socket.unread() == 0 {
            return false;
        }
        socket.is_armed = false;
        !self.fires(FaultKind::RecvUrcLost)
    }

    /// The next block to push to the firmware; `None` when nothing is left.
    pub(crate) fn take_some(&mut self, slot: Slot) -> Option<Vec<u8>> {
        self.take(slot, 1460).filter(|bytes| !bytes.is_empty())
    }

    /// Ends a connection, if there is one, and frees its socket.
    pub(crate) fn close(&mut self, slot: Slot) {
        if let Some(socket) = self.sockets.remove(&slot) {
            if socket.state == State::Open {
                self.on_air();
            }
            self.report(socket.report, |report| report.is_open = false);
        }
    }

    pub(crate) fn close_all(&mut self) {
        let slots: Vec<Slot> = self.sockets.keys().copied().collect();
        for slot in slots {
            self.close(slot);
        }
    }
}

fn host_time() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}
