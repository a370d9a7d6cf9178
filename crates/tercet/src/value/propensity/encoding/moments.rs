//! Means, spreads and ranges of columns of numbers, in one pass over a matrix.

use crate::data::Numbers;
use crate::error::Result;
use crate::math::lanes::{LONGEST, Lanes, Work};
use crate::parallel::{BLOCK, Gate, map_blocks_behind};

/// What is known of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    /// The weight of rows whose number is known.
    pub(crate) weight: f64,
    pub(crate) mean: f64,
    /// The weighted sum of squared distances from the mean.
    squares: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
    /// The weight of rows whose number is missing.
    pub(crate) missing: f64,
}

/// Rows whose numbers are copied side by side before they are added up.
const PART: usize = 512;

impl Moments {
    const NONE: Self = Self {
        weight: 0.0,
        mean: 0.0,
        squares: 0.0,
        lowest: f64::INFINITY,
        highest: f64::NEG_INFINITY,
        missing: 0.0,
    };

    /// The standard deviation, by the sum of the weights.
    ///
    /// Of numbers so large that their squares overflow it is infinite, and the column is refused.
    pub(crate) fn standard_deviation(&self) -> f64 {
        (self.squares / self.weight).sqrt()
    }

    /// The share of the weight whose number is known.
    pub(crate) fn known(&self) -> f64 {
        self.weight / (self.weight + self.missing)
    }

    /// Of both (Chan, Golub & `LeVeque` 1983, The American Statistician 37, 242-247).
    fn merged(&self, other: &Self) -> Self {
        let weight = self.weight + other.weight;
        let missing = self.missing + other.missing;
        if other.weight == 0.0 {
            return Self { missing, ..*self };
        }
        let away = other.mean - self.mean;
        Self {
            weight,
            mean: self.mean + away * (other.weight / weight),
            squares: self.squares
                + other.squares
                + away * away * (self.weight * other.weight / weight),
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
            missing,
        }
    }

    /// Of a few numbers, all of weight 1.
    ///
    /// Eight sums side by side, which the compiler turns into vector instructions.
    #[inline(always)]
    #[allow(clippy::inline_always)] // into the instructions that are chosen for it
    fn plain(values: &[f64]) -> Self {
        let mut sums = [[0.0; 8]; 2];
        let mut ends = [[f64::INFINITY; 8], [f64::NEG_INFINITY; 8]];
        let n = values.len() as f64;
        for_lanes(values, |lane, value| {
            let known = !value.is_nan();
            sums[0][lane] += if known { value } else { 0.0 };
            sums[1][lane] += f64::from(u8::from(known));
            // A comparison with NaN is false.
            ends[0][lane] = if value < ends[0][lane] {
                value
            } else {
                ends[0][lane]
            };
            ends[1][lane] = if value > ends[1][lane] {
                value
            } else {
                ends[1][lane]
            };
        });
        let weight: f64 = sums[1].iter().sum();
        if weight == 0.0 {
            return Self {
                missing: n,
                ..Self::NONE
            };
        }
        let mean = sums[0].iter().sum::<f64>() / weight;
        let mut squares = [0.0; 8];
        for_lanes(values, |lane, value| {
            let away = value - mean;
            squares[lane] += if away.is_nan() { 0.0 } else { away * away };
        });
        Self {
            weight,
            mean,
            squares: squares.iter().sum(),
            lowest: ends[0].iter().copied().fold(f64::INFINITY, f64::min),
            highest: ends[1].iter().copied().fold(f64::NEG_INFINITY, f64::max),
            missing: n - weight,
        }
    }

