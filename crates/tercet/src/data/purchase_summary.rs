//! From a customer's purchases in time order to one row.

use super::purchase_log::{Merge, Refunds, SummarySettings, Ticks};
use super::{PurchaseColumns, Purchases};
use crate::error::{Error, Result};
use crate::observe::Phase;
use crate::parallel::{BLOCK, map_blocks};
use crate::units::TimeUnit;

/// One row a customer, in the order of the ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PurchaseSummary {
    /// A row of the log in which the customer occurs: where to take the id from.
    pub first_row: Vec<i64>,
    /// Repeat purchases.
    pub frequency: Vec<f64>,
    /// Time from the first to the last purchase, in time units.
    pub recency: Vec<f64>,
    /// Time from the first purchase to the end, in time units.
    pub age: Vec<f64>,
    /// Mean value of the repeat purchases (0 without any), where the log has amounts.
    pub monetary_value: Option<Vec<f64>>,
    /// Time of the first purchase: the start of its merged stretch, in ticks.
    pub first_time: Vec<i64>,
    /// Time of the last purchase: the start of its merged stretch, in ticks.
    pub last_time: Vec<i64>,
    /// The end of this summary, in ticks.
    pub observation_end: i64,
    /// Rows of the log after the end of observation that were left out.
    pub n_dropped_after_end: usize,
    /// Rows with a negative amount.
    pub n_refunds: usize,
    /// Customers of whom no purchase is left (all refunded, or all after the end of observation).
    pub n_without_purchase: usize,
}

/// What the customers of a [`PurchaseSummary`] did after its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HoldoutSummary {
    /// Purchases in the holdout period.
    pub frequency: Vec<f64>,
    /// Mean value of those purchases (0 without any), where the log has amounts.
    pub monetary_value: Option<Vec<f64>>,
    /// Length of the holdout period in time units.
    pub duration: f64,
    /// Customers whose first purchase lies in the holdout period; they are in neither table.
    pub n_new_customers: usize,
}

impl PurchaseSummary {
    /// The validated view that models take.
    pub fn purchases(&self) -> Result<Purchases<'_>> {
        self.named(PurchaseColumns::default())
    }

    /// As [`PurchaseSummary::purchases`], with the caller's own names for error messages.
    pub fn named(&self, columns: PurchaseColumns) -> Result<Purchases<'_>> {
        let view = Purchases::named(columns, &self.frequency, &self.recency, &self.age)?;
        match &self.monetary_value {
            Some(values) => view.with_monetary_value(values),
            None => Ok(view),
        }
    }

    /// Number of customers.
    pub fn len(&self) -> usize {
        self.frequency.len()
    }

    /// Whether no customer is left.
    pub fn is_empty(&self) -> bool {
        self.frequency.is_empty()
    }
}

/// Turns ticks into merged steps, and steps into time units.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    ticks_per_step: i64,
    /// Added before dividing, so that weeks start on a Monday.
    offset: i64,
    /// A difference of steps times `scale_up`, divided by `scale_down`, is in time units. Two whole
    /// numbers where possible, so that 30 days are 30/7 weeks to the last bit.
    scale_up: f64,
    scale_down: f64,
    observation_end: i64,
}

impl Clock {
    pub(super) fn new(settings: &SummarySettings, observation_end: i64) -> Result<Self> {
        let per_day: i64 = match settings.ticks {
            Ticks::Periods => return Ok(Self::counting(observation_end)),
            Ticks::Days => 1,
            Ticks::Seconds => 86_400,
            Ticks::Milliseconds => 86_400_000,
            Ticks::Microseconds => 86_400_000_000,
            Ticks::Nanoseconds => 86_400_000_000_000,
        };
        let Some(unit_days) = settings.time_unit.days() else {
            return Err(Error::parameter(
                "time_unit",
                format!("{:?}", TimeUnit::Period.as_str()),
                "a unit of known length (\"day\", \"week\", \"month\", ...) for dates; only a column of integer periods can be counted in periods",
            ));
        };
        // The epoch, 1970-01-01, was a Thursday: three days into its week.
        let (ticks_per_step, offset) = match settings.merge {
            Merge::Tick => (1, 0),
            // A day cannot be cut into hours.
            Merge::Hour => ((per_day / 24).max(1), 0),
            Merge::Day => (per_day, 0),
            Merge::Week => (7 * per_day, 3 * per_day),
        };
        Ok(Self {
            ticks_per_step,
            offset,
            scale_up: ticks_per_step as f64,
            scale_down: per_day as f64 * unit_days,
            observation_end,
        })
    }

