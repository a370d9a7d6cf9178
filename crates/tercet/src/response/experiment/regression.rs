//! The regression of outcomes on covariates in every segment and arm, from the sums of the first pass.

use nalgebra::{DMatrix, DVector};

use super::moments::{Cell, Moments};

/// A segment is adjusted only where every arm has so many customers for each coefficient: a regression of
/// few rows on many columns explains noise.
const CUSTOMERS_PER_COEFFICIENT: f64 = 10.0;

/// A column that varies by less than this share of what it varies by among all rows, given the columns
/// before it, does not vary.
const FLAT: f64 = 1e-8;

/// What the regressions of one segment share.
#[derive(Debug, Clone)]
pub(super) struct SegmentDesign {
    /// Which columns of `(1, covariates)` are used; the constant always is.
    pub(super) used: Vec<usize>,
    /// `(1, mean of the covariates)` over all arms: where arms are compared.
    pub(super) centre: DVector<f64>,
    /// `Σ (x - mean) (x - mean)'` over all arms.
    pub(super) scatter: DMatrix<f64>,
    /// Rows of all arms.
    pub(super) n: f64,
    /// Covariates were given and could not be used.
    pub(super) left_unadjusted: bool,
}

/// The regression of one arm in one segment.
#[derive(Debug, Clone)]
pub(super) struct ArmFit {
    /// `(Z'Z)^-1`; 0 for columns that are not used.
    pub(super) inverse: DMatrix<f64>,
    /// Row `z` counts in the adjusted mean with the weight `influence · z`.
    pub(super) influence: DVector<f64>,
    /// Coefficients, a column an outcome.
    pub(super) coefficients: DMatrix<f64>,
    /// The outcomes' means as they are.
    pub(super) plain: Vec<f64>,
}

impl SegmentDesign {
    /// The design of a segment: with covariates where every arm has customers enough and each of its
    /// regressions is determined, else with the constant only.
    ///
    /// `heads` are its customers by arm: rows, or clusters.
    pub(super) fn new(moments: &Moments, segment: usize, heads: &[usize], q: usize) -> Self {
        let n_arms = heads.len();
        let cells: Vec<Cell<'_>> = (0..n_arms).map(|arm| moments.cell(segment, arm)).collect();
        let n: f64 = cells.iter().map(Cell::n).sum();
        let pooled = |i, k| cells.iter().map(|cell| cell.product(i, k)).sum::<f64>();
        let mut centre = DVector::from_fn(q, |i, _| if n > 0.0 { pooled(0, i) / n } else { 0.0 });
        centre[0] = 1.0;
        let mut scatter = DMatrix::from_fn(q, q, |i, k| pooled(i, k) - n * centre[i] * centre[k]);
        scatter.row_mut(0).fill(0.0);
        scatter.column_mut(0).fill(0.0);
        let mut used = vec![0];
        used.extend(independent(&scatter, n));
        let mut design = Self {
            used,
            centre,
            scatter,
            n,
            left_unadjusted: false,
        };
        let enough = |(cell, heads): (&Cell<'_>, &usize)| {
            let least = CUSTOMERS_PER_COEFFICIENT * design.used.len() as f64;
            cell.n() == 0.0
                || (cell.n().min(*heads as f64) >= least && design.inverse(cell).is_some())
        };
        if q > 1 && (design.used.len() == 1 || !cells.iter().zip(heads).all(enough)) {
            design.left_unadjusted = true;
            design.used = vec![0];
        }
        design
    }

    /// The regression of an arm's rows; `None` without rows.
    pub(super) fn fit(&self, cell: &Cell<'_>, outcomes: usize) -> Option<ArmFit> {
        let inverse = self.inverse(cell)?;
        let q = self.centre.len();
        let products = DMatrix::from_fn(q, outcomes, |i, outcome| cell.with_outcome(outcome, i));
        Some(ArmFit {
            influence: &inverse * &self.centre,
            coefficients: &inverse * products,
            inverse,
            plain: (0..outcomes)
                .map(|outcome| cell.with_outcome(outcome, 0) / cell.n())
                .collect(),
        })
    }

    /// `(Z'Z)^-1` over the columns that are used; `None` where they are not independent in this arm.
    fn inverse(&self, cell: &Cell<'_>) -> Option<DMatrix<f64>> {
        let (q, k) = (self.centre.len(), self.used.len());
        if cell.n() == 0.0 {
            return None;
        }
        let own = DMatrix::from_fn(k, k, |i, j| cell.product(self.used[i], self.used[j]));
        // Given the columns before it, a column must vary within the arm.
        let flat = |pivot: f64| pivot * pivot <= FLAT * cell.n();
        let factor = own.cholesky()?;
        if factor.l_dirty().diagonal().iter().any(|pivot| flat(*pivot)) {
            return None;
        }
        let small = factor.inverse();
        let mut inverse = DMatrix::zeros(q, q);
        for (i, &row) in self.used.iter().enumerate() {
            for (j, &column) in self.used.iter().enumerate() {
                inverse[(row, column)] = small[(i, j)];
            }
        }
        Some(inverse)
    }
}

/// Columns from 1 on that vary given those before them (which are taken out, Gram-Schmidt's way).
fn independent(scatter: &DMatrix<f64>, n: f64) -> Vec<usize> {
    let mut left = scatter.clone();
    let mut found = Vec::new();
    for column in 1..left.ncols() {
        let pivot = left[(column, column)];
        if pivot <= FLAT * n {
            continue;
        }
        found.push(column);
        let taken = left.column(column) * left.row(column) / pivot;
        left -= taken;
    }
    found
}
