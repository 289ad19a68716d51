//! The UART's other end: listeners, and a reader and a writer thread for the client.
//!
//! One client at a time. The next one is accepted when the last is gone, and finds the
//! modem as it was left.

use std::{
    fs, io,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::FileTypeExt,
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    config::Listen,
    engine::{Event, Events},
    start::Address,
    wire::{Pty, Wire},
};

/// Bytes to a client, and how long to wait before they go.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) wait: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// Whose bytes arrive at a listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Port {
    Uart,
    Pins,
}

/// A listener and its thread.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) address: Address,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    pty: Option<Pty>,
}

#[derive(Debug)]
enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
    /// A terminal has one client, who is always there.
    Pty(Option<Wire>),
}

impl Host {
    pub(crate) fn open(listen: &Listen, port: Port, events: Events) -> io::Result<Self> {
        let mut pty = None;
        let (address, door) = match listen {
            Listen::Tcp(addr) if !addr.ip().is_loopback() => {
                let message = "the modem listens on loopback addresses only";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
            }
            Listen::Tcp(addr) => {
                let listener = TcpListener::bind(addr)?;
                (Address::Tcp(listener.local_addr()?), Door::Tcp(listener))
            }
            Listen::Unix(path) => {
                let listener = bind_unix(path)?;
                (Address::Unix(path.clone()), Door::Unix(listener))
            }
            Listen::Pty => {
                let made = Pty::open()?;
                let door = Door::Pty(Some(made.wire()?));
                let path = made.path.clone();
                pty = Some(made);
                (Address::Pty(path), door)
            }
        };
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopping);
        let thread = thread::Builder::new().name("modem host".into());
        let thread = thread.spawn(move || serve(door, port, &events, &flag))?;
        Ok(Self {
            address,
            stopping,
            thread: Some(thread),
            pty,
        })
    }
}

/// Binds a path, also one that a process left behind when it was killed.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let probe = UnixStream::connect(path).map_err(|error| error.kind());
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            if !is_socket || probe.err() != Some(io::ErrorKind::ConnectionRefused) {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

impl Drop for Host {
    /// Wakes the thread, which waits for a client or for bytes.
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        match &self.address {
            Address::Tcp(addr) => drop(TcpStream::connect(addr)),
            Address::Unix(path) => {
                drop(UnixStream::connect(path));
                let _ = fs::remove_file(path);
            }
            Address::Pty(_) => {
                if let Some(pty) = &mut self.pty {
                    pty.nudge();
                }
            }
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Door {
    fn accept(&mut self) -> Option<io::Result<Wire>> {
        match self {
            Self::Tcp(listener) => Some(listener.accept().and_then(|(stream, _)| {
                stream.set_nodelay(true)?;
                Ok(Wire::Tcp(stream))
            })),
            Self::Unix(listener) => Some(listener.accept().map(|(stream, _)| Wire::Unix(stream))),
            Self::Pty(wire) => wire.take().map(Ok),
        }
    }
}

/// Takes one client after the other until told to stop.
fn serve(mut door: Door, port: Port, events: &Events, stopping: &AtomicBool) {
    let mut client = 0;
    while let Some(wire) = door.accept() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(wire) = wire else { continue };
        client += 1;
        if read_client(wire, port, client, events, stopping).is_none() {
            return;
        }
    }
}

/// Reads until the client goes; `None` when nobody wants the bytes any more.
fn read_client(
    wire: Wire,
    port: Port,
    client: u64,
    events: &Events,
    stopping: &AtomicBool,
) -> Option<()> {
    let Ok(theirs) = wire.try_clone() else {
        return Some(());
    };
    let connected = Event::Connected {
        port,
        client,
        wire: theirs,
    };
    events.send(connected).ok()?;
    let mut buf = [0; 4096];
    loop {
        let count = match (&wire).read(&mut buf) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if stopping.load(Ordering::SeqCst) {
            return None;
        }
        let bytes = buf.get(..count).unwrap_or_default().to_vec();
        events.send(Event::Bytes { port, bytes }).ok()?;
    }
    events.send(Event::Gone { port, client }).ok()
}

/// Starts a thread that writes to a client, so that one who does not read cannot stop
/// the modem. It ends when the sender is dropped or the client goes.
pub(crate) fn writer(wire: Wire) -> io::Result<Sender<Piece>> {
    let (pieces, queue) = mpsc::channel();
    let thread = thread::Builder::new().name("modem uart".into());
    thread.spawn(move || write_pieces(&wire, &queue))?;
    Ok(pieces)
}

fn write_pieces(mut wire: &Wire, queue: &Receiver<Piece>) {
    for piece in queue {
        if !piece.wait.is_zero() {
            thread::sleep(piece.wait);
        }
        if wire.write_all(&piece.bytes).is_err() {
            return;
        }
    }
}
