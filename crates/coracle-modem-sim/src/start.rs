//! Starting a modem, and the handle to it.

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    config::{Config, Listen},
    engine::{Engine, Event, Events},
    fault::{Fault, FaultKind},
    host::{Host, Port},
    power::{PowerModel, RadioReport},
    record::Shared,
    sockets::ConnectionReport,
};

/// An emulated modem.
#[derive(Clone, Copy, Debug)]
pub struct ModemSim;

/// Where a modem listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// The name of a pseudo terminal.
    Pty(PathBuf),
}

/// As QEMU's `-serial` takes it: `tcp:127.0.0.1:7000`, `unix:PATH`; a terminal `pty:PATH`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(addr) => write!(f, "tcp:{addr}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Pty(path) => write!(f, "pty:{}", path.display()),
        }
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Command lines, whether answered or not.
    pub commands: u64,
    /// Times that the modem came up.
    pub boots: u64,
    /// Clients of the UART that came and went.
    pub clients: u64,
    /// Faults that fired.
    pub faults: u64,
    /// The same by kind.
    pub fired: Vec<(FaultKind, u32)>,
}

impl Counters {
    /// How often a kind of fault fired.
    pub fn fired(&self, kind: FaultKind) -> u32 {
        let mut all = self.fired.iter();
        all.find(|(one, _)| *one == kind)
            .map_or(0, |(_, count)| *count)
    }
}

/// Waits for what clients do.
#[derive(Debug)]
pub struct Watch(Shared);

impl Watch {
    /// Waits until a client of the UART has come and gone, ever.
    pub fn wait_for_end_of_client(&self) {
        self.0.wait_for_end_of_client();
    }
}

/// What a run cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Since start.
    pub uptime: Duration,
    /// The connections that the firmware asked for, oldest first.
    pub connections: Vec<ConnectionReport>,
    /// Radio time, by the model.
    pub radio: RadioReport,
    /// The model.
    pub model: PowerModel,
}

/// One line for each connection, then the radio, then the model.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in &self.connections {
            writeln!(f, "connection {one}")?;
        }
        writeln!(f, "radio {}", self.radio)?;
        write!(f, "model {}", self.model)
    }
}

/// A running modem. Stops when dropped.
#[derive(Debug)]
pub struct Handle {
    events: Events,
    record: Shared,
    engine: Option<JoinHandle<()>>,
    uart: Host,
    control: Option<Host>,
}

impl ModemSim {
    /// Starts a modem with threads of its own; any number can run in one process.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound, is not of this machine, or the transcript file
    /// cannot be written.
    pub fn start(config: Config) -> io::Result<Handle> {
        if config.control == Some(Listen::Pty) {
            let message = "control pins need a TCP port or a Unix socket";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let record = Shared::new(&config)?;
        let (events, queue) = mpsc::channel();
        let uart = Host::open(&config.listen, Port::Uart, events.clone())?;
        let control = config.control.as_ref();
        let control = control.map(|listen| Host::open(listen, Port::Pins, events.clone()));
        let control = control.transpose()?;
        let engine = Engine::new(config, record.clone(), events.clone());
        let thread = thread::Builder::new().name("modem".into());
        let thread = thread.spawn(move || engine.run(&queue))?;
        Ok(Handle {
            events,
            record,
            engine: Some(thread),
            uart,
            control,
        })
    }
}

impl Handle {
    /// Where the UART is.
    pub fn address(&self) -> &Address {
        &self.uart.address
    }

    /// Where the control pins are.
    pub fn control_address(&self) -> Option<&Address> {
        self.control.as_ref().map(|host| &host.address)
    }

    /// The UART's TCP address.
    ///
    /// # Errors
    ///
    /// If the modem does not listen on TCP.
    pub fn tcp(&self) -> io::Result<SocketAddr> {
        match self.address() {
            Address::Tcp(addr) => Ok(*addr),
            other => Err(io::Error::other(format!("{other} is no TCP address"))),
        }
    }

    /// Adds a fault to the script of the running modem.
    ///
    /// It counts for what comes after; bytes that are on their way already may be ahead.
    pub fn inject(&self, fault: Fault) {
        // A modem that has stopped has no more faults.
        let _ = self.events.send(Event::Inject(fault));
    }

    /// What was said so far: `>` to the modem, `<` from it, `!` faults, `*` the rest,
    /// each with the seconds since start. Payload is shown by its length.
    pub fn transcript(&self) -> String {
        self.record.lock().transcript.text()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.record.lock().counters.clone()
    }

    /// What it would have cost: connections and radio time until now.
    pub fn report(&self) -> Report {
        let record = self.record.lock();
        let uptime = record.start.elapsed();
        let mut connections = record.connections.clone();
        let open = connections.iter_mut().filter(|one| one.is_open);
        open.for_each(|one| one.lasted = uptime.saturating_sub(one.opened_at));
        Report {
            uptime,
            connections,
            radio: record.meter.report(uptime),
            model: record.meter.model(),
        }
    }

    /// Something to wait with in another thread; it does not keep the modem running.
    pub fn watch(&self) -> Watch {
        Watch(self.record.clone())
    }

    /// Ends the connections and the threads. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.events.send(Event::Stop);
        if let Some(engine) = self.engine.take() {
            let _ = engine.join();
        }
    }
}
