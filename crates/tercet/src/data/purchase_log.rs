//! A log of purchases, and what is asked of it.

use super::ids::Codes;
use super::purchase_summary::{Clock, Entries, HoldoutSummary, PurchaseSummary};
use super::{Ids, check_length};
use crate::error::{Error, Result};
use crate::observe::{Observer, Phase};
use crate::units::TimeUnit;

/// What one step of the log's integer times is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ticks {
    /// Days since 1970-01-01.
    #[default]
    Days,
    /// Seconds since 1970-01-01.
    Seconds,
    /// Milliseconds since 1970-01-01.
    Milliseconds,
    /// Microseconds since 1970-01-01.
    Microseconds,
    /// Nanoseconds since 1970-01-01.
    Nanoseconds,
    /// Numbered periods, each of which is one time unit.
    Periods,
}

/// The stretch of time within which a customer's purchases count as one.
///
/// The models are about occasions; two receipts of one visit are one occasion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Merge {
    /// The clock hour.
    Hour,
    /// The calendar day.
    #[default]
    Day,
    /// The week, from Monday.
    Week,
    /// Only purchases at the very same time.
    Tick,
}

/// What to do with purchases after the end of observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterEnd {
    /// Refuse the log.
    #[default]
    Error,
    /// Leave them out, and count them.
    Drop,
}

/// What to do with negative amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refunds {
    /// Refuse the log.
    #[default]
    Error,
    /// Leave them out, and count them.
    Drop,
    /// Take them off the customer's purchases of the same day or, if that is not enough, off the
    /// latest ones before; a purchase refunded in full no longer counts. Refunds that find no
    /// purchase are ignored.
    Net,
}

/// The names that error messages use for the columns of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogColumns {
    /// Customer ids.
    pub customer: String,
    /// Times.
    pub time: String,
    /// Amounts.
    pub amount: String,
}

impl Default for LogColumns {
    fn default() -> Self {
        Self {
            customer: "customer_id".to_owned(),
            time: "date".to_owned(),
            amount: "amount".to_owned(),
        }
    }
}

/// How a log is summarised.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SummarySettings {
    /// Names for error messages.
    pub columns: LogColumns,
    /// What one step of the times is.
    pub ticks: Ticks,
    /// The unit of recency and age in the summary.
    pub time_unit: TimeUnit,
    /// Purchases within this stretch count as one.
    pub merge: Merge,
    /// The last tick that was observed; `None`: the last time in the log.
    pub observation_end: Option<i64>,
    /// What to do with later purchases.
    pub after_end: AfterEnd,
    /// What to do with negative amounts.
    pub refunds: Refunds,
}

/// A log of purchases: who, when, and (optionally) for how much.
///
/// ```
/// use tercet::data::{Ids, PurchaseLog, SummarySettings, Ticks};
///
/// // Customer 7 buys on days 0, 0, 14 and 28; customer 9 on day 21.
/// let log = PurchaseLog::new(
///     Ids::Integers(&[7, 7, 9, 7, 7]),
///     &[0, 0, 21, 28, 14],
///     Some(&[10.0, 5.0, 8.0, 30.0, 20.0]),
/// )?;
/// let settings = SummarySettings { observation_end: Some(35), ..SummarySettings::default() };
/// let summary = log.summarize(&settings, &mut ())?;
/// assert_eq!(summary.frequency, [2.0, 0.0]);
/// assert_eq!(summary.recency, [4.0, 0.0]); // weeks
/// assert_eq!(summary.age, [5.0, 2.0]);
/// assert_eq!(summary.monetary_value, Some(vec![25.0, 0.0]));
/// # Ok::<(), tercet::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PurchaseLog<'a> {
    ids: Ids<'a>,
    times: &'a [i64],
    amounts: Option<&'a [f64]>,
}

impl<'a> PurchaseLog<'a> {
    /// Puts the columns together.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for columns of unequal length.
    pub fn new(ids: Ids<'a>, times: &'a [i64], amounts: Option<&'a [f64]>) -> Result<Self> {
        if times.len() != ids.len() {
            return Err(Error::ShapeMismatch {
                column: "time".to_owned(),
                expected: ids.len(),
                found: times.len(),
            });
        }
        if let Some(amounts) = amounts {
            check_length("amount", ids.len(), amounts)?;
        }
        Ok(Self {
            ids,
            times,
            amounts,
        })
    }

    /// One row a customer, in the order of the ids, as of the end of observation.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for an empty log, an amount that is not finite, a negative amount or a
    /// purchase after the end (where the settings do not say what to do with them);
    /// [`Error::InvalidParameter`] for a time unit that the clock cannot be turned into.
    pub fn summarize(
        &self,
        settings: &SummarySettings,
        observer: &mut dyn Observer,
    ) -> Result<PurchaseSummary> {
        let mut phase = Phase::new(observer, "summarising");
        let (clock, entries) = self.prepare(settings, &mut phase)?;
        let (summary, _) =
            entries.summarize(&clock, clock.observation_end(), settings, &mut phase)?;
        Ok(summary)
    }

