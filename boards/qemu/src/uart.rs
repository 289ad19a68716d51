//! The line to the modem: received by interrupt into a ring, sent by interrupt when the
//! hardware is full.
//!
//! With a full ring, bytes stay where they are until there is room, and QEMU holds the
//! host's back: the line behaves as one with RTS and CTS wired.

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker};

use critical_section::Mutex;
use embedded_io_async::{ErrorType, Read, Write};
use heapless::Deque;

use crate::chip;

/// Received bytes that can wait: more than the longest answer of a modem.
const RING_LEN: usize = 2048;

static STATE: Mutex<RefCell<State>> = Mutex::new(RefCell::new(State {
    ring: Deque::new(),
    reader: None,
    writer: None,
    overruns: 0,
    held: 0,
}));

struct State {
    ring: Deque<u8, RING_LEN>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    overruns: u32,
    held: u32,
}

impl State {
    /// Moves what has come into the ring. Stops listening when that is full.
    fn receive(&mut self) {
        if self.ring.is_full() {
            // Nobody listens: whoever makes room comes back here.
            return;
        }
        // Before the first look: a byte that comes after the last one must interrupt.
        chip::MODEM.listen_rx(true);
        while !self.ring.is_full() {
            let Some(byte) = chip::MODEM.take() else {
                return;
            };
            // There is room: the loop has just looked.
            let _ = self.ring.push_back(byte);
        }
        self.held = self.held.saturating_add(1);
        chip::MODEM.listen_rx(false);
    }

    fn read(&mut self, buf: &mut [u8]) -> usize {
        let was_full = self.ring.is_full();
        let mut len = 0;
        while let Some(slot) = buf.get_mut(len) {
            let Some(byte) = self.ring.pop_front() else {
                break;
            };
            *slot = byte;
            len += 1;
        }
        if was_full {
            self.receive();
        }
        len
    }
}

/// Called by the interrupts of this UART.
pub(crate) extern "C" fn on_interrupt() {
    critical_section::with(|cs| {
        let state = &mut *STATE.borrow_ref_mut(cs);
        if chip::MODEM.acknowledge() {
            state.overruns = state.overruns.saturating_add(1);
        }
        state.receive();
        if !state.ring.is_empty()
            && let Some(reader) = state.reader.take()
        {
            reader.wake();
        }
        if let Some(writer) = state.writer.take() {
            chip::MODEM.listen_tx(false);
            writer.wake();
        }
    });
}

/// The UART that the modem is at. There is one.
pub struct ModemUart(());

impl ModemUart {
    pub(crate) const fn new() -> Self {
        Self(())
    }

    /// Bytes that the hardware lost because nobody took them in time.
    pub fn overruns(&self) -> u32 {
        critical_section::with(|cs| STATE.borrow_ref(cs).overruns)
    }

    /// Times that the ring was full and the modem had to wait.
    pub fn held(&self) -> u32 {
        critical_section::with(|cs| STATE.borrow_ref(cs).held)
    }

    fn poll_read(buf: &mut [u8], context: &Context<'_>) -> Poll<usize> {
        critical_section::with(|cs| {
            let state = &mut *STATE.borrow_ref_mut(cs);
            match state.read(buf) {
                0 => {
                    state.reader = Some(context.waker().clone());
                    Poll::Pending
                }
                len => Poll::Ready(len),
            }
        })
    }

    fn poll_write(byte: u8, context: &Context<'_>) -> Poll<()> {
        critical_section::with(|cs| {
            if chip::MODEM.try_put(byte) {
                return Poll::Ready(());
            }
            STATE.borrow_ref_mut(cs).writer = Some(context.waker().clone());
            chip::MODEM.listen_tx(true);
            // It may have become free before it was listened to.
            if chip::MODEM.try_put(byte) {
                chip::MODEM.listen_tx(false);
                return Poll::Ready(());
            }
            Poll::Pending
        })
    }
}

impl ErrorType for ModemUart {
    type Error = Infallible;
}

impl Read for ModemUart {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        if buf.is_empty() {
            return Ok(0);
        }
        Ok(poll_fn(|context| Self::poll_read(buf, context)).await)
    }
}

impl Write for ModemUart {
    /// Waits until one byte is taken, then gives as many as fit.
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let Some((first, rest)) = buf.split_first() else {
            return Ok(0);
        };
        poll_fn(|context| Self::poll_write(*first, context)).await;
        let more = rest.iter().take_while(|byte| chip::MODEM.try_put(**byte));
        Ok(1 + more.count())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
