//! A clock that stands still while anything happens and jumps when nothing does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use embedded_hal_async::delay::DelayNs;

#[derive(Clone, Default)]
pub struct Clock(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    now_ns: u64,
    next: u64,
    deadlines: BTreeMap<u64, u64>,
    progress: bool,
}

impl Clock {
    pub fn delay(&self) -> TestDelay {
        TestDelay(self.clone())
    }

    pub fn now_ms(&self) -> u64 {
        self.0.borrow().now_ns / 1_000_000
    }

    /// Something happened: poll again before time moves.
    pub fn progress(&self) {
        self.0.borrow_mut().progress = true;
    }

    pub fn take_progress(&self) -> bool {
        std::mem::take(&mut self.0.borrow_mut().progress)
    }

    /// On to the next deadline.
    pub fn jump(&self) -> bool {
        let mut state = self.0.borrow_mut();
        let Some(next) = state.deadlines.values().min().copied() else {
            return false;
        };
        state.now_ns = state.now_ns.max(next);
        true
    }
}

pub struct TestDelay(Clock);

struct Deadline(Clock, u64);

impl Drop for Deadline {
    fn drop(&mut self) {
        self.0.0.borrow_mut().deadlines.remove(&self.1);
    }
}

impl DelayNs for TestDelay {
    async fn delay_ns(&mut self, ns: u32) {
        let deadline = {
            let mut state = self.0.0.borrow_mut();
            let id = state.next;
            state.next += 1;
            let at = state.now_ns + u64::from(ns);
            state.deadlines.insert(id, at);
            Deadline(self.0.clone(), id)
        };
        poll_fn(|_| {
            let state = self.0.0.borrow();
            match state.deadlines.get(&deadline.1) {
                Some(at) if *at > state.now_ns => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        for _ in 0..ms / 4_000 {
            self.delay_ns(4_000_000_000).await;
        }
        self.delay_ns(ms % 4_000 * 1_000_000).await;
    }
}
