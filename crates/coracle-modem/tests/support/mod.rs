//! A modem of a few lines, a clock that jumps, and an executor: everything a session needs
//! without a wire and without waiting.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(missing_docs, reason = "for tests")]
#![allow(unreachable_pub, reason = "for tests")]

pub mod clock;
pub mod fake;
pub mod quectel;
pub mod simcom;
pub mod ublox;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use coracle_modem::{Config, Modem, Pins, Timeouts};

pub use clock::{Clock, TestDelay};
pub use fake::{Fake, TestPin, Wire};

pub type TestPins = Pins<TestPin, TestPin, TestPin>;
pub type TestModem<D> = Modem<'static, D, Wire, TestPins, TestDelay>;

/// Set by a wake-up.
#[derive(Default)]
struct Woken(AtomicBool);

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a session is made of.
pub struct Bench {
    pub clock: Clock,
    pub fake: Rc<RefCell<Fake>>,
}

impl Bench {
    pub fn new(fake: Fake) -> Self {
        Self {
            clock: Clock::default(),
            fake: Rc::new(RefCell::new(fake)),
        }
    }

    pub fn modem<D: coracle_modem::Dialect>(&self, dialect: D) -> TestModem<D> {
        self.modem_with(dialect, Config::new("internet"))
    }

    pub fn modem_with<D: coracle_modem::Dialect>(
        &self,
        dialect: D,
        config: Config<'static>,
    ) -> TestModem<D> {
        let pins = Pins {
            pwrkey: TestPin::new(&self.fake, "pwrkey"),
            reset: TestPin::new(&self.fake, "reset"),
            dtr: TestPin::new(&self.fake, "dtr"),
        };
        Modem::new(
            dialect,
            Wire::new(&self.fake, &self.clock),
            pins,
            self.clock.delay(),
            config,
        )
    }

    /// Runs a future to its end. Time jumps whenever nothing else can happen.
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..2_000_000 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            if !woken.take() && !self.clock.take_progress() {
                let jumped = self.clock.jump();
                self.fake.borrow_mut().now(self.clock.now_ms());
                assert!(jumped, "nothing to wait for: a hang");
            }
        }
        panic!("still running: a hang");
    }

    /// Polls a future so often at most, then drops it: `None`.
    pub fn run_part<F: Future>(&self, future: F, polls: usize) -> Option<F::Output> {
        let mut future = pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..polls {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !woken.take() && !self.clock.take_progress() {
                assert!(self.clock.jump(), "nothing to wait for: a hang");
                self.fake.borrow_mut().now(self.clock.now_ms());
            }
        }
        None
    }

    pub fn log(&self) -> Vec<String> {
        self.fake.borrow().log.clone()
    }
}

/// Times as in the field, without waiting for them.
pub const TIMEOUTS: Timeouts = Timeouts::USUAL;
