//! Time as modems write it.

/// `yy/MM/dd,hh:mm:ss` of a Unix second, no zone.
pub(crate) fn civil(unix: i64) -> String {
    let (year, month, day) = date(unix.div_euclid(86_400));
    format!(
        "{:02}/{month:02}/{day:02},{}",
        year.rem_euclid(100),
        time(unix)
    )
}

/// As [`civil`], with the year in four digits.
pub(crate) fn civil_long(unix: i64) -> String {
    let (year, month, day) = date(unix.div_euclid(86_400));
    format!("{year:04}/{month:02}/{day:02},{}", time(unix))
}

fn time(unix: i64) -> String {
    let second = unix.rem_euclid(86_400);
    format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a day number, 0 being 1970-01-01.
///
/// Counts in eras of 400 years that start in March, so that the leap day comes last.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Unix second of `yy/MM/dd,hh:mm:ss`, perhaps with a zone, which is read as local time.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let number = |from: usize| text.get(from..from + 2)?.parse::<i64>().ok();
    let (year, month, day) = (2000 + number(0)?, number(3)?, number(6)?);
    let seconds = number(9)? * 3600 + number(12)? * 60 + number(15)?;
    // The day number is found from below: `date` is the only calendar here.
    let guess = (year - 1970) * 365 + (month - 1) * 28 + day - 1;
    let found = (guess..guess + 70).find(|days| date(*days) == (year, month, day))?;
    Some(found * 86_400 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), "70/01/01,00:00:00");
        assert_eq!(civil_long(951_782_399), "2000/02/28,23:59:59");
        assert_eq!(civil_long(951_782_400), "2000/02/29,00:00:00");
        assert_eq!(civil_long(1_704_067_199), "2023/12/31,23:59:59");
    }

    #[test]
    fn a_date_written_is_a_date_read() {
        for unix in [951_782_400, 1_700_000_000, 1_735_689_599, 2_000_000_000] {
            assert_eq!(parse(&civil(unix)), Some(unix));
        }
        assert_eq!(parse("24/13/01,00:00:00"), None);
        assert_eq!(parse("nonsense"), None);
    }
}
