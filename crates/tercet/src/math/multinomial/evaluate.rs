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
    /// The information: a column for every pair of classes `k <= m`, the upper triangle over features
    /// down each.
    packed: DMatrix<f64>,
}

/// Rows whose curvature is added up in one product of matrices.
const CHUNK: usize = 64;

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
        let mut local = self.evaluate_freely(point, gate)?;
        self.penalise(point, &mut local, 1.0);
        Ok(local)
    }

    /// The log-likelihood at a point.
    pub(super) fn evaluate_freely(
        &self,
        point: &DVector<f64>,
        gate: &Gate<'_, '_>,
    ) -> Result<Local> {
        let blocks = map_blocks_behind(gate, self.n_rows(), |rows| self.terms(point, rows))?;
        let n = self.n_coefficients();
        let mut value = Sums::<1>::zero();
        let mut gradient = DVector::zeros(n);
        let mut packed = self.no_curvature();
        for block in &blocks {
            value.add(&[block.value]);
            add(gradient.as_mut_slice(), 1.0, &block.gradient);
            packed += &block.packed;
        }
        Ok(Local {
            value: value.total()[0],
            gradient,
            information: self.unpack(&packed),
        })
    }

    fn no_curvature(&self) -> DMatrix<f64> {
        DMatrix::zeros(triangle(self.n_features), triangle(self.n_classes - 1))
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

    /// The sums over some rows.
    ///
    /// The curvature of a row is the product of its pairs of features and a number for each pair of
    /// classes. The products are laid side by side, so that a chunk of rows is one product of
    /// matrices, which is several times faster than adding up the rows one by one.
    fn terms(&self, point: &DVector<f64>, rows: Range<usize>) -> Terms {
        let p = self.n_features;
        let mut at = Row::new(self.n_classes);
        let mut value = Sums::<1>::zero();
        let mut gradient = vec![0.0; self.n_coefficients()];
        let mut packed = self.no_curvature();
        let mut outer = DMatrix::zeros(packed.nrows(), CHUNK.min(rows.len()));
        let mut curvature = DMatrix::zeros(outer.ncols(), packed.ncols());
        let mut chunk = rows.start;
        while chunk < rows.end {
            let end = (chunk + CHUNK).min(rows.end);
            // Of a last, shorter chunk the rest must count for nothing.
            curvature.fill(0.0);
            for row in (chunk..end).filter(|&row| self.weight(row) > 0.0) {
                let weight = self.weight(row);
                value.add(&[weight * self.look(point, row, &mut at)]);
                let features = &self.design[row * p..(row + 1) * p];
                for (class, gradient) in gradient.chunks_exact_mut(p).enumerate() {
                    let away = at.shares[class + 1] - at.probabilities[class + 1];
                    add(gradient, weight * away, features);
                }
                multiply(
                    features,
                    &mut outer.as_mut_slice()[(row - chunk) * triangle(p)..],
                );
                self.curve(&at, weight, row - chunk, &mut curvature);
            }
            packed.gemm(1.0, &outer, &curvature, 1.0);
            chunk = end;
        }
        Terms {
            value: value.total()[0],
            gradient,
            packed,
        }
    }

    /// Writes down the curvature of one row for every pair of classes.
    #[inline]
    fn curve(&self, at: &Row, weight: f64, place: usize, curvature: &mut DMatrix<f64>) {
        let (pi, shares) = (&at.probabilities, &at.shares);
        let mut pair = 0;
        for k in 1..self.n_classes {
            for m in k..self.n_classes {
                let same = f64::from(u8::from(k == m));
                let mut bend = pi[k] * (same - pi[m]);
                if let Targets::Likelihoods(_) = self.targets {
                    // What is not known of the class bends the surface the other way.
                    bend -= shares[k] * (same - shares[m]);
                }
                curvature[(place, pair)] = weight * bend;
                pair += 1;
            }
        }
    }

    fn unpack(&self, packed: &DMatrix<f64>) -> DMatrix<f64> {
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
