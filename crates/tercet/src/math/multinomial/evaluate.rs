//! The log-likelihood of a multinomial logit with exact first and second derivatives.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::{Multinomial, Targets};
use crate::error::Result;
use crate::math::ascent::Local;
use crate::math::sum::Sums;
use crate::parallel::{Gate, map_blocks_behind};

/// Logarithms of the class probabilities of a row: `K - 1` rows of coefficients, `K` results.
///
/// The largest predictor is taken off first, so that no exponential overflows and the sum is at
/// least 1; a probability that underflows has a finite logarithm all the same.
#[inline]
pub(crate) fn log_softmax(coefficients: &[f64], features: &[f64], logs: &mut [f64]) {
    logs[0] = 0.0;
    let mut largest = 0.0_f64;
    for (log, row) in logs[1..]
        .iter_mut()
        .zip(coefficients.chunks_exact(features.len()))
    {
        *log = row.iter().zip(features).map(|(b, x)| b * x).sum();
        largest = largest.max(*log);
    }
    let sum: f64 = logs.iter().map(|log| (log - largest).exp()).sum();
    let shift = largest + sum.ln();
    for log in logs {
        *log -= shift;
    }
}

/// The sums over some rows.
struct Terms {
    value: f64,
    gradient: Vec<f64>,
    /// The information: for every pair of classes `k <= m` the upper triangle over features.
    packed: Vec<f64>,
}

/// What one row is found to be at a point; reused from row to row.
struct Row {
    /// `ln π`, then `π`.
    probabilities: Vec<f64>,
    /// Shares in the classes: the memberships, or the posterior under the likelihoods.
    shares: Vec<f64>,
}

impl Row {
    fn new(n_classes: usize) -> Self {
        Self {
            probabilities: vec![0.0; n_classes],
            shares: vec![0.0; n_classes],
        }
    }
}

