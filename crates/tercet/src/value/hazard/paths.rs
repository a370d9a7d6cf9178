//! A customer's hazards, period by period, and what follows from them at any time.

use super::fitted::FittedHazard;
use super::sample::{Line, log_total, score};
use crate::data::Design;
use crate::error::{Error, Result};
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// The hazards of one customer.
pub(super) struct Path {
    n_events: usize,
    /// Periods by events.
    hazards: Vec<f64>,
    /// `-ln(1 - h)` of every period: of a share `e` of it `e` times as much.
    rates: Vec<f64>,
    /// Their sum up to the beginning of every period, and to the end of the last.
    through: Vec<f64>,
}

impl Path {
    /// Number of periods.
    pub(super) fn len(&self) -> usize {
        self.rates.len()
    }

    /// An event's hazard in a period; that of all together.
    pub(super) fn hazard(&self, period: usize, event: Option<usize>) -> f64 {
        let own = &self.hazards[period * self.n_events..][..self.n_events];
        event.map_or_else(|| own.iter().sum(), |event| own[event])
    }

    /// `-ln S` at a time in periods.
    pub(super) fn cumulative(&self, time: f64) -> f64 {
        let period = whole(time).min(self.len() - 1);
        self.through[period] + (time - period as f64).min(1.0) * self.rates[period]
    }

    /// The probability that nothing has happened by `to`, where nothing had by `from`.
    pub(super) fn survival(&self, from: f64, to: f64) -> f64 {
        (self.cumulative(from) - self.cumulative(to)).exp()
    }

    /// Calls `visit(period, share)` for the periods between two times.
    pub(super) fn between(&self, from: f64, to: f64, mut visit: impl FnMut(usize, f64)) {
        for period in whole(from)..self.len() {
            let start = period as f64;
            let share = to.min(start + 1.0) - from.max(start);
            if share <= 0.0 {
                break;
            }
            visit(period, share);
        }
    }

    /// The probability that the event happens between two times, where nothing had by the first: the
    /// part of each period's leavers that its hazard is of all hazards.
    pub(super) fn incidence(&self, event: usize, from: f64, to: f64) -> f64 {
        let (mut alive, mut sum) = (1.0, 0.0);
        self.between(from, to, |period, share| {
            let stay = (-share * self.rates[period]).exp();
            let all = self.hazard(period, None);
            if all > 0.0 {
                sum += alive * (1.0 - stay) * self.hazard(period, Some(event)) / all;
            }
            alive *= stay;
        });
        sum
    }

    /// The expected time between two times until an event, in periods: the integral of survival, which
    /// falls exponentially within a period.
    pub(super) fn expected(&self, from: f64, to: f64) -> f64 {
        let (mut alive, mut sum) = (1.0, 0.0);
        self.between(from, to, |period, share| {
            let fall = share * self.rates[period];
            // (1 - e^-x) / x is 1 - x/2 where x is too small to be divided by.
            let mean = if fall < 1e-9 {
                1.0 - 0.5 * fall
            } else {
                -(-fall).exp_m1() / fall
            };
            sum += alive * share * mean;
            alive *= (-fall).exp();
        });
        sum
    }

    /// How long until survival, 1 at `from`, is a half; infinite where it is more at the end.
    pub(super) fn median(&self, from: f64) -> f64 {
        let wanted = self.cumulative(from) + std::f64::consts::LN_2;
        let end = self.through.partition_point(|sum| *sum < wanted);
        if end >= self.through.len() {
            return f64::INFINITY;
        }
        let period = end.max(1) - 1;
        let rate = self.rates[period];
        let share = if rate > 0.0 {
            (wanted - self.through[period]) / rate
        } else {
            0.0
        };
        (period as f64 + share - from).max(0.0)
    }
}

/// The period that a time lies in.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at least 0, and few periods
pub(super) fn whole(time: f64) -> usize {
    time as usize
}

