//! The strict face of `minicbor`: an encoder over a [`Sink`], and a reader that takes
//! nothing but the one deterministic form of RFC 8949 section 4.2.1.

use core::convert::Infallible;

use coracle_core::{Encode, Sink};
use minicbor::{Decoder, Encoder, encode};

use crate::error::{Fault, FormatError};

/// A [`Sink`] as `minicbor` writes to it.
pub(crate) struct Out<'a>(&'a mut dyn Sink);

impl encode::Write for Out<'_> {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.0.write(bytes);
        Ok(())
    }
}

pub(crate) type Cbor<'a> = Encoder<Out<'a>>;

pub(crate) type Written = Result<(), encode::Error<Infallible>>;

/// Runs `body` with an encoder over `out`.
pub(crate) fn write(out: &mut dyn Sink, body: impl FnOnce(&mut Cbor<'_>) -> Written) {
    let written = body(&mut Encoder::new(Out(out)));
    // The error type has a message variant for encoders of other types; no method
    // used here makes one, and a sink cannot fail.
    debug_assert!(written.is_ok());
}

/// Writes a value's encoding as a byte string around it.
pub(crate) fn write_wrapped(out: &mut dyn Sink, content: &dyn Encode) {
    let len = content.encoded_len();
    // A `usize` has at most 64 bits on every target of Rust.
    let len = u64::try_from(len).unwrap_or(u64::MAX);
    write(out, |cbor| cbor.bytes_len(len)?.ok());
    content.encode(out);
}

/// CBOR's major types, the three high bits of an item's first byte.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
}

/// Reads deterministic CBOR from a slice; every error says where the item started.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    cbor: Decoder<'a>,
    base: usize,
}

impl<'a> Reader<'a> {
    /// A reader whose offsets count from `base` bytes before `bytes`.
    pub(crate) fn new(bytes: &'a [u8], base: usize) -> Self {
        Self {
            cbor: Decoder::new(bytes),
            base,
        }
    }

    /// The offset of the next item.
    pub(crate) fn offset(&self) -> usize {
        self.base.saturating_add(self.cbor.position())
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        let input = self.cbor.input();
        input.get(self.cbor.position()..).unwrap_or(&[])
    }

    /// # Errors
    ///
    /// [`Fault::TrailingBytes`] if there is more.
    pub(crate) fn end(&self) -> Result<(), FormatError> {
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(self.fault(Fault::TrailingBytes))
    }

    /// An error at the next item.
    pub(crate) fn fault(&self, fault: Fault) -> FormatError {
        FormatError {
            offset: self.offset(),
            fault,
        }
    }

