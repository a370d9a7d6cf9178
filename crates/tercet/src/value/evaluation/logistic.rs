//! Logistic regression on very few columns: what recalibration needs, and no more.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Result};
use crate::math::ascent::{Ascent, Local, Peak};
use crate::math::special::softplus;
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// Probabilities are kept this far from 0 and 1 before their logarithm is taken: the spacing of
/// floats at 1, as in scikit-learn's `log_loss`.
pub(super) const SMALLEST: f64 = f64::EPSILON;

/// The probability, kept away from 0 and 1.
pub(super) fn inside(p: f64) -> f64 {
    p.clamp(SMALLEST, 1.0 - SMALLEST)
}

/// The log-odds of a probability that is kept away from 0 and 1.
pub(super) fn log_odds(p: f64) -> f64 {
    let p = inside(p);
    p.ln() - (-p).ln_1p()
}

/// One row of a regression of `K` columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogisticRow<const K: usize> {
    pub(super) columns: [f64; K],
    /// A part of the log-odds that is given.
    pub(super) offset: f64,
    pub(super) happened: bool,
    pub(super) weight: f64,
}

/// Sums over some rows: log-likelihood, gradient, information.
#[derive(Debug, Clone, Copy)]
struct Sums<const K: usize> {
    value: f64,
    gradient: [f64; K],
    information: [[f64; K]; K],
}

impl<const K: usize> Sums<K> {
    fn over(
        rows: Range<usize>,
        row: &impl Fn(usize) -> LogisticRow<K>,
        point: &DVector<f64>,
    ) -> Self {
        let mut sums = Self {
            value: 0.0,
            gradient: [0.0; K],
            information: [[0.0; K]; K],
        };
        for at in rows {
            let LogisticRow {
                columns,
                offset,
                happened,
                weight,
            } = row(at);
            if weight == 0.0 {
                continue;
            }
            let odds = (0..K).fold(offset, |sum, k| sum + columns[k] * point[k]);
            // ln p is -softplus(-odds), ln (1 - p) is -softplus(odds): no cancellation in either tail.
            let small = (-odds.abs()).exp();
            let (p, q) = if odds >= 0.0 {
                (1.0 / (1.0 + small), small / (1.0 + small))
            } else {
                (small / (1.0 + small), 1.0 / (1.0 + small))
            };
            sums.value -= weight * softplus(if happened { -odds } else { odds });
            let slope = weight * if happened { q } else { -p };
            let curvature = weight * p * q;
            for k in 0..K {
                sums.gradient[k] += slope * columns[k];
                for l in 0..=k {
                    sums.information[k][l] += curvature * columns[k] * columns[l];
                }
            }
        }
        sums
    }

    fn add(mut self, other: &Self) -> Self {
        self.value += other.value;
        for k in 0..K {
            self.gradient[k] += other.gradient[k];
            for l in 0..=k {
                self.information[k][l] += other.information[k][l];
            }
        }
        self
    }

    fn local(&self) -> Local {
        Local {
            value: self.value,
            gradient: DVector::from_row_slice(&self.gradient),
            information: DMatrix::from_fn(K, K, |k, l| self.information[k.max(l)][k.min(l)]),
        }
    }
}

/// Maximum likelihood in `K` coefficients, from `start`.
pub(super) fn fit<const K: usize>(
    n: usize,
    row: impl Fn(usize) -> LogisticRow<K> + Sync + Send,
    start: [f64; K],
    max_iterations: usize,
    phase: &mut Phase<'_>,
) -> Result<Peak> {
    ascent(max_iterations).climb(DVector::from_row_slice(&start), |point| {
        let blocks = map_blocks(n, phase, |rows| Sums::over(rows, &row, point))?;
        let mut blocks = blocks.into_iter();
        let first = blocks.next().ok_or_else(empty)?;
        let local = blocks.fold(first, |sum, block| sum.add(&block)).local();
        phase.advance(Some(local.value))?;
        Ok(local)
    })
}

/// The same in one piece, within a replication.
pub(super) fn fit_here<const K: usize>(
    n: usize,
    row: impl Fn(usize) -> LogisticRow<K>,
    start: [f64; K],
) -> Result<Peak> {
    ascent(50).climb(DVector::from_row_slice(&start), |point| {
        Ok(Sums::over(0..n, &row, point).local())
    })
}

fn ascent(max_iterations: usize) -> Ascent {
    Ascent {
        max_iterations,
        still_to_win: 1e-10,
    }
}

fn empty() -> Error {
    Error::Numeric {
        during: "a regression without rows".to_owned(),
    }
}
