//! Time: the driver of `embassy-time` in microseconds, without a periodic tick.

use core::cell::RefCell;
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;

use crate::chip;

const _: () = assert!(embassy_time_driver::TICK_HZ == 1_000_000);

struct TimeDriver {
    queue: Mutex<RefCell<Queue>>,
}

time_driver_impl!(static DRIVER: TimeDriver = TimeDriver {
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for TimeDriver {
    fn now(&self) -> u64 {
        now_us()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let queue = &mut *self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                arm(queue);
            }
        });
    }
}

/// Wakes who is due, and sets the alarm for the next.
fn arm(queue: &mut Queue) {
    loop {
        let now = now_us();
        match queue.next_expiration(now) {
            u64::MAX => return chip::stop_alarm(),
            next if next > now => return chip::set_alarm(next - now),
            _ => {}
        }
    }
}

/// Called by the interrupt of the alarm.
pub(crate) extern "C" fn on_alarm() {
    critical_section::with(|cs| arm(&mut DRIVER.queue.borrow_ref_mut(cs)));
}

/// Microseconds since the start.
pub(crate) fn now_us() -> u64 {
    chip::now_us()
}

/// Milliseconds since the start, which never go backwards.
#[derive(Clone, Copy, Debug)]
pub struct Clock(());

impl Clock {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl coracle::board::Clock for Clock {
    fn now_ms(&self) -> u64 {
        now_us() / 1000
    }
}

/// Instructions since the start, under QEMU's `-icount shift=0`.
///
/// Arm: virtual time, which then is one nanosecond per instruction, in steps of
/// 40 (`mps2-an386`) or 50 (`mps2-an505`). RISC-V: the CPU's own count. Without `-icount`
/// the number means nothing.
pub fn instructions() -> u64 {
    chip::instructions()
}
