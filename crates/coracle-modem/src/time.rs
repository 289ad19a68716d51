//! Network time: what the modem's clock shows, as seconds.

/// The time of day as the network told the modem. Nobody signs it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NetworkTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub unix_s: u64,
    /// What local time is ahead of UTC, in quarters of an hour, daylight saving included.
    pub offset_quarters: i8,
}

/// Years that a clock may show. What modems show that nobody set is 1970, 1980, 2000, 2004
/// or 2015.
const YEARS: core::ops::RangeInclusive<u32> = 2025..=2079;

/// Farthest that a zone is from UTC, in quarters of an hour: 14 hours.
const MAX_OFFSET_QUARTERS: i8 = 56;

const DAY_S: u64 = 86_400;

impl NetworkTime {
    /// Local time as 27.007 section 8.15 shows it: `yy/MM/dd,hh:mm:ss` and the zone as
    /// quarters of an hour with a sign. `None` for anything else, without a zone, and for
    /// what an unset clock shows.
    pub fn from_local(text: &[u8]) -> Option<Self> {
        let (seconds, offset_quarters) = parse(text)?;
        let offset_s = i64::from(offset_quarters).checked_mul(900)?;
        Some(Self {
            unix_s: seconds.checked_add_signed(offset_s.checked_neg()?)?,
            offset_quarters,
        })
    }

    /// As [`NetworkTime::from_local`], of a clock that shows UTC beside the zone.
    pub fn from_utc(text: &[u8]) -> Option<Self> {
        let (unix_s, offset_quarters) = parse(text)?;
        Some(Self {
            unix_s,
            offset_quarters,
        })
    }
}

/// What the clock shows as if it were UTC, and the zone.
fn parse(text: &[u8]) -> Option<(u64, i8)> {
    let (year, rest) = split(text, b'/')?;
    let (month, rest) = split(rest, b'/')?;
    let (day, rest) = split(rest, b',')?;
    let (hour, rest) = split(rest, b':')?;
    let (minute, rest) = split(rest, b':')?;
    let (second, zone) = rest.split_at_checked(2)?;
    let second = two_digits(second)?;
    let year = match year {
        0..=99 => year.checked_add(2000)?,
        _ => year,
    };
    if !YEARS.contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = u64::from(days_since_1970(year, month, day)?);
    let minutes = u64::from(hour)
        .checked_mul(60)?
        .checked_add(minute.into())?;
    let seconds = minutes.checked_mul(60)?.checked_add(second.into())?;
    let total = days.checked_mul(DAY_S)?.checked_add(seconds)?;
    Some((total, offset(zone)?))
}

/// A number of two digits, or of four for a year, and what follows the mark after it.
fn split(text: &[u8], mark: u8) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|c| *c == mark)?;
    let (digits, rest) = text.split_at_checked(end)?;
    let number = match digits.len() {
        2 | 4 => crate::at::number(digits)?,
        _ => return None,
    };
    Some((number, rest.get(1..)?))
}

fn two_digits(text: &[u8]) -> Option<u32> {
    (text.len() == 2).then(|| crate::at::number(text))?
}

/// A sign and two digits; Quectel's `QLTS` adds a comma and daylight saving, which the
/// zone counts already.
fn offset(zone: &[u8]) -> Option<i8> {
    let (sign, digits) = zone.split_first()?;
    let digits = digits.split(|c| *c == b',').next()?;
    let quarters = i8::try_from(two_digits(digits)?).ok()?;
    if quarters > MAX_OFFSET_QUARTERS {
        return None;
    }
    match sign {
        b'+' => Some(quarters),
        b'-' => quarters.checked_neg(),
        _ => None,
    }
}

/// Days from 1970-01-01 to a day of the years that are accepted; `None` for a day that
/// its month does not have.
fn days_since_1970(year: u32, month: u32, day: u32) -> Option<u32> {
    const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LENGTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    // No century among the years that are accepted.
    let leap = year.is_multiple_of(4);
    let place = usize::try_from(month.checked_sub(1)?).ok()?;
    let leap_day = u32::from(leap && month == 2);
    let length = LENGTHS.get(place)?.checked_add(leap_day)?;
    if day == 0 || day > length {
        return None;
    }
    let years = year.checked_sub(1970)?;
    let leap_days = years.checked_add(1)? / 4;
    let this_leap = u32::from(leap && month > 2);
    years
        .checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(*BEFORE.get(place)?)?
        .checked_add(this_leap)?
        .checked_add(day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(text: &str) -> Option<u64> {
        NetworkTime::from_local(text.as_bytes()).map(|time| time.unix_s)
    }

    #[test]
    fn zones_count_quarters_of_an_hour() {
        // 2026-11-22T09:30:00Z.
        let utc = 1_795_339_800;
        assert_eq!(unix("26/11/22,09:30:00+00"), Some(utc));
        assert_eq!(unix("26/11/22,10:30:00+04"), Some(utc));
        assert_eq!(unix("26/11/22,15:15:00+23"), Some(utc));
        assert_eq!(unix("26/11/21,23:30:00-40"), Some(utc));
        assert_eq!(unix("26/11/22,23:30:00+56"), Some(utc));
    }

    #[test]
    fn utc_clock_ignores_its_zone() {
        let time = NetworkTime::from_utc(b"2026/11/22,09:30:00+32,0").unwrap();
        assert_eq!(time.unix_s, 1_795_339_800);
        assert_eq!(time.offset_quarters, 32);
    }

    #[test]
    fn leap_days() {
        assert_eq!(unix("28/02/29,00:00:00+00"), Some(1_835_395_200));
        assert_eq!(unix("28/03/01,00:00:00+00"), Some(1_835_481_600));
        assert_eq!(unix("27/02/29,00:00:00+00"), None);
    }

    #[test]
    fn clocks_that_nobody_set_show_no_time() {
        for text in [
            "80/01/06,00:00:00+00",
            "70/01/01,00:00:10+00",
            "00/01/01,00:00:00+00",
            "04/01/01,00:00:00+00",
            "15/01/01,00:00:00+00",
            "1980/01/06,00:00:00+00",
        ] {
            let text = text.replace("70/", "1970/");
            assert_eq!(unix(&text), None, "{text}");
        }
    }

    #[test]
    fn malformed_times_are_none() {
        for text in [
            "",
            "26/11/22",
            "26/11/22,09:30:00",
            "26/13/22,09:30:00+00",
            "26/00/22,09:30:00+00",
            "26/11/31,09:30:00+00",
            "26/11/00,09:30:00+00",
            "26/11/22,24:30:00+00",
            "26/11/22,09:60:00+00",
            "26/11/22,09:30:60+00",
            "26/11/22,09:30:00+99",
            "26/11/22,09:30:00*04",
            "26/11/22,09:30:00+4",
            "6/11/22,09:30:00+00",
            "26-11-22,09:30:00+00",
        ] {
            assert_eq!(unix(text), None, "{text}");
        }
    }
}
