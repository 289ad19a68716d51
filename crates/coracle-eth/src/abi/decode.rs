//! Lazy, strict decoding.

use core::fmt;

use coracle_core::{Address, Error, ErrorKind, U256};

use super::{I256, Kind, Type, Types, WORD, padding};

/// Why data is not an encoding of the type, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DecodeError {
    /// What is wrong.
    pub what: DecodeErrorKind,
    /// Offset in bytes from the start of the data: of the word that is wrong.
    pub at: usize,
}

/// What is wrong with encoded data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data ends before the value does.
    Truncated,
    /// An offset points beyond the data.
    OffsetOutOfRange,
    /// A length says more than the rest of the data can hold.
    LengthOutOfRange,
    /// A number or an address has bits beyond its width, or the wrong sign bits.
    DirtyNumber,
    /// A `bool` is neither 0 nor 1.
    NotBool,
    /// `bytesN`, `bytes` or `string` is not padded with zeros.
    DirtyPadding,
    /// A `string` is not UTF-8.
    NotUtf8,
    /// The values need more work than the caller allowed.
    TooManyValues,
    /// The data does not start with the selector of the signature.
    WrongSelector,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "data ends too early",
            Self::OffsetOutOfRange => "offset beyond the data",
            Self::LengthOutOfRange => "length beyond the data",
            Self::DirtyNumber => "number wider than its type",
            Self::NotBool => "bool is neither 0 nor 1",
            Self::DirtyPadding => "padding is not zero",
            Self::NotUtf8 => "string is not UTF-8",
            Self::TooManyValues => "too many values",
            Self::WrongSelector => "another selector",
        })
    }
}

impl core::error::Error for DecodeError {}

impl Error for DecodeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Remote
    }
}

/// Views `data` as parameters: the members of the tuple `ty`, or a single value of any
/// other type. Checks that their heads are there; the rest is checked when it is read.
///
/// # Errors
///
/// [`DecodeErrorKind::Truncated`] if `data` is shorter than the heads.
///
/// # Examples
///
/// ```
/// use coracle_core::U256;
/// use coracle_eth::abi::{Type, decode};
///
/// let data = [[0; 31].as_slice(), &[7], &[0; 32]].concat();
/// let mut values = decode(Type::parse("(uint256,bool)")?, &data)?;
/// let number = values.next().and_then(|value| value.ok()?.as_uint());
/// assert_eq!(number, Some(U256::from_u64(7)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode<'a>(ty: Type<'a>, data: &'a [u8]) -> Result<Values<'a>, DecodeError> {
    Values::new(ty.params(), Input(data), 0)
}

