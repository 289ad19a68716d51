//! Signed 256-bit integers.

use core::fmt;
use core::str::FromStr;

use coracle_core::{U256, UintError};

/// An integer in `-2^255..2^255`, in two's complement.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct I256(U256);

impl I256 {
    /// 0.
    pub const ZERO: Self = Self(U256::ZERO);

    /// Reads 32 bytes of two's complement, most significant first.
    pub fn from_be_bytes(bytes: &[u8; U256::LEN]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// The value as 32 bytes of two's complement, most significant first.
    pub fn to_be_bytes(self) -> [u8; U256::LEN] {
        self.0.to_be_bytes()
    }

    /// Joins sign and magnitude; `None` outside of `-2^255..2^255`.
    pub fn from_parts(is_negative: bool, magnitude: U256) -> Option<Self> {
        let value = if is_negative {
            Self(magnitude.wrapping_neg())
        } else {
            Self(magnitude)
        };
        let same_sign = value.is_negative() == is_negative || magnitude.is_zero();
        (same_sign && value.magnitude() == magnitude).then_some(value)
    }

    /// Parses decimal digits, after a minus sign where negative; leading zeros are
    /// accepted.
    ///
    /// # Errors
    ///
    /// [`UintError::Empty`], [`UintError::BadDigit`] (counted after the sign) or
    /// [`UintError::Overflow`].
    pub fn from_decimal(text: &str) -> Result<Self, UintError> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        Self::from_parts(is_negative, U256::from_decimal(digits)?).ok_or(UintError::Overflow)
    }

    /// Whether the value is below 0.
    pub fn is_negative(self) -> bool {
        self.0.bits() == 256
    }

    /// The absolute value.
    pub fn magnitude(self) -> U256 {
        if self.is_negative() {
            self.0.wrapping_neg()
        } else {
            self.0
        }
    }

    /// Whether the value lies in `-2^(bits-1)..2^(bits-1)`.
    pub fn fits(self, bits: u32) -> bool {
        // -2^n needs as many bits as 2^n - 1.
        let magnitude = self.magnitude();
        let rest = if self.is_negative() {
            magnitude.checked_sub(U256::ONE).unwrap_or_default()
        } else {
            magnitude
        };
        rest.bits() < bits
    }
}

impl From<i128> for I256 {
    fn from(value: i128) -> Self {
        let magnitude = U256::from(value.unsigned_abs());
        if value.is_negative() {
            Self(magnitude.wrapping_neg())
        } else {
            Self(magnitude)
        }
    }
}

impl From<i64> for I256 {
    fn from(value: i64) -> Self {
        Self::from(i128::from(value))
    }
}

/// The value, where it fits.
impl TryFrom<I256> for i64 {
    type Error = UintError;

    fn try_from(value: I256) -> Result<Self, UintError> {
        let bytes = value.to_be_bytes();
        let low = bytes.last_chunk().copied().unwrap_or_default();
        if value.fits(Self::BITS) {
            Ok(Self::from_be_bytes(low))
        } else {
            Err(UintError::Overflow)
        }
    }
}

impl FromStr for I256 {
    type Err = UintError;

    fn from_str(text: &str) -> Result<Self, UintError> {
        Self::from_decimal(text)
    }
}

impl fmt::Display for I256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negative() {
            f.write_str("-")?;
        }
        fmt::Display::fmt(&self.magnitude(), f)
    }
}

impl fmt::Debug for I256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for I256 {
    fn format(&self, f: defmt::Formatter<'_>) {
        let sign = if self.is_negative() { "-" } else { "" };
        defmt::write!(f, "{=str}{}", sign, self.magnitude());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    const MAX: &str =
        "57896044618658097711785492504343953926634992332820282019728792003956564819967";
    const MIN: &str =
        "-57896044618658097711785492504343953926634992332820282019728792003956564819968";

    #[test]
    fn prints_what_it_parses() {
        for text in ["0", "1", "-1", "128", "-129", MAX, MIN] {
            assert_eq!(I256::from_decimal(text).unwrap().to_string(), text);
        }
        assert_eq!(I256::from_decimal("-0"), Ok(I256::ZERO));
    }

    #[test]
    fn refuses_one_more_than_fits() {
        for text in [MAX.replace("9967", "9968"), MIN.replace("9968", "9969")] {
            assert_eq!(I256::from_decimal(&text), Err(UintError::Overflow));
        }
        assert_eq!(
            I256::from_decimal(
                "-115792089237316195423570985008687907853269984665640564039457584007913129639935"
            ),
            Err(UintError::Overflow)
        );
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "-", "+1", "--1", "1-", "0x1", " 1"] {
            assert!(I256::from_decimal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn width_counts_the_sign() {
        for (value, bits) in [
            (127_i64, 8),
            (-128, 8),
            (128, 16),
            (-129, 16),
            (0, 8),
            (-1, 8),
        ] {
            let value = I256::from(value);
            assert!(value.fits(bits), "{value}");
            assert!(!value.fits(bits - 8), "{value}");
        }
        assert!(I256::from_decimal(MIN).unwrap().fits(256));
        assert!(!I256::from_decimal(MIN).unwrap().fits(248));
    }

    #[test]
    fn narrows_only_what_fits() {
        for value in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(i64::try_from(I256::from(value)), Ok(value));
        }
        let over = I256::from(i128::from(i64::MAX) + 1);
        assert_eq!(i64::try_from(over), Err(UintError::Overflow));
    }
}
