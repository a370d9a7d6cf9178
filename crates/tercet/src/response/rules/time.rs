//! Dates and times in rules, and lengths of time that may go by the calendar.
//!
//! Days since 1970 and the civil calendar are converted by whole-number arithmetic on eras of 400 years
//! (Hinnant, "chrono-Compatible Low-Level Date Algorithms"): exact for every year that a rule may name.

use std::str::FromStr;

use crate::error::Error;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * 1_000_000;
const MINUTE: i64 = 60 * 1_000_000;
/// A hundred years: no window of customers is longer, and no sum of ticks leaves 64 bits.
const LONGEST_DAYS: i64 = 100 * 12 * 31;

/// A length of time: `90d`, `6mo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many units.
    pub count: u32,
    /// Of what.
    pub unit: SpanUnit,
}

/// The unit of a [`Span`]. Months, quarters and years go by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpanUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// A calendar month: one before March 31 is the last day of February.
    Month,
    /// Three months.
    Quarter,
    /// Twelve months.
    Year,
}

/// Each unit's letters, its calendar months, and its ticks.
const UNITS: [(&str, SpanUnit, i64, i64); 7] = [
    ("min", SpanUnit::Minute, 0, MINUTE),
    ("h", SpanUnit::Hour, 0, 60 * MINUTE),
    ("d", SpanUnit::Day, 0, DAY),
    ("w", SpanUnit::Week, 0, 7 * DAY),
    ("mo", SpanUnit::Month, 1, 0),
    ("q", SpanUnit::Quarter, 3, 0),
    ("y", SpanUnit::Year, 12, 0),
];

impl Span {
    /// A number of days.
    pub fn days(count: u32) -> Self {
        Self {
            count,
            unit: SpanUnit::Day,
        }
    }

    fn unit(self) -> (&'static str, i64, i64) {
        // Every unit is in the list, in the order of the enum.
        let (letters, _, months, ticks) = UNITS[self.unit as usize];
        (letters, months, ticks)
    }

    /// The span as it is written: `90d`.
    pub fn label(self) -> String {
        format!("{}{}", self.count, self.unit().0)
    }

    /// The time that is this much earlier.
    pub(crate) fn before(self, tick: i64) -> i64 {
        let (_, months, ticks) = self.unit();
        add_months(tick, -months * i64::from(self.count)) - ticks * i64::from(self.count)
    }

    /// The time that is this much later.
    pub(crate) fn after(self, tick: i64) -> i64 {
        let (_, months, ticks) = self.unit();
        add_months(tick, months * i64::from(self.count)) + ticks * i64::from(self.count)
    }

    fn is_within_bounds(self) -> bool {
        let (_, months, ticks) = self.unit();
        let count = i64::from(self.count);
        let days = (months * count).saturating_mul(31) + ticks.saturating_mul(count) / DAY;
        count > 0 && days <= LONGEST_DAYS
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let unit = UNITS.iter().find(|unit| unit.0 == &text[digits..]);
        let span = unit
            .zip(text[..digits].parse::<u32>().ok())
            .map(|(unit, count)| Self {
                count,
                unit: unit.1,
            });
        span.filter(|span| span.is_within_bounds()).ok_or_else(|| {
            Error::parameter(
                "span",
                format!("{text:?}"),
                "a length of time of up to a hundred years, such as \"90d\", \"26w\", \"6mo\", \"1y\"",
            )
        })
    }
}