    /// Periods are their own unit, and nothing is merged but equal periods.
    fn counting(observation_end: i64) -> Self {
        Self {
            ticks_per_step: 1,
            offset: 0,
            scale_up: 1.0,
            scale_down: 1.0,
            observation_end,
        }
    }

    pub(super) fn step(&self, tick: i64) -> i64 {
        if self.ticks_per_step == 1 {
            tick
        } else {
            (tick + self.offset).div_euclid(self.ticks_per_step)
        }
    }

    fn tick(&self, step: i64) -> i64 {
        step * self.ticks_per_step - self.offset
    }

    fn units(&self, steps: i64) -> f64 {
        steps as f64 * self.scale_up / self.scale_down
    }

    pub(super) fn observation_end(&self) -> i64 {
        self.observation_end
    }
}

/// A row of the log.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    tick: i64,
    amount: f64,
}

/// One purchase: the rows of one step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Purchase {
    step: i64,
    amount: f64,
}

/// The log sorted by customer: one counting sort, stable, so that sums are in the log's order.
#[derive(Debug)]
pub(super) struct Entries {
    first_row: Vec<u32>,
    /// `rows[starts[c]..starts[c + 1]]` are those of customer `c`.
    starts: Vec<usize>,
    rows: Vec<Entry>,
    refunds: Refunds,
    has_amounts: bool,
    n_dropped_after_end: usize,
    n_refunds: usize,
}

impl Entries {
    pub(super) fn new(first_row: Vec<u32>, refunds: Refunds, has_amounts: bool) -> Self {
        Self {
            starts: vec![0; first_row.len() + 1],
            first_row,
            rows: Vec::new(),
            refunds,
            has_amounts,
            n_dropped_after_end: 0,
            n_refunds: 0,
        }
    }

    pub(super) fn fill(
        &mut self,
        clock: &Clock,
        code_of_row: &[u32],
        times: &[i64],
        amounts: Option<&[f64]>,
        phase: &mut Phase<'_>,
    ) -> Result<()> {
        for &code in code_of_row {
            self.starts[code as usize + 1] += 1;
        }
        for customer in 1..self.starts.len() {
            self.starts[customer] += self.starts[customer - 1];
        }
        self.rows = vec![Entry::default(); code_of_row.len()];
        let mut next = self.starts.clone();
        for start in (0..times.len()).step_by(64 * BLOCK) {
            for row in start..(start + 64 * BLOCK).min(times.len()) {
                let place = &mut next[code_of_row[row] as usize];
                self.rows[*place] = Entry {
                    tick: times[row],
                    amount: amounts.map_or(0.0, |amounts| amounts[row]),
                };
                *place += 1;
            }
            phase.poll()?;
        }
        let end = clock.observation_end();
        self.n_dropped_after_end = times.iter().filter(|time| **time > end).count();
        self.n_refunds = amounts.map_or(0, |amounts| {
            let observed = times.iter().zip(amounts).filter(|(time, _)| **time <= end);
            observed.filter(|(_, amount)| **amount < 0.0).count()
        });
        Ok(())
    }

