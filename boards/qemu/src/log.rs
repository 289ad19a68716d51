//! The defmt logger: each frame is one write to the file that the argument `log` names.
//!
//! Without that argument, the console of QEMU. A file of its own keeps the frames apart
//! from what QEMU prints itself.

#![expect(unsafe_code, reason = "defmt's logger is an unsafe trait")]

use core::cell::UnsafeCell;

use critical_section::RestoreState;

use crate::semihosting::{self, File, Mode};
use crate::time;

/// Bytes gathered for one write; longer frames take several.
const BATCH_LEN: usize = 64;

#[defmt::global_logger]
struct Logger;

static STATE: State = State(UnsafeCell::new(Inner {
    file: None,
    restore: None,
    encoder: defmt::Encoder::new(),
    batch: heapless::Vec::new(),
}));

struct State(UnsafeCell<Inner>);

// SAFETY: one core, and whoever touches the inside is in a critical section.
unsafe impl Sync for State {}

struct Inner {
    file: Option<File>,
    /// Set while a frame is being written.
    restore: Option<RestoreState>,
    encoder: defmt::Encoder,
    batch: heapless::Vec<u8, BATCH_LEN>,
}

impl Inner {
    fn frame(&mut self, encode: impl FnOnce(&mut defmt::Encoder, &mut dyn FnMut(&[u8]))) {
        let Self { file, batch, .. } = self;
        encode(&mut self.encoder, &mut |bytes| {
            if batch.len() + bytes.len() > BATCH_LEN {
                put(file, batch);
                batch.clear();
            }
            if batch.extend_from_slice(bytes).is_err() {
                put(file, bytes);
            }
        });
    }

    fn flush(&mut self) {
        put(&self.file, &self.batch);
        self.batch.clear();
    }
}

fn put(file: &Option<File>, bytes: &[u8]) {
    if let (Some(file), false) = (file, bytes.is_empty()) {
        file.write(bytes);
    }
}

defmt::timestamp!("{=u64:us}", time::now_us());

/// Opens the log. What is logged before is lost.
pub(crate) fn open() {
    let file = semihosting::open_named("log", Some(c":tt"), Mode::Write);
    critical_section::with(|_| {
        // SAFETY: in a critical section, and no frame is being written: the logger holds
        // one itself while it writes.
        let inner = unsafe { &mut *STATE.0.get() };
        inner.file = file;
    });
}

// SAFETY: `acquire` opens a critical section that `release` closes, and everything between
// is called by the owner of that section.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` ends it.
        let restore = unsafe { critical_section::acquire() };
        // SAFETY: in the critical section.
        let inner = unsafe { &mut *STATE.0.get() };
        if inner.restore.is_some() {
            // A panic or a fault while a frame was being written: it cannot be told.
            semihosting::exit(crate::run::STATUS_FAULT);
        }
        inner.restore = Some(restore);
        inner.frame(|encoder, write| encoder.start_frame(write));
    }

    unsafe fn flush() {}

    unsafe fn release() {
        // SAFETY: in the critical section of `acquire`.
        let inner = unsafe { &mut *STATE.0.get() };
        inner.frame(|encoder, write| encoder.end_frame(write));
        inner.flush();
        if let Some(restore) = inner.restore.take() {
            // SAFETY: the state that `acquire` got, used once.
            unsafe { critical_section::release(restore) };
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: in the critical section of `acquire`.
        let inner = unsafe { &mut *STATE.0.get() };
        inner.frame(|encoder, write| encoder.write(bytes, write));
    }
}