/// A decoded value; lists are not yet read.
#[derive(Clone, Copy, Debug)]
pub enum Decoded<'a> {
    /// `uint8` to `uint256`.
    Uint(U256),
    /// `int8` to `int256`.
    Int(I256),
    /// `bool`.
    Bool(bool),
    /// `address`.
    Address(Address),
    /// `bytes1` to `bytes32`, and `function`.
    FixedBytes(&'a [u8]),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// `string`.
    String(&'a str),
    /// `T[]` and `T[n]`.
    Array(Values<'a>),
    /// `(A,B)`.
    Tuple(Values<'a>),
}

impl<'a> Decoded<'a> {
    /// The number, if this is an unsigned one.
    pub const fn as_uint(&self) -> Option<U256> {
        match self {
            Self::Uint(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is a signed one.
    pub const fn as_int(&self) -> Option<I256> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The flag, if this is one.
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The address, if this is one.
    pub const fn as_address(&self) -> Option<Address> {
        match self {
            Self::Address(value) => Some(*value),
            _ => None,
        }
    }

    /// The bytes, if this is `bytes`, `bytes1` to `bytes32` or `function`.
    pub const fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::FixedBytes(value) | Self::Bytes(value) => Some(value),
            _ => None,
        }
    }

    /// The text, if this is some.
    pub const fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The members, if this is an array or a tuple.
    pub const fn as_values(&self) -> Option<Values<'a>> {
        match self {
            Self::Array(values) | Self::Tuple(values) => Some(*values),
            _ => None,
        }
    }

    /// Full words of payload that reading the value has touched.
    fn cost(&self) -> usize {
        let payload = match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::String(text) => text.len(),
            _ => 0,
        };
        payload.div_ceil(WORD).saturating_add(1)
    }
}

/// The members of a tuple, an array or a parameter list, decoded one at a time.
///
/// An error concerns one member; the next call gives the one after it.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    types: Types<'a>,
    input: Input<'a>,
    /// What offsets count from: where the first head started.
    base: usize,
    /// Where the next head starts.
    head: usize,
}

impl<'a> Values<'a> {
    /// The heads of `types` start at `base`, within `input`.
    fn new(types: Types<'a>, input: Input<'a>, base: usize) -> Result<Self, DecodeError> {
        let end = types.head_len().and_then(|len| base.checked_add(len));
        if end.is_none_or(|end| end > input.0.len()) {
            return Err(error(DecodeErrorKind::Truncated, base));
        }
        Ok(Self {
            types,
            input,
            base,
            head: base,
        })
    }

    /// The number of members left.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// Decodes everything, lists in lists included, and keeps nothing. Returns the work:
    /// one unit for each value, and one for each 32 bytes of `bytes` and `string`.
    ///
    /// Offsets may share their tails, so that a few kilobytes describe millions of
    /// values; `budget` is the most work to do.
    ///
    /// # Errors
    ///
    /// [`DecodeErrorKind::TooManyValues`] beyond the budget, else what reading gives.
    pub fn check(self, budget: usize) -> Result<usize, DecodeError> {
        let mut left = budget;
        self.walk(&mut left)?;
        Ok(budget.saturating_sub(left))
    }

    fn walk(self, left: &mut usize) -> Result<(), DecodeError> {
        let at = self.base;
        for value in self {
            let value = value?;
            let rest = left.checked_sub(value.cost());
            *left = rest.ok_or(error(DecodeErrorKind::TooManyValues, at))?;
            if let Some(members) = value.as_values() {
                members.walk(left)?;
            }
        }
        Ok(())
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<Decoded<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let ty = self.types.next()?;
        let head = self.head;
        self.head = head.saturating_add(ty.head_len());
        Some(self.input.value(ty, self.base, head))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

/// The whole data; positions in it are absolute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    /// The value whose head is at `head`, in the list that starts at `base`.
    pub(super) fn value(
        self,
        ty: Type<'a>,
        base: usize,
        head: usize,
    ) -> Result<Decoded<'a>, DecodeError> {
        let at = if ty.is_dynamic() {
            self.tail(base, head)?
        } else {
            head
        };
        Ok(match ty.kind() {
            Kind::Bytes => Decoded::Bytes(self.payload(at)?),
            Kind::String => Decoded::String(self.text(at)?),
            Kind::Array { element, len } => Decoded::Array(self.array(element, len, at)?),
            Kind::Tuple(types) => Decoded::Tuple(Values::new(types, self, at)?),
            kind => scalar(kind, self.word(at)?).map_err(|what| error(what, at))?,
        })
    }

    /// Follows the offset at `head`, which counts from `base`.
    pub(super) fn tail(self, base: usize, head: usize) -> Result<usize, DecodeError> {
        number(self.word(head)?)
            .and_then(|offset| base.checked_add(offset))
            .filter(|at| *at <= self.0.len())
            .ok_or(error(DecodeErrorKind::OffsetOutOfRange, head))
    }

    fn array(
        self,
        element: Type<'a>,
        len: Option<usize>,
        at: usize,
    ) -> Result<Values<'a>, DecodeError> {
        if let Some(len) = len {
            return Values::new(Types::repeat(element, len), self, at);
        }
        let out_of_range = error(DecodeErrorKind::LengthOutOfRange, at);
        let len = number(self.word(at)?).ok_or(out_of_range)?;
        // The word was there, so this is within the data.
        let first = at.saturating_add(WORD);
        Values::new(Types::repeat(element, len), self, first).map_err(|_| out_of_range)
    }

    pub(super) fn text(self, at: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.payload(at)?;
        core::str::from_utf8(bytes).map_err(|_| error(DecodeErrorKind::NotUtf8, at))
    }

    /// Length, bytes and padding.
    fn payload(self, at: usize) -> Result<&'a [u8], DecodeError> {
        let out_of_range = error(DecodeErrorKind::LengthOutOfRange, at);
        let len = number(self.word(at)?).ok_or(out_of_range)?;
        let rest = self.0.get(at.saturating_add(WORD)..).unwrap_or_default();
        let (bytes, rest) = rest.split_at_checked(len).ok_or(out_of_range)?;
        let pad = rest
            .get(..padding(len))
            .ok_or(error(DecodeErrorKind::Truncated, at))?;
        if pad.iter().any(|byte| *byte != 0) {
            return Err(error(DecodeErrorKind::DirtyPadding, at));
        }
        Ok(bytes)
    }

    pub(super) fn word(self, at: usize) -> Result<&'a [u8; WORD], DecodeError> {
        self.0
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(error(DecodeErrorKind::Truncated, at))
    }
}

