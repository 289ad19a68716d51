//! How deep the stack has been: painted at the start, looked at when asked.

#![expect(unsafe_code, reason = "memory between the statics and the stack")]

use core::ops::Range;
use core::ptr;

use crate::chip;

const PAINT: u32 = 0xC0DE_57AC;

/// Left unpainted below the stack pointer, for the frames of [`paint`] itself.
const MARGIN: usize = 256;

unsafe extern "C" {
    static __sheap: u32;
    static _stack_start: u32;
}

/// From the end of the statics to the start of the stack, which grows down.
fn region() -> Range<*mut u32> {
    let (bottom, top) = (&raw const __sheap, &raw const _stack_start);
    bottom.cast_mut()..top.cast_mut()
}

pub(crate) fn paint() {
    let end = chip::stack_pointer() - MARGIN;
    let mut word = region().start;
    while word.addr() < end {
        // SAFETY: above the statics and below every frame in use, so nobody's.
        unsafe { ptr::write_volatile(word, PAINT) };
        word = word.wrapping_add(1);
    }
}

/// The most bytes of stack that have been in use since the start, interrupts included.
pub fn stack_used() -> usize {
    let Range { start, end } = region();
    let mut word = start;
    // SAFETY: aligned, within RAM, and volatile since it may be a frame in use.
    while word < end && unsafe { ptr::read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    end.addr() - word.addr()
}
