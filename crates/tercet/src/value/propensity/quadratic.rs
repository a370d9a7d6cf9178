//! The quadratic model of a penalised loss around a point.

use nalgebra::{DMatrix, DVector};

use crate::math::cholesky::Factor;

/// Of its own curvature, what a free coordinate must keep beside those before it.
const ALIASED: f64 = 1e-9;

/// Rows of a symmetric matrix that are combinations of those before them: those whose pivot all but
/// vanishes as they are eliminated in turn.
pub(super) fn dependent(matrix: &DMatrix<f64>) -> Vec<usize> {
    let n = matrix.nrows();
    let mut factor = matrix.clone();
    let mut found = Vec::new();
    for j in 0..n {
        let own = matrix[(j, j)];
        // Rounding may leave a pivot below 0.
        if factor[(j, j)] <= ALIASED * own {
            found.push(j);
            for i in j..n {
                factor[(i, j)] = 0.0;
            }
            continue;
        }
        let pivot = factor[(j, j)];
        let column: Vec<f64> = (j + 1..n).map(|i| factor[(i, j)]).collect();
        for (a, k) in (j + 1..n).enumerate() {
            let share = column[a] / pivot;
            if share != 0.0 {
                for (b, i) in (k..n).enumerate() {
                    factor[(i, k)] -= share * column[a + b];
                }
            }
        }
    }
    found
}

/// Curvature of loss and penalty, factorised in units in which every coordinate has curvature 1.
pub(super) struct Quadratic {
    factor: Factor,
    units: DVector<f64>,
    held: Vec<usize>,
}

impl Quadratic {
    /// `None` where the curvature is not finite. A direction that is flat beyond rounding is given just
    /// enough curvature to be solved for.
    pub(super) fn new(information: &DMatrix<f64>, penalty: &[f64], held: &[usize]) -> Option<Self> {
        let n = information.nrows();
        let diagonal = |k: usize| information[(k, k)] + penalty[k];
        let largest = (0..n).map(diagonal).fold(f64::MIN_POSITIVE, f64::max);
        if !largest.is_finite() {
            return None;
        }
        let units = DVector::from_fn(n, |k, _| diagonal(k).max(1e-30 * largest).sqrt().recip());
        let mut scaled = information.clone();
        for (k, mut column) in scaled.column_iter_mut().enumerate() {
            column[k] += penalty[k];
            for (value, unit) in column.iter_mut().zip(units.iter()) {
                *value *= unit * units[k];
            }
        }
        for &k in held {
            scaled.row_mut(k).fill(0.0);
            scaled.column_mut(k).fill(0.0);
            scaled[(k, k)] = 1.0;
        }
        let mut jitter = 0.0;
        while jitter < 1.0 {
            let mut matrix = scaled.clone();
            for k in 0..n {
                matrix[(k, k)] += jitter;
            }
            if let Some(factor) = Factor::new(matrix) {
                return Some(Self {
                    factor,
                    units,
                    held: held.to_vec(),
                });
            }
            jitter = (100.0 * jitter).max(1e-13);
        }
        None
    }

    /// A slope without the coordinates that are held.
    pub(super) fn free(&self, mut slope: DVector<f64>) -> DVector<f64> {
        for &k in &self.held {
            slope[k] = 0.0;
        }
        slope
    }

    /// Curvature, inverted, times a slope.
    pub(super) fn solve(&self, slope: &DVector<f64>) -> DVector<f64> {
        self.factor
            .solve(&slope.component_mul(&self.units))
            .component_mul(&self.units)
    }

    /// The largest slope in units of its own curvature.
    pub(super) fn scaled(&self, slope: &DVector<f64>) -> f64 {
        slope.component_mul(&self.units).amax()
    }

    /// The inverse; 0 for what is held.
    pub(super) fn inverse(&self) -> DMatrix<f64> {
        let mut inverse = self.factor.inverse();
        for (k, mut column) in inverse.column_iter_mut().enumerate() {
            for (value, unit) in column.iter_mut().zip(self.units.iter()) {
                *value *= unit * self.units[k];
            }
        }
        for &k in &self.held {
            inverse.row_mut(k).fill(0.0);
            inverse.column_mut(k).fill(0.0);
        }
        inverse
    }

    /// The diagonal of the inverse.
    pub(super) fn variances(&self) -> DVector<f64> {
        let mut variances = self.factor.variances();
        for (k, variance) in variances.iter_mut().enumerate() {
            *variance *= self.units[k].powi(2);
        }
        for &k in &self.held {
            variances[k] = 0.0;
        }
        variances
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::dmatrix;

    #[test]
    fn dependent_rows_are_found_in_their_order() {
        // The third is the sum of the first two, the fourth is nothing, the fifth is free.
        let x = dmatrix![
            1.0, 0.0, 1.0, 0.0, 2.0;
            0.0, 1.0, 1.0, 0.0, 5.0;
            1.0, 1.0, 2.0, 0.0, -1.0;
            2.0, 1.0, 3.0, 0.0, 0.5
        ];
        assert_eq!(dependent(&(x.transpose() * &x)), [2, 3]);
    }

    #[test]
    fn what_is_held_has_neither_step_nor_variance() {
        let information = dmatrix![4.0, 1.0, 1.0; 1.0, 2.0, 2.0; 1.0, 2.0, 2.0];
        let model = Quadratic::new(&information, &[0.0; 3], &[2]).unwrap();
        let step = model.solve(&model.free(DVector::from_vec(vec![1.0, 2.0, 3.0])));
        assert!((step[0] - 0.0).abs() < 1e-14 && (step[1] - 1.0).abs() < 1e-14);
        assert_eq!(step[2], 0.0);
        let (inverse, variances) = (model.inverse(), model.variances());
        assert!((inverse[(0, 0)] - 2.0 / 7.0).abs() < 1e-14);
        assert!((inverse.diagonal() - variances).amax() < 1e-14);
    }
}
