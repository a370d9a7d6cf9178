//! The mixture with known misassignment (Vermunt 2010, section 3.3).
//!
//! ```text
//! LL = Σ_i w_i Σ_s a_is ln Σ_t π_t D_ts f(y_i | t)
//! ```
//!
//! with `D` fixed is maximised over shares and the outcome's distributions: some steps of EM from the
//! respondents' posteriors, then Newton's method with exact second derivatives. With `r_t` the posterior
//! of segment t given the assignment and the outcome, `g_t` the slope of `ln(π_t f(y | t))` and `H_t` its
//! second derivatives, a term's are
//!
//! ```text
//! slope: Σ_t r_t g_t         curvature: Σ_t r_t H_t + Σ_t r_t g_t g_t' - (Σ_t r_t g_t)(Σ_t r_t g_t)'
//! ```
//!
//! Probabilities of levels are saturated: where no inverse weight leads below 0, the maximum is what
//! these weights give.

use nalgebra::{DMatrix, DVector};

use super::densities::Density;
use super::memberships::{Memberships, Misassignment};
use super::{DistalOutcome, Outcome, StandardErrors};
use crate::error::Result;
use crate::math::ascent::{Ascent, Local, Peak, invert};
use crate::math::newton::STILL_TO_WIN;
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_blocks_behind};

/// A coordinate that moves fewer expected respondents lies on the boundary.
pub(super) const NOBODY: f64 = 1e-6;

/// An outcome, the segment assigned to, and how many respondents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) outcome: f64,
    pub(super) assigned: usize,
    pub(super) weight: f64,
}

/// The likelihood and its data.
pub(super) struct Mixture<'m, D> {
    pub(super) density: D,
    pub(super) members: &'m Memberships<'m>,
    pub(super) misassignment: &'m Misassignment,
    pub(super) outcome: &'m Outcome<'m>,
    /// The outcomes as the density takes them: a number in overall deviations from the overall mean.
    values: Vec<f64>,
    pub(super) cells: Vec<Cell>,
    /// `ln D`.
    logs: DMatrix<f64>,
    pub(super) total: f64,
}

impl<'m, D: Density> Mixture<'m, D> {
    pub(super) fn new(
        density: D,
        members: &'m Memberships<'m>,
        misassignment: &'m Misassignment,
        outcome: &'m Outcome<'m>,
    ) -> Self {
        let standardised = |y: &f64| match outcome.n_levels {
            0 => (y - outcome.mean) / outcome.deviation,
            _ => *y,
        };
        let values: Vec<f64> = outcome.values.iter().map(standardised).collect();
        let mut mixture = Self {
            density,
            members,
            misassignment,
            outcome,
            values,
            cells: Vec::new(),
            logs: misassignment.table.map(f64::ln),
            total: 0.0,
        };
        mixture.fill();
        mixture
    }

