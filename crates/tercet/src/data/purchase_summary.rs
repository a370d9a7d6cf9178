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

    pub(super) fn end(&self) -> i64 {
        self.step(self.observation_end)
    }

    pub(super) fn observation_end(&self) -> i64 {
        self.observation_end
    }
}

/// One purchase, or several merged.
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    step: i64,
    amount: f64,
}

/// The log sorted by customer: one counting sort, stable, so that sums are in the log's order.
#[derive(Debug)]
pub(super) struct Entries {
    first_row: Vec<u32>,
    /// `purchases[starts[c]..starts[c + 1]]` are those of customer `c`.
    starts: Vec<usize>,
    purchases: Vec<Entry>,
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
            purchases: Vec::new(),
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
        self.purchases = vec![Entry::default(); code_of_row.len()];
        let mut next = self.starts.clone();
        for start in (0..times.len()).step_by(64 * BLOCK) {
            for row in start..(start + 64 * BLOCK).min(times.len()) {
                let place = &mut next[code_of_row[row] as usize];
                self.purchases[*place] = Entry {
                    step: clock.step(times[row]),
                    amount: amounts.map_or(0.0, |amounts| amounts[row]),
                };
                *place += 1;
            }
            phase.poll()?;
        }
        let end = clock.end();
        self.n_dropped_after_end = times.iter().filter(|&&time| clock.step(time) > end).count();
        self.n_refunds = amounts.map_or(0, |a| a.iter().filter(|amount| **amount < 0.0).count());
        Ok(())
    }

    /// Summaries up to step `cut` and from there to the clock's end.
    pub(super) fn summarize(
        &self,
        clock: &Clock,
        cut: i64,
        settings: &SummarySettings,
        phase: &mut Phase<'_>,
    ) -> Result<(PurchaseSummary, HoldoutSummary)> {
        let blocks = map_blocks(self.first_row.len(), phase, |customers| {
            let mut block = Block::default();
            let mut purchases = Vec::new();
            for customer in customers {
                self.summarize_customer(customer, clock, cut, &mut purchases, &mut block);
            }
            block
        })?;
        let mut all = Block::default();
        for block in blocks {
            all.append(block);
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
        summary.observation_end = if cut == clock.end() {
            clock.observation_end
        } else {
            clock.tick(cut)
        };
        summary.n_dropped_after_end = self.n_dropped_after_end;
        summary.n_refunds = self.n_refunds;
        holdout.duration = clock.units(clock.end() - cut);
        if !self.has_amounts {
            summary.monetary_value = None;
            holdout.monetary_value = None;
        }
        Ok((summary, holdout))
    }

    fn summarize_customer(
        &self,
        customer: usize,
        clock: &Clock,
        cut: i64,
        purchases: &mut Vec<Entry>,
        block: &mut Block,
    ) {
        purchases.clear();
        purchases
            .extend_from_slice(&self.purchases[self.starts[customer]..self.starts[customer + 1]]);
        if !purchases.is_sorted_by_key(|entry| entry.step) {
            purchases.sort_by_key(|entry| entry.step);
        }
        // What happens after the cut must not reach back: each side is merged on its own.
        let known = purchases.partition_point(|entry| entry.step <= cut);
        let observed = purchases.partition_point(|entry| entry.step <= clock.end());
        let (before, after) = purchases[..observed].split_at_mut(known);
        let n_before = merge(before, self.refunds);
        let n_after = merge(after, self.refunds);
        let (before, after) = (&before[..n_before], &after[..n_after]);
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
        summary.age.push(clock.units(cut - first.step));
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

/// Part of the two tables.
#[derive(Debug)]
struct Block {
    summary: PurchaseSummary,
    holdout: HoldoutSummary,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            summary: PurchaseSummary {
                monetary_value: Some(Vec::new()),
                ..PurchaseSummary::default()
            },
            holdout: HoldoutSummary {
                monetary_value: Some(Vec::new()),
                ..HoldoutSummary::default()
            },
        }
    }
}

impl Block {
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

fn mean(entries: &[Entry]) -> f64 {
    if entries.is_empty() {
        0.0
    } else {
        entries.iter().map(|entry| entry.amount).sum::<f64>() / entries.len() as f64
    }
}

/// Merges entries of one step in place; returns how many purchases remain at the front.
///
/// Invariant: `entries[..kept]` are finished purchases in time order, and `kept` never passes the
/// entry being read, so nothing unread is overwritten.
fn merge(entries: &mut [Entry], refunds: Refunds) -> usize {
    let mut kept = 0;
    let mut read = 0;
    while read < entries.len() {
        let step = entries[read].step;
        let (mut bought, mut refunded, mut any) = (0.0, 0.0, false);
        while read < entries.len() && entries[read].step == step {
            let amount = entries[read].amount;
            if amount >= 0.0 {
                bought += amount;
                any = true;
            } else {
                refunded -= amount;
            }
            read += 1;
        }
        if any {
            entries[kept] = Entry {
                step,
                amount: bought,
            };
            kept += 1;
        }
        if refunds == Refunds::Net {
            while refunded > 0.0 && kept > 0 {
                let last = &mut entries[kept - 1].amount;
                if *last > refunded {
                    *last -= refunded;
                    break;
                }
                refunded -= *last;
                kept -= 1;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::{AfterEnd, Ids, PurchaseLog};
    use super::*;

    fn merged(entries: &[(i64, f64)], refunds: Refunds) -> Vec<(i64, f64)> {
        let mut entries: Vec<Entry> = entries
            .iter()
            .map(|&(step, amount)| Entry { step, amount })
            .collect();
        let kept = merge(&mut entries, refunds);
        entries[..kept]
            .iter()
            .map(|entry| (entry.step, entry.amount))
            .collect()
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
