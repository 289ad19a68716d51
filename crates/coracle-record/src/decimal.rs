//! Values without floats.

use core::fmt;

use crate::error::RecordError;

/// A decimal number: `mantissa * 10^exponent`, exact.
///
/// Keeps its exponent: 1.20 and 1.2 are two values, the first of which says that the
/// sensor resolves hundredths.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decimal {
    mantissa: i64,
    exponent: i8,
}

impl Decimal {
    /// The least exponent. With it and [`MAX_EXPONENT`](Self::MAX_EXPONENT), every
    /// exponent is one byte in CBOR.
    pub const MIN_EXPONENT: i8 = -24;

    /// The greatest exponent.
    pub const MAX_EXPONENT: i8 = 23;

    /// `mantissa * 10^exponent`.
    ///
    /// # Errors
    ///
    /// [`RecordError::ExponentOutOfRange`].
    pub const fn new(mantissa: i64, exponent: i8) -> Result<Self, RecordError> {
        if exponent < Self::MIN_EXPONENT || exponent > Self::MAX_EXPONENT {
            return Err(RecordError::ExponentOutOfRange {
                min: Self::MIN_EXPONENT,
                max: Self::MAX_EXPONENT,
            });
        }
        Ok(Self { mantissa, exponent })
    }

    /// A whole number.
    pub const fn from_int(value: i64) -> Self {
        Self {
            mantissa: value,
            exponent: 0,
        }
    }

    /// The digits, without the point.
    pub const fn mantissa(&self) -> i64 {
        self.mantissa
    }

    /// The power of ten.
    pub const fn exponent(&self) -> i8 {
        self.exponent
    }
}

/// In plain digits: no rounding, no exponent; trailing zeros after the point stay.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = u128::from(self.mantissa.unsigned_abs());
        let zeros = usize::from(self.exponent.unsigned_abs());
        if self.exponent >= 0 {
            let zeros = if digits == 0 { 0 } else { zeros };
            return write!(f, "{sign}{digits}{:0<zeros$}", "");
        }
        let scale = 10_u128.saturating_pow(u32::from(self.exponent.unsigned_abs()));
        let whole = digits.checked_div(scale).unwrap_or(0);
        let fraction = digits.checked_rem(scale).unwrap_or(0);
        write!(f, "{sign}{whole}.{fraction:0zeros$}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn shown(mantissa: i64, exponent: i8) -> std::string::String {
        Decimal::new(mantissa, exponent).unwrap().to_string()
    }

    #[test]
    fn refuses_exponents_of_more_than_a_byte() {
        let error = Err(RecordError::ExponentOutOfRange { min: -24, max: 23 });
        assert_eq!(Decimal::new(1, 24), error);
        assert_eq!(Decimal::new(1, -25), error);
        assert_eq!(Decimal::new(1, i8::MIN), error);
    }

    #[test]
    fn prints_every_digit() {
        assert_eq!(shown(1234, -3), "1.234");
        assert_eq!(shown(120, -2), "1.20");
        assert_eq!(shown(-5, -3), "-0.005");
        assert_eq!(shown(7, 3), "7000");
        assert_eq!(shown(0, 23), "0");
        assert_eq!(shown(0, -2), "0.00");
        assert_eq!(shown(i64::MIN, 0), "-9223372036854775808");
        assert_eq!(shown(i64::MIN, -24), "-0.000009223372036854775808");
        assert_eq!(
            shown(i64::MAX, 23),
            "922337203685477580700000000000000000000000"
        );
    }
}
