//! Sinks: where encoders write.
//!
//! An encoder writes bytes into a [`Sink`] and never learns where they go: into a
//! digest, a counter, a slice, or the window of a message that fits the transport's
//! buffer. It is deterministic and cheap, so it is run as often as needed instead of
//! keeping its output: memory does not grow with the message.

use core::fmt;

use crate::error::{Error, ErrorKind};

/// Takes the bytes of an encoding, in order. Synchronous; does no I/O; cannot fail.
///
/// A sink with a bound remembers that it overflowed and says so at its end, so that
/// encoders carry no error paths.
pub trait Sink {
    /// Appends `bytes`.
    fn write(&mut self, bytes: &[u8]);
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write(&mut self, bytes: &[u8]) {
        (**self).write(bytes);
    }
}

/// The caller's buffer is shorter than the encoding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall {
    /// The full length of the encoding in bytes.
    pub needed: usize,
}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "buffer too small, {} bytes needed", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}

impl Error for BufferTooSmall {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

/// A value that writes itself into a [`Sink`], the same bytes each time.
pub trait Encode {
    /// Writes the encoding into `out`.
    fn encode(&self, out: &mut dyn Sink);

    /// The length of the encoding in bytes, found by running the encoder.
    fn encoded_len(&self) -> usize {
        let mut count = CountSink::new();
        self.encode(&mut count);
        count.len()
    }

    /// Writes the encoding to the start of `out` and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if `out` is shorter than the encoding; `out` is then all zero.
    fn encode_into(&self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let mut sink = SliceSink::new(out);
        self.encode(&mut sink);
        sink.finish()
    }
}

impl<E: Encode + ?Sized> Encode for &E {
    fn encode(&self, out: &mut dyn Sink) {
        (**self).encode(out);
    }
}

/// Bytes encode as themselves, without a length.
impl Encode for [u8] {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(self);
    }

    fn encoded_len(&self) -> usize {
        self.len()
    }
}

/// Writes into a slice of the caller; counts on past its end.
#[derive(Debug)]
pub struct SliceSink<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl<'a> SliceSink<'a> {
    /// Starts at the beginning of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0 }
    }

    /// The number of bytes written, or the number needed.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`] if more was written than fits; the slice is then all zero.
    pub fn finish(self) -> Result<usize, BufferTooSmall> {
        if self.len <= self.out.len() {
            return Ok(self.len);
        }
        self.out.fill(0);
        Err(BufferTooSmall { needed: self.len })
    }
}

impl Sink for SliceSink<'_> {
    fn write(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(space) = self.out.get_mut(self.len..end) {
            space.copy_from_slice(bytes);
        }
        self.len = end;
    }
}

/// Counts bytes and keeps none.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountSink {
    len: usize,
}

impl CountSink {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self { len: 0 }
    }

    /// The number of bytes written so far.
    #[expect(clippy::len_without_is_empty, reason = "a counter holds nothing")]
    pub const fn len(&self) -> usize {
        self.len
    }
}

impl Sink for CountSink {
    fn write(&mut self, bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len());
    }
}

/// Keeps one window of the stream: skips `skip` bytes, then fills a buffer, then drops.
///
/// A transport sends a message of any length through a buffer of any length by running
/// the encoder once for each window.
#[derive(Debug)]
pub struct WindowSink<'a> {
    skip: usize,
    buf: &'a mut [u8],
    filled: usize,
}

impl<'a> WindowSink<'a> {
    /// A window of `buf.len()` bytes that starts `skip` bytes into the stream.
    pub fn new(skip: usize, buf: &'a mut [u8]) -> Self {
        Self {
            skip,
            buf,
            filled: 0,
        }
    }

    /// The number of bytes of the stream that fell into the window.
    pub fn filled(&self) -> usize {
        self.filled
    }
}

impl Sink for WindowSink<'_> {
    fn write(&mut self, bytes: &[u8]) {
        let Some(rest) = bytes.get(self.skip..) else {
            self.skip = self.skip.saturating_sub(bytes.len());
            return;
        };
        self.skip = 0;
        let Some(space) = self.buf.get_mut(self.filled..) else {
            return;
        };
        for (to, from) in space.iter_mut().zip(rest) {
            *to = *from;
        }
        self.filled = self.filled.saturating_add(space.len().min(rest.len()));
    }
}

/// Fills `buf` with the part of the encoding that starts `skip` bytes in, and returns
/// how many bytes that gave: `buf.len()`, or less at the end.
pub fn encode_window(value: &dyn Encode, skip: usize, buf: &mut [u8]) -> usize {
    let mut window = WindowSink::new(skip, buf);
    value.encode(&mut window);
    window.filled()
}

/// Writes a number in decimal digits: `core::fmt` would be several kilobytes of a device.
pub fn write_decimal(out: &mut dyn Sink, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        let [.., low] = (rest % 10).to_be_bytes();
        *digit = low.wrapping_add(b'0');
        rest /= 10;
        start = start.saturating_sub(1);
        if rest == 0 {
            break;
        }
    }
    out.write(digits.get(start..).unwrap_or_default());
}

/// Writes each byte as two lower-case hexadecimal digits into another sink.
///
/// Does not write a `0x` prefix.
pub struct HexSink<'a>(pub &'a mut dyn Sink);

impl Sink for HexSink<'_> {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0.write(&crate::hex::digits(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Abc;

    impl Encode for Abc {
        fn encode(&self, out: &mut dyn Sink) {
            out.write(b"ab");
            out.write(b"");
            out.write(b"cde");
        }
    }

    #[test]
    fn slice_takes_what_fits_exactly() {
        let mut buf = [0; 5];
        assert_eq!(Abc.encode_into(&mut buf), Ok(5));
        assert_eq!(&buf, b"abcde");
    }

    #[test]
    fn short_slice_says_the_need_and_is_wiped() {
        let mut buf = [9; 4];
        assert_eq!(Abc.encode_into(&mut buf), Err(BufferTooSmall { needed: 5 }));
        assert_eq!(buf, [0; 4]);
    }

    #[test]
    fn windows_of_every_size_give_the_stream() {
        for size in 1..7 {
            let mut whole = std::vec::Vec::new();
            loop {
                let mut buf = std::vec![0; size];
                let filled = encode_window(&Abc, whole.len(), &mut buf);
                whole.extend_from_slice(&buf[..filled]);
                if filled < size {
                    break;
                }
            }
            assert_eq!(whole, b"abcde", "window of {size}");
        }
    }

    #[test]
    fn window_past_the_end_is_empty() {
        assert_eq!(encode_window(&Abc, 5, &mut [0; 4]), 0);
        assert_eq!(encode_window(&Abc, usize::MAX, &mut [0; 4]), 0);
    }

    #[test]
    fn decimal_is_what_the_formatter_prints() {
        for number in [0, 7, 10, 99, 100, 8545, u64::from(u32::MAX), u64::MAX] {
            let mut buf = [0; 20];
            let mut slice = SliceSink::new(&mut buf);
            write_decimal(&mut slice, number);
            let len = slice.finish().unwrap();
            assert_eq!(buf[..len], *std::format!("{number}").as_bytes());
        }
    }

    #[test]
    fn hex_sink_doubles_the_length() {
        let mut buf = [0; 4];
        let mut slice = SliceSink::new(&mut buf);
        HexSink(&mut slice).write(&[0x0f, 0xa0]);
        assert_eq!(slice.finish(), Ok(4));
        assert_eq!(&buf, b"0fa0");
    }
}
