//! Cholesky's factor of a large symmetric matrix, by recursion.
//!
//! nalgebra's own goes column by column and reads the rest of the matrix for each: of a thousand columns
//! that is slower by ten times than the same number of products in a matrix multiplication. Halved again
//! and again, all but the smallest blocks are multiplications (Gustavson 1997, IBM Journal of Research and
//! Development 41, 737-755). The same is done for the factor's inverse.

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

/// Blocks of at most so many columns are worked on column by column.
const SMALL: usize = 16;

/// Columns of a symmetric product that are made at once; what lies above the diagonal among them is
/// wasted.
const PANEL: usize = 96;

/// `L` of `L L' = A`, below and on the diagonal.
#[derive(Debug, Clone)]
pub(crate) struct Factor(DMatrix<f64>);

impl Factor {
    /// Of a matrix whose lower half is looked at; `None` where a pivot is not positive.
    pub(crate) fn new(mut matrix: DMatrix<f64>) -> Option<Self> {
        let n = matrix.nrows();
        factorise(&mut matrix.view_mut((0, 0), (n, n)))?;
        for k in 1..n {
            matrix.view_mut((0, k), (k, 1)).fill(0.0);
        }
        Some(Self(matrix))
    }

    /// `A^-1 b`.
    pub(crate) fn solve(&self, b: &DVector<f64>) -> DVector<f64> {
        let n = b.len();
        let mut x = b.clone();
        for k in 0..n {
            let below = self.0.view((k + 1, k), (n - k - 1, 1));
            x[k] /= self.0[(k, k)];
            let step = -x[k];
            x.rows_mut(k + 1, n - k - 1)
                .axpy(step, &below.column(0), 1.0);
        }
        for k in (0..n).rev() {
            let below = self.0.view((k + 1, k), (n - k - 1, 1));
            let sum = below.column(0).dot(&x.rows(k + 1, n - k - 1));
            x[k] = (x[k] - sum) / self.0[(k, k)];
        }
        x
    }

    /// `L^-1`.
    pub(crate) fn inverted(&self) -> DMatrix<f64> {
        let n = self.0.nrows();
        let mut inverted = self.0.clone();
        invert(&mut inverted.view_mut((0, 0), (n, n)));
        inverted
    }

    /// `A^-1`.
    pub(crate) fn inverse(&self) -> DMatrix<f64> {
        let n = self.0.nrows();
        let inverted = self.inverted();
        let transposed = inverted.transpose();
        let mut inverse = DMatrix::zeros(n, n);
        for start in (0..n).step_by(PANEL) {
            // Rows of the inverted factor above its diagonal are 0.
            let (width, rest) = (PANEL.min(n - start), n - start);
            inverse.view_mut((start, start), (rest, width)).gemm(
                1.0,
                &transposed.view((start, start), (rest, rest)),
                &inverted.view((start, start), (rest, width)),
                0.0,
            );
        }
        inverse.fill_upper_triangle_with_lower_triangle();
        inverse
    }

    /// The diagonal of `A^-1`: the squares of the columns of the inverted factor.
    pub(crate) fn variances(&self) -> DVector<f64> {
        let inverted = self.inverted();
        DVector::from_fn(inverted.ncols(), |k, _| inverted.column(k).norm_squared())
    }
}

/// Replaces the lower half of a matrix by its factor.
fn factorise(a: &mut DMatrixViewMut<'_, f64>) -> Option<()> {
    let n = a.nrows();
    if n <= SMALL {
        for j in 0..n {
            for k in 0..j {
                let factor = a[(j, k)];
                for i in j..n {
                    a[(i, j)] -= factor * a[(i, k)];
                }
            }
            let pivot = a[(j, j)];
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            let root = pivot.sqrt();
            for i in j..n {
                a[(i, j)] /= root;
            }
        }
        return Some(());
    }
    let half = n / 2;
    factorise(&mut a.view_mut((0, 0), (half, half)))?;
    let upper = a.view((0, 0), (half, half)).into_owned();
    let rest = n - half;
    divide(&upper.as_view(), &mut a.view_mut((half, 0), (rest, half)));
    let (left, mut right) = a.columns_range_pair_mut(0..half, half..n);
    let left = left.rows(half, rest);
    let transposed = left.transpose();
    for start in (0..rest).step_by(PANEL) {
        let (width, below) = (PANEL.min(rest - start), rest - start);
        right.view_mut((half + start, start), (below, width)).gemm(
            -1.0,
            &left.rows(start, below),
            &transposed.columns(start, width),
            1.0,
        );
    }
    factorise(&mut a.view_mut((half, half), (rest, rest)))
}

