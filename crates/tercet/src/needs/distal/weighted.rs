//! Weighted means by segment: the naive ones, and those with inverse weights.
//!
//! Respondent i counts for segment t with `v_it = w_i Σ_s a_is M_st`, where M is `D⁻¹` or the identity:
//!
//! ```text
//! μ_t = Σ_i v_it y_i / Σ_i v_it
//! V_tu = Σ_i v_it (y_i - μ_t) v_iu (y_i - μ_u) / (Σ_i v_it Σ_i v_iu)
//! ```
//!
//! The covariance V takes the respondents for a sample and the v for known; a respondent counts for
//! several segments, so that their means are correlated. The probability of a level is the mean of its
//! indicator.

use nalgebra::{DMatrix, DVector};

use super::Outcome;
use super::estimate::Estimates;
use super::memberships::{Memberships, Misassignment};
use crate::error::{Error, Result};
use crate::parallel::{Gate, map_blocks_behind};

/// The weighted sums of some respondents.
struct Sums {
    weights: DVector<f64>,
    /// A row a segment.
    values: DMatrix<f64>,
    /// Of a number.
    squares: DVector<f64>,
}

pub(super) fn estimate(
    members: &Memberships<'_>,
    misassignment: &Misassignment,
    share_of: &DMatrix<f64>,
    outcome: &Outcome<'_>,
    gate: &Gate<'_, '_>,
) -> Result<Estimates> {
    let (k, width) = (members.n_segments(), outcome.width());
    let weigh = Weigh {
        members,
        misassignment,
        share_of,
        outcome,
    };
    let sums = weigh.sums(gate)?;
    let total = sums.weights.sum();
    if let Some(t) = (0..k).find(|t| sums.weights[*t] <= 1e-9 * total) {
        let reason = format!(
            "among those whose outcome is known the weights for segment {} add up to {:.3}: too few of its members are among them; take the method \"ml\", or fewer segments",
            t + 1,
            sums.weights[t]
        );
        return Err(Error::data(&outcome.question.name, None, reason));
    }
    let means = DMatrix::from_fn(k, width, |t, c| sums.values[(t, c)] / sums.weights[t]);
    let covariance = weigh.covariance(&sums.weights, &means, gate)?;
    let mut notes = Vec::new();
    let deviations = deviations(&sums, &means, outcome, &mut notes);
    let of = |(t, c): (usize, usize)| {
        means[(t, c)]
            + if outcome.n_levels == 0 {
                outcome.mean
            } else {
                0.0
            }
    };
    Ok(Estimates {
        shares: sums.weights.iter().map(|weight| weight / total).collect(),
        values: (0..k)
            .flat_map(|t| (0..width).map(move |c| (t, c)))
            .map(of)
            .collect(),
        covariance: Some(covariance),
        deviations,
        log_likelihood: None,
        n_parameters: k * if width == 1 { 1 } else { width - 1 },
        iterations: 1,
        converged: true,
        how_it_ended: "computed directly".to_owned(),
        boundary: None,
        notes,
    })
}

/// A respondent's weight for every segment.
struct Weigh<'w> {
    members: &'w Memberships<'w>,
    misassignment: &'w Misassignment,
    share_of: &'w DMatrix<f64>,
    outcome: &'w Outcome<'w>,
}

impl Weigh<'_> {
    /// Fills in `weights`; `assigned` is room to work in.
    fn weights(&self, row: usize, assigned: &mut [f64], weights: &mut DVector<f64>) {
        self.misassignment.assign(self.members, row, assigned);
        weights.fill(0.0);
        for (s, share) in assigned.iter().enumerate() {
            if *share > 0.0 {
                let factor = self.members.weight(row) * share;
                for (weight, entry) in weights.iter_mut().zip(self.share_of.row(s).iter()) {
                    *weight += factor * entry;
                }
            }
        }
    }

    /// A number around the overall mean, so that nothing cancels; or the indicator of a level.
    fn measure(&self, value: f64, column: usize) -> f64 {
        let measure = self.outcome.measure(value, column);
        if self.outcome.n_levels == 0 {
            measure - self.outcome.mean
        } else {
            measure
        }
    }

    fn sums(&self, gate: &Gate<'_, '_>) -> Result<Sums> {
        let (k, width) = (self.members.n_segments(), self.outcome.width());
        let nothing = || Sums {
            weights: DVector::zeros(k),
            values: DMatrix::zeros(k, width),
            squares: DVector::zeros(k),
        };
        let blocks = map_blocks_behind(gate, self.members.len(), |rows| {
            let mut sums = nothing();
            let (mut assigned, mut weights) = (vec![0.0; k], DVector::zeros(k));
            for row in rows {
                let value = self.outcome.values[row];
                if value.is_nan() {
                    continue;
                }
                self.weights(row, &mut assigned, &mut weights);
                sums.weights += &weights;
                for column in 0..width {
                    let y = self.measure(value, column);
                    sums.values.column_mut(column).axpy(y, &weights, 1.0);
                }
                sums.squares
                    .axpy(self.measure(value, 0).powi(2), &weights, 1.0);
            }
            sums
        })?;
        let mut all = nothing();
        for block in blocks {
            all.weights += block.weights;
            all.values += block.values;
            all.squares += block.squares;
        }
        Ok(all)
    }

    fn covariance(
        &self,
        totals: &DVector<f64>,
        means: &DMatrix<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<DMatrix<f64>> {
        let (k, width) = (self.members.n_segments(), self.outcome.width());
        let blocks = map_blocks_behind(gate, self.members.len(), |rows| {
            let mut squares = DMatrix::zeros(k * width, k * width);
            let (mut assigned, mut weights) = (vec![0.0; k], DVector::zeros(k));
            let mut score = DVector::zeros(k * width);
            for row in rows {
                let value = self.outcome.values[row];
                if value.is_nan() {
                    continue;
                }
                self.weights(row, &mut assigned, &mut weights);
                for t in 0..k {
                    for column in 0..width {
                        let away = self.measure(value, column) - means[(t, column)];
                        score[t * width + column] = weights[t] / totals[t] * away;
                    }
                }
                squares.syger(1.0, &score, &score, 1.0);
            }
            squares
        })?;
        let mut covariance = DMatrix::zeros(k * width, k * width);
        for block in blocks {
            covariance += block;
        }
        covariance.fill_upper_triangle_with_lower_triangle();
        Ok(covariance)
    }
}

fn deviations(
    sums: &Sums,
    means: &DMatrix<f64>,
    outcome: &Outcome<'_>,
    notes: &mut Vec<String>,
) -> Vec<Option<f64>> {
    if outcome.n_levels > 0 {
        return vec![None; sums.weights.len()];
    }
    let of = |t: usize| {
        let variance = sums.squares[t] / sums.weights[t] - means[(t, 0)].powi(2);
        // What rounding takes below 0 is 0.
        if variance > -1e-12 * outcome.deviation.powi(2) {
            return Some(variance.max(0.0).sqrt());
        }
        notes.push(format!(
            "in segment {} the outcome's variance would be negative ({variance:.3}), so that no deviation and no effective number of respondents is given; its mean and its standard error do not need them",
            t + 1
        ));
        None
    };
    (0..sums.weights.len()).map(of).collect()
}
