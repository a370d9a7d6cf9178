//! From estimates and their covariance to what is reported.

use nalgebra::{DMatrix, DVector};

use super::memberships::{Memberships, Misassignment};
use super::wald::{Comparison, wald};
use super::{DistalOutcome, Outcome, SegmentOutcome};
use crate::error::Result;
use crate::math::interval;
use crate::math::multiplicity::holm;
use crate::model::{FitReport, Parameter};

/// What a method found: means, or probabilities of levels.
#[derive(Debug)]
pub(super) struct Estimates {
    pub(super) shares: Vec<f64>,
    /// A row a segment, a column a level (or one for a mean).
    pub(super) values: Vec<f64>,
    /// Of the values; `None` where the data do not determine them.
    pub(super) covariance: Option<DMatrix<f64>>,
    /// Standard deviations within segments; empty for levels.
    pub(super) deviations: Vec<Option<f64>>,
    pub(super) log_likelihood: Option<f64>,
    pub(super) n_parameters: usize,
    pub(super) iterations: usize,
    pub(super) converged: bool,
    pub(super) how_it_ended: String,
    pub(super) boundary: Option<String>,
    pub(super) notes: Vec<String>,
}

impl Estimates {
    pub(super) fn assemble(
        mut self,
        settings: &DistalOutcome,
        members: &Memberships<'_>,
        misassignment: &Misassignment,
        outcome: &Outcome<'_>,
    ) -> Result<SegmentOutcome> {
        let z = interval::normal_quantile(settings.level)?;
        let k = members.n_segments();
        // The tests are of the values as they were estimated; what is shown is possible.
        let values = DVector::from_column_slice(&self.values);
        let undetermined = DMatrix::zeros(self.values.len(), self.values.len());
        let covariance = self.covariance.as_ref().unwrap_or(&undetermined);
        let every = contrasts(k, outcome, &|place| (0, place + 1), k - 1);
        let test = wald(&values, covariance, &every);
        let comparisons = compare(k, outcome, &values, covariance);
        self.keep_possible(outcome);
        let effective_n = (0..k).map(|t| self.effective_n(t, outcome)).collect();
        let n_known = members.len() - outcome.n_missing;
        let weight = |row: usize| {
            let missing = outcome.values[row].is_nan();
            if missing { 0.0 } else { members.weight(row) }
        };
        Ok(SegmentOutcome {
            outcome: outcome.question.clone(),
            settings: settings.clone(),
            estimates: (0..k).map(|t| self.row(t, outcome, z)).collect(),
            effective_n,
            test,
            comparisons,
            misassignment: misassignment.rows(),
            n_missing: outcome.n_missing,
            report: FitReport {
                iterations: self.iterations,
                log_likelihood: self.log_likelihood,
                converged: self.converged,
                how_it_ended: self.how_it_ended,
                n_observations: (0..members.len()).map(weight).sum(),
                n_rows: n_known,
                n_cells: n_known,
                n_parameters: self.n_parameters,
                boundary: self.boundary,
            },
            shares: self.shares,
            deviations: self.deviations,
            notes: self.notes,
        })
    }

    /// Brings probabilities below 0, which inverse weights can lead to, to 0, and the others of the
    /// segment to a sum of 1.
    fn keep_possible(&mut self, outcome: &Outcome<'_>) {
        let Some(levels) = outcome.question.levels() else {
            return;
        };
        for (t, row) in self.values.chunks_exact_mut(levels.len()).enumerate() {
            let negative: Vec<String> = row
                .iter()
                .zip(levels)
                .filter(|(p, _)| **p < 0.0)
                .map(|(p, level)| format!("'{level}' ({p:.3})"))
                .collect();
            if negative.is_empty() {
                continue;
            }
            self.notes.push(format!(
                "in segment {} the probability of {} would be negative; it was set to 0 and the others brought to a sum of 1, while the tests are of the values before: fewer members give such answers than are assigned to the segment by mistake; the method \"ml\" keeps within bounds",
                t + 1,
                negative.join(", ")
            ));
            for p in row.iter_mut() {
                *p = p.max(0.0);
            }
            let total: f64 = row.iter().sum();
            for p in row.iter_mut() {
                *p /= total;
            }
        }
    }

