//! The modem's main loop: one thread, one queue of events, no polling.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    time::{Duration, Instant},
};

use crate::{
    answer::{Answer, Done, Refusal},
    command::Command,
    config::{Config, PowerOn},
    core::{Core, Power, Want},
    dialect::{self, Vendor},
    fault::FaultKind,
    host::{self, Port},
    network::stat,
    output::{drop_byte, flip_bit},
    record::Shared,
    sockets::{SocketEvent, State},
    standard,
    timers::Timer,
    transcript::printable,
    wire::Wire,
};

/// Longest command line; a longer one is refused when it ends.
const MAX_LINE: usize = 4096;

/// What the other threads tell.
#[derive(Debug)]
pub(crate) enum Event {
    Connected { port: Port, client: u64, wire: Wire },
    Bytes { port: Port, bytes: Vec<u8> },
    Gone { port: Port, client: u64 },
    Socket { key: u64, what: SocketEvent },
    ContextsLost(Vec<u8>),
    Stop,
}

pub(crate) type Events = Sender<Event>;

#[derive(Debug)]
pub(crate) struct Engine {
    core: Core,
    vendor: Box<dyn Vendor>,
    line: Vec<u8>,
    /// Bytes that came while a command waited for the network.
    backlog: Vec<u8>,
    /// Clients of the two ports, to end their connections at stop.
    clients: [Option<(u64, Wire)>; 2],
}

impl Engine {
    pub(crate) fn new(config: Config, record: Shared, events: Events) -> Self {
        let (personality, vendor) = dialect::vendor(config.dialect);
        Self {
            core: Core::new(config, personality, record, events),
            vendor,
            line: Vec::new(),
            backlog: Vec::new(),
            clients: [None, None],
        }
    }

    pub(crate) fn run(mut self, queue: &Receiver<Event>) {
        if self.core.config.power_on == PowerOn::Start {
            self.power_on();
        }
        loop {
            let next = match self.core.timers.wait() {
                Some(wait) => queue.recv_timeout(wait),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return self.stop(),
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) => {}
            }
            while let Some(timer) = self.core.timers.due() {
                self.timer(timer);
            }
        }
    }

    fn stop(mut self) {
        self.core.close_all();
        for (_, wire) in self.clients.iter().flatten() {
            wire.shutdown();
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected { port, client, wire } => self.connected(port, client, wire),
            Event::Bytes { port, bytes } => match port {
                Port::Uart => self.bytes(&bytes),
                Port::Pins => bytes.iter().for_each(|edge| self.pin(*edge)),
            },
            Event::Gone { port, client } => self.gone(port, client),
            Event::Socket { key, what } => self.socket(key, what),
            Event::ContextsLost(contexts) => self.contexts_lost(&contexts),
            Event::Stop => {}
        }
        if let Some(answer) = self.core.unblocked.take() {
            self.core.is_blocked = false;
            self.end(answer);
            let backlog = std::mem::take(&mut self.backlog);
            self.bytes(&backlog);
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Booted => self.booted(),
            Timer::Registered => self.core.register(),
            Timer::OutageOver => {
                self.core.log('*', "the network is back");
                self.core.register();
            }
            Timer::DataLate => self.data_late(),
        }
    }
}

/// Clients and pins.
impl Engine {
    fn connected(&mut self, port: Port, client: u64, wire: Wire) {
        if port == Port::Uart {
            self.core.log('*', "client connected");
            self.core.client = wire.try_clone().and_then(host::writer).ok();
            if self.core.config.power_on == PowerOn::FirstClient {
                self.core.config.power_on = PowerOn::PowerKey;
                self.power_on();
            }
        }
        self.clients[usize::from(port == Port::Pins)] = Some((client, wire));
    }

    fn gone(&mut self, port: Port, client: u64) {
        let place = &mut self.clients[usize::from(port == Port::Pins)];
        if place
            .as_ref()
            .is_some_and(|(current, _)| *current == client)
        {
            *place = None;
        }
        if port == Port::Uart {
            self.core.log('*', "client gone");
            self.core.record.client_gone();
            self.core.client = None;
            self.line.clear();
        }
    }

    fn pin(&mut self, edge: u8) {
        let name = match edge {
            b'P' => "PWRKEY asserted",
            b'p' => "PWRKEY released",
            b'R' => "RESET asserted",
            b'r' => "RESET released",
            b'D' => "DTR asserted",
            b'd' => "DTR released",
            _ => return,
        };
        self.core.log('*', name);
        match edge {
            b'p' if self.core.power == Power::Off => self.power_on(),
            b'p' => self.power_down(),
            b'R' => self.power_off(),
            b'r' => self.power_on(),
            b'D' | b'd' => self.core.dtr = edge == b'D',
            _ => {}
        }
    }
}