/// A value that is one word.
fn scalar<'a>(kind: Kind<'_>, word: &'a [u8; WORD]) -> Result<Decoded<'a>, DecodeErrorKind> {
    let uint = U256::from_be_bytes(word);
    match kind {
        Kind::Uint { bits } if uint.bits() <= bits => Ok(Decoded::Uint(uint)),
        Kind::Int { bits } => signed(word, bits),
        Kind::Bool if uint.is_zero() => Ok(Decoded::Bool(false)),
        Kind::Bool if uint == U256::ONE => Ok(Decoded::Bool(true)),
        Kind::Bool => Err(DecodeErrorKind::NotBool),
        Kind::Address if uint.bits() <= 160 => Ok(Decoded::Address(Address::from_word(word))),
        Kind::FixedBytes { len } => fixed_bytes(word, len),
        _ => Err(DecodeErrorKind::DirtyNumber),
    }
}

fn signed<'a>(word: &[u8; WORD], bits: u32) -> Result<Decoded<'a>, DecodeErrorKind> {
    let value = I256::from_be_bytes(word);
    if value.fits(bits) {
        Ok(Decoded::Int(value))
    } else {
        Err(DecodeErrorKind::DirtyNumber)
    }
}

fn fixed_bytes(word: &[u8; WORD], len: usize) -> Result<Decoded<'_>, DecodeErrorKind> {
    let (bytes, pad) = word.split_at_checked(len).unwrap_or((word, &[]));
    if pad.iter().any(|byte| *byte != 0) {
        return Err(DecodeErrorKind::DirtyPadding);
    }
    Ok(Decoded::FixedBytes(bytes))
}

/// A length or an offset, `None` beyond the address space.
fn number(word: &[u8; WORD]) -> Option<usize> {
    let value = u64::try_from(U256::from_be_bytes(word)).ok()?;
    usize::try_from(value).ok()
}

