//! 256-bit unsigned integers: amounts, ABI words, RLP integers.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::hex;

/// Why a number was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UintError {
    /// The text is empty.
    Empty,
    /// The character at `at` is no digit.
    BadDigit {
        /// Offset in bytes.
        at: usize,
    },
    /// The text starts with a zero that is not the whole number.
    LeadingZero,
    /// The value does not fit the type.
    Overflow,
}

impl fmt::Display for UintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty number"),
            Self::BadDigit { at } => write!(f, "bad digit at {at}"),
            Self::LeadingZero => f.write_str("number starts with a zero"),
            Self::Overflow => f.write_str("number too large"),
        }
    }
}

impl core::error::Error for UintError {}

impl Error for UintError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

const LIMBS: usize = 4;

/// The digits of a big-endian number without its leading zero bytes.
pub(crate) fn significant(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|byte| **byte == 0).count();
    digits.get(zeros..).unwrap_or_default()
}

/// An unsigned integer in `0..2^256`.
///
/// Arithmetic is checked: an operation that does not fit gives `None`. Not constant
/// time; holds no secrets.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct U256([u64; LIMBS]); // Least significant limb first.

impl U256 {
    /// Length of the big-endian form in bytes.
    pub const LEN: usize = 32;

    /// 0.
    pub const ZERO: Self = Self([0; LIMBS]);

    /// 1.
    pub const ONE: Self = Self([1, 0, 0, 0]);

    /// 2^256 - 1.
    pub const MAX: Self = Self([u64::MAX; LIMBS]);

    /// Digits of the longest decimal form.
    pub const MAX_DECIMAL_LEN: usize = 78;

    /// The value as a `const`.
    pub const fn from_u64(value: u64) -> Self {
        Self([value, 0, 0, 0])
    }