    fn variance(&self, place: usize) -> Option<f64> {
        let variance = self.covariance.as_ref()?[(place, place)];
        (variance > 0.0 && variance.is_finite()).then_some(variance)
    }

    /// The variance within a segment over the squared standard error, both summed over the levels.
    fn effective_n(&self, t: usize, outcome: &Outcome<'_>) -> Option<f64> {
        let width = outcome.width();
        if outcome.n_levels == 0 {
            return Some(self.deviations[t]?.powi(2) / self.variance(t)?);
        }
        let places = t * width..(t + 1) * width;
        let within: f64 = self.values[places.clone()]
            .iter()
            .map(|p| p * (1.0 - p))
            .sum();
        let error: f64 = places.filter_map(|place| self.variance(place)).sum();
        (error > 0.0 && within > 0.0).then(|| within / error)
    }

    /// What is reported of a segment.
    fn row(&self, t: usize, outcome: &Outcome<'_>, z: f64) -> Vec<Parameter> {
        let (name, width) = (&outcome.question.name, outcome.width());
        let of = |column: usize| {
            let estimate = self.values[t * width + column];
            let inside = outcome.n_levels == 0 || (estimate > 0.0 && estimate < 1.0);
            let error = self
                .variance(t * width + column)
                .filter(|_| inside)
                .map(f64::sqrt);
            let ends = error.map(|error| {
                if outcome.n_levels == 0 {
                    [estimate - z * error, estimate + z * error]
                } else {
                    interval::share(estimate, error, z)
                }
            });
            let what = match outcome.question.levels() {
                Some(levels) => format!("={}", levels[column]),
                None => " mean".to_owned(),
            };
            Parameter {
                name: format!("{name}{what}[{}]", t + 1),
                estimate,
                standard_error: error,
                lower: ends.map(|ends| ends[0]),
                upper: ends.map(|ends| ends[1]),
            }
        };
        (0..width).map(of).collect()
    }
}

/// Differences between pairs of segments, in every estimate but the first of several: probabilities add
/// up to 1.
fn contrasts(
    k: usize,
    outcome: &Outcome<'_>,
    pair: &dyn Fn(usize) -> (usize, usize),
    n_pairs: usize,
) -> DMatrix<f64> {
    let width = outcome.width();
    let columns = if width == 1 { 0..1 } else { 1..width };
    let each = columns.len();
    let mut rows = DMatrix::zeros(n_pairs * each, k * width);
    for place in 0..n_pairs {
        let (first, second) = pair(place);
        for (i, column) in columns.clone().enumerate() {
            rows[(place * each + i, first * width + column)] = 1.0;
            rows[(place * each + i, second * width + column)] = -1.0;
        }
    }
    rows
}

fn compare(
    k: usize,
    outcome: &Outcome<'_>,
    values: &DVector<f64>,
    covariance: &DMatrix<f64>,
) -> Vec<Comparison> {
    let mut all: Vec<Comparison> = Vec::new();
    for first in 0..k {
        for second in first + 1..k {
            let contrast = contrasts(k, outcome, &|_| (first, second), 1);
            let one = outcome.n_levels == 0;
            let variance = (&contrast * covariance * contrast.transpose())[(0, 0)];
            all.push(Comparison {
                first,
                second,
                difference: one.then(|| values[first] - values[second]),
                standard_error: (one && variance > 0.0).then(|| variance.sqrt()),
                test: wald(values, covariance, &contrast),
                adjusted_p_value: None,
            });
        }
    }
    let p_values: Vec<Option<f64>> = all.iter().map(|one| one.test.p_value).collect();
    for (one, adjusted) in all.iter_mut().zip(holm(&p_values)) {
        one.adjusted_p_value = adjusted;
    }
    all
}
