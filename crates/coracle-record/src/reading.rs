//! One value of one sensor.

use core::fmt;

use crate::decimal::Decimal;
use crate::error::RecordError;

/// One value of one channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reading<'a> {
    /// The channel: which sensor or quantity of the device.
    pub name: Name<'a>,
    /// The unit of the value.
    pub unit: Unit<'a>,
    /// The value.
    pub value: Decimal,
    /// Milliseconds from the record's time to the reading's; negative if it was read
    /// before.
    pub offset_ms: i32,
}

impl<'a> Reading<'a> {
    /// A value read at the record's time.
    pub const fn new(name: Name<'a>, unit: Unit<'a>, value: Decimal) -> Self {
        Self {
            name,
            unit,
            value,
            offset_ms: 0,
        }
    }
}

/// A channel's name: 1 to [`Name::MAX_LEN`] characters of `A-Z a-z 0-9 - : . / _`, the
/// first of them a letter or digit.
///
/// Reference: RFC 8428, section 4.5.1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// The most characters that a name has.
    pub const MAX_LEN: usize = 32;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`RecordError::BadName`].
    pub const fn new(name: &'a str) -> Result<Self, RecordError> {
        const ERROR: RecordError = RecordError::BadName { max: Name::MAX_LEN };
        let Some(first) = name.as_bytes().first() else {
            return Err(ERROR);
        };
        if name.len() > Self::MAX_LEN || !first.is_ascii_alphanumeric() {
            return Err(ERROR);
        }
        let mut rest = name.as_bytes();
        while let [byte, tail @ ..] = rest {
            if !matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b':' | b'.' | b'/' | b'_')
            {
                return Err(ERROR);
            }
            rest = tail;
        }
        Ok(Self(name))
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A unit: 1 to [`Unit::MAX_LEN`] printable ASCII characters, no space.
///
/// By agreement a SenML symbol, or a UCUM code where SenML has none. This crate knows
/// no list: a unit that it never heard of is no error.
///
/// Reference: RFC 8428, section 12.1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Unit<'a>(&'a str);

impl<'a> Unit<'a> {
    /// The most characters that a unit has.
    pub const MAX_LEN: usize = 16;

    /// Checks the form of a unit.
    ///
    /// # Errors
    ///
    /// [`RecordError::BadUnit`].
    pub const fn new(unit: &'a str) -> Result<Self, RecordError> {
        const ERROR: RecordError = RecordError::BadUnit { max: Unit::MAX_LEN };
        if unit.is_empty() || unit.len() > Self::MAX_LEN {
            return Err(ERROR);
        }
        let mut rest = unit.as_bytes();
        while let [byte, tail @ ..] = rest {
            if !byte.is_ascii_graphic() {
                return Err(ERROR);
            }
            rest = tail;
        }
        Ok(Self(unit))
    }

    /// The text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Frequent units, with the symbols of RFC 8428, section 12.1.
impl Unit<'static> {
    /// Ampere, electric current.
    pub const AMPERE: Self = Self("A");
    /// Degrees Celsius.
    pub const CELSIUS: Self = Self("Cel");
    /// Number of events or things.
    pub const COUNT: Self = Self("count");
    /// Cubic metre, volume.
    pub const CUBIC_METRE: Self = Self("m3");
    /// Cubic metre per second, flow.
    pub const CUBIC_METRE_PER_SECOND: Self = Self("m3/s");
    /// Joule, energy.
    pub const JOULE: Self = Self("J");
    /// Kilogram, mass.
    pub const KILOGRAM: Self = Self("kg");
    /// Degrees of latitude, WGS 84.
    pub const LATITUDE: Self = Self("lat");
    /// Degrees of longitude, WGS 84.
    pub const LONGITUDE: Self = Self("lon");
    /// Lux, illuminance.
    pub const LUX: Self = Self("lx");
    /// Metre, length.
    pub const METRE: Self = Self("m");
    /// Pascal, pressure.
    pub const PASCAL: Self = Self("Pa");
    /// A ratio: a value without dimension.
    pub const RATIO: Self = Self("/");
    /// Percentage of relative humidity.
    pub const RELATIVE_HUMIDITY: Self = Self("%RH");
    /// Second, time.
    pub const SECOND: Self = Self("s");
    /// Volt, electric potential.
    pub const VOLT: Self = Self("V");
    /// Watt, power.
    pub const WATT: Self = Self("W");
}

impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_senml_refuses() {
        let long = "a".repeat(33);
        for name in [
            "",
            ".a",
            "_a",
            "/a",
            "a b",
            "a\n",
            "ä",
            "a\u{1b}[2J",
            "a,b",
            &long,
        ] {
            let error = Err(RecordError::BadName { max: 32 });
            assert_eq!(Name::new(name), error, "{name:?}");
        }
    }

    #[test]
    fn takes_names_that_senml_takes() {
        let long = "a".repeat(32);
        for name in ["a", "0", "urn:dev:mac:0024befffe804ff1", "a-b.c/d_e", &long] {
            assert_eq!(Name::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_units_that_do_not_print() {
        let long = "m".repeat(17);
        for unit in ["", " ", "m s", "\t", "µm", "\u{7f}", "°C", &long] {
            let error = Err(RecordError::BadUnit { max: 16 });
            assert_eq!(Unit::new(unit), error, "{unit:?}");
        }
    }

    #[test]
    fn takes_senml_and_ucum() {
        let long = "m".repeat(16);
        for unit in ["m3/s", "%RH", "/", "[in_i'H2O]", "10*3/uL", "{tick}", &long] {
            assert_eq!(Unit::new(unit).unwrap().as_str(), unit);
        }
    }
}