    /// A cell a respondent and segment assigned to; equal ones together where there are levels.
    fn fill(&mut self) {
        let (k, levels) = (self.k(), self.outcome.n_levels);
        let mut assigned = vec![0.0; k];
        let mut counts = vec![0.0; k * levels];
        for (row, y) in self.values.iter().enumerate() {
            if y.is_nan() {
                continue;
            }
            self.misassignment.assign(self.members, row, &mut assigned);
            let weight = self.members.weight(row);
            self.total += weight;
            for (s, share) in assigned
                .iter()
                .enumerate()
                .filter(|(_, share)| **share > 0.0)
            {
                if levels > 0 {
                    // A level is a small whole number.
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let level = *y as usize;
                    counts[s * levels + level] += weight * share;
                } else {
                    self.cells.push(Cell {
                        outcome: *y,
                        assigned: s,
                        weight: weight * share,
                    });
                }
            }
        }
        for (place, weight) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0.0) {
            self.cells.push(Cell {
                outcome: (place % levels) as f64,
                assigned: place / levels,
                weight,
            });
        }
    }

    /// The same data under another density.
    pub(super) fn with_density(self, density: D) -> Self {
        Self { density, ..self }
    }

    pub(super) fn k(&self) -> usize {
        self.members.n_segments()
    }

    /// Shares from their logits relative to the first segment's.
    pub(super) fn shares(&self, point: &[f64]) -> Vec<f64> {
        let logits = || std::iter::once(0.0).chain(point[..self.k() - 1].iter().copied());
        let most = logits().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = logits().map(|logit| (logit - most).exp()).collect();
        let total: f64 = shares.iter().sum();
        for share in &mut shares {
            *share /= total;
        }
        shares
    }

    /// The log-likelihood of one outcome and assignment; fills in the posterior of the segments.
    pub(super) fn look(
        &self,
        shares: &[f64],
        density: &[f64],
        cell: &Cell,
        posterior: &mut [f64],
    ) -> f64 {
        for (t, log) in posterior.iter_mut().enumerate() {
            // The logarithm of 0 is minus infinity, whose exponential is 0.
            *log = shares[t].ln()
                + self.logs[(t, cell.assigned)]
                + self.density.log(density, t, cell.outcome);
        }
        let largest = posterior.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for log in posterior.iter_mut() {
            *log = (*log - largest).exp();
            sum += *log;
        }
        for r in posterior.iter_mut() {
            *r /= sum;
        }
        largest + sum.ln()
    }

    /// Adds `weight` times the slope of one term, without the part of the shares that is common to all
    /// terms.
    fn slope(
        &self,
        density: &[f64],
        cell: &Cell,
        posterior: &[f64],
        weight: f64,
        slope: &mut [f64],
    ) {
        let first = self.k() - 1;
        for (t, r) in posterior.iter().enumerate() {
            if t > 0 {
                slope[t - 1] += weight * r;
            }
            self.density
                .slopes(density, t, cell.outcome, &mut |at, by| {
                    slope[first + at] += weight * r * by;
                });
        }
    }

    pub(super) fn evaluate(&self, point: &DVector<f64>, gate: &Gate<'_, '_>) -> Result<Local> {
        let (k, size) = (self.k(), point.len());
        let shares = self.shares(point.as_slice());
        let density = &point.as_slice()[k - 1..];
        let blocks = map_blocks_behind(gate, self.cells.len(), |cells| {
            let mut value = Sums::<1>::zero();
            let mut gradient = DVector::zeros(size);
            let mut information = DMatrix::zeros(size, size);
            let (mut posterior, mut slope) = (vec![0.0; k], DVector::zeros(size));
            let mut own: Vec<(usize, f64)> = Vec::new();
            for cell in &self.cells[cells] {
                value.add(&[cell.weight * self.look(&shares, density, cell, &mut posterior)]);
                slope.fill(0.0);
                self.slope(density, cell, &posterior, 1.0, slope.as_mut_slice());
                gradient.axpy(cell.weight, &slope, 1.0);
                information.syger(cell.weight, &slope, &slope, 1.0);
                for (t, r) in posterior.iter().enumerate() {
                    let factor = cell.weight * r;
                    own.clear();
                    own.extend((t > 0).then(|| (t - 1, 1.0)));
                    self.density
                        .slopes(density, t, cell.outcome, &mut |at, by| {
                            own.push((k - 1 + at, by));
                        });
                    for (i, a) in &own {
                        for (j, b) in own.iter().filter(|(j, _)| j <= i) {
                            information[(*i, *j)] -= factor * a * b;
                        }
                    }
                    self.density
                        .bend(density, t, cell.outcome, &mut |i, j, value| {
                            information[(k - 1 + i, k - 1 + j)] += factor * value;
                        });
                }
            }
            (value.total()[0], gradient, information)
        })?;
        let mut local = Local {
            value: 0.0,
            gradient: DVector::zeros(size),
            information: DMatrix::zeros(size, size),
        };
        let mut value = Sums::<1>::zero();
        for (part, gradient, information) in blocks {
            value.add(&[part]);
            local.gradient += gradient;
            local.information += information;
        }
        local.value = value.total()[0];
        // What the shares have in common to all terms.
        for a in 1..k {
            local.gradient[a - 1] -= self.total * shares[a];
            for b in 1..=a {
                let diagonal = if a == b { shares[a] } else { 0.0 };
                local.information[(a - 1, b - 1)] +=
                    self.total * (diagonal - shares[a] * shares[b]);
            }
        }
        local.information.fill_upper_triangle_with_lower_triangle();
        Ok(local)
    }

    pub(super) fn climb(
        &self,
        settings: &DistalOutcome,
        start: DVector<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<Peak> {
        let ascent = Ascent {
            max_iterations: settings.max_iterations,
            still_to_win: STILL_TO_WIN * self.total.min(1.0),
        };
        ascent.climb(start, |point| self.evaluate(point, gate))
    }

    /// The covariance of the coordinates; 0 in those that lie on the boundary.
    pub(super) fn covariance(
        &self,
        settings: &DistalOutcome,
        peak: &Peak,
        gate: &Gate<'_, '_>,
    ) -> Result<Option<DMatrix<f64>>> {
        let information = &peak.local.information;
        let least = NOBODY * self.total.min(1.0);
        let free: Vec<usize> = (0..information.nrows())
            .filter(|at| information[(*at, *at)] > least)
            .collect();
        let part = |whole: &DMatrix<f64>| {
            DMatrix::from_fn(free.len(), free.len(), |i, j| whole[(free[i], free[j])])
        };
        let Some(bread) = invert(&part(information)) else {
            return Ok(None);
        };
        let inverse = match settings.standard_errors {
            StandardErrors::Model => bread,
            StandardErrors::Robust => {
                &bread * part(&self.squared_scores(&peak.point, gate)?) * &bread
            }
        };
        let mut whole = DMatrix::zeros(information.nrows(), information.nrows());
        for (i, row) in free.iter().enumerate() {
            for (j, column) in free.iter().enumerate() {
                whole[(*row, *column)] = inverse[(i, j)];
            }
        }
        Ok(Some(whole))
    }

    /// The sum over respondents of their squared weighted scores: a respondent who is assigned to several
    /// segments has one score.
    fn squared_scores(&self, point: &DVector<f64>, gate: &Gate<'_, '_>) -> Result<DMatrix<f64>> {
        let (k, size) = (self.k(), point.len());
        let shares = self.shares(point.as_slice());
        let density = &point.as_slice()[k - 1..];
        let blocks = map_blocks_behind(gate, self.values.len(), |rows| {
            let mut squares = DMatrix::zeros(size, size);
            let (mut assigned, mut posterior) = (vec![0.0; k], vec![0.0; k]);
            let mut score = DVector::zeros(size);
            for row in rows.filter(|row| !self.values[*row].is_nan()) {
                let weight = self.members.weight(row);
                self.misassignment.assign(self.members, row, &mut assigned);
                score.fill(0.0);
                for a in 1..k {
                    score[a - 1] = -weight * shares[a];
                }
                for (s, share) in assigned
                    .iter()
                    .enumerate()
                    .filter(|(_, share)| **share > 0.0)
                {
                    let cell = Cell {
                        outcome: self.values[row],
                        assigned: s,
                        weight: 1.0,
                    };
                    self.look(&shares, density, &cell, &mut posterior);
                    self.slope(
                        density,
                        &cell,
                        &posterior,
                        weight * share,
                        score.as_mut_slice(),
                    );
                }
                squares.syger(1.0, &score, &score, 1.0);
            }
            squares
        })?;
        let mut total = DMatrix::zeros(size, size);
        for block in blocks {
            total += block;
        }
        total.fill_upper_triangle_with_lower_triangle();
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::super::densities::{Levels, Normal};
    use super::*;
    use crate::data::{Answers, Question};
    use crate::needs::Assignment;
    use crate::observe::Phase;

    fn matches_differences<D: Density>(mixture: &Mixture<'_, D>, size: usize) {
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let point = DVector::from_fn(size, |i, _| 0.3 * ((i * 7 % 5) as f64 - 2.0));
        let at = |point: &DVector<f64>| mixture.evaluate(point, &gate).unwrap();
        let (here, h) = (at(&point), 1e-5);
        for i in 0..size {
            let moved = |by: f64| {
                let mut point = point.clone();
                point[i] += by;
                at(&point)
            };
            let (up, down) = (moved(h), moved(-h));
            let slope = (up.value - down.value) / (2.0 * h);
            assert!(
                (here.gradient[i] - slope).abs() < 1e-6 * (1.0 + slope.abs()),
                "{i}: {slope}"
            );
            let curvature = (down.gradient - up.gradient) / (2.0 * h);
            let difference = (here.information.column(i) - curvature).amax();
            assert!(difference < 1e-5, "{i}: {difference}");
        }
        // The scores add up to the slope: with one respondent squared they are its square.
        let squares = mixture.squared_scores(&point, &gate).unwrap();
        assert!(squares.trace() > 0.0 && (squares.transpose() - &squares).amax() == 0.0);
    }

    #[test]
    fn derivatives_match_differences() {
        let posterior = [
            0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.3, 0.4, 0.2, 0.1, 0.7, 0.6, 0.3, 0.1,
        ];
        let members = Memberships::new(&posterior, 3)
            .and_then(|members| members.with_weights("w", &[1.0, 2.0, 0.5, 1.5, 1.0]))
            .unwrap();
        for assignment in [Assignment::Modal, Assignment::Proportional] {
            let misassignment = Misassignment::new(&members, assignment).unwrap();
            let number = Question::continuous("y");
            let outcome = Outcome::new(
                &members,
                &number,
                Answers::Numbers(&[1.0, -2.0, 0.5, f64::NAN, 3.0]),
            )
            .unwrap();
            for shared in [false, true] {
                let density = Normal {
                    n_segments: 3,
                    shared,
                };
                let size = 2 + density.n_coordinates();
                matches_differences(
                    &Mixture::new(density, &members, &misassignment, &outcome),
                    size,
                );
            }
            let levels = Question::nominal("y", ["a", "b", "c", "d"]);
            let outcome =
                Outcome::new(&members, &levels, Answers::Codes(&[0, 1, 3, 2, 1])).unwrap();
            let density = Levels {
                n_levels: 4,
                references: vec![0, 3, 1],
            };
            let size = 2 + density.n_coordinates();
            matches_differences(
                &Mixture::new(density, &members, &misassignment, &outcome),
                size,
            );
        }
    }

    #[test]
    fn a_respondents_score_is_the_slope_of_what_it_contributes() {
        let posterior = [0.7, 0.2, 0.1, 0.1, 0.8, 0.1];
        let members = Memberships::new(&posterior, 3).unwrap();
        let misassignment = Misassignment::new(&members, Assignment::Proportional).unwrap();
        let number = Question::continuous("y");
        let outcome = Outcome::new(&members, &number, Answers::Numbers(&[1.0, 2.0])).unwrap();
        let density = Normal {
            n_segments: 3,
            shared: true,
        };
        let mut mixture = Mixture::new(density, &members, &misassignment, &outcome);
        mixture.values[1] = f64::NAN;
        mixture.cells.truncate(3);
        mixture.total = 1.0;
        let mut silent = ();
        let mut phase = Phase::new(&mut silent, "testing");
        let gate = Gate::new(&mut phase);
        let point = DVector::from_fn(6, |i, _| 0.1 * i as f64);
        let slope = mixture.evaluate(&point, &gate).unwrap().gradient;
        let squares = mixture.squared_scores(&point, &gate).unwrap();
        assert!((squares - &slope * slope.transpose()).amax() < 1e-12);
    }
}