impl FittedHazard {
    /// Each event's coefficients.
    pub(super) fn lines(&self) -> Vec<Line> {
        let parts = self.parts.iter().enumerate();
        parts
            .map(|(event, part)| Line {
                effects: part.coefficients().to_vec(),
                changes: self.time.changes[event].clone(),
                levels: self.time.levels(event),
            })
            .collect()
    }

    /// The hazards of a row whose columns are known.
    pub(super) fn path(&self, lines: &[Line], present: &[(usize, f64)]) -> Path {
        let n_events = lines.len();
        let scores: Vec<[f64; 2]> = lines.iter().map(|line| score(line, present)).collect();
        let n_periods = self.n_periods();
        let mut path = Path {
            n_events,
            hazards: Vec::with_capacity(n_periods * n_events),
            rates: Vec::with_capacity(n_periods),
            through: Vec::with_capacity(n_periods + 1),
        };
        let mut sum = 0.0;
        for (t, trend) in self.time.trend.iter().enumerate() {
            let first = path.hazards.len();
            for (line, [fixed, change]) in lines.iter().zip(&scores) {
                path.hazards.push(fixed + line.levels[t] + trend * change);
            }
            let rate = log_total(&mut path.hazards[first..]);
            path.rates.push(rate);
            path.through.push(sum);
            sum += rate;
        }
        path.through.push(sum);
        path
    }

    /// Works on the hazards of all rows; `work(row, columns, path, results)` appends as many results a
    /// row as `width`.
    pub(super) fn map_paths<T: Send>(
        &self,
        customers: &Design<'_>,
        width: usize,
        phase: &mut Phase<'_>,
        work: impl Fn(usize, &[(usize, f64)], &Path, &mut Vec<T>) + Sync + Send,
    ) -> Result<Vec<T>> {
        let Some(first) = self.parts.first() else {
            return Ok(Vec::new());
        };
        let (reader, lines) = (first.reader(customers)?, self.lines());
        let blocks = map_blocks(customers.len(), phase, |rows| {
            let mut found = Vec::with_capacity(rows.len() * width);
            reader.for_rows(rows, |row, present| {
                work(row, present, &self.path(&lines, present), &mut found);
                true
            });
            found
        })?;
        let mut all = Vec::with_capacity(width * customers.len());
        for block in blocks {
            all.extend(block);
        }
        Ok(all)
    }

    /// Times from now, and what each row has survived, in periods.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for times that are negative or beyond the data;
    /// [`Error::ShapeMismatch`] where there is neither one `given` nor one a row.
    pub(super) fn clock(
        &self,
        n_rows: usize,
        name: &str,
        times: &[f64],
        given: &[f64],
    ) -> Result<(Vec<f64>, Vec<f64>)> {
        let wrong = |time: &&f64| !(**time >= 0.0 && time.is_finite());
        if let Some(time) = times.iter().find(wrong) {
            return Err(Error::parameter(name, time, "finite times of at least 0"));
        }
        if given.len() != 1 && given.len() != n_rows {
            return Err(Error::ShapeMismatch {
                column: "given".to_owned(),
                expected: n_rows,
                found: given.len(),
            });
        }
        if let Some(row) = given.iter().position(|time| wrong(&time)) {
            let reason = format!("is {}; a time is a finite number of at least 0", given[row]);
            return Err(Error::data("given", row, reason));
        }
        let (horizon, width) = (self.horizon(), self.settings.period);
        let latest = times.iter().copied().fold(0.0, f64::max);
        let enough = horizon * (1.0 + 1e-9);
        if let Some(row) = given.iter().position(|given| given + latest > enough) {
            let survived = given[row];
            let left = (horizon - survived).max(0.0);
            let after = if survived > 0.0 {
                format!(" after the {survived} that row {row} has survived")
            } else {
                String::new()
            };
            let expected = format!(
                "at most {left}{after}: nobody was at risk after {horizon}, and the data say nothing of it"
            );
            return Err(Error::parameter(name, latest, expected));
        }
        let periods = |times: &[f64]| times.iter().map(|time| time / width).collect();
        Ok((periods(times), periods(given)))
    }
}