    /// Reads 32 bytes, most significant first.
    pub fn from_be_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let mut limbs = [0; LIMBS];
        for (limb, word) in limbs.iter_mut().rev().zip(words) {
            *limb = u64::from_be_bytes(*word);
        }
        Self(limbs)
    }

    /// Reads up to 32 bytes, most significant first; `None` if there are more.
    pub fn from_be_slice(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; Self::LEN];
        let start = Self::LEN.checked_sub(bytes.len())?;
        word.get_mut(start..)?.copy_from_slice(bytes);
        Some(Self::from_be_bytes(&word))
    }

    /// The value as 32 bytes, most significant first.
    pub fn to_be_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let (words, _) = bytes.as_chunks_mut::<8>();
        for (word, limb) in words.iter_mut().zip(self.0.iter().rev()) {
            *word = limb.to_be_bytes();
        }
        bytes
    }

    /// Parses decimal digits; leading zeros are accepted.
    ///
    /// # Errors
    ///
    /// [`UintError::Empty`], [`UintError::BadDigit`] or [`UintError::Overflow`].
    pub fn from_decimal(text: &str) -> Result<Self, UintError> {
        Self::from_digits(text, 10)
    }

    /// Parses a JSON-RPC quantity: `0x`, then digits without a leading zero.
    ///
    /// # Errors
    ///
    /// [`UintError::BadDigit`] (a missing `0x` included), [`UintError::Empty`],
    /// [`UintError::LeadingZero`] or [`UintError::Overflow`].
    ///
    /// Reference: Ethereum execution APIs, hex encoding of quantities.
    pub fn from_quantity(text: &str) -> Result<Self, UintError> {
        let digits = text
            .strip_prefix("0x")
            .ok_or(UintError::BadDigit { at: 0 })?;
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(UintError::LeadingZero);
        }
        Self::from_digits(digits, 16)
    }

    fn from_digits(text: &str, radix: u8) -> Result<Self, UintError> {
        if text.is_empty() {
            return Err(UintError::Empty);
        }
        let mut sum = Self::ZERO;
        for (at, c) in text.bytes().enumerate() {
            let digit = hex::value(c).filter(|digit| *digit < radix);
            let digit = digit.ok_or(UintError::BadDigit { at })?;
            sum = sum
                .mul_add_small(u64::from(radix), u64::from(digit))
                .ok_or(UintError::Overflow)?;
        }
        Ok(sum)
    }

    /// `self * factor + summand`.
    fn mul_add_small(self, factor: u64, summand: u64) -> Option<Self> {
        let mut carry = summand;
        let mut limbs = self.0;
        for limb in &mut limbs {
            (*limb, carry) = limb.carrying_mul(factor, carry);
        }
        (carry == 0).then_some(Self(limbs))
    }

    /// `self + other`, or `None` if that is 2^256 or more.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let mut carry = false;
        let mut limbs = self.0;
        for (a, b) in limbs.iter_mut().zip(other.0) {
            (*a, carry) = a.carrying_add(b, carry);
        }
        (!carry).then_some(Self(limbs))
    }

    /// `self - other`, or `None` if that is negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let mut borrow = false;
        let mut limbs = self.0;
        for (a, b) in limbs.iter_mut().zip(other.0) {
            (*a, borrow) = a.borrowing_sub(b, borrow);
        }
        (!borrow).then_some(Self(limbs))
    }

    /// `self * other`, or `None` if that is 2^256 or more.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let mut product = Self::ZERO;
        // Schoolbook from the top limb of `other`: shift by one limb, add one row.
        for limb in other.0.iter().rev() {
            product = product.checked_shift_limb()?;
            product = product.checked_add(self.mul_add_small(*limb, 0)?)?;
        }
        Some(product)
    }

    fn checked_shift_limb(self) -> Option<Self> {
        let [a, b, c, top] = self.0;
        (top == 0).then_some(Self([0, a, b, c]))
    }

    /// `self + other`, or 2^256 - 1.
    pub fn saturating_add(self, other: Self) -> Self {
        self.checked_add(other).unwrap_or(Self::MAX)
    }

    /// `self * other`, or 2^256 - 1.
    pub fn saturating_mul(self, other: Self) -> Self {
        self.checked_mul(other).unwrap_or(Self::MAX)
    }

    /// Quotient and remainder, or `None` if `divisor` is 0.
    pub fn div_rem_u64(self, divisor: u64) -> Option<(Self, u64)> {
        let wide = u128::from(divisor);
        let mut rest = 0_u128;
        let mut limbs = self.0;
        for limb in limbs.iter_mut().rev() {
            let dividend = (rest << 64) | u128::from(*limb);
            // The remainder is below the divisor, so the quotient fits one limb.
            *limb = u64::try_from(dividend.checked_div(wide)?).ok()?;
            rest = dividend.checked_rem(wide)?;
        }
        Some((Self(limbs), u64::try_from(rest).ok()?))
    }

    /// `self / 2^bits`, rounded down.
    pub fn shifted_right(self, bits: u32) -> Self {
        let mut limbs = [0; LIMBS];
        let (skipped, bits) = (bits / 64, bits % 64);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut above = 0;
        let pairs = limbs
            .iter_mut()
            .rev()
            .skip(skipped)
            .zip(self.0.iter().rev());
        for (limb, from) in pairs {
            // The two shifts are by 64 in all, and neither by as much alone.
            *limb = (from >> bits) | ((above << 1) << 63_u32.saturating_sub(bits));
            above = *from;
        }
        Self(limbs)
    }

    /// Two's complement: `2^256 - self`, and 0 for 0.
    pub fn wrapping_neg(self) -> Self {
        let mut carry = true;
        let mut limbs = self.0;
        for limb in &mut limbs {
            (*limb, carry) = (!*limb).carrying_add(0, carry);
        }
        Self(limbs)
    }

    /// The number of bits without leading zeros: 0 for 0, 256 for [`MAX`](Self::MAX).
    pub fn bits(self) -> u32 {
        let zeros = self.0.iter().rev().scan(true, |leading, limb| {
            let zeros = leading.then(|| limb.leading_zeros());
            *leading = *leading && *limb == 0;
            zeros
        });
        256_u32.saturating_sub(zeros.sum())
    }

    /// Whether this is 0.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u64> for U256 {
    fn from(value: u64) -> Self {
        Self::from_u64(value)
    }
}

impl From<u128> for U256 {
    fn from(value: u128) -> Self {
        let mut word = [0; Self::LEN];
        if let Some(low) = word.last_chunk_mut() {
            *low = value.to_be_bytes();
        }
        Self::from_be_bytes(&word)
    }
}

impl TryFrom<U256> for u64 {
    type Error = UintError;

    fn try_from(value: U256) -> Result<Self, UintError> {
        match value.0 {
            [low, 0, 0, 0] => Ok(low),
            _ => Err(UintError::Overflow),
        }
    }
}

impl U256 {
    /// Writes the decimal digits to the end of `buf`, and returns them.
    fn decimal<'a>(&self, buf: &'a mut [u8; Self::MAX_DECIMAL_LEN]) -> &'a str {
        let mut rest = *self;
        let mut len = 0_usize;
        for slot in buf.iter_mut().rev() {
            let (quotient, digit) = rest.div_rem_u64(10).unwrap_or_default();
            *slot = hex::digits(u8::try_from(digit).unwrap_or_default())[1];
            len = len.saturating_add(1);
            rest = quotient;
            if rest.is_zero() {
                break;
            }
        }
        let start = buf.len().saturating_sub(len);
        let digits = buf.get(start..).unwrap_or_default();
        core::str::from_utf8(digits).unwrap_or_default()
    }
}