    /// Reads an item and judges it; a fault of either is at the item's start.
    pub(crate) fn checked<T, U>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FormatError>,
        check: impl FnOnce(T) -> Result<U, Fault>,
    ) -> Result<U, FormatError> {
        let offset = self.offset();
        let value = read(self)?;
        check(value).map_err(|fault| FormatError { offset, fault })
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, FormatError> {
        self.is(Major::Unsigned)?;
        self.item(Fault::OutOfRange, |cbor| cbor.u64().map(|n| (n, n, 0)))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, FormatError> {
        if !self.starts(Major::Negative)? {
            self.is(Major::Unsigned)?;
        }
        self.item(Fault::OutOfRange, |cbor| {
            // CBOR's argument for a negative n is -1 - n, which is !n.
            let value = cbor.i64()?;
            let argument = if value < 0 { !value } else { value };
            Ok((value, argument.unsigned_abs(), 0))
        })
    }

    /// A byte string of a length in `min..=max`.
    pub(crate) fn bytes(&mut self, min: usize, max: usize) -> Result<&'a [u8], FormatError> {
        self.checked(Self::any_bytes, |bytes| {
            if bytes.len() < min || bytes.len() > max {
                return Err(Fault::WrongLength);
            }
            Ok(bytes)
        })
    }

    /// A byte string of exactly `N` bytes.
    pub(crate) fn array_of<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        self.checked(Self::any_bytes, |bytes| {
            bytes.try_into().map_err(|_| Fault::WrongLength)
        })
    }

    pub(crate) fn any_bytes(&mut self) -> Result<&'a [u8], FormatError> {
        self.is(Major::Bytes)?;
        self.item(Fault::Truncated, |cbor| {
            let bytes = cbor.bytes()?;
            Ok((bytes, argument(bytes.len()), bytes.len()))
        })
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, FormatError> {
        self.is(Major::Text)?;
        self.item(Fault::BadText, |cbor| {
            let text = cbor.str()?;
            Ok((text, argument(text.len()), text.len()))
        })
    }

    /// An array's head; its length is in `min..=max`.
    pub(crate) fn array(&mut self, min: u64, max: u64) -> Result<u64, FormatError> {
        self.is(Major::Array)?;
        self.container(min, max, |cbor| cbor.array())
    }

    /// The head of a map of `len` pairs.
    pub(crate) fn map(&mut self, len: u64) -> Result<(), FormatError> {
        self.is(Major::Map)?;
        self.container(len, len, |cbor| cbor.map()).map(drop)
    }

    /// A map's next key.
    pub(crate) fn key(&mut self, expected: u8) -> Result<(), FormatError> {
        self.checked(Self::unsigned, |key| {
            if key == u64::from(expected) {
                return Ok(());
            }
            Err(Fault::WrongKey { expected })
        })
    }

    pub(crate) fn tag(&mut self, expected: u64) -> Result<(), FormatError> {
        self.is(Major::Tag)?;
        let read = |reader: &mut Self| {
            reader.item(Fault::OutOfRange, |cbor| {
                cbor.tag().map(|tag| (tag.as_u64(), tag.as_u64(), 0))
            })
        };
        self.checked(read, |tag| {
            if tag == expected {
                return Ok(());
            }
            Err(Fault::WrongTag)
        })
    }

    fn container(
        &mut self,
        min: u64,
        max: u64,
        head: impl FnOnce(&mut Decoder<'a>) -> Result<Option<u64>, minicbor::decode::Error>,
    ) -> Result<u64, FormatError> {
        let read = |reader: &mut Self| {
            reader.item(Fault::Indefinite, |cbor| {
                // `is` has refused an indefinite length already.
                let len = head(cbor)?.unwrap_or(u64::MAX);
                Ok((len, len, 0))
            })
        };
        self.checked(read, |len| {
            if len < min || len > max {
                return Err(Fault::WrongLength);
            }
            Ok(len)
        })
    }

    fn is(&self, major: Major) -> Result<(), FormatError> {
        if self.starts(major)? {
            return Ok(());
        }
        Err(self.fault(Fault::WrongType))
    }

    fn starts(&self, major: Major) -> Result<bool, FormatError> {
        const INFO: u8 = 0x1f;
        const INDEFINITE: u8 = 31;
        let Some(first) = self.rest().first() else {
            return Err(self.fault(Fault::Truncated));
        };
        if first & INFO == INDEFINITE {
            return Err(self.fault(Fault::Indefinite));
        }
        Ok(first >> 5 == major as u8)
    }

    /// Reads one item, of which `read` tells the value, the argument in its head and
    /// the length of what follows the head; refuses a head longer than need be.
    fn item<T>(
        &mut self,
        other: Fault,
        read: impl FnOnce(&mut Decoder<'a>) -> Result<(T, u64, usize), minicbor::decode::Error>,
    ) -> Result<T, FormatError> {
        let start = self.cbor.position();
        let at_item = |fault| FormatError {
            offset: self.base.saturating_add(start),
            fault,
        };
        let (value, argument, content) = read(&mut self.cbor).map_err(|error| {
            at_item(if error.is_end_of_input() {
                Fault::Truncated
            } else {
                other
            })
        })?;
        let used = self.cbor.position().saturating_sub(start);
        if used.saturating_sub(content) != head_len(argument) {
            return Err(at_item(Fault::NotShortest));
        }
        Ok(value)
    }
}

fn argument(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The length of the shortest head with this argument.
const fn head_len(argument: u64) -> usize {
    match argument {
        0..=23 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}