    /// Summaries up to tick `cut` and from there to the clock's end.
    pub(super) fn summarize(
        &self,
        clock: &Clock,
        cut: i64,
        settings: &SummarySettings,
        phase: &mut Phase<'_>,
    ) -> Result<(PurchaseSummary, HoldoutSummary)> {
        let n = self.first_row.len();
        let mut all = Block::with_capacity(n);
        // A group of blocks at a time, so that they and the whole need not be in memory together.
        for start in (0..n).step_by(GROUP) {
            let blocks = map_blocks(GROUP.min(n - start), phase, |customers| {
                let mut block = Block::with_capacity(customers.len());
                let mut scratch = Scratch::default();
                for customer in customers {
                    self.summarize_customer(start + customer, clock, cut, &mut scratch, &mut block);
                }
                block
            })?;
            for block in blocks {
                all.append(block);
            }
        }
        let Block {
            mut summary,
            mut holdout,
        } = all;
        if summary.is_empty() {
            return Err(Error::data(
                &settings.columns.customer,
                None,
                "has no customer with a purchase up to the end; move the end, or check the rule for refunds",
            ));
        }
        summary.observation_end = cut;
        summary.n_dropped_after_end = self.n_dropped_after_end;
        summary.n_refunds = self.n_refunds;
        holdout.duration = clock.units(clock.step(clock.observation_end()) - clock.step(cut));
        for values in [&mut summary.monetary_value, &mut holdout.monetary_value] {
            if !self.has_amounts {
                *values = None;
            }
            if values.iter().flatten().any(|value| !value.is_finite()) {
                return Err(Error::data(
                    &settings.columns.amount,
                    None,
                    "adds up to more than a number can hold; check the unit of the amounts",
                ));
            }
        }
        Ok((summary, holdout))
    }

    fn summarize_customer(
        &self,
        customer: usize,
        clock: &Clock,
        cut: i64,
        scratch: &mut Scratch,
        block: &mut Block,
    ) {
        let Scratch {
            rows,
            before,
            after,
        } = scratch;
        rows.clear();
        rows.extend_from_slice(&self.rows[self.starts[customer]..self.starts[customer + 1]]);
        if !rows.is_sorted_by_key(|row| row.tick) {
            rows.sort_by_key(|row| row.tick);
        }
        // What happens after the cut must not reach back: each side is merged on its own.
        let known = rows.partition_point(|row| row.tick <= cut);
        let observed = rows.partition_point(|row| row.tick <= clock.observation_end());
        merge(&rows[..known], clock, self.refunds, before);
        merge(&rows[known..observed], clock, self.refunds, after);
        let (Some(first), Some(last)) = (before.first(), before.last()) else {
            if after.is_empty() {
                block.summary.n_without_purchase += 1;
            } else {
                block.holdout.n_new_customers += 1;
            }
            return;
        };
        let summary = &mut block.summary;
        summary.first_row.push(i64::from(self.first_row[customer]));
        summary.frequency.push((before.len() - 1) as f64);
        summary.recency.push(clock.units(last.step - first.step));
        summary.age.push(clock.units(clock.step(cut) - first.step));
        summary.first_time.push(clock.tick(first.step));
        summary.last_time.push(clock.tick(last.step));
        block.holdout.frequency.push(after.len() as f64);
        if let (Some(calibration), Some(holdout)) = (
            &mut summary.monetary_value,
            &mut block.holdout.monetary_value,
        ) {
            calibration.push(mean(&before[1..]));
            holdout.push(mean(after));
        }
    }
}

/// Customers summarised before their rows are put behind those of the customers before.
const GROUP: usize = 64 * BLOCK;

/// Room for one customer's rows and purchases, used again for the next.
#[derive(Debug, Default)]
struct Scratch {
    rows: Vec<Entry>,
    before: Vec<Purchase>,
    after: Vec<Purchase>,
}

/// Part of the two tables.
#[derive(Debug)]
struct Block {
    summary: PurchaseSummary,
    holdout: HoldoutSummary,
}

