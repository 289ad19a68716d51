//! HTTP/1.1 server: one thread per connection, bounded in every direction.
//!
//! | limit | value |
//! |---|---|
//! | connections | [`MAX_CONNECTIONS`] |
//! | request line and headers | [`MAX_HEAD`] bytes |
//! | body | [`MAX_BODY`] bytes |

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::devnet::Devnet;

/// Connections at one time.
const MAX_CONNECTIONS: usize = 64;
/// Bytes of a request line with its headers.
const MAX_HEAD: u64 = 8 * 1024;
/// Bytes of a body.
const MAX_BODY: usize = 1024 * 1024;

/// A chain behind HTTP. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    devnet: Devnet,
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u64,
    open: HashMap<u64, TcpStream>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(devnet: Devnet, addr: impl ToSocketAddrs) -> io::Result<Self> {
        let socket = TcpListener::bind(addr)?;
        let addr = socket.local_addr()?;
        let shared = Arc::new(Shared::default());
        let (theirs, chain) = (Arc::clone(&shared), devnet.clone());
        let listener = thread::Builder::new()
            .name("devnet".into())
            .spawn(move || listen(&socket, &theirs, &chain))?;
        Ok(Self {
            devnet,
            addr,
            shared,
            listener: Some(listener),
        })
    }

    /// The chain behind it.
    pub fn devnet(&self) -> &Devnet {
        &self.devnet
    }

    /// Where it listens, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it listens, as `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Waits until the server stops, which it does not by itself.
    pub fn wait(mut self) {
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, which is waiting in `accept`.
        let _ = TcpStream::connect(self.addr);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        let threads = {
            let mut connections = self.shared.lock();
            for stream in connections.open.values() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            std::mem::take(&mut connections.threads)
        };
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(socket: &TcpListener, shared: &Arc<Shared>, devnet: &Devnet) {
    for stream in socket.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        // A connection that fails is the peer's loss; the next one may do.
        if let Ok(stream) = stream {
            let _ = accept(stream, shared, devnet);
        }
    }
}

fn accept(mut stream: TcpStream, shared: &Arc<Shared>, devnet: &Devnet) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let handle = stream.try_clone()?;
    let mut connections = shared.lock();
    connections.threads.retain(|thread| !thread.is_finished());
    if connections.open.len() >= MAX_CONNECTIONS {
        return respond(&mut stream, Status::Busy, "", false);
    }
    let number = connections.next;
    connections.next += 1;
    let (theirs, chain) = (Arc::clone(shared), devnet.clone());
    let thread = thread::Builder::new().spawn(move || {
        // An error here is a peer that went away.
        let _ = serve(stream, &chain);
        theirs.lock().open.remove(&number);
    })?;
    connections.open.insert(number, handle);
    connections.threads.push(thread);
    Ok(())
}

/// Answers requests until the peer or a fault ends the connection.
fn serve(mut stream: TcpStream, devnet: &Devnet) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let request = match read_request(&mut reader, &mut stream) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(Fault::Io(error)) => return Err(error),
            Err(Fault::Status(status)) => {
                respond(&mut stream, status, "", false)?;
                // Lets the peer read the answer before it learns that the
                // rest of its request went nowhere.
                stream.shutdown(Shutdown::Write)?;
                io::copy(&mut reader.take(MAX_BODY as u64), &mut io::sink())?;
                return Ok(());
            }
        };
        let answer = devnet.handle(&request.body);
        respond(&mut stream, Status::Ok, &answer, request.keep_alive)?;
        if !request.keep_alive {
            return Ok(());
        }
    }
}

struct Request {
    body: Vec<u8>,
    keep_alive: bool,
}

enum Fault {
    Io(io::Error),
    Status(Status),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Clone, Copy)]
enum Status {
    Ok,
    BadRequest,
    MethodNotAllowed,
    LengthRequired,
    TooLarge,
    MediaType,
    HeadTooLarge,
    NotImplemented,
    Busy,
    Version,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::LengthRequired => "411 Length Required",
            Self::TooLarge => "413 Content Too Large",
            Self::MediaType => "415 Unsupported Media Type",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::NotImplemented => "501 Not Implemented",
            Self::Busy => "503 Service Unavailable",
            Self::Version => "505 HTTP Version Not Supported",
        }
    }
}

