//! Writing RLP.

use super::{BYTES, LIST, LONG, MAX_SHORT};
use crate::sink::{CountSink, Encode, Sink, encode_window};
use crate::uint::{U256, significant};

/// Writes a byte string.
pub fn write_bytes(out: &mut dyn Sink, bytes: &[u8]) {
    write_encoded(out, &bytes);
}

/// Writes the encoding of `value` as a byte string.
///
/// Runs the encoder up to three times; holds none of its output.
pub fn write_encoded(out: &mut dyn Sink, value: &dyn Encode) {
    let len = value.encoded_len();
    if !is_single(value, len) {
        write_header(out, BYTES, len);
    }
    value.encode(out);
}

/// Whether the string is a single byte that stands for itself.
fn is_single(value: &dyn Encode, len: usize) -> bool {
    let mut first = [BYTES];
    len == 1 && encode_window(value, 0, &mut first) == 1 && first < [BYTES]
}

/// Writes an integer: its bytes without leading zeros, 0 as the empty string.
pub fn write_uint(out: &mut dyn Sink, value: U256) {
    write_bytes(out, significant(&value.to_be_bytes()));
}

/// Writes an integer of up to 64 bits.
pub fn write_u64(out: &mut dyn Sink, value: u64) {
    write_uint(out, U256::from(value));
}

/// Writes a list whose items `items` writes.
///
/// Runs `items` twice, first into a counter; it must write the same each time. So lists
/// in lists cost twice the work a level: fine for the two or three levels of a
/// transaction; for deep trees find the lengths first and use [`write_list_header`].
pub fn write_list(out: &mut dyn Sink, items: impl Fn(&mut dyn Sink)) {
    let mut count = CountSink::new();
    items(&mut count);
    write_list_header(out, count.len());
    items(out);
}

/// Writes the header of a list whose items take `payload_len` bytes.
pub fn write_list_header(out: &mut dyn Sink, payload_len: usize) {
    write_header(out, LIST, payload_len);
}

/// The length of the header before a list, or a string of several bytes, in bytes.
pub fn header_len(payload_len: usize) -> usize {
    let mut count = CountSink::new();
    write_header(&mut count, LIST, payload_len);
    count.len()
}

fn write_header(out: &mut dyn Sink, base: u8, len: usize) {
    if let Ok(short) = u8::try_from(len)
        && len <= MAX_SHORT
    {
        out.write(&[base.wrapping_add(short)]);
        return;
    }
    let bytes = len.to_be_bytes();
    let digits = significant(&bytes);
    // A `usize` has at most 8 bytes, so this stays below the next base.
    let count = u8::try_from(digits.len()).unwrap_or_default();
    out.write(&[base.wrapping_add(LONG).wrapping_add(count)]);
    out.write(digits);
}
