//! From reset to the end: peripherals once, one future, sleep in between.
//!
//! A firmware here is one future; what runs side by side is joined or selected within it.
//! So the executor is a flag and a loop, and an interrupt that wakes sets the flag.

#![expect(unsafe_code, reason = "a waker is a table of functions")]

use core::pin::pin;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use coracle::modem::Pins;
use embassy_time::Delay;

use crate::{
    Clock, Console, ControlPin, Flash, InjectedRandom, ModemUart, chip, log, pins, semihosting,
    stack,
};

/// Status of QEMU after [`Exit::Success`].
const STATUS_SUCCESS: u8 = 0;
/// Status of QEMU after [`Exit::Failure`].
const STATUS_FAILURE: u8 = 1;
/// Status of QEMU after a panic or a fault.
pub(crate) const STATUS_FAULT: u8 = 2;

/// How the firmware ended. It becomes the exit status of QEMU.
#[derive(Clone, Copy, Debug, Eq, PartialEq, defmt::Format)]
pub enum Exit {
    /// Status 0.
    Success,
    /// Status 1. A panic or a fault gives 2.
    Failure,
}

/// What the machine has, handed out once.
pub struct Peripherals {
    /// Bytes to the host, apart from the log.
    pub console: Console,
    /// The line to the modem.
    pub modem_uart: ModemUart,
    /// The lines that switch, reset and wake the modem.
    pub pins: Pins<ControlPin, ControlPin, ControlPin>,
    /// Random bytes from the host, for tests.
    pub random: InjectedRandom,
    /// Memory that behaves as NOR flash.
    pub flash: Flash,
    /// Milliseconds since start.
    pub clock: Clock,
    /// Waits.
    pub delay: Delay,
}

/// Makes `$main` the program: an `async fn(Peripherals) -> Exit`.
///
/// Used once in a firmware, at the top of its `main.rs`.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// Called by the start-up code.
        #[unsafe(no_mangle)]
        extern "C" fn main() -> ! {
            $crate::start($main)
        }
    };
}

/// Runs `main` to its end, which is QEMU's. [`entry!`] calls it, once.
pub fn start<F: Future<Output = Exit>>(main: impl FnOnce(Peripherals) -> F) -> ! {
    stack::paint();
    log::open();
    chip::start();
    let peripherals = Peripherals {
        console: Console::new(),
        modem_uart: ModemUart::new(),
        pins: pins::all(),
        random: InjectedRandom::open(),
        flash: Flash::open(),
        clock: Clock::new(),
        delay: Delay,
    };
    exit(block_on(main(peripherals)))
}

/// Ends the firmware and QEMU with it.
pub fn exit(exit: Exit) -> ! {
    semihosting::exit(match exit {
        Exit::Success => STATUS_SUCCESS,
        Exit::Failure => STATUS_FAILURE,
    })
}

static IS_WOKEN: AtomicBool = AtomicBool::new(false);

const VTABLE: RawWakerVTable = RawWakerVTable::new(|_| WAKER, wake, wake, |_| {});
const WAKER: RawWaker = RawWaker::new(ptr::null(), &VTABLE);

fn wake(_: *const ()) {
    IS_WOKEN.store(true, Ordering::Relaxed);
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // SAFETY: the functions of the table take nothing from the pointer, and may be called
    // from anywhere.
    let waker = unsafe { Waker::from_raw(WAKER) };
    let mut context = Context::from_waker(&waker);
    loop {
        IS_WOKEN.store(false, Ordering::Relaxed);
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        sleep();
    }
}

/// Sleeps until something wakes the future. QEMU 7.2 sleeps on WFI and not on WFE.
fn sleep() {
    while !IS_WOKEN.load(Ordering::Relaxed) {
        // An interrupt between the look and the sleep would be slept through, so they are
        // off from here on; WFI ends for one that is pending all the same.
        critical_section::with(|_| {
            if !IS_WOKEN.load(Ordering::Relaxed) {
                chip::wait_for_interrupt();
            }
        });
    }
}