/// `YYYY-MM-DD` as days since 1970.
pub(crate) fn read_date(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    if !shape {
        return None;
    }
    let year = number(&bytes[0..4])?;
    let month = number(&bytes[5..7])?;
    let day = number(&bytes[8..10])?;
    let real =
        year >= 1 && (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
    real.then(|| day_of(year, month, day))
}

/// `YYYY-MM-DDTHH:MM[:SS[.ffffff]]` (or with a blank for the T) as microseconds since 1970.
pub(crate) fn read_instant(text: &str) -> Option<i64> {
    let day = read_date(text.get(..10)?)?;
    let clock = text.get(10..)?.strip_prefix(['T', ' '])?.as_bytes();
    let (clock, fraction) = match clock.iter().position(|byte| *byte == b'.') {
        Some(dot) if clock.len() > dot + 1 && clock.len() <= dot + 7 => {
            let digits = &clock[dot + 1..];
            let scale = 10_i64.pow(u32::try_from(6 - digits.len()).ok()?);
            (&clock[..dot], number(digits)? * scale)
        }
        Some(_) => return None,
        None => (clock, 0),
    };
    let shape = match clock.len() {
        5 => fraction == 0 && clock[2] == b':',
        8 => clock[2] == b':' && clock[5] == b':',
        _ => false,
    };
    if !shape {
        return None;
    }
    let (hour, minute) = (number(&clock[0..2])?, number(&clock[3..5])?);
    let second = if clock.len() == 8 {
        number(&clock[6..8])?
    } else {
        0
    };
    let real = hour < 24 && minute < 60 && second < 60;
    real.then(|| day * DAY + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

fn number(digits: &[u8]) -> Option<i64> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| {
        digits
            .iter()
            .fold(0, |sum, digit| 10 * sum + i64::from(digit - b'0'))
    })
}

/// Days since 1970 as `YYYY-MM-DD`.
pub(crate) fn date_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Microseconds since 1970 as `YYYY-MM-DDTHH:MM:SS`, with a fraction where there is one.
pub(crate) fn instant_text(tick: i64) -> String {
    let (day, rest) = (tick.div_euclid(DAY), tick.rem_euclid(DAY));
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut text = format!(
        "{}T{:02}:{:02}:{:02}",
        date_text(day),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text
}

fn add_months(tick: i64, months: i64) -> i64 {
    if months == 0 {
        return tick;
    }
    let (days, rest) = (tick.div_euclid(DAY), tick.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let months = year * 12 + month - 1 + months;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let day = day.min(days_of_month(year, month));
    day_of(year, month, day) * DAY + rest
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day as days since 1970.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that a leap day is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days since 1970 as year, month and day.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let leap = i64::from(month <= 2);
    (
        year + era * 400 + leap,
        month,
        of_year - (153 * from_march + 2) / 5 + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(text: &str) -> i64 {
        read_instant(text)
            .or_else(|| read_date(text).map(|day| day * DAY))
            .unwrap()
    }

    #[test]
    fn days_and_dates_are_one_to_one() {
        assert_eq!(read_date("1970-01-01"), Some(0));
        assert_eq!(read_date("2000-02-29"), Some(11_016));
        assert_eq!(date_text(-1), "1969-12-31");
        for day in (-719_162..2_932_896).step_by(37) {
            assert_eq!(read_date(&date_text(day)), Some(day));
        }
    }

    #[test]
    fn no_such_days_are_refused() {
        for text in [
            "2025-02-29",
            "2025-13-01",
            "2025-1-01",
            "0000-01-01",
            "25-01-01",
            "2025/01/01",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
        for text in [
            "2025-01-01T24:00",
            "2025-01-01T10",
            "2025-01-01T10:00:00.",
            "2025-01-01",
        ] {
            assert_eq!(read_instant(text), None, "{text}");
        }
    }

    #[test]
    fn times_keep_their_microseconds() {
        for text in [
            "2025-01-31T23:59:59",
            "1969-12-31T00:00:00.5",
            "2025-06-01T10:20:30.000001",
        ] {
            assert_eq!(instant_text(tick(text)), text);
        }
        assert_eq!(tick("2025-01-01 10:30"), tick("2025-01-01T10:30:00"));
    }

    #[test]
    fn months_go_by_the_calendar() {
        let before =
            |span: &str, text: &str| instant_text(span.parse::<Span>().unwrap().before(tick(text)));
        assert_eq!(before("1mo", "2025-03-31"), "2025-02-28T00:00:00");
        assert_eq!(before("1y", "2024-02-29"), "2023-02-28T00:00:00");
        assert_eq!(before("2q", "2025-03-31T08:00"), "2024-09-30T08:00:00");
        assert_eq!(before("90d", "2025-03-31"), "2024-12-31T00:00:00");
        assert_eq!(
            instant_text("13mo".parse::<Span>().unwrap().after(tick("2025-01-31"))),
            "2026-02-28T00:00:00"
        );
    }

    #[test]
    fn spans_are_bounded() {
        for text in [
            "",
            "d",
            "90",
            "0d",
            "-1d",
            "90days",
            "1201mo0",
            "99999999999d",
            "40000d",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        assert_eq!("26w".parse::<Span>().unwrap().label(), "26w");
    }
}