/// What the headers said.
#[derive(Default)]
struct Head {
    length: Option<usize>,
    keep_alive: bool,
    expects_continue: bool,
}

/// `None` if the peer closed the connection between requests.
fn read_request(
    reader: &mut BufReader<TcpStream>,
    stream: &mut TcpStream,
) -> Result<Option<Request>, Fault> {
    let Some(head) = read_head(reader)? else {
        return Ok(None);
    };
    let Some(length) = head.length else {
        return Err(Fault::Status(Status::LengthRequired));
    };
    if length > MAX_BODY {
        return Err(Fault::Status(Status::TooLarge));
    }
    if head.expects_continue {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request {
        body,
        keep_alive: head.keep_alive,
    }))
}

fn read_head(reader: &mut BufReader<TcpStream>) -> Result<Option<Head>, Fault> {
    let mut lines = reader.take(MAX_HEAD);
    let Some(first) = read_line(&mut lines)? else {
        return Ok(None);
    };
    let mut head = request_line(&first)?;
    loop {
        let line = read_line(&mut lines)?.ok_or(Fault::Status(Status::BadRequest))?;
        if line.is_empty() {
            return Ok(Some(head));
        }
        header_line(&line, &mut head)?;
    }
}

/// A line without its CRLF; `None` at the end of the stream.
fn read_line(lines: &mut impl BufReadWithin) -> Result<Option<String>, Fault> {
    let mut line = Vec::new();
    if lines.read_until(b'\n', &mut line)? == 0 && lines.left() > 0 {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else {
        let status = match lines.left() {
            0 => Status::HeadTooLarge,
            _ => Status::BadRequest,
        };
        return Err(Fault::Status(status));
    };
    match str::from_utf8(line) {
        Ok(line) => Ok(Some(line.to_owned())),
        Err(_) => Err(Fault::Status(Status::BadRequest)),
    }
}

/// A reader that knows how much it may still read.
trait BufReadWithin: BufRead {
    fn left(&self) -> u64;
}

impl<R: BufRead> BufReadWithin for io::Take<R> {
    fn left(&self) -> u64 {
        self.limit()
    }
}

fn request_line(line: &str) -> Result<Head, Fault> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault::Status(Status::BadRequest));
    };
    if !target.starts_with('/') {
        return Err(Fault::Status(Status::BadRequest));
    }
    let keep_alive = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(Fault::Status(Status::Version)),
    };
    if method != "POST" {
        return Err(Fault::Status(Status::MethodNotAllowed));
    }
    Ok(Head {
        keep_alive,
        ..Head::default()
    })
}

fn header_line(line: &str, head: &mut Head) -> Result<(), Fault> {
    let Some((name, value)) = line.split_once(':') else {
        return Err(Fault::Status(Status::BadRequest));
    };
    let value = value.trim_matches([' ', '\t']);
    match name.to_ascii_lowercase().as_str() {
        "content-length" => content_length(value, head),
        "transfer-encoding" => Err(Fault::Status(Status::NotImplemented)),
        "content-type" if !is_json(value) => Err(Fault::Status(Status::MediaType)),
        "connection" => {
            connection(value, head);
            Ok(())
        }
        "expect" => {
            head.expects_continue = value.eq_ignore_ascii_case("100-continue");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Digits only, and once only: two lengths are how requests get smuggled.
fn content_length(value: &str, head: &mut Head) -> Result<(), Fault> {
    let digits = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
    if !digits || head.length.is_some() {
        return Err(Fault::Status(Status::BadRequest));
    }
    // More digits than a length has are as good as too long.
    head.length = Some(value.parse().unwrap_or(usize::MAX));
    Ok(())
}

fn is_json(value: &str) -> bool {
    let media = value.split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

fn connection(value: &str, head: &mut Head) {
    for option in value.split(',').map(str::trim) {
        if option.eq_ignore_ascii_case("close") {
            head.keep_alive = false;
        } else if option.eq_ignore_ascii_case("keep-alive") {
            head.keep_alive = true;
        }
    }
}

/// One write for head and body, so that they go out together.
fn respond(stream: &mut TcpStream, status: Status, body: &str, keep_alive: bool) -> io::Result<()> {
    let close = if keep_alive {
        ""
    } else {
        "Connection: close\r\n"
    };
    let answer = format!(
        "HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{close}\r\n{body}",
        status.line(),
        body.len(),
    );
    stream.write_all(answer.as_bytes())
}