    /// Of a few numbers with weights.
    fn weighted(values: &[f64], weights: &[f64]) -> Self {
        let mut found = Self::NONE;
        let mut sum = 0.0;
        for (value, weight) in values.iter().zip(weights).filter(|(_, w)| **w > 0.0) {
            if value.is_nan() {
                found.missing += weight;
                continue;
            }
            found.weight += weight;
            sum += weight * value;
            found.lowest = found.lowest.min(*value);
            found.highest = found.highest.max(*value);
        }
        if found.weight > 0.0 {
            found.mean = sum / found.weight;
            let known = values
                .iter()
                .zip(weights)
                .filter(|(value, _)| !value.is_nan());
            found.squares = known.map(|(x, w)| w * (x - found.mean).powi(2)).sum();
        }
        found
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // into the instructions that are chosen for it
fn for_lanes(values: &[f64], mut visit: impl FnMut(usize, f64)) {
    let whole = values.chunks_exact(8);
    let rest = whole.remainder();
    for part in whole {
        for (lane, value) in part.iter().enumerate() {
            visit(lane, *value);
        }
    }
    for (lane, value) in rest.iter().enumerate() {
        visit(lane, *value);
    }
}

/// Adds a few numbers, all of weight 1, to what is known of a column.
struct Plain<'a> {
    values: &'a [f64],
    found: &'a mut Moments,
}

impl Work for Plain<'_> {
    #[inline(always)]
    #[allow(clippy::inline_always)] // into the instructions that are chosen for it
    fn work(self) {
        *self.found = self.found.merged(&Moments::plain(self.values));
    }
}

/// Sums over a few rows of a matrix, row by row, by place in so many rows that processors' lanes fill
/// them.
struct Sums {
    /// Columns of the matrix.
    width: usize,
    sum: Vec<f64>,
    known: Vec<f64>,
    lowest: Vec<f64>,
    highest: Vec<f64>,
    mean: Vec<f64>,
    squares: Vec<f64>,
    n_rows: usize,
}

impl Sums {
    fn new(width: usize) -> Self {
        let places = || vec![0.0; LONGEST * width];
        Self {
            width,
            sum: places(),
            known: places(),
            lowest: places(),
            highest: places(),
            mean: places(),
            squares: places(),
            n_rows: 0,
        }
    }

    /// Of all places of a column.
    fn fold(&self, values: &[f64], column: usize, one: impl Fn(f64, f64) -> f64) -> f64 {
        let places = values[column..].iter().step_by(self.width);
        places.copied().reduce(one).unwrap_or(0.0)
    }

    /// Adds up a few rows.
    fn look(&mut self, values: &[f64], lanes: Lanes) {
        let period = self.sum.len();
        self.n_rows = values.len() / self.width;
        self.sum.fill(0.0);
        self.known.fill(0.0);
        self.squares.fill(0.0);
        self.lowest.fill(f64::INFINITY);
        self.highest.fill(f64::NEG_INFINITY);
        for values in values.chunks(period) {
            let places = [
                &mut self.sum[..],
                &mut self.known,
                &mut self.lowest,
                &mut self.highest,
            ];
            lanes.totals(values, places);
        }
        for column in 0..self.width {
            let plus = |a: f64, b: f64| a + b;
            let mean = self.fold(&self.sum, column, plus) / self.fold(&self.known, column, plus);
            for place in self.mean[column..].iter_mut().step_by(self.width) {
                *place = mean;
            }
        }
        for values in values.chunks(period) {
            lanes.squares(values, &self.mean, &mut self.squares);
        }
    }

    fn merge(&self, found: &mut [Moments]) {
        let plus = |a: f64, b: f64| a + b;
        for (column, found) in found.iter_mut().enumerate() {
            let weight = self.fold(&self.known, column, plus);
            let missing = self.n_rows as f64 - weight;
            let own = if weight == 0.0 {
                Moments {
                    missing,
                    ..Moments::NONE
                }
            } else {
                Moments {
                    weight,
                    mean: self.mean[column],
                    squares: self.fold(&self.squares, column, plus),
                    lowest: self.fold(&self.lowest, column, f64::min),
                    highest: self.fold(&self.highest, column, f64::max),
                    missing,
                }
            };
            *found = found.merged(&own);
        }
    }
}

