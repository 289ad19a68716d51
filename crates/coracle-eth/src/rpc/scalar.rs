//! Answers of one value.

use core::marker::PhantomData;

use coracle_core::hex;
use coracle_core::json::{Event, Reject, Visitor};
use coracle_core::{B256, U256};

use super::object::Text;
use super::{Answer, AnswerError};

/// A value that the API writes as one text.
pub trait Scalar {
    /// What the text stands for.
    type Value;

    /// Reads the text; `None` if it is not of this form.
    fn parse(text: &str) -> Option<Self::Value>;
}

/// A number: `0x` and digits without a leading zero, at most 256 bits.
#[derive(Clone, Copy, Debug)]
pub struct Quantity;

impl Scalar for Quantity {
    type Value = U256;

    fn parse(text: &str) -> Option<U256> {
        U256::from_quantity(text).ok()
    }
}

impl Scalar for u64 {
    type Value = Self;

    fn parse(text: &str) -> Option<Self> {
        Quantity::parse(text)?.try_into().ok()
    }
}

/// 32 bytes: `0x` and 64 digits.
#[derive(Clone, Copy, Debug)]
pub struct Hash;

impl Scalar for Hash {
    type Value = B256;

    fn parse(text: &str) -> Option<B256> {
        text.parse().ok()
    }
}

/// Reads a result that is one [`Scalar`].
#[derive(Debug)]
pub struct ScalarAnswer<S> {
    text: Text,
    is_done: bool,
    scalar: PhantomData<S>,
}

impl<S> Default for ScalarAnswer<S> {
    fn default() -> Self {
        Self {
            text: Text::default(),
            is_done: false,
            scalar: PhantomData,
        }
    }
}

impl<S> Visitor for ScalarAnswer<S> {
    fn event(&mut self, _depth: usize, event: Event<'_>) -> Result<(), Reject> {
        match event {
            Event::StrPart(part) => self.text.push(part),
            Event::StrEnd => self.is_done = true,
            _ => return Err(Reject),
        }
        Ok(())
    }
}

impl<S: Scalar> Answer for ScalarAnswer<S> {
    type Output = S::Value;

    fn finish(self) -> Result<S::Value, AnswerError> {
        if !self.is_done {
            return Err(AnswerError::BadShape);
        }
        let value = self.text.as_str().and_then(S::parse);
        value.ok_or(AnswerError::BadField { name: "result" })
    }
}

/// Reads a result that is a byte string into a buffer of the caller.
#[derive(Debug)]
pub struct Bytes<'a> {
    hex: HexReader<'a>,
    is_done: bool,
}

impl<'a> Bytes<'a> {
    /// Reads into the start of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self {
            hex: HexReader::new(out),
            is_done: false,
        }
    }

    /// Starts over, for the answer of another node.
    pub fn reset(&mut self) {
        self.hex.reset();
        self.is_done = false;
    }

    /// Length of the answer in bytes, after its last piece.
    ///
    /// # Errors
    ///
    /// Those of [`finish`](Answer::finish).
    pub fn read_len(&self) -> Result<usize, AnswerError> {
        if !self.is_done {
            return Err(AnswerError::BadShape);
        }
        let max = self.hex.out.len();
        let len = self.hex.finish();
        match len.ok_or(AnswerError::BadField { name: "result" })? {
            len if len > max => Err(AnswerError::TooLong { max }),
            len => Ok(len),
        }
    }
}

impl Visitor for Bytes<'_> {
    fn event(&mut self, _depth: usize, event: Event<'_>) -> Result<(), Reject> {
        match event {
            Event::StrPart(part) => self.hex.push(part),
            Event::StrEnd => self.is_done = true,
            _ => return Err(Reject),
        }
        Ok(())
    }
}

impl Answer for Bytes<'_> {
    /// Length of the answer in bytes.
    type Output = usize;

    fn finish(self) -> Result<usize, AnswerError> {
        self.read_len()
    }
}

/// Decodes `0x` and digits that come in pieces; counts on past the end of the buffer.
#[derive(Debug)]
pub(super) struct HexReader<'a> {
    pub(super) out: &'a mut [u8],
    /// Characters so far, the prefix included.
    seen: usize,
    high: u8,
    is_bad: bool,
}

impl<'a> HexReader<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            seen: 0,
            high: 0,
            is_bad: false,
        }
    }

    pub(super) fn push(&mut self, part: &[u8]) {
        part.iter().for_each(|c| self.character(*c));
    }

    fn character(&mut self, c: u8) {
        let at = self.seen;
        self.seen = at.saturating_add(1);
        if let Some(expected) = b"0x".get(at) {
            self.is_bad |= c != *expected;
            return;
        }
        let Some(digit) = hex::value(c) else {
            self.is_bad = true;
            return;
        };
        if at.is_multiple_of(2) {
            self.high = digit << 4;
        } else if let Some(slot) = self.out.get_mut((at / 2).saturating_sub(1)) {
            *slot = self.high | digit;
        }
    }

    /// The number of bytes that the text stands for.
    pub(super) fn finish(&self) -> Option<usize> {
        let is_whole = self.seen >= 2 && self.seen.is_multiple_of(2);
        (is_whole && !self.is_bad).then(|| (self.seen / 2).saturating_sub(1))
    }

    /// Starts over.
    pub(super) fn reset(&mut self) {
        (self.seen, self.high, self.is_bad) = (0, 0, false);
    }
}
