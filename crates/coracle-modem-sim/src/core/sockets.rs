//! Connections, and what they cost.

use std::time::Duration;

use crate::{
    core::Core,
    fault::FaultKind,
    names::NoRoute,
    sockets::{ConnectionReport, OpenError, Slot, Socket, SocketEvent, State, Target},
    stream::TlsClient,
};

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
            connecting: Duration::ZERO,
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

    fn report_opened(&self, place: usize) {
        let now = self.record.lock().start.elapsed();
        self.report(place, |report| {
            report.connected = true;
            report.connecting = now.saturating_sub(report.opened_at);
        });
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
            SocketEvent::Opened => self.report_opened(place),
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
