//! A node that lies: forwards to a real one and rewrites what it says, by a rule.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

use crate::http::{post, read_head};

/// One request that came in.
#[derive(Debug)]
pub struct Ask {
    /// The request.
    pub request: Value,
    upstream: String,
}

/// What the proxy says.
#[derive(Debug)]
pub enum Reply {
    /// An answer with correct HTTP around it.
    Json(Value),
    /// These bytes, whatever they are, and the end of the connection.
    Raw(Vec<u8>),
    /// Zeros, so many mebibytes of them, as one JSON text; stops when nobody reads.
    Flood(usize),
    /// The bytes of an answer one at a time.
    Drip(Value),
}

type Rule = Box<dyn FnMut(&Ask) -> Reply + Send>;

/// What went through.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// The method of each request, in order.
    pub methods: Vec<String>,
    /// Bytes of each request, head and body.
    pub up: Vec<usize>,
    /// Bytes of each answer with correct HTTP, head and body.
    pub answers: Vec<usize>,
    /// Connections.
    pub connections: usize,
    /// Bytes sent down in all.
    pub down: usize,
}

/// A listening proxy; stops when dropped.
pub struct Proxy {
    url: String,
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    upstream: String,
    rule: Mutex<Rule>,
    counts: Mutex<Counts>,
    is_stopping: AtomicBool,
}

impl Ask {
    /// The method.
    pub fn method(&self) -> &str {
        self.request["method"].as_str().unwrap_or_default()
    }

    /// Whether this is the method after its prefix: `is("call")` for `eth_call`.
    pub fn is(&self, method: &str) -> bool {
        let name = self.method();
        name.split_once('_').map_or(name, |(_, name)| name) == method
    }

    /// The same request, to be forwarded some time later.
    pub fn again(&self) -> Self {
        Self {
            request: self.request.clone(),
            upstream: self.upstream.clone(),
        }
    }

    /// The honest answer.
    pub fn forward(&self) -> Value {
        let answer = post(&self.upstream, self.request.to_string().as_bytes());
        let answer = answer.map(|body| serde_json::from_slice(&body).unwrap_or_default());
        answer.unwrap_or_default()
    }

    /// The honest answer on its way to the client.
    pub fn honest(&self) -> Reply {
        Reply::Json(self.forward())
    }

    /// The honest answer with its result changed.
    pub fn altered(&self, alter: impl FnOnce(&mut Value)) -> Reply {
        let mut answer = self.forward();
        alter(&mut answer["result"]);
        Reply::Json(answer)
    }

    /// An answer of this result, never forwarded.
    pub fn result(&self, result: Value) -> Reply {
        Reply::Json(json!({"jsonrpc": "2.0", "id": self.request["id"], "result": result}))
    }

    /// A refusal, never forwarded.
    pub fn error(&self, code: i64, message: &str) -> Reply {
        let error = json!({"code": code, "message": message});
        Reply::Json(json!({"jsonrpc": "2.0", "id": self.request["id"], "error": error}))
    }
}

impl Proxy {
    /// A proxy that says what `rule` makes of each request.
    #[expect(clippy::expect_used, reason = "a test without its proxy has failed")]
    pub fn start(upstream: &str, rule: impl FnMut(&Ask) -> Reply + Send + 'static) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = socket.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            rule: Mutex::new(Box::new(rule)),
            counts: Mutex::default(),
            is_stopping: AtomicBool::new(false),
        });
        let listener = thread::spawn({
            let shared = shared.clone();
            move || listen(&socket, &shared)
        });
        Self {
            url: format!("http://{addr}"),
            addr,
            shared,
            listener: Some(listener),
        }
    }

    /// A proxy that changes nothing and counts.
    pub fn honest(upstream: &str) -> Self {
        Self::start(upstream, Ask::honest)
    }

    /// Lies by another rule from now on.
    pub fn set_rule(&self, rule: impl FnMut(&Ask) -> Reply + Send + 'static) {
        *lock(&self.shared.rule) = Box::new(rule);
    }

    /// Says from now on what the node says.
    pub fn stop_lying(&self) {
        self.set_rule(Ask::honest);
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What went through since the last call.
    pub fn take_counts(&self) -> Counts {
        std::mem::take(&mut *lock(&self.shared.counts))
    }

    /// How many requests of this method came since the counts were taken.
    pub fn count(&self, method: &str) -> usize {
        let counts = lock(&self.shared.counts);
        counts.methods.iter().filter(|name| *name == method).count()
    }
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("url", &self.url).finish()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.addr);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// A rule that panicked has failed its test already.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(socket: &TcpListener, shared: &Arc<Shared>) {
    for connection in socket.incoming().map_while(Result::ok) {
        if shared.is_stopping.load(Ordering::SeqCst) {
            return;
        }
        lock(&shared.counts).connections += 1;
        let shared = shared.clone();
        // Ends when the client closes its side.
        thread::spawn(move || while serve(&connection, &shared).is_ok_and(|goes_on| goes_on) {});
    }
}

/// One request; says whether another may follow.
fn serve(mut connection: &TcpStream, shared: &Shared) -> std::io::Result<bool> {
    let mut reader = BufReader::new(connection);
    let (head, len) = read_head(&mut reader)?;
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body)?;
    let ask = Ask {
        request,
        upstream: shared.upstream.clone(),
    };
    {
        let mut counts = lock(&shared.counts);
        counts.methods.push(ask.method().to_owned());
        counts.up.push(head + len);
    }
    let reply = (lock(&shared.rule))(&ask);
    let bytes = match &reply {
        Reply::Json(answer) | Reply::Drip(answer) => http(&answer.to_string()),
        Reply::Raw(bytes) => bytes.clone(),
        Reply::Flood(mebibytes) => return flood(connection, shared, *mebibytes).map(|()| false),
    };
    {
        let mut counts = lock(&shared.counts);
        counts.answers.push(bytes.len());
        counts.down += bytes.len();
    }
    if matches!(reply, Reply::Drip(_)) {
        connection.set_nodelay(true)?;
        for byte in &bytes {
            connection.write_all(&[*byte])?;
        }
        return Ok(true);
    }
    connection.write_all(&bytes)?;
    if matches!(reply, Reply::Raw(_)) {
        connection.shutdown(std::net::Shutdown::Write)?;
        return Ok(false);
    }
    Ok(true)
}

fn http(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A string without an end, of which the client may read as much as it likes.
fn flood(mut connection: &TcpStream, shared: &Shared, mebibytes: usize) -> std::io::Result<()> {
    connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
    connection.write_all(br#"{"jsonrpc":"2.0","result":"0x"#)?;
    let piece = vec![b'0'; 1 << 20];
    for _ in 0..mebibytes {
        connection.write_all(&piece)?;
        lock(&shared.counts).down += piece.len();
    }
    Ok(())
}
