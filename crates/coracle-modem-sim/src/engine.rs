//! The modem's main loop: one thread, one queue of events, no polling.

mod data;
mod lines;
mod power;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use crate::{
    config::{Config, PowerOn},
    core::{Core, Power},
    dialect::{self, Vendor},
    fault::{Fault, FaultKind},
    host::{self, Port},
    record::Shared,
    sockets::{SocketEvent, State},
    timers::Timer,
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
    Inject(Fault),
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
            Event::Inject(fault) => self.core.faults.add(fault),
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
            b'p' if self.core.power == Power::On => self.power_down(),
            b'R' => self.power_off(),
            b'r' => self.power_on(),
            b'D' | b'd' => self.core.dtr = edge == b'D',
            _ => {}
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