impl Multinomial<'_> {
    /// The penalised log-likelihood at a point.
    pub(crate) fn evaluate(&self, point: &DVector<f64>, gate: &Gate<'_, '_>) -> Result<Local> {
        let blocks = map_blocks_behind(gate, self.n_rows(), |rows| self.terms(point, rows))?;
        let n = self.n_coefficients();
        let mut value = Sums::<1>::zero();
        let mut gradient = DVector::zeros(n);
        let mut packed = vec![0.0; self.n_pairs() * triangle(self.n_features)];
        for block in &blocks {
            value.add(&[block.value]);
            add(gradient.as_mut_slice(), 1.0, &block.gradient);
            add(&mut packed, 1.0, &block.packed);
        }
        let mut local = Local {
            value: value.total()[0],
            gradient,
            information: self.unpack(&packed),
        };
        self.penalise(point, &mut local);
        Ok(local)
    }

    fn n_pairs(&self) -> usize {
        triangle(self.n_classes - 1)
    }

    /// The log-likelihood of one row; fills in its probabilities and shares.
    #[inline]
    fn look(&self, point: &DVector<f64>, row: usize, at: &mut Row) -> f64 {
        let features = &self.design[row * self.n_features..(row + 1) * self.n_features];
        let places = row * self.n_classes..(row + 1) * self.n_classes;
        log_softmax(point.as_slice(), features, &mut at.probabilities);
        let value = match self.targets {
            Targets::Memberships(memberships) => {
                at.shares.copy_from_slice(&memberships[places]);
                // A share of 0 adds nothing, however small its probability.
                let pairs = at.shares.iter().zip(&at.probabilities);
                pairs
                    .map(|(t, log)| if *t == 0.0 { 0.0 } else { t * log })
                    .sum()
            }
            Targets::Likelihoods(likelihoods) => {
                // The logarithm of 0 is minus infinity, whose exponential is a share of 0.
                let logs = at.probabilities.iter().zip(&likelihoods[places]);
                for (share, (log, likelihood)) in at.shares.iter_mut().zip(logs) {
                    *share = log + likelihood.ln();
                }
                let largest = at.shares.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let mut sum = 0.0;
                for share in &mut at.shares {
                    *share = (*share - largest).exp();
                    sum += *share;
                }
                at.shares.iter_mut().for_each(|share| *share /= sum);
                largest + sum.ln()
            }
        };
        at.probabilities.iter_mut().for_each(|log| *log = log.exp());
        value
    }

    fn terms(&self, point: &DVector<f64>, rows: Range<usize>) -> Terms {
        let p = self.n_features;
        let mut at = Row::new(self.n_classes);
        let mut value = Sums::<1>::zero();
        let mut gradient = vec![0.0; self.n_coefficients()];
        let mut packed = vec![0.0; self.n_pairs() * triangle(p)];
        let mut outer = vec![0.0; triangle(p)];
        for row in rows {
            let weight = self.weight(row);
            if weight == 0.0 {
                continue;
            }
            value.add(&[weight * self.look(point, row, &mut at)]);
            let features = &self.design[row * p..(row + 1) * p];
            let (pi, shares) = (&at.probabilities, &at.shares);
            for (class, gradient) in gradient.chunks_exact_mut(p).enumerate() {
                add(
                    gradient,
                    weight * (shares[class + 1] - pi[class + 1]),
                    features,
                );
            }
            multiply(features, &mut outer);
            let mut places = packed.chunks_exact_mut(outer.len());
            for k in 1..self.n_classes {
                for m in k..self.n_classes {
                    let same = f64::from(u8::from(k == m));
                    let mut curvature = pi[k] * (same - pi[m]);
                    if let Targets::Likelihoods(_) = self.targets {
                        // What is not known of the class bends the surface the other way.
                        curvature -= shares[k] * (same - shares[m]);
                    }
                    if let Some(place) = places.next() {
                        add(place, weight * curvature, &outer);
                    }
                }
            }
        }
        Terms {
            value: value.total()[0],
            gradient,
            packed,
        }
    }

    fn unpack(&self, packed: &[f64]) -> DMatrix<f64> {
        let (p, n) = (self.n_features, self.n_coefficients());
        let mut matrix = DMatrix::zeros(n, n);
        let mut values = packed.iter();
        for k in 0..self.n_classes - 1 {
            for m in k..self.n_classes - 1 {
                for a in 0..p {
                    for (b, value) in (a..p).zip(&mut values) {
                        // Symmetric in the features, and in the classes.
                        for (i, j) in [(k * p + a, m * p + b), (k * p + b, m * p + a)] {
                            matrix[(i, j)] = *value;
                            matrix[(j, i)] = *value;
                        }
                    }
                }
            }
        }
        matrix
    }

    /// The sum over rows of the squared (weighted) scores.
    pub(super) fn squared_scores(
        &self,
        point: &DVector<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<DMatrix<f64>> {
        let n = self.n_coefficients();
        let blocks = map_blocks_behind(gate, self.n_rows(), |rows| {
            let mut at = Row::new(self.n_classes);
            let mut squares = DMatrix::zeros(n, n);
            let mut score = DVector::zeros(n);
            for row in rows {
                let weight = self.weight(row);
                self.look(point, row, &mut at);
                let features = &self.design[row * self.n_features..(row + 1) * self.n_features];
                let parts = score.as_mut_slice().chunks_exact_mut(self.n_features);
                for (class, part) in parts.enumerate() {
                    part.fill(0.0);
                    let away = at.shares[class + 1] - at.probabilities[class + 1];
                    add(part, weight * away, features);
                }
                squares.syger(1.0, &score, &score, 1.0);
            }
            squares
        })?;
        let mut total = DMatrix::zeros(n, n);
        for block in blocks {
            total += block;
        }
        // Only the lower triangle was filled.
        total.fill_upper_triangle_with_lower_triangle();
        Ok(total)
    }
}

/// Numbers in a triangle with its diagonal.
fn triangle(n: usize) -> usize {
    n * (n + 1) / 2
}

/// The upper triangle of `x x'`, row by row.
#[inline]
fn multiply(x: &[f64], outer: &mut [f64]) {
    let mut rest = outer;
    for (place, value) in x.iter().enumerate() {
        let (row, after) = rest.split_at_mut(x.len() - place);
        for (product, other) in row.iter_mut().zip(&x[place..]) {
            *product = value * other;
        }
        rest = after;
    }
}

/// `sums += factor * terms`.
#[inline]
fn add(sums: &mut [f64], factor: f64, terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += factor * term;
    }
}