/// The moments of every column over rows of positive weight.
///
/// By blocks of rows, so that a matrix whose rows lie together is read from memory once.
pub(super) fn moments(
    columns: &[Numbers<'_>],
    n_rows: usize,
    weights: Option<&[f64]>,
    gate: &Gate<'_, '_>,
) -> Result<Vec<Moments>> {
    debug_assert_eq!(BLOCK % PART, 0);
    let flat = match weights {
        None => Numbers::side_by_side(columns),
        Some(_) => None,
    };
    let lanes = Lanes::new();
    let blocks = map_blocks_behind(gate, n_rows, |rows| {
        let mut found = vec![Moments::NONE; columns.len()];
        if let Some(flat) = flat {
            let mut sums = Sums::new(columns.len());
            for start in rows.clone().step_by(PART) {
                let end = (start + PART).min(rows.end);
                let values = &flat[start * columns.len()..end * columns.len()];
                sums.look(values, lanes);
                sums.merge(&mut found);
            }
            return found;
        }
        let mut buffer = [0.0; PART];
        for start in rows.clone().step_by(PART) {
            let end = (start + PART).min(rows.end);
            for (column, found) in columns.iter().zip(&mut found) {
                let part = column.part(start, end);
                let values = part.as_slice().unwrap_or_else(|| {
                    for (copy, value) in buffer.iter_mut().zip(part.iter()) {
                        *copy = value;
                    }
                    &buffer[..end - start]
                });
                match weights {
                    Some(weights) => {
                        *found = found.merged(&Moments::weighted(values, &weights[start..end]));
                    }
                    None => lanes.run(Plain { values, found }),
                }
            }
        }
        found
    })?;
    let mut total = vec![Moments::NONE; columns.len()];
    for block in &blocks {
        for (total, found) in total.iter_mut().zip(block) {
            *total = total.merged(found);
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Phase;

    fn of(values: &[f64], weights: Option<&[f64]>) -> Moments {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        moments(&[Numbers::new(values)], values.len(), weights, &gate).unwrap()[0]
    }

    #[test]
    fn a_mean_far_from_0_keeps_the_spread() {
        let values: Vec<f64> = (0..10_000).map(|i| 1e9 + f64::from(i % 2)).collect();
        let found = of(&values, None);
        assert_eq!((found.mean, found.missing), (1e9 + 0.5, 0.0));
        assert!((found.standard_deviation() - 0.5).abs() < 1e-12);
        assert_eq!((found.lowest, found.highest), (1e9, 1e9 + 1.0));
    }

    #[test]
    fn rows_that_lie_together_are_those_of_columns() {
        let mut values: Vec<f64> = (0..3 * 5000).map(|k| f64::from(k * k % 1013)).collect();
        values[3 * 700 + 1] = f64::NAN;
        let column = |j| Numbers::strided(&values, j, 3, 5000).unwrap();
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let together = [column(0), column(1), column(2)];
        let together = moments(&together, 5000, None, &gate).unwrap();
        for (j, found) in together.iter().enumerate() {
            let own: Vec<f64> = column(j).iter().collect();
            let own = of(&own, None);
            assert!((found.mean - own.mean).abs() < 1e-10);
            assert!((found.standard_deviation() - own.standard_deviation()).abs() < 1e-10);
            assert_eq!((found.weight, found.missing), (own.weight, own.missing));
            assert_eq!((found.lowest, found.highest), (own.lowest, own.highest));
        }
    }

    #[test]
    fn weights_are_repetitions_and_missing_values_are_counted() {
        let found = of(&[1.0, 4.0, f64::NAN, 9.0], Some(&[2.0, 1.0, 3.0, 0.0]));
        let repeated = of(&[1.0, 1.0, 4.0, f64::NAN, f64::NAN, f64::NAN], None);
        assert!((found.mean - repeated.mean).abs() < 1e-15);
        assert!((found.standard_deviation() - repeated.standard_deviation()).abs() < 1e-15);
        assert_eq!((found.missing, repeated.missing), (3.0, 3.0));
        assert_eq!((found.lowest, found.highest), (1.0, 4.0));
        assert_eq!(of(&[f64::NAN], None).weight, 0.0);
    }
}