impl TryFrom<U256> for u128 {
    type Error = UintError;

    fn try_from(value: U256) -> Result<Self, UintError> {
        match value.0 {
            [low, high, 0, 0] => Ok((Self::from(high) << 64) | Self::from(low)),
            _ => Err(UintError::Overflow),
        }
    }
}

/// Decimal, or a quantity with `0x`.
impl FromStr for U256 {
    type Err = UintError;

    fn from_str(text: &str) -> Result<Self, UintError> {
        if text.starts_with("0x") {
            return Self::from_quantity(text);
        }
        Self::from_decimal(text)
    }
}

/// Decimal.
impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad_integral(true, "", self.decimal(&mut [0; Self::MAX_DECIMAL_LEN]))
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A quantity: `{:#x}` prints `0x1f`, `{:x}` the digits alone, without leading zeros.
impl fmt::LowerHex for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buf = [0; 64];
        for (pair, byte) in buf
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .zip(self.to_be_bytes())
        {
            *pair = hex::digits(byte);
        }
        let text = core::str::from_utf8(&buf).unwrap_or_default();
        let digits = text.trim_start_matches('0');
        f.pad_integral(true, "0x", if digits.is_empty() { "0" } else { digits })
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for U256 {
    fn format(&self, f: defmt::Formatter<'_>) {
        let mut buf = [0; Self::MAX_DECIMAL_LEN];
        defmt::write!(f, "{=str}", self.decimal(&mut buf));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    const MAX: &str =
        "115792089237316195423570985008687907853269984665640564039457584007913129639935";

    #[test]
    fn prints_and_parses_the_extremes() {
        assert_eq!(U256::ZERO.to_string(), "0");
        assert_eq!(U256::MAX.to_string(), MAX);
        assert_eq!(U256::from_decimal(MAX), Ok(U256::MAX));
        assert_eq!(format!("{:#x}", U256::from(0x1f_u64)), "0x1f");
        assert_eq!(format!("{:#x}", U256::ZERO), "0x0");
    }

    #[test]
    fn refuses_one_more_than_fits() {
        let over = MAX.replace("9935", "9936");
        assert_eq!(U256::from_decimal(&over), Err(UintError::Overflow));
        assert_eq!(U256::MAX.checked_add(U256::ONE), None);
        assert_eq!(U256::ZERO.checked_sub(U256::ONE), None);
        let half = U256::from(1_u128 << 127)
            .checked_mul(U256::from(2_u64))
            .unwrap();
        assert_eq!(half.checked_mul(half), None);
    }

    #[test]
    fn a_shift_divides_by_a_power_of_two() {
        for number in [U256::ZERO, U256::ONE, U256::from(u128::MAX), U256::MAX] {
            assert_eq!(number.shifted_right(0), number);
            for bits in [1, 3, 31, 63] {
                let (quotient, _) = number.div_rem_u64(1 << bits).unwrap();
                assert_eq!(number.shifted_right(bits), quotient, "{bits}");
            }
            let (half, _) = number.div_rem_u64(1 << 40).unwrap();
            let (whole, _) = half.div_rem_u64(1 << 60).unwrap();
            assert_eq!(number.shifted_right(100), whole);
            assert_eq!(number.shifted_right(256), U256::ZERO);
            assert_eq!(number.shifted_right(u32::MAX), U256::ZERO);
        }
    }

    #[test]
    fn quantities_have_a_prefix_and_no_leading_zero() {
        assert_eq!(U256::from_quantity("0x0"), Ok(U256::ZERO));
        assert_eq!(U256::from_quantity("0x"), Err(UintError::Empty));
        assert_eq!(U256::from_quantity("0x010"), Err(UintError::LeadingZero));
        assert_eq!(
            U256::from_quantity("10"),
            Err(UintError::BadDigit { at: 0 })
        );
        assert_eq!(
            U256::from_quantity("0x1g"),
            Err(UintError::BadDigit { at: 1 })
        );
        let long = format!("0x1{}", "0".repeat(64));
        assert_eq!(U256::from_quantity(&long), Err(UintError::Overflow));
    }

    #[test]
    fn division_by_zero_is_none() {
        assert_eq!(U256::ONE.div_rem_u64(0), None);
    }

    #[test]
    fn negation_is_twos_complement() {
        assert_eq!(U256::ONE.wrapping_neg(), U256::MAX);
        assert_eq!(U256::ZERO.wrapping_neg(), U256::ZERO);
    }

    #[test]
    fn bits_counts_without_leading_zeros() {
        assert_eq!(U256::ZERO.bits(), 0);
        assert_eq!(U256::ONE.bits(), 1);
        assert_eq!(U256::from(1_u128 << 64).bits(), 65);
        assert_eq!(U256::MAX.bits(), 256);
    }
}
