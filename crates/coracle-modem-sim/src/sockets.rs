//! Real TCP connections behind the modem's sockets.
//!
//! Each has a reader thread, which also connects, and a writer thread. Both share a
//! [`Pipe`] with the engine: received bytes wait there until the firmware reads them, and
//! the reader stops at [`WINDOW`], so that TCP's own flow control reaches the peer.

use std::{
    collections::VecDeque,
    fmt, io,
    net::{SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::{
    engine::{Event, Events},
    names::NoRoute,
    stream::{Stream, TlsClient},
};

/// Bytes that wait in either direction.
pub(crate) const WINDOW: usize = 16 * 1024;

/// How long a full buffer may hold the modem up.
const ROOM_WAIT: Duration = Duration::from_millis(200);

/// How long a peer may take nothing before the connection is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One connection that the firmware opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionReport {
    /// Host as the firmware wrote it.
    pub host: String,
    /// Port as the firmware wrote it.
    pub port: u16,
    /// TLS by the modem.
    pub tls: bool,
    /// Whether it opened.
    pub connected: bool,
    /// From the request to the connection; TLS handshake included.
    pub connecting: Duration,
    /// Whether it is still open.
    pub is_open: bool,
    /// Payload bytes from the firmware.
    pub up: u64,
    /// Payload bytes to the firmware.
    pub down: u64,
    /// From start of the modem to the request.
    pub opened_at: Duration,
    /// From the request to the end, or until now.
    pub lasted: Duration,
}

impl fmt::Display for ConnectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        let tls = if self.tls { " tls" } else { "" };
        let failed = if self.connected { "" } else { " not connected" };
        let (at, lasted) = (self.opened_at.as_secs_f64(), self.lasted.as_secs_f64());
        let connecting = self.connecting.as_secs_f64();
        let (up, down) = (self.up, self.down);
        write!(
            f,
            "{host}:{port}{tls}{failed} at {at:.3} s, {connecting:.3} s to open, {lasted:.3} s in all, {up} bytes up, {down} down"
        )
    }
}

/// Which of the modem's sockets: plain and TLS ones are numbered apart.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Slot {
    pub(crate) family: Family,
    pub(crate) id: u8,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Family {
    Plain,
    Tls,
}

impl Slot {
    pub(crate) const fn plain(id: u8) -> Self {
        let family = Family::Plain;
        Self { family, id }
    }

    pub(crate) const fn tls(id: u8) -> Self {
        let family = Family::Tls;
        Self { family, id }
    }
}

/// Why a connection did not open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum OpenError {
    Route(NoRoute),
    Refused,
    Timeout,
    Tls(rustls::Error),
}

#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Failed(OpenError),
    Readable,
    Closed,
}

/// Where a socket stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Opening,
    Open,
    /// Ended by the peer or the network; unread bytes can still be read.
    Ended,
}

/// The engine's view of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) key: u64,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) state: State,
    /// The next byte is announced by an unsolicited line.
    pub(crate) is_armed: bool,
    /// Bytes taken from the firmware, and given to it.
    pub(crate) sent: u64,
    pub(crate) read: u64,
    /// Vendor's own: access mode, profile.
    pub(crate) mode: u8,
    /// Place in the list of reports.
    pub(crate) report: usize,
    pipe: Arc<Pipe>,
}

/// What to connect to.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) route: Result<SocketAddr, OpenError>,
    pub(crate) tls: Option<TlsClient>,
}

impl Socket {
    /// Starts to connect; the outcome comes as an event.
    pub(crate) fn open(key: u64, target: Target, report: usize, events: &Events) -> Self {
        let pipe = Arc::new(Pipe::default());
        let socket = Self {
            key,
            host: target.host,
            port: target.port,
            state: State::Opening,
            is_armed: true,
            sent: 0,
            read: 0,
            mode: 0,
            report,
            pipe: Arc::clone(&pipe),
        };
        let link = Link {
            key,
            pipe,
            events: events.clone(),
        };
        match target.route {
            Err(error) => link.tell(SocketEvent::Failed(error)),
            Ok(addr) => link.spawn(addr, target.tls),
        }
        socket
    }