/// Replaces `B` by `B L'^-1`.
fn divide(l: &DMatrixView<'_, f64>, b: &mut DMatrixViewMut<'_, f64>) {
    let n = l.nrows();
    if n <= SMALL {
        for j in 0..n {
            for k in 0..j {
                let (from, mut to) = b.columns_range_pair_mut(k, j);
                to.axpy(-l[(j, k)], &from, 1.0);
            }
            let pivot = l[(j, j)];
            b.column_mut(j).iter_mut().for_each(|x| *x /= pivot);
        }
        return;
    }
    let half = n / 2;
    let m = b.nrows();
    divide(
        &l.view((0, 0), (half, half)),
        &mut b.view_mut((0, 0), (m, half)),
    );
    let across = l.view((half, 0), (n - half, half)).transpose();
    let (left, mut right) = b.columns_range_pair_mut(0..half, half..n);
    right.gemm(-1.0, &left, &across, 1.0);
    divide(
        &l.view((half, half), (n - half, n - half)),
        &mut b.view_mut((0, half), (m, n - half)),
    );
}

/// Replaces the lower half of a factor by its inverse.
fn invert(l: &mut DMatrixViewMut<'_, f64>) {
    let n = l.nrows();
    if n <= SMALL {
        for j in 0..n {
            l[(j, j)] = l[(j, j)].recip();
            for i in j + 1..n {
                // Columns after `j` still hold the factor.
                let sum: f64 = (j..i).map(|k| l[(i, k)] * l[(k, j)]).sum();
                l[(i, j)] = -sum / l[(i, i)];
            }
        }
        return;
    }
    let (half, rest) = (n / 2, n - n / 2);
    invert(&mut l.view_mut((0, 0), (half, half)));
    invert(&mut l.view_mut((half, half), (rest, rest)));
    let upper = l.view((0, 0), (half, half)).into_owned();
    let lower = l.view((half, half), (rest, rest)).into_owned();
    let mut across = l.view_mut((half, 0), (rest, half));
    // What lies above the diagonals is 0, as it is in a factor.
    let product = across.clone_owned() * upper;
    across.gemm(-1.0, &lower, &product, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: usize) -> DMatrix<f64> {
        let x = DMatrix::from_fn(n + 3, n, |i, j| {
            ((i * 31 + j * 17 + i * j * 7) % 101) as f64 / 50.0 - 1.0
        });
        x.transpose() * &x + DMatrix::identity(n, n)
    }

    #[test]
    fn factors_and_inverses_of_any_size() {
        for n in [1, 2, 16, 17, 40, 97, 230] {
            let a = matrix(n);
            let factor = Factor::new(a.clone()).unwrap();
            let size = a.amax();
            assert!(
                (&factor.0 * factor.0.transpose() - &a).amax() < 1e-13 * size,
                "{n}"
            );
            let identity = DMatrix::<f64>::identity(n, n);
            assert!(
                (factor.inverted() * &factor.0 - &identity).amax() < 1e-11,
                "{n}"
            );
            let inverse = factor.inverse();
            assert!((&a * &inverse - &identity).amax() < 1e-10, "{n}");
            assert!(
                (factor.variances() - inverse.diagonal()).amax() < 1e-13,
                "{n}"
            );
            let b = DVector::from_fn(n, |k, _| (k as f64).cos());
            assert!((&a * factor.solve(&b) - &b).amax() < 1e-10, "{n}");
        }
    }

    #[test]
    fn what_is_not_positive_has_no_factor() {
        for n in [3, 60] {
            let mut a = matrix(n);
            a[(n - 1, n - 1)] = -1.0;
            assert!(Factor::new(a).is_none());
            assert!(Factor::new(DMatrix::from_element(n, n, f64::NAN)).is_none());
        }
        assert!(Factor::new(DMatrix::zeros(0, 0)).is_some());
    }
}