impl Block {
    fn with_capacity(n: usize) -> Self {
        Self {
            summary: PurchaseSummary {
                first_row: Vec::with_capacity(n),
                frequency: Vec::with_capacity(n),
                recency: Vec::with_capacity(n),
                age: Vec::with_capacity(n),
                monetary_value: Some(Vec::with_capacity(n)),
                first_time: Vec::with_capacity(n),
                last_time: Vec::with_capacity(n),
                ..PurchaseSummary::default()
            },
            holdout: HoldoutSummary {
                frequency: Vec::with_capacity(n),
                monetary_value: Some(Vec::with_capacity(n)),
                ..HoldoutSummary::default()
            },
        }
    }

    fn append(&mut self, other: Self) {
        fn extend(all: &mut Option<Vec<f64>>, more: Option<Vec<f64>>) {
            if let (Some(all), Some(more)) = (all, more) {
                all.extend(more);
            }
        }
        let (all, more) = (&mut self.summary, other.summary);
        all.first_row.extend(more.first_row);
        all.frequency.extend(more.frequency);
        all.recency.extend(more.recency);
        all.age.extend(more.age);
        all.first_time.extend(more.first_time);
        all.last_time.extend(more.last_time);
        all.n_without_purchase += more.n_without_purchase;
        extend(&mut all.monetary_value, more.monetary_value);
        self.holdout.frequency.extend(other.holdout.frequency);
        self.holdout.n_new_customers += other.holdout.n_new_customers;
        extend(
            &mut self.holdout.monetary_value,
            other.holdout.monetary_value,
        );
    }
}

fn mean(purchases: &[Purchase]) -> f64 {
    if purchases.is_empty() {
        0.0
    } else {
        purchases.iter().map(|one| one.amount).sum::<f64>() / purchases.len() as f64
    }
}

/// A purchase of which less than this share is left has been refunded in full; the rest is rounding.
const ROUNDING: f64 = 1e-9;

/// The purchases in rows sorted by time: one a step, refunds taken off where the rule says so.
fn merge(rows: &[Entry], clock: &Clock, refunds: Refunds, purchases: &mut Vec<Purchase>) {
    purchases.clear();
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let step = clock.step(first.tick);
        let (mut bought, mut refunded, mut any) = (0.0, 0.0, false);
        while let Some(row) = rest.first().filter(|row| clock.step(row.tick) == step) {
            if row.amount >= 0.0 {
                bought += row.amount;
                any = true;
            } else {
                refunded -= row.amount;
            }
            rest = &rest[1..];
        }
        if any {
            purchases.push(Purchase {
                step,
                amount: bought,
            });
        }
        if refunds == Refunds::Net {
            take_off(refunded, purchases);
        }
    }
}

