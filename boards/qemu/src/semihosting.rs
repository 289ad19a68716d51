//! What QEMU does for the firmware on the host: files, the command line, the end.
//!
//! Arm's "Semihosting for AArch32 and AArch64", and the RISC-V specification that takes
//! its operations over: a trap with an operation number and a block of words.

#![expect(
    unsafe_code,
    reason = "a trap instruction, and the words that it reads"
)]

use core::arch::asm;
use core::ffi::CStr;

const SYS_OPEN: u32 = 0x01;
const SYS_CLOSE: u32 = 0x02;
const SYS_WRITE: u32 = 0x05;
const SYS_READ: u32 = 0x06;
const SYS_GET_CMDLINE: u32 = 0x15;
const SYS_EXIT_EXTENDED: u32 = 0x20;

/// "The application is done", of the reasons an end can have.
const STOPPED_APPLICATION_EXIT: u32 = 0x2_0026;

/// Bytes of a command line: three paths of everyday length.
const COMMAND_LINE_LEN: usize = 768;

/// How a file is opened, in the numbers of the specification.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Mode {
    /// `rb`
    Read = 1,
    /// `wb`
    Write = 5,
}

/// A file of the host.
pub(crate) struct File(u32);

impl File {
    /// Opens `path`. `:tt` is the console of QEMU.
    pub(crate) fn open(path: &CStr, mode: Mode) -> Option<Self> {
        let len = path.count_bytes();
        let block = [address(path.as_ptr()), mode as u32, word(len)];
        let handle = call(SYS_OPEN, &block);
        (handle != u32::MAX).then_some(Self(handle))
    }

    /// Reads until `buf` is full or the file ends; returns how many bytes came.
    pub(crate) fn read(&self, buf: &mut [u8]) -> usize {
        let block = [self.0, address(buf.as_mut_ptr()), word(buf.len())];
        let missing = call(SYS_READ, &block) as usize;
        buf.len().saturating_sub(missing)
    }

    /// Writes all of `bytes`, or as much as the host takes.
    pub(crate) fn write(&self, bytes: &[u8]) {
        let block = [self.0, address(bytes.as_ptr()), word(bytes.len())];
        call(SYS_WRITE, &block);
    }
}

impl Drop for File {
    fn drop(&mut self) {
        call(SYS_CLOSE, &[self.0]);
    }
}

/// Opens the file that the argument `key` names, as in `log=/tmp/log`, else `default`.
pub(crate) fn open_named(key: &str, default: Option<&CStr>, mode: Mode) -> Option<File> {
    let mut buf = [0; COMMAND_LINE_LEN];
    let path = command_line(&mut buf).and_then(|line| value(line, key));
    File::open(path.or(default)?, mode)
}

/// The arguments of `-semihosting-config`, a blank between two of them.
fn command_line(buf: &mut [u8]) -> Option<&mut [u8]> {
    let mut block = [address(buf.as_mut_ptr()), word(buf.len())];
    let failed = call_mut(SYS_GET_CMDLINE, &mut block) != 0;
    let len = block[1] as usize;
    // The terminating zero is behind it, and is wanted.
    (!failed).then(|| buf.get_mut(..=len))?
}

/// The value of the argument `key`. Its end is made a zero in place.
fn value<'a>(line: &'a mut [u8], key: &str) -> Option<&'a CStr> {
    let mut words = line.split_inclusive_mut(|byte| matches!(byte, b' ' | 0));
    let word = words.find(|word| {
        let tail = word.strip_prefix(key.as_bytes());
        tail.is_some_and(|tail| tail.starts_with(b"="))
    })?;
    let tail = word.get_mut(key.len() + 1..)?;
    *tail.last_mut()? = 0;
    CStr::from_bytes_until_nul(tail).ok()
}

/// Ends QEMU with this exit status.
pub(crate) fn exit(status: u8) -> ! {
    call(
        SYS_EXIT_EXTENDED,
        &[STOPPED_APPLICATION_EXIT, u32::from(status)],
    );
    // Only without `-semihosting-config enable=on`, and then there is nobody to tell.
    loop {
        core::hint::spin_loop();
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "addresses have 32 bits here"
)]
fn address<T>(pointer: *const T) -> u32 {
    pointer.expose_provenance() as u32
}

#[expect(clippy::cast_possible_truncation, reason = "sizes have 32 bits here")]
fn word(len: usize) -> u32 {
    len as u32
}

fn call(operation: u32, block: &[u32]) -> u32 {
    // SAFETY: QEMU reads the block and writes only through the addresses in it, which the
    // callers in this file take from live exclusive borrows.
    unsafe { trap(operation, block.as_ptr().cast_mut()) }
}

fn call_mut(operation: u32, block: &mut [u32]) -> u32 {
    // SAFETY: as in `call`; the block itself is borrowed for writing too.
    unsafe { trap(operation, block.as_mut_ptr()) }
}

/// # Safety
///
/// The block is what the operation wants, and whatever it points to may be written.
#[cfg(target_arch = "arm")]
unsafe fn trap(operation: u32, block: *mut u32) -> u32 {
    let result;
    // SAFETY: keeps every register but r0; memory as the caller promised.
    unsafe {
        asm!("bkpt 0xab", inout("r0") operation => result, in("r1") block, options(nostack));
    }
    result
}

/// # Safety
///
/// The block is what the operation wants, and whatever it points to may be written.
#[cfg(target_arch = "riscv32")]
unsafe fn trap(operation: u32, block: *mut u32) -> u32 {
    let result;
    // SAFETY: keeps every register but a0; memory as the caller promised. The three
    // instructions are recognised together, uncompressed and within one page.
    unsafe {
        asm!(
            ".balign 16",
            ".option push",
            ".option norvc",
            "slli zero, zero, 0x1f",
            "ebreak",
            "srai zero, zero, 7",
            ".option pop",
            inout("a0") operation => result,
            in("a1") block,
            options(nostack),
        );
    }
    result
}
