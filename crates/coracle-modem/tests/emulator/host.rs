//! A UART over TCP, a delay and an executor, on the host's clock.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use embedded_hal_async::delay::DelayNs;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};

/// What the reading thread leaves for the firmware.
#[derive(Default)]
struct Inbox {
    bytes: VecDeque<u8>,
    closed: bool,
    waker: Option<Waker>,
}

/// A UART whose other end is a TCP server.
pub struct HostUart {
    stream: TcpStream,
    inbox: Arc<Mutex<Inbox>>,
}

impl HostUart {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the emulator listens");
        stream.set_nodelay(true).expect("a socket");
        let inbox = Arc::<Mutex<Inbox>>::default();
        let mut reader = stream.try_clone().expect("a socket");
        let shared = inbox.clone();
        thread::spawn(move || {
            let mut buf = [0; 2048];
            loop {
                let read = reader.read(&mut buf).unwrap_or(0);
                let mut inbox = shared.lock().expect("no panic while locked");
                inbox.bytes.extend(&buf[..read]);
                inbox.closed |= read == 0;
                if let Some(waker) = inbox.waker.take() {
                    waker.wake();
                }
                if read == 0 {
                    return;
                }
            }
        });
        Self { stream, inbox }
    }
}

impl Drop for HostUart {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl ErrorType for HostUart {
    type Error = ErrorKind;
}

impl Read for HostUart {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|context| {
            let mut inbox = self.inbox.lock().expect("no panic while locked");
            if inbox.bytes.is_empty() && !inbox.closed {
                inbox.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            let len = buf.len().min(inbox.bytes.len());
            for (to, from) in buf.iter_mut().zip(inbox.bytes.drain(..len)) {
                *to = from;
            }
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for HostUart {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        self.stream.write(buf).map_err(|_| ErrorKind::Other)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

thread_local! {
    static DEADLINES: RefCell<BTreeMap<(Instant, u64), ()>> = const { RefCell::new(BTreeMap::new()) };
    static NEXT: RefCell<u64> = const { RefCell::new(0) };
}

/// Waits on the host's clock; for [`block_on`] of the same thread.
pub struct HostDelay;

struct Deadline(Instant, u64);

impl Drop for Deadline {
    fn drop(&mut self) {
        DEADLINES.with_borrow_mut(|all| all.remove(&(self.0, self.1)));
    }
}

impl DelayNs for HostDelay {
    async fn delay_ns(&mut self, ns: u32) {
        let number = NEXT.with_borrow_mut(|next| {
            *next += 1;
            *next
        });
        let end = Deadline(Instant::now() + Duration::from_nanos(ns.into()), number);
        DEADLINES.with_borrow_mut(|all| all.insert((end.0, end.1), ()));
        poll_fn(|_| match Instant::now() >= end.0 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future; the thread is parked until a byte comes or a delay ends.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let next = DEADLINES.with_borrow(|all| all.keys().next().map(|key| key.0));
        match next {
            Some(end) => thread::park_timeout(end.saturating_duration_since(Instant::now())),
            None => thread::park(),
        }
    }
}
