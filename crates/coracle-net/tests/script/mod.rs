//! A stack whose connections play a script.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use coracle_net::{Connect, Endpoint};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// What the server does with one request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes; closes only if asked for more.
    Answer(Vec<u8>),
    /// The connection fails while the request is written.
    FailWrite(ErrorKind),
    /// The transport takes no byte and says so.
    TakeNothing,
    /// Sends these bytes, then the connection fails.
    FailRead(Vec<u8>, ErrorKind),
    /// Sends these bytes, then nothing for ever.
    Hang(Vec<u8>),
}

pub(crate) fn answer(text: &str) -> Step {
    Step::Answer(text.as_bytes().to_vec())
}

/// An answer of status 200 that keeps the connection.
pub(crate) fn ok(body: &str) -> Step {
    answer(&format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The script: what each connection does, request by request. Connections beyond it
/// are refused; requests beyond a connection's part find it closed.
pub(crate) struct Script {
    connections: RefCell<VecDeque<Vec<Step>>>,
    /// Every request that came, by connection.
    pub(crate) requests: RefCell<Vec<(usize, Vec<u8>)>>,
    pub(crate) connected: Cell<usize>,
    pub(crate) open: Cell<usize>,
    /// The longest piece that a read gives or a write takes.
    pub(crate) piece: usize,
}

impl Script {
    pub(crate) fn new(piece: usize, connections: &[&[Step]]) -> Self {
        Self {
            connections: RefCell::new(connections.iter().map(|steps| steps.to_vec()).collect()),
            requests: RefCell::default(),
            connected: Cell::new(0),
            open: Cell::new(0),
            piece,
        }
    }

    pub(crate) fn request(&self, index: usize) -> String {
        String::from_utf8(self.requests.borrow()[index].1.clone()).unwrap()
    }

    pub(crate) fn request_count(&self) -> usize {
        self.requests.borrow().len()
    }
}

pub(crate) struct Scripted<'a> {
    script: &'a Script,
    number: usize,
    steps: VecDeque<Step>,
    current: Step,
    reading: bool,
}

impl Drop for Scripted<'_> {
    fn drop(&mut self) {
        self.script.open.set(self.script.open.get() - 1);
    }
}

impl Connect for Script {
    type Error = ErrorKind;
    type Connection<'a> = Scripted<'a>;

    async fn connect<'a>(&'a self, _: &Endpoint<'_>) -> Result<Scripted<'a>, ErrorKind> {
        let next = self.connections.borrow_mut().pop_front();
        let steps = next.ok_or(ErrorKind::ConnectionRefused)?.into();
        self.connected.set(self.connected.get() + 1);
        self.open.set(self.open.get() + 1);
        assert_eq!(self.open.get(), 1, "one connection at a time");
        Ok(Scripted {
            script: self,
            number: self.connected.get(),
            steps,
            current: Step::Answer(Vec::new()),
            reading: true,
        })
    }
}

impl ErrorType for Scripted<'_> {
    type Error = ErrorKind;
}

impl Write for Scripted<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        assert!(!buf.is_empty(), "an empty write");
        if self.reading {
            self.reading = false;
            self.current = self.steps.pop_front().unwrap_or(Step::Answer(Vec::new()));
            let request = (self.number, Vec::new());
            self.script.requests.borrow_mut().push(request);
        }
        match self.current {
            Step::FailWrite(kind) => return Err(kind),
            Step::TakeNothing => return Ok(0),
            _ => {}
        }
        let taken = &buf[..buf.len().min(self.script.piece)];
        let mut requests = self.script.requests.borrow_mut();
        requests.last_mut().unwrap().1.extend_from_slice(taken);
        Ok(taken.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Read for Scripted<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        self.reading = true;
        let (bytes, fails, hangs) = match &mut self.current {
            Step::Answer(bytes) => (bytes, None, false),
            Step::FailRead(bytes, kind) => (bytes, Some(*kind), false),
            Step::Hang(bytes) => (bytes, None, true),
            Step::FailWrite(kind) => return Err(*kind),
            Step::TakeNothing => return Ok(0),
        };
        if bytes.is_empty() {
            if hangs {
                pending::<()>().await;
            }
            return fails.map_or(Ok(0), Err);
        }
        let len = bytes.len().min(buf.len()).min(self.script.piece);
        buf[..len].copy_from_slice(&bytes[..len]);
        bytes.drain(..len);
        Ok(len)
    }
}

/// Runs a future that waits for nothing.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    poll_once(future).expect("the script hangs")
}

/// Polls a future once, then drops it.
pub(crate) fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