    /// The summary as of `calibration_end`, and what the same customers did from then to the end of
    /// observation. Customers who first bought after `calibration_end` are left out and counted.
    ///
    /// # Errors
    /// As [`PurchaseLog::summarize`]; [`Error::InvalidParameter`] unless the calibration ends within
    /// the log.
    pub fn split(
        &self,
        settings: &SummarySettings,
        calibration_end: i64,
        observer: &mut dyn Observer,
    ) -> Result<(PurchaseSummary, HoldoutSummary)> {
        let mut phase = Phase::new(observer, "summarising");
        let (clock, entries) = self.prepare(settings, &mut phase)?;
        let first = self.times.iter().copied().min().unwrap_or_default();
        if !(first..clock.observation_end()).contains(&calibration_end) {
            return Err(Error::parameter(
                "calibration_end",
                calibration_end,
                format!(
                    "a time from the first purchase ({first}) to before the end of observation ({}), so that something is known and something held out",
                    clock.observation_end()
                ),
            ));
        }
        entries.summarize(&clock, calibration_end, settings, &mut phase)
    }

    fn prepare(
        &self,
        settings: &SummarySettings,
        phase: &mut Phase<'_>,
    ) -> Result<(Clock, Entries)> {
        let Codes {
            code_of_row,
            first_row,
        } = self.ids.codes(&settings.columns.customer, phase)?;
        let end = self.check_times(settings)?;
        let clock = Clock::new(settings, end)?;
        self.check_amounts(settings, end)?;
        phase.poll()?;
        let mut entries = Entries::new(first_row, settings.refunds, self.amounts.is_some());
        entries.fill(&clock, &code_of_row, self.times, self.amounts, phase)?;
        Ok((clock, entries))
    }

    /// The end of observation, if all times can be used with it.
    fn check_times(&self, settings: &SummarySettings) -> Result<i64> {
        let column = &settings.columns.time;
        // `codes` has refused an empty log.
        let (first, last) = self
            .times
            .iter()
            .fold((i64::MAX, i64::MIN), |(first, last), time| {
                (first.min(*time), last.max(*time))
            });
        let end = settings.observation_end.unwrap_or(last);
        // Differences must fit, and a week's offset must not run over.
        let fits = |time: i64| time.unsigned_abs() < i64::MAX as u64 - WEEK_OF_NANOSECONDS;
        let span = last.max(end).checked_sub(first.min(end));
        if span.is_none() || !fits(first) || !fits(last) || !fits(end) {
            return Err(Error::data(
                column,
                None,
                "spans more time than a clock can count; look for a sentinel such as the largest number",
            ));
        }
        if settings.after_end == AfterEnd::Error
            && let Some(row) = self.times.iter().position(|time| *time > end)
        {
            return Err(Error::data(
                column,
                row,
                "lies after the end of observation; move observation_end, or ask for later purchases to be dropped (after_end=\"drop\")",
            ));
        }
        Ok(end)
    }

    /// Amounts of purchases that were observed; the others are dropped, whatever they say.
    fn check_amounts(&self, settings: &SummarySettings, end: i64) -> Result<()> {
        let Some(amounts) = self.amounts else {
            return Ok(());
        };
        let column = &settings.columns.amount;
        let first = |wrong: fn(f64) -> bool| {
            let mut rows = amounts.iter().zip(self.times);
            rows.position(|(amount, time)| wrong(*amount) && *time <= end)
        };
        if let Some(row) = first(|amount| !amount.is_finite()) {
            let reason = format!("is {}; fill or drop the row", amounts[row]);
            return Err(Error::data(column, row, reason));
        }
        if settings.refunds == Refunds::Error
            && let Some(row) = first(|amount| amount < 0.0)
        {
            let reason = format!(
                "is {}, below 0; say what to do with refunds (refunds=\"net\" or refunds=\"drop\")",
                amounts[row]
            );
            return Err(Error::data(column, row, reason));
        }
        Ok(())
    }
}

const WEEK_OF_NANOSECONDS: u64 = 7 * 86_400 * 1_000_000_000;

from_words!(Ticks, "ticks",
    "day" => Days, "second" => Seconds, "millisecond" => Milliseconds,
    "microsecond" => Microseconds, "nanosecond" => Nanoseconds, "period" => Periods);
from_words!(Merge, "merge", "hour" => Hour, "day" => Day, "week" => Week, "tick" => Tick);
from_words!(AfterEnd, "after_end", "error" => Error, "drop" => Drop);
from_words!(Refunds, "refunds", "error" => Error, "drop" => Drop, "net" => Net);
