//! Power saving: the timers of PSM and the cycles of eDRX, as the network takes them.

/// How long the modem may be out of reach to save power. What the network grants may
/// differ.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PowerSaving {
    /// Power saving mode; none switches it off.
    pub psm: Option<Psm>,
    /// Long cycles between pagings; none switches them off.
    pub edrx: Option<Edrx>,
}

/// Timers of the power saving mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Psm {
    /// How often the modem says that it is there: T3412.
    pub periodic: PeriodicTimer,
    /// How long it can be reached after it has been active: T3324.
    pub active: ActiveTimer,
}

/// T3412 extended: GPRS timer 3 of 3GPP TS 24.008, table 10.5.163a.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PeriodicTimer(u8);

/// T3324: GPRS timer 2 of 3GPP TS 24.008, table 10.5.163.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ActiveTimer(u8);

/// Units in seconds and their codes, finest first.
const PERIODIC_UNITS: [(u32, u8); 7] = [
    (2, 0b011),
    (30, 0b100),
    (60, 0b101),
    (600, 0b000),
    (3_600, 0b001),
    (36_000, 0b010),
    (1_152_000, 0b110),
];

const ACTIVE_UNITS: [(u32, u8); 3] = [(2, 0b000), (60, 0b001), (360, 0b010)];

/// A timer counts five bits of its unit.
const MAX_COUNT: u32 = 31;

impl PeriodicTimer {
    /// The shortest timer of at least so many seconds; `None` above 35,712,000 s.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        encode(seconds, &PERIODIC_UNITS).map(Self)
    }

    /// As a command carries it.
    pub fn bits(self) -> [u8; 8] {
        bits(self.0)
    }
}

impl ActiveTimer {
    /// The shortest timer of at least so many seconds; `None` above 11,160 s.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        encode(seconds, &ACTIVE_UNITS).map(Self)
    }

    /// As a command carries it.
    pub fn bits(self) -> [u8; 8] {
        bits(self.0)
    }
}

fn encode(seconds: u32, units: &[(u32, u8)]) -> Option<u8> {
    units.iter().find_map(|(unit, code)| {
        let count = seconds.div_ceil(*unit);
        let count = u8::try_from(count).ok().filter(|_| count <= MAX_COUNT)?;
        Some(code.wrapping_shl(5) | count)
    })
}

/// Binary digits, the highest first.
fn bits<const N: usize>(value: u8) -> [u8; N] {
    let mut text = [b'0'; N];
    for (place, digit) in text.iter_mut().rev().enumerate() {
        let place = u32::try_from(place).unwrap_or(8);
        *digit |= value.checked_shr(place).unwrap_or(0) & 1;
    }
    text
}

/// Cycles of eDRX.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Edrx {
    /// The radio they are for.
    pub radio: EdrxRadio,
    /// How long a cycle is.
    pub cycle: EdrxCycle,
}

/// Radio of [`Edrx`]: access technology of `+CEDRXS`, 27.007 section 7.40.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum EdrxRadio {
    /// LTE and LTE-M.
    Lte,
    /// NB-IoT.
    NbIot,
}

impl EdrxRadio {
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Lte => 4,
            Self::NbIot => 5,
        }
    }
}

/// Length of a cycle: 3GPP TS 24.008, table 10.5.5.32.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EdrxCycle(u8);

/// Lengths in milliseconds and their codes.
const CYCLES: [(u32, u8); 14] = [
    (5_120, 0),
    (10_240, 1),
    (20_480, 2),
    (40_960, 3),
    (61_440, 4),
    (81_920, 5),
    (102_400, 6),
    (122_880, 7),
    (143_360, 8),
    (163_840, 9),
    (327_680, 10),
    (655_360, 11),
    (1_310_720, 12),
    (2_621_440, 13),
];

impl EdrxCycle {
    /// The shortest cycle of at least so many seconds; `None` above 2,621 s.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        let ms = seconds.checked_mul(1_000)?;
        let (_, code) = CYCLES.iter().find(|(cycle, _)| *cycle >= ms)?;
        Some(Self(*code))
    }

    /// As a command carries it.
    pub fn bits(self) -> [u8; 4] {
        bits(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn periodic(seconds: u32) -> std::string::String {
        let timer = PeriodicTimer::from_seconds(seconds).unwrap();
        std::string::String::from_utf8(timer.bits().to_vec()).unwrap()
    }

    #[test]
    fn periodic_timer_rounds_up_to_the_next_step() {
        assert_eq!(periodic(0), "01100000");
        assert_eq!(periodic(62), "01111111");
        assert_eq!(periodic(63), "10000011");
        assert_eq!(periodic(3_600), "00000110");
        assert_eq!(periodic(86_400), "00111000");
        assert_eq!(periodic(12 * 3_600), "00101100");
        assert_eq!(periodic(31 * 1_152_000), "11011111");
        assert_eq!(PeriodicTimer::from_seconds(31 * 1_152_000 + 1), None);
    }

    #[test]
    fn active_timer_rounds_up_to_the_next_step() {
        let bits = |seconds| ActiveTimer::from_seconds(seconds).map(ActiveTimer::bits);
        assert_eq!(bits(10).as_ref(), Some(b"00000101"));
        assert_eq!(bits(62).as_ref(), Some(b"00011111"));
        assert_eq!(bits(63).as_ref(), Some(b"00100010"));
        assert_eq!(bits(11_160).as_ref(), Some(b"01011111"));
        assert_eq!(bits(11_161), None);
    }

    #[test]
    fn cycle_is_at_least_as_long_as_asked() {
        let bits = |seconds| EdrxCycle::from_seconds(seconds).map(EdrxCycle::bits);
        assert_eq!(bits(5).as_ref(), Some(b"0000"));
        assert_eq!(bits(81).as_ref(), Some(b"0101"));
        assert_eq!(bits(82).as_ref(), Some(b"0110"));
        assert_eq!(bits(2_621).as_ref(), Some(b"1101"));
        assert_eq!(bits(2_622), None);
        assert_eq!(bits(u32::MAX), None);
    }
}