/// Power.
impl Engine {
    fn power_on(&mut self) {
        self.power_off();
        self.core.power = Power::Booting;
        self.core.timers.set(self.core.config.boot, Timer::Booted);
    }

    /// Ends without a word; only card, flash and stored settings survive.
    fn power_off(&mut self) {
        self.core.power = Power::Off;
        self.core.close_all();
        self.core.timers.clear();
        self.core.hush();
        self.core.card.lock();
        self.core.network.restart();
        self.core.want = None;
        self.core.sleep_allowed = false;
        self.vendor.restart();
        self.line.clear();
        self.backlog.clear();
        self.core.is_blocked = false;
        self.core.is_busy = false;
        self.core.unblocked = None;
    }

    /// Leaves the network first and says so.
    fn power_down(&mut self) {
        let (_, farewell) = self.core.personality.power_off;
        if let Some(farewell) = farewell {
            self.core.line(farewell);
            self.core.flush();
        }
        self.core.log('*', "powered down");
        self.power_off();
    }

    fn booted(&mut self) {
        self.core.power = Power::On;
        self.core.profile = self.core.stored;
        self.core.command = "(boot)".into();
        self.core.log('*', "powered up");
        self.core.record.lock().counters.boots += 1;
        if self.core.fires(FaultKind::BootGarbage) {
            self.core.raw(b"\0\xff\x80~\r\nx\xfe".as_slice());
        }
        let personality = self.core.personality;
        for line in personality.banner {
            self.core.line(line);
        }
        if let Ok(status) = self.core.card.status()
            && !personality.banner.is_empty()
        {
            self.core.line(format!("+CPIN: {status}"));
        }
        for line in personality.ready {
            self.core.line(line);
        }
        self.core.flush();
        self.core.search();
    }
}

/// Bytes from the firmware.
impl Engine {
    fn bytes(&mut self, bytes: &[u8]) {
        let is_asleep = self.core.sleep_allowed && !self.core.dtr;
        if self.core.power != Power::On || is_asleep {
            let count = bytes.len();
            return self.core.log(
                '*',
                &format!("{count} bytes to a modem that is off or asleep"),
            );
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.core.is_blocked {
                return self.backlog.extend_from_slice(rest);
            }
            rest = match self.core.want.take() {
                Some(want) => self.data(want, rest),
                None => self.text(rest),
            };
            // A command may have switched the modem off.
            if self.core.power != Power::On {
                return;
            }
        }
    }

    /// Takes bytes of a command line, up to its end; gives back the rest.
    fn text<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\r');
        let (line, rest) = match end {
            Some(end) => bytes.split_at(end + 1),
            None => (bytes, [].as_slice()),
        };
        if self.core.profile.echo {
            self.core.raw(line);
        }
        for byte in line {
            match byte {
                b'\r' | b'\n' => {}
                8 | 127 => drop(self.line.pop()),
                byte if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => {}
            }
        }
        match end {
            Some(_) => {
                let line = std::mem::take(&mut self.line);
                self.line_end(line);
            }
            None => self.core.flush(),
        }
        rest
    }

    fn line_end(&mut self, mut line: Vec<u8>) {
        self.core.command = String::from_utf8_lossy(&line).into_owned();
        if line.is_empty() {
            return self.core.flush();
        }
        self.core.log('>', &printable(&line));
        if self.core.fires(FaultKind::CommandDrop) {
            drop_byte(&mut line, &mut self.core.faults);
        }
        if self.core.fires(FaultKind::CommandFlip) {
            flip_bit(&mut line, &mut self.core.faults);
        }
        let Some(commands) = Command::parse_line(&String::from_utf8_lossy(&line)) else {
            return self.core.flush();
        };
        self.core.record.lock().counters.commands += 1;
        if self.mishap() {
            return;
        }
        self.core.is_busy = true;
        let answer = match line.len() < MAX_LINE {
            true => self.commands(&commands),
            false => Err(Refusal::Error),
        };
        self.end(answer);
    }

    /// Faults that strike when a command comes; true if it is not worked on.
    fn mishap(&mut self) -> bool {
        if self.core.fires(FaultKind::Reset) {
            self.power_on();
            return true;
        }
        if self.core.network.is_registered() && self.core.fires(FaultKind::RegistrationLoss) {
            let outage = self.core.faults.outage_ms();
            self.core.deregister(stat::SEARCHING);
            let outage = Duration::from_millis(outage.into());
            self.core.timers.set(outage, Timer::OutageOver);
        }
        let is_connected = self.core.network.contexts.values().any(|one| one.is_active);
        if is_connected && self.core.fires(FaultKind::PdpLoss) {
            let registered = self.core.network.is_attached;
            self.core.drop_contexts();
            self.core.network.is_attached = registered;
        }
        if self.core.fires(FaultKind::EchoOn) {
            self.core.profile.echo = true;
        }
        if self.core.fires(FaultKind::Silence) {
            self.core.flush();
            return true;
        }
        false
    }

    fn commands(&mut self, commands: &[Command]) -> Answer {
        if self.core.fires(FaultKind::CmeError) {
            let code = [3, 14, 30, 100].get(self.core.faults.below(4));
            return Err(Refusal::Cme(code.copied().unwrap_or(100)));
        }
        for command in commands {
            let done = self.command(command)?;
            if done != Done::Ok {
                return Ok(done);
            }
        }
        Ok(Done::Ok)
    }

    fn command(&mut self, command: &Command) -> Answer {
        let personality = self.core.personality;
        let (name, _) = personality.power_off;
        if command.name == name {
            self.core.finish(Ok(Done::Ok));
            self.core.flush();
            self.power_down();
            return Ok(Done::Said);
        }
        if let Some(restart) = standard::restart(&mut self.core, command) {
            self.core.finish(restart);
            self.core.flush();
            self.power_on();
            return Ok(Done::Said);
        }
        if let Some(answer) = self.vendor.command(&mut self.core, command) {
            return answer;
        }
        standard::command(&mut self.core, command).unwrap_or(Err(Refusal::Error))
    }

    fn end(&mut self, answer: Answer) {
        if answer == Ok(Done::Wait) {
            self.core.is_blocked = true;
            return self.core.flush();
        }
        self.core.finish(answer);
        self.core.flush();
        self.core.is_busy = false;
        self.core.release();
    }
}

