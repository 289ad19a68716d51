//! When something was, and who says so.

/// A point in time and where it comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamp {
    /// Unix seconds; with [`TimeSource::Unknown`], seconds since the device started.
    pub seconds: u64,
    /// Where the device has the time from.
    pub source: TimeSource,
    /// The most milliseconds by which it may be wrong, where the device knows.
    pub accuracy_ms: Option<u32>,
}

impl Timestamp {
    /// A time of unstated accuracy.
    pub const fn new(seconds: u64, source: TimeSource) -> Self {
        Self {
            seconds,
            source,
            accuracy_ms: None,
        }
    }
}

/// Where a device has the time from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TimeSource {
    /// The clock was never set: it counts from the device's start.
    Unknown,
    /// The device's own clock, set at some time in the past.
    Rtc,
    /// The network: NITZ of the mobile network, or NTP.
    Network,
    /// A satellite receiver.
    Gnss,
    /// The time stamp of a block that the device saw.
    Chain,
}

impl TimeSource {
    /// The number that stands for it in a record.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Rtc => 1,
            Self::Network => 2,
            Self::Gnss => 3,
            Self::Chain => 4,
        }
    }

    /// The source that a number stands for; `None` if it stands for none.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Unknown,
            1 => Self::Rtc,
            2 => Self::Network,
            3 => Self::Gnss,
            4 => Self::Chain,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_stands_for_one_source_or_none() {
        for byte in 0..=u8::MAX {
            let source = TimeSource::from_byte(byte);
            assert_eq!(source.is_some(), byte < 5);
            assert!(source.is_none_or(|source| source.to_byte() == byte));
        }
    }
}
