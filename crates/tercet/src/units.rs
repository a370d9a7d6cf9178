//! Time units, said aloud: no method guesses whether a 39 means days or weeks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Mean length of a year in days (the Gregorian calendar's 365.2425).
pub const DAYS_PER_YEAR: f64 = 365.2425;

/// The unit in which recency, T, horizons and rates are measured.
///
/// Months and years are mean Gregorian ones (30.436875 and 365.2425 days), because a model needs a
/// unit of one length. [`TimeUnit::Period`] is a unit whose length nobody has said: everything
/// works in it but yearly discounting.
///
/// ```
/// use tercet::units::TimeUnit;
/// let week: TimeUnit = "week".parse()?;
/// assert_eq!(week.days(), Some(7.0));
/// assert!((week.per_year().unwrap() - 52.1775).abs() < 1e-4);
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// 1/24 day.
    Hour,
    /// A day.
    Day,
    /// Seven days.
    #[default]
    Week,
    /// A twelfth of a year.
    Month,
    /// A quarter of a year.
    Quarter,
    /// 365.2425 days.
    Year,
    /// A step of unsaid length.
    Period,
}

impl TimeUnit {
    const ALL: [Self; 7] = [
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
        Self::Period,
    ];

    /// The unit's name: what [`FromStr`] reads.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Period => "period",
        }
    }

    /// Length in days; `None` for [`TimeUnit::Period`].
    pub fn days(self) -> Option<f64> {
        match self {
            Self::Hour => Some(1.0 / 24.0),
            Self::Day => Some(1.0),
            Self::Week => Some(7.0),
            Self::Month => Some(DAYS_PER_YEAR / 12.0),
            Self::Quarter => Some(DAYS_PER_YEAR / 4.0),
            Self::Year => Some(DAYS_PER_YEAR),
            Self::Period => None,
        }
    }

    /// How many of it make a year; `None` for [`TimeUnit::Period`].
    pub fn per_year(self) -> Option<f64> {
        self.days().map(|days| DAYS_PER_YEAR / days)
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TimeUnit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|unit| unit.as_str() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|unit| unit.as_str()).collect();
                Error::parameter(
                    "time_unit",
                    format!("{text:?}"),
                    format!("one of {}", names.join(", ")),
                )
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for unit in TimeUnit::ALL {
            assert_eq!(unit.as_str().parse(), Ok(unit));
        }
        assert!("weeks".parse::<TimeUnit>().is_err());
    }
}
