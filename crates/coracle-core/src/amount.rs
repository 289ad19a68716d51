//! Amounts of a chain's native coin.

use core::fmt;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::uint::{U256, UintError};

/// Why an amount was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WeiError {
    /// The number itself is wrong.
    Number(UintError),
    /// More digits after the point than the unit has decimals.
    TooPrecise {
        /// Digits after the point that the unit allows.
        max: u8,
    },
    /// The unit is missing or none of `wei`, `gwei` and `ether`.
    BadUnit,
}

impl fmt::Display for WeiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(cause) => cause.fmt(f),
            Self::TooPrecise { max } => write!(f, "more than {max} digits after the point"),
            Self::BadUnit => f.write_str("unit is not wei, gwei or ether"),
        }
    }
}

impl core::error::Error for WeiError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Number(cause) => Some(cause),
            _ => None,
        }
    }
}

impl Error for WeiError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Caller
    }
}

impl From<UintError> for WeiError {
    fn from(cause: UintError) -> Self {
        Self::Number(cause)
    }
}

/// An amount in the smallest unit of an Ethereum-like chain, `0..2^256` wei.
///
/// Exact: never passes through floating point.
///
/// # Examples
///
/// ```
/// use coracle_core::Wei;
///
/// let fee: Wei = "1.5 gwei".parse()?;
/// assert_eq!(fee, Wei::from_u64(1_500_000_000));
/// assert_eq!(fee.to_string(), "1500000000 wei");
/// assert_eq!(fee.gwei().to_string(), "1.5");
/// # Ok::<(), coracle_core::WeiError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Wei(pub U256);

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(U256::ZERO);

    /// Decimals of one ether.
    pub const ETHER_DECIMALS: u8 = 18;

    /// Decimals of one gwei.
    pub const GWEI_DECIMALS: u8 = 9;

    /// An amount in wei as a `const`.
    pub const fn from_u64(wei: u64) -> Self {
        Self(U256::from_u64(wei))
    }

    /// An amount in gwei as a `const`; saturates at 2^64 - 1 wei.
    pub const fn from_gwei(gwei: u64) -> Self {
        Self::from_u64(gwei.saturating_mul(1_000_000_000))
    }

    /// Parses `12` or `12.5` in a unit of `decimals` decimals; takes no sign, no
    /// exponent and no separators.
    ///
    /// # Errors
    ///
    /// [`WeiError::Number`], or [`WeiError::TooPrecise`] instead of rounding.
    pub fn parse_units(text: &str, decimals: u8) -> Result<Self, WeiError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if fraction.len() > usize::from(decimals).max(1) || (decimals == 0 && text.contains('.')) {
            return Err(WeiError::TooPrecise { max: decimals });
        }
        let whole = scale(U256::from_decimal(whole)?, decimals)?;
        if fraction.bytes().all(|c| c == b'0') && !fraction.is_empty() {
            return Ok(Self(whole));
        }
        let digits = u8::try_from(fraction.len()).map_err(|_| UintError::Overflow)?;
        let fraction = scale(
            U256::from_decimal(fraction)?,
            decimals.saturating_sub(digits),
        )?;
        Ok(Self(
            whole.checked_add(fraction).ok_or(UintError::Overflow)?,
        ))
    }

    /// Prints the amount in ether, without trailing zeros.
    pub const fn ether(self) -> InUnits {
        self.in_units(Self::ETHER_DECIMALS)
    }

    /// Prints the amount in gwei, without trailing zeros.
    pub const fn gwei(self) -> InUnits {
        self.in_units(Self::GWEI_DECIMALS)
    }

    /// Prints the amount in a unit of `decimals` decimals (at most 19), exactly.
    pub const fn in_units(self, decimals: u8) -> InUnits {
        InUnits {
            amount: self.0,
            decimals,
        }
    }
}

fn scale(value: U256, decimals: u8) -> Result<U256, UintError> {
    (0..decimals)
        .try_fold(value, |sum, _| sum.checked_mul(U256::from(10_u64)))
        .ok_or(UintError::Overflow)
}

impl From<U256> for Wei {
    fn from(wei: U256) -> Self {
        Self(wei)
    }
}

/// A number and its unit: `21 gwei`, `0.05ether`, `7 wei`.
impl FromStr for Wei {
    type Err = WeiError;

    fn from_str(text: &str) -> Result<Self, WeiError> {
        let split = text
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or(WeiError::BadUnit)?;
        let (number, unit) = text.split_at_checked(split).ok_or(WeiError::BadUnit)?;
        let decimals = match unit {
            "wei" => 0,
            "gwei" => Self::GWEI_DECIMALS,
            "ether" => Self::ETHER_DECIMALS,
            _ => return Err(WeiError::BadUnit),
        };
        Self::parse_units(number.trim_end(), decimals)
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wei", self.0)
    }
}

/// An amount on its way to be printed in a larger unit.
#[derive(Clone, Copy, Debug)]
pub struct InUnits {
    amount: U256,
    decimals: u8,
}

impl fmt::Display for InUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = 10_u64.saturating_pow(u32::from(self.decimals));
        let (whole, rest) = self.amount.div_rem_u64(unit).unwrap_or_default();
        if rest == 0 {
            return whole.fmt(f);
        }
        let mut fraction = rest;
        let mut width = usize::from(self.decimals);
        while fraction.is_multiple_of(10) {
            fraction = fraction.wrapping_div(10);
            width = width.saturating_sub(1);
        }
        write!(f, "{whole}.{fraction:0width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn parses_each_unit_exactly() {
        assert_eq!("1 wei".parse(), Ok(Wei::from_u64(1)));
        assert_eq!("1.000000001 gwei".parse(), Ok(Wei::from_u64(1_000_000_001)));
        assert_eq!("0.05ether".parse(), Ok(Wei::from_gwei(50_000_000)));
        assert_eq!("2.0 ether".parse(), Ok(Wei::from_gwei(2_000_000_000)));
    }

    #[test]
    fn refuses_what_it_would_have_to_round_or_guess() {
        let parse = |text: &str| text.parse::<Wei>().unwrap_err();
        assert_eq!(parse("1"), WeiError::BadUnit);
        assert_eq!(parse("1 eth"), WeiError::BadUnit);
        assert_eq!(parse("1.5 wei"), WeiError::TooPrecise { max: 0 });
        assert_eq!(parse("1.0000000001 gwei"), WeiError::TooPrecise { max: 9 });
        assert_eq!(parse("1. ether"), WeiError::Number(UintError::Empty));
        assert_eq!(parse(".5 ether"), WeiError::Number(UintError::Empty));
        assert_eq!(
            parse("-1 wei"),
            WeiError::Number(UintError::BadDigit { at: 0 })
        );
        assert_eq!(parse("1e18 wei"), WeiError::BadUnit);
        assert_eq!(
            parse("1,5 ether"),
            WeiError::Number(UintError::BadDigit { at: 1 })
        );
        let huge = std::format!("{} ether", U256::MAX);
        assert_eq!(parse(&huge), WeiError::Number(UintError::Overflow));
    }

    #[test]
    fn prints_without_trailing_zeros() {
        assert_eq!(Wei::from_u64(1).ether().to_string(), "0.000000000000000001");
        assert_eq!(Wei::from_gwei(1_500_000_000).ether().to_string(), "1.5");
        assert_eq!(Wei::from_gwei(3).gwei().to_string(), "3");
        assert_eq!(Wei::ZERO.ether().to_string(), "0");
    }
}
