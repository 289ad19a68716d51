//! The registers of one peripheral.

#![expect(unsafe_code, reason = "memory-mapped registers")]

use core::marker::PhantomData;
use core::ptr;

/// Registers at a fixed address. `T` is their width; offsets are in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Block<T> {
    base: usize,
    width: PhantomData<T>,
}

impl<T: Copy> Block<T> {
    /// # Safety
    ///
    /// A peripheral with registers of this width is at `base`, and neither reading nor
    /// writing any that the caller names can break memory that Rust knows of.
    pub(crate) const unsafe fn at(base: usize) -> Self {
        Self {
            base,
            width: PhantomData,
        }
    }

    pub(crate) fn read(self, offset: usize) -> T {
        // SAFETY: promised to `at`.
        unsafe { ptr::read_volatile(ptr::with_exposed_provenance(self.base + offset)) }
    }

    pub(crate) fn write(self, offset: usize, value: T) {
        let register = ptr::with_exposed_provenance_mut(self.base + offset);
        // SAFETY: promised to `at`.
        unsafe { ptr::write_volatile(register, value) };
    }
}