/// Takes a refund off the latest purchases that cost something.
fn take_off(mut refunded: f64, purchases: &mut Vec<Purchase>) {
    let mut at = purchases.len();
    while refunded > 0.0 && at > 0 {
        at -= 1;
        let amount = purchases[at].amount;
        if amount == 0.0 {
            continue;
        }
        if amount - refunded > ROUNDING * amount {
            purchases[at].amount = amount - refunded;
            return;
        }
        refunded -= amount;
        purchases.remove(at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AfterEnd, Ids, PurchaseLog};
    use super::*;

    fn merged(rows: &[(i64, f64)], refunds: Refunds) -> Vec<(i64, f64)> {
        let rows: Vec<Entry> = rows
            .iter()
            .map(|&(tick, amount)| Entry { tick, amount })
            .collect();
        let mut purchases = Vec::new();
        merge(&rows, &Clock::counting(100), refunds, &mut purchases);
        purchases.iter().map(|one| (one.step, one.amount)).collect()
    }

    #[test]
    fn refunds_are_taken_off_the_latest_purchases() {
        let log = [
            (1, 10.0),
            (1, 5.0),
            (4, 20.0),
            (4, -5.0),
            (9, -18.0),
            (9, 0.5),
        ];
        assert_eq!(
            merged(&log, Refunds::Drop),
            [(1, 15.0), (4, 20.0), (9, 0.5)]
        );
        // Day 9: 18 refunded against 0.5 of the same day, 15 of day 4 and 2.5 of day 1.
        assert_eq!(merged(&log, Refunds::Net), [(1, 12.5)]);
        assert_eq!(merged(&[(1, -3.0), (2, 4.0)], Refunds::Net), [(2, 4.0)]);
        // Returned in full, whatever the rounding; and a free purchase cannot be returned.
        assert_eq!(
            merged(&[(1, 5.0), (2, 0.1), (2, 0.2), (3, -0.3)], Refunds::Net),
            [(1, 5.0)]
        );
        let free = [(1, 5.0), (2, 7.0), (3, 0.0), (4, -3.0)];
        assert_eq!(merged(&free, Refunds::Net), [(1, 5.0), (2, 4.0), (3, 0.0)]);
    }

    #[test]
    fn the_clock_merges_and_converts() {
        let settings = |ticks, merge, time_unit| SummarySettings {
            ticks,
            time_unit,
            merge,
            ..SummarySettings::default()
        };
        let clock = Clock::new(&settings(Ticks::Seconds, Merge::Day, TimeUnit::Week), 0).unwrap();
        assert_eq!(
            (clock.step(-1), clock.step(86_399), clock.step(86_400)),
            (-1, 0, 1)
        );
        assert_eq!(clock.units(30), 30.0 / 7.0);
        // 1970-01-05 was a Monday.
        let clock = Clock::new(&settings(Ticks::Days, Merge::Week, TimeUnit::Week), 0).unwrap();
        assert_eq!(
            (clock.step(3), clock.step(4), clock.tick(clock.step(6))),
            (0, 1, 4)
        );
        assert_eq!(clock.units(2), 2.0);
        assert!(Clock::new(&settings(Ticks::Days, Merge::Day, TimeUnit::Period), 0).is_err());
    }

    #[test]
    fn the_end_is_a_moment_even_where_purchases_are_merged_by_the_week() {
        // 2024-01-01 was a Monday, day 19,723; the log ends on the Tuesday of the week after.
        let log = PurchaseLog::new(Ids::Integers(&[1, 1]), &[19_723, 19_734], None).unwrap();
        let settings = SummarySettings {
            merge: Merge::Week,
            observation_end: Some(19_731),
            ..SummarySettings::default()
        };
        assert!(log.summarize(&settings, &mut ()).is_err());
        let settings = SummarySettings {
            after_end: AfterEnd::Drop,
            ..settings
        };
        let summary = log.summarize(&settings, &mut ()).unwrap();
        assert_eq!((summary.frequency[0], summary.age[0]), (0.0, 1.0));
        assert_eq!(
            (summary.n_dropped_after_end, summary.observation_end),
            (1, 19_731)
        );
    }

    #[test]
    fn a_split_counts_what_came_later_and_who_is_new() {
        let log = PurchaseLog::new(
            Ids::Integers(&[1, 1, 1, 2, 3, 3]),
            &[0, 7, 21, 0, 15, 40],
            Some(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]),
        )
        .unwrap();
        let settings = SummarySettings {
            observation_end: Some(28),
            after_end: AfterEnd::Drop,
            ..SummarySettings::default()
        };
        let (summary, holdout) = log.split(&settings, 14, &mut ()).unwrap();
        assert_eq!(summary.frequency, [1.0, 0.0]);
        assert_eq!(summary.age, [2.0, 2.0]);
        assert_eq!(holdout.frequency, [1.0, 0.0]);
        assert_eq!(holdout.monetary_value, Some(vec![4.0, 0.0]));
        assert_eq!((holdout.duration, holdout.n_new_customers), (2.0, 1));
        assert_eq!(summary.n_dropped_after_end, 1);
        assert!(log.split(&settings, 28, &mut ()).is_err());
        let strict = SummarySettings {
            after_end: AfterEnd::Error,
            ..settings
        };
        let error = log.summarize(&strict, &mut ()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("column 'date', row 5: lies after")
        );
    }
}
