//! From reset to the end: peripherals once, the program as a task, sleep in between.
//!
//! The executor is Embassy's, with an idle of our own: its ready-made one sleeps with WFE,
//! on which QEMU 7.2 burns a core of the host. A loop around one future would be shorter,
//! but no smaller: it needs a timer queue with room for wakers, where Embassy's tasks bring
//! their own (measured: 600 bytes of flash and 140 of RAM in favour of Embassy).

#![expect(unsafe_code, reason = "tasks want to live for ever")]

use core::mem;
use core::pin::{Pin, pin};
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};

use coracle::modem::Pins;
use embassy_executor::raw::{Executor, TaskStorage};
use embassy_time::Delay;

use crate::{
    Clock, Console, ControlPin, Flash, InjectedRandom, InjectedSecret, ModemUart, chip, log, pins,
    semihosting, stack,
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
    /// What stands for the device's secret, from the host, for tests.
    pub secret: InjectedSecret,
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
        secret: InjectedSecret::new(),
        clock: Clock::new(),
        delay: Delay,
    };
    // Made here and nowhere else: a future that is handed on is copied, and the copy takes
    // as much stack again.
    let main: Pin<&mut dyn Future<Output = Exit>> = pin!(main(peripherals));
    // SAFETY: `run` never returns, so the future lives for ever where it is pinned.
    run(unsafe { mem::transmute::<Pin<&mut dyn Future<Output = Exit>>, Main>(main) })
}

/// Ends the firmware and QEMU with it.
pub fn exit(exit: Exit) -> ! {
    semihosting::exit(match exit {
        Exit::Success => STATUS_SUCCESS,
        Exit::Failure => STATUS_FAILURE,
    })
}

static IS_WOKEN: AtomicBool = AtomicBool::new(false);

/// Called by the executor when there is something to poll.
#[unsafe(no_mangle)]
fn __pender(_: *mut ()) {
    IS_WOKEN.store(true, Ordering::Relaxed);
}

static TASK: TaskStorage<Program> = TaskStorage::new();

type Main = Pin<&'static mut dyn Future<Output = Exit>>;

/// The program as a task: at its end there is nothing to go back to.
struct Program(Main);

impl Future for Program {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context).map(|how| exit(how))
    }
}

fn run(main: Main) -> ! {
    let executor = Executor::new(ptr::null_mut());
    // SAFETY: this function never returns, so its variables live for ever.
    let executor: &'static Executor = unsafe { &*ptr::from_ref(&executor) };
    if let Ok(task) = TASK.spawn(|| Program(main)) {
        executor.spawner().spawn(task);
    }
    loop {
        IS_WOKEN.store(false, Ordering::Relaxed);
        // SAFETY: here and nowhere else, so never within itself.
        unsafe { executor.poll() };
        sleep();
    }
}

/// Sleeps until there is something to poll.
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