fn error(what: DecodeErrorKind, at: usize) -> DecodeError {
    DecodeError { what, at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Words of zeros that end in the given numbers.
    fn words(numbers: &[u64]) -> Vec<u8> {
        numbers
            .iter()
            .flat_map(|n| U256::from(*n).to_be_bytes())
            .collect()
    }

    fn first<'a>(ty: &'a str, data: &'a [u8]) -> Result<Decoded<'a>, (DecodeErrorKind, usize)> {
        let values = decode(Type::parse(ty).unwrap(), data);
        let value = values.and_then(|mut values| values.next().unwrap());
        value.map_err(|e| (e.what, e.at))
    }

    fn refusal(ty: &str, data: &[u8]) -> (DecodeErrorKind, usize) {
        first(ty, data).expect_err(ty)
    }

    #[test]
    fn heads_must_be_there() {
        assert_eq!(
            refusal("uint256", &[0; 31]),
            (DecodeErrorKind::Truncated, 0)
        );
        assert_eq!(
            refusal("(bool[2],bool)", &[0; 95]),
            (DecodeErrorKind::Truncated, 0)
        );
        assert_eq!(
            refusal("string", &words(&[32])),
            (DecodeErrorKind::Truncated, 32)
        );
        assert_eq!(
            refusal("string[2]", &words(&[32, 0])),
            (DecodeErrorKind::Truncated, 32)
        );
    }

    #[test]
    fn offsets_do_not_wrap() {
        for top in [31, 27, 23, 0] {
            let mut data = words(&[32, 0]);
            data[top] |= if top == 31 { 0x40 } else { 1 };
            let expected = (DecodeErrorKind::OffsetOutOfRange, 0);
            assert_eq!(refusal("bytes", &data), expected, "byte {top}");
        }
        // In a list that does not start at 0, the largest offset that fits a word.
        let data = words(&[32, 1, u64::MAX, 0]);
        let outer = first("bytes[]", &data).unwrap().as_values().unwrap();
        let inner = outer.map(|value| value.unwrap_err().what);
        assert!(inner.eq([DecodeErrorKind::OffsetOutOfRange]));
    }

    #[test]
    fn lengths_do_not_wrap() {
        for ty in [
            "bytes",
            "string",
            "uint256[]",
            "string[]",
            "(uint256,bool)[]",
        ] {
            for top in [59, 55, 32] {
                let mut data = words(&[32, 0, 0, 0]);
                data[top] = 1;
                let expected = (DecodeErrorKind::LengthOutOfRange, 32);
                assert_eq!(refusal(ty, &data), expected, "{ty}, byte {top}");
            }
        }
        // times 32 is 0 modulo 2^32 and 2^64
        for len in [1 << 27, 1 << 59] {
            let data = words(&[32, len, 1, 2]);
            let expected = (DecodeErrorKind::LengthOutOfRange, 32);
            assert_eq!(refusal("uint256[]", &data), expected);
        }
    }

    #[test]
    fn refuses_bits_beyond_the_width() {
        let mut high = words(&[0]);
        high[11] = 1;
        let positive_255 = words(&[255]);
        let mut negative_129 = [0xff; 32];
        negative_129[31] = 0x7f;
        let mut bytes4 = words(&[0]);
        bytes4[4] = 1;
        for (ty, data, what) in [
            ("uint8", &words(&[256])[..], DecodeErrorKind::DirtyNumber),
            ("uint160", &high, DecodeErrorKind::DirtyNumber),
            ("address", &high, DecodeErrorKind::DirtyNumber),
            ("int8", &positive_255, DecodeErrorKind::DirtyNumber),
            ("int8", &negative_129, DecodeErrorKind::DirtyNumber),
            ("bool", &words(&[2]), DecodeErrorKind::NotBool),
            ("bool", &high, DecodeErrorKind::NotBool),
            ("bytes4", &bytes4, DecodeErrorKind::DirtyPadding),
            ("function", &words(&[1]), DecodeErrorKind::DirtyPadding),
        ] {
            assert_eq!(refusal(ty, data), (what, 0), "{ty}");
        }
    }

    #[test]
    fn padding_is_there_and_zero() {
        let mut data = words(&[32, 3]);
        data.extend_from_slice(b"abc");
        assert_eq!(refusal("string", &data), (DecodeErrorKind::Truncated, 32));
        data.resize(96, 0);
        assert_eq!(first("string", &data).unwrap().as_str(), Some("abc"));
        data[95] = 1;
        assert_eq!(
            refusal("string", &data),
            (DecodeErrorKind::DirtyPadding, 32)
        );
    }

    #[test]
    fn text_is_utf8_and_bytes_need_not_be() {
        let mut data = words(&[32, 1]);
        data.push(0x80);
        data.resize(96, 0);
        assert_eq!(refusal("string", &data), (DecodeErrorKind::NotUtf8, 32));
        assert_eq!(first("bytes", &data).unwrap().as_bytes(), Some(&[0x80][..]));
    }

    #[test]
    fn trailing_bytes_are_ignored() {
        let data = words(&[7, 8]);
        assert_eq!(
            first("uint8", &data).unwrap().as_uint(),
            Some(U256::from(7_u64))
        );
        assert!(first("uint8", &data[..33]).is_ok());
    }

    #[test]
    fn one_bad_member_does_not_hide_the_next() {
        let data = words(&[2, 1]);
        let mut values = decode(Type::parse("(bool,bool)").unwrap(), &data).unwrap();
        assert!(values.next().unwrap().is_err());
        assert_eq!(values.next().unwrap().unwrap().as_bool(), Some(true));
        assert!(values.next().is_none());
    }

    #[test]
    fn work_has_a_budget() {
        // Every member of every list is the next list.
        let level = [2, 64, 64];
        let data = words(&[[32, 0, 0], level, level, level].concat()[..]);
        let data = [&data[..32], &data[96..], &words(&[1, 7])].concat();
        let ty = Type::parse("uint256[][][][]").unwrap();
        let values = decode(ty, &data).unwrap();
        let all = 1 + 2 + 4 + 8 + 8;
        assert_eq!(values.check(1000), Ok(all));
        assert_eq!(values.check(all), Ok(all));
        let refused = values.check(all - 1).unwrap_err();
        assert_eq!(refused.what, DecodeErrorKind::TooManyValues);
    }

    #[test]
    fn offsets_may_point_at_themselves() {
        // The offset 0 at byte 64 is read again as the length of the inner list.
        let data = words(&[32, 1, 0]);
        let values = decode(Type::parse("uint256[][]").unwrap(), &data).unwrap();
        assert_eq!(values.check(1000), Ok(2));
    }
}