/// Announced data.
impl Engine {
    fn data<'a>(&mut self, mut want: Want, bytes: &'a [u8]) -> &'a [u8] {
        if Instant::now() < want.not_before {
            let count = bytes.len();
            let text = format!("{count} bytes too soon after the prompt");
            self.core.log('!', &text);
            self.core.want = Some(want);
            return &[];
        }
        let (end, is_complete, is_cancelled) = data_end(&want, bytes);
        let (mine, rest) = bytes.split_at(end);
        want.got.extend_from_slice(mine);
        if !is_complete {
            self.core.want = Some(want);
            return rest;
        }
        if want.len.is_none() {
            want.got.pop();
        }
        self.data_done(want, is_cancelled);
        rest
    }

    fn data_done(&mut self, mut want: Want, is_cancelled: bool) {
        self.core.timers.cancel(Timer::DataLate);
        self.core.log('>', &format!("[{} bytes]", want.got.len()));
        self.core.is_busy = true;
        if self.core.fires(FaultKind::UploadFlip) {
            flip_bit(&mut want.got, &mut self.core.faults);
        }
        let answer = match is_cancelled {
            true => Ok(Done::Ok),
            false => self.vendor.data(&mut self.core, want.purpose, want.got),
        };
        self.end(answer);
    }

    fn data_late(&mut self) {
        let Some(want) = self.core.want.take() else {
            return;
        };
        let text = format!("data given up after {} bytes", want.got.len());
        self.core.log('*', &text);
        self.end(Err(Refusal::Error));
    }
}

/// How many of `bytes` belong to the data, whether they complete it, and whether the
/// firmware thought better of it.
fn data_end(want: &Want, bytes: &[u8]) -> (usize, bool, bool) {
    const CTRL_Z: u8 = 0x1a;
    const ESCAPE: u8 = 0x1b;
    match want.len {
        Some(len) => {
            let left = len.saturating_sub(want.got.len());
            (left.min(bytes.len()), bytes.len() >= left, false)
        }
        None => {
            let is_end = |byte: &u8| matches!(*byte, CTRL_Z | ESCAPE);
            match bytes.iter().position(is_end) {
                Some(end) => (end + 1, true, bytes.get(end) == Some(&ESCAPE)),
                None => (bytes.len(), false, false),
            }
        }
    }
}

/// Network.
impl Engine {
    fn socket(&mut self, key: u64, mut what: SocketEvent) {
        let ours = self.core.sockets.values_mut().find(|one| one.key == key);
        let Some(socket) = ours else { return };
        if matches!(what, SocketEvent::Readable)
            && socket.state == State::Open
            && self.core.fires(FaultKind::CloseBeforeRead)
        {
            what = SocketEvent::Closed;
        }
        if let Some(slot) = self.core.update(key, &what) {
            self.vendor.socket(&mut self.core, slot, what);
        }
    }

    fn contexts_lost(&mut self, contexts: &[u8]) {
        self.core.log('*', "data connection lost");
        for socket in self.core.sockets.values_mut() {
            socket.cut();
        }
        self.vendor.contexts_lost(&mut self.core, contexts);
    }
}
