//! Writing JSON into a sink.

use core::fmt::{self, Write};

use crate::hex;
use crate::sink::{Encode, HexSink, Sink, write_decimal};
use crate::uint::U256;

/// Writes JSON, commas included. The caller closes what it opens.
///
/// # Examples
///
/// ```
/// use coracle_core::{SliceSink, json::Writer};
///
/// let mut buf = [0; 64];
/// let mut sink = SliceSink::new(&mut buf);
/// let mut json = Writer::new(&mut sink);
/// json.begin_object();
/// json.key("id").number(7);
/// json.key("data").hex(&[0xca_u8, 0xfe][..]);
/// json.end_object();
/// let len = sink.finish()?;
/// assert_eq!(&buf[..len], br#"{"id":7,"data":"0xcafe"}"#);
/// # Ok::<(), coracle_core::BufferTooSmall>(())
/// ```
pub struct Writer<'a> {
    out: &'a mut dyn Sink,
    needs_comma: bool,
}

impl<'a> Writer<'a> {
    /// Starts before the first value.
    pub fn new(out: &'a mut dyn Sink) -> Self {
        Self {
            out,
            needs_comma: false,
        }
    }

    /// `{`
    pub fn begin_object(&mut self) {
        self.open(b"{");
    }

    /// `}`
    pub fn end_object(&mut self) {
        self.close(b"}");
    }

    /// `[`
    pub fn begin_array(&mut self) {
        self.open(b"[");
    }

    /// `]`
    pub fn end_array(&mut self) {
        self.close(b"]");
    }

    /// The name of the next member.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.out.write(b":");
        self.needs_comma = false;
        self
    }

    /// A string; escapes what JSON asks to escape.
    pub fn string(&mut self, text: &str) {
        self.value(|out| {
            out.write(b"\"");
            write_escaped(out, text);
            out.write(b"\"");
        });
    }

    /// A string that something prints, without being held in memory.
    pub fn display(&mut self, value: &dyn fmt::Display) {
        self.value(|out| {
            out.write(b"\"");
            // Neither the sink nor the escaping can fail.
            let _ = write!(Escaped(out), "{value}");
            out.write(b"\"");
        });
    }

    /// A string that something encodes: text that JSON need not escape.
    pub fn text(&mut self, value: &dyn Encode) {
        self.value(|out| {
            out.write(b"\"");
            value.encode(out);
            out.write(b"\"");
        });
    }

    /// A number.
    pub fn number(&mut self, value: u64) {
        self.value(|out| write_decimal(out, value));
    }

    /// A byte string as Ethereum's JSON-RPC writes it: `"0x"` and two digits a byte.
    pub fn hex<E: Encode + ?Sized>(&mut self, value: &E) {
        self.value(|out| {
            out.write(b"\"0x");
            value.encode(&mut HexSink(out));
            out.write(b"\"");
        });
    }

    /// An integer as Ethereum's JSON-RPC writes it: `"0x"` and no leading zeros.
    pub fn quantity(&mut self, value: U256) {
        self.text(&Quantity(value));
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.value(|out| out.write(if value { b"true" } else { b"false" }));
    }

    /// `null`.
    pub fn null(&mut self) {
        self.value(|out| out.write(b"null"));
    }

    /// A value that is JSON already.
    pub fn raw(&mut self, value: &dyn Encode) {
        self.value(|out| value.encode(out));
    }

    fn value(&mut self, write: impl FnOnce(&mut dyn Sink)) {
        if self.needs_comma {
            self.out.write(b",");
        }
        write(self.out);
        self.needs_comma = true;
    }

    fn open(&mut self, bracket: &[u8]) {
        self.value(|out| out.write(bracket));
        self.needs_comma = false;
    }

    fn close(&mut self, bracket: &[u8]) {
        self.out.write(bracket);
        self.needs_comma = true;
    }
}

/// Prints an integer as a JSON-RPC quantity; as an encoding it is the same text.
pub struct Quantity(pub U256);

impl Encode for Quantity {
    fn encode(&self, out: &mut dyn Sink) {
        out.write(b"0x");
        let bytes = self.0.to_be_bytes();
        let digits = bytes.iter().flat_map(|byte| hex::digits(*byte));
        let zeros = digits.clone().take_while(|c| *c == b'0').count();
        // The last digit stays, whatever it is.
        for digit in digits.skip(zeros.min(2 * U256::LEN - 1)) {
            out.write(&[digit]);
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Takes formatted text into a sink, escaped.
struct Escaped<'a>(&'a mut dyn Sink);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(self.0, text);
        Ok(())
    }
}

/// Writes text with the escapes of a JSON string, without its quotes.
pub fn write_escaped(out: &mut dyn Sink, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let end = rest.iter().position(|c| !is_plain(*c));
        let (plain, from) = rest
            .split_at_checked(end.unwrap_or(rest.len()))
            .unwrap_or_default();
        out.write(plain);
        let Some((special, after)) = from.split_first() else {
            return;
        };
        write_escape(out, *special);
        rest = after;
    }
}

const fn is_plain(c: u8) -> bool {
    c >= 0x20 && c != b'"' && c != b'\\'
}

fn write_escape(out: &mut dyn Sink, c: u8) {
    match c {
        b'"' => out.write(b"\\\""),
        b'\\' => out.write(b"\\\\"),
        b'\n' => out.write(b"\\n"),
        _ => {
            out.write(b"\\u00");
            out.write(&hex::digits(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::SliceSink;
    use std::string::String;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> String {
        let mut buf = [0; 256];
        let mut sink = SliceSink::new(&mut buf);
        write(&mut Writer::new(&mut sink));
        let len = sink.finish().unwrap();
        String::from_utf8(buf[..len].to_vec()).unwrap()
    }

    #[test]
    fn separates_members_and_elements() {
        let text = written(|json| {
            json.begin_array();
            json.begin_object();
            json.key("a").bool(true);
            json.key("b").begin_array();
            json.end_array();
            json.end_object();
            json.null();
            json.quantity(U256::from(16_u64));
            json.end_array();
        });
        assert_eq!(text, r#"[{"a":true,"b":[]},null,"0x10"]"#);
    }

    #[test]
    fn a_quantity_is_encoded_as_it_is_printed() {
        for value in [U256::ZERO, U256::ONE, U256::from(0x400_u64), U256::MAX] {
            let text = written(|json| json.quantity(value));
            assert_eq!(text, std::format!("\"{}\"", Quantity(value)));
        }
    }

    #[test]
    fn escapes_what_would_end_or_break_a_string() {
        let text = written(|json| json.string("a\"b\\c\n\u{1}é"));
        assert_eq!(text, r#""a\"b\\c\n\u0001é""#);
        let parsed: String = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed, "a\"b\\c\n\u{1}é");
    }
}