    /// Whether so many bytes can be taken to send, perhaps after a moment: a host that is
    /// busy with other things is not a network that is stuck.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        let pipe = self.pipe.lock();
        let is_full = |pipe: &mut PipeState| pipe.outbox.len() + len > WINDOW;
        let waited = self
            .pipe
            .changed
            .wait_timeout_while(pipe, ROOM_WAIT, is_full);
        let (pipe, _) = waited.unwrap_or_else(PoisonError::into_inner);
        pipe.outbox.len() + len <= WINDOW
    }

    /// Takes bytes to send; as many as there is room for.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> usize {
        self.has_room(bytes.len());
        let mut pipe = self.pipe.lock();
        let room = WINDOW.saturating_sub(pipe.outbox.len()).min(bytes.len());
        pipe.outbox.extend(bytes.iter().take(room));
        drop(pipe);
        self.pipe.changed.notify_all();
        self.sent += room as u64;
        room
    }

    /// Gives up to `max` received bytes.
    pub(crate) fn take(&mut self, max: usize) -> Vec<u8> {
        let mut pipe = self.pipe.lock();
        let count = max.min(pipe.inbox.len());
        let bytes: Vec<u8> = pipe.inbox.drain(..count).collect();
        drop(pipe);
        self.pipe.changed.notify_all();
        self.read += bytes.len() as u64;
        bytes
    }

    /// Bytes that wait to be read.
    pub(crate) fn unread(&self) -> usize {
        self.pipe.lock().inbox.len()
    }

    /// Bytes that the host's TCP has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.pipe.lock().outbox.len()
    }

    /// Cuts the connection; what was received stays readable.
    pub(crate) fn cut(&mut self) {
        self.state = State::Ended;
        self.pipe.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.pipe.close();
    }
}

#[derive(Debug, Default)]
struct Pipe {
    state: Mutex<PipeState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct PipeState {
    inbox: VecDeque<u8>,
    outbox: VecDeque<u8>,
    is_closed: bool,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, PipeState>) -> MutexGuard<'a, PipeState> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}

/// A connection as its threads see it.
struct Link {
    key: u64,
    pipe: Arc<Pipe>,
    events: Events,
}

impl Link {
    fn tell(&self, what: SocketEvent) {
        // Nobody listens any more when the modem stops.
        let _ = self.events.send(Event::Socket {
            key: self.key,
            what,
        });
    }

    fn spawn(self, addr: SocketAddr, tls: Option<TlsClient>) {
        let thread = thread::Builder::new().name("modem socket".into());
        let spawned = thread.spawn(move || match self.connect(addr, tls) {
            Ok(stream) => self.run(Arc::new(stream)),
            Err(error) => self.tell(SocketEvent::Failed(error)),
        });
        // Without a thread the socket stays in opening, as with a dead network.
        drop(spawned);
    }

    fn connect(&self, addr: SocketAddr, tls: Option<TlsClient>) -> Result<Stream, OpenError> {
        let tcp = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT).map_err(open_error)?;
        tcp.set_nodelay(true).map_err(open_error)?;
        tcp.set_write_timeout(Some(SEND_TIMEOUT))
            .map_err(open_error)?;
        match tls {
            None => Ok(Stream::plain(tcp)),
            Some(client) => Stream::handshake(tcp, client).map_err(open_error),
        }
    }

    fn run(self, stream: Arc<Stream>) {
        let (ours, pipe) = (Arc::clone(&stream), Arc::clone(&self.pipe));
        let thread = thread::Builder::new().name("modem socket".into());
        if thread.spawn(move || write_out(&ours, &pipe)).is_err() {
            return self.tell(SocketEvent::Failed(OpenError::Refused));
        }
        self.tell(SocketEvent::Opened);
        self.read_in(&stream);
        self.tell(SocketEvent::Closed);
    }

    fn read_in(&self, stream: &Stream) {
        let mut buf = [0; 4096];
        loop {
            let mut state = self.pipe.lock();
            while state.inbox.len() >= WINDOW && !state.is_closed {
                state = self.pipe.wait(state);
            }
            if state.is_closed {
                return;
            }
            drop(state);
            let Ok(count @ 1..) = stream.read(&mut buf) else {
                return;
            };
            let bytes = buf.get(..count).unwrap_or_default();
            let mut state = self.pipe.lock();
            if state.is_closed {
                return;
            }
            state.inbox.extend(bytes);
            drop(state);
            self.tell(SocketEvent::Readable);
        }
    }
}

/// Sends what the firmware gave until the socket is closed and all is sent.
fn write_out(stream: &Stream, pipe: &Pipe) {
    loop {
        let mut state = pipe.lock();
        while state.outbox.is_empty() && !state.is_closed {
            state = pipe.wait(state);
        }
        // From here on they count as acknowledged: an answer may be here before the write
        // returns.
        let bytes: Vec<u8> = state.outbox.drain(..).collect();
        drop(state);
        pipe.changed.notify_all();
        if bytes.is_empty() || stream.write_all(&bytes).is_err() {
            return stream.shutdown();
        }
    }
}

fn open_error(error: io::Error) -> OpenError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if let Some(error) = inner {
        return OpenError::Tls(rustls::Error::clone(error));
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => OpenError::Timeout,
        _ => OpenError::Refused,
    }
}
