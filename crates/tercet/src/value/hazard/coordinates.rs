//! From sums by columns and periods to derivatives by coordinates, and back to covariances by columns.

use nalgebra::{DMatrix, DVector};

use super::sample::{Sample, Squares};

impl Sample<'_, '_> {
    /// Derivatives by columns, changes and periods as those by coordinates.
    pub(super) fn gradient(
        &self,
        slopes: &[f64],
        changes: &[f64],
        periods: &[f64],
    ) -> DVector<f64> {
        let (p, v, width) = (
            self.columns.n_coordinates(),
            self.varying.len(),
            self.columns.width(),
        );
        let (block, n_periods) = (self.block(), self.clock.n_periods());
        let mut gradient = DVector::zeros(self.len());
        for k in 0..self.n_events {
            let mut own = gradient.rows_mut(k * block, block);
            let effects = self.columns.gradient(&slopes[k * width..][..width]);
            own.rows_mut(0, p).copy_from(&effects);
            if v > 0 {
                let all = self.columns.gradient(&changes[k * width..][..width]);
                for (place, coordinate) in self.varying.iter().enumerate() {
                    own[p + place] = all[*coordinate];
                }
            }
            let periods = DVector::from_column_slice(&periods[k * n_periods..][..n_periods]);
            let curve = self.clock.basis.tr_mul(&periods);
            own.rows_mut(p + v, curve.len()).copy_from(&curve);
        }
        gradient
    }

    pub(super) fn information(&self, squares: &Squares) -> DMatrix<f64> {
        let block = self.block();
        let mut whole = DMatrix::zeros(self.len(), self.len());
        let mut pair = 0;
        for k in 0..self.n_events {
            for l in k..self.n_events {
                let own = self.of_pair(squares, pair);
                whole
                    .view_mut((k * block, l * block), (block, block))
                    .copy_from(&own);
                if l > k {
                    whole
                        .view_mut((l * block, k * block), (block, block))
                        .copy_from(&own);
                }
                pair += 1;
            }
        }
        whole
    }

    /// Second derivatives of one pair of events; they are symmetric.
    fn of_pair(&self, squares: &Squares, pair: usize) -> DMatrix<f64> {
        let (p, v, width) = (
            self.columns.n_coordinates(),
            self.varying.len(),
            self.columns.width(),
        );
        let (q, n_periods) = (self.clock.width(), self.clock.n_periods());
        let mut own = DMatrix::zeros(self.block(), self.block());
        let products = |kind: usize| {
            let sums = &squares.columns[kind][pair * width * width..][..width * width];
            let mut whole = DMatrix::from_row_slice(width, width, sums);
            for i in 0..width {
                for j in 0..i {
                    let value = whole[(i, j)] + whole[(j, i)];
                    whole[(i, j)] = value;
                    whole[(j, i)] = value;
                }
            }
            self.columns.information(&whole)
        };
        let crosses = |kind: usize| {
            let sums = &squares.crosses[kind][pair * width * q..][..width * q];
            let mut cross = DMatrix::zeros(p, q);
            for j in 0..q {
                let column: Vec<f64> = sums.iter().skip(j).step_by(q).copied().collect();
                cross.set_column(j, &self.columns.gradient(&column));
            }
            cross
        };
        let mut set = |row: usize, column: usize, value: f64| {
            own[(row, column)] = value;
            own[(column, row)] = value;
        };
        let (fixed, cross) = (products(0), crosses(0));
        for i in 0..p {
            for j in 0..=i {
                set(i, j, fixed[(i, j)]);
            }
            for j in 0..q {
                set(p + v + j, i, cross[(i, j)]);
            }
        }
        if v > 0 {
            let (once, twice, cross) = (products(1), products(2), crosses(1));
            for (a, &one) in self.varying.iter().enumerate() {
                for i in 0..p {
                    set(p + a, i, once[(one, i)]);
                }
                for (b, &other) in self.varying.iter().enumerate() {
                    set(p + a, p + b, twice[(one, other)]);
                }
                for j in 0..q {
                    set(p + v + j, p + a, cross[(one, j)]);
                }
            }
        }
        let mut weighted = self.clock.basis.clone();
        let sums = &squares.periods[pair * n_periods..][..n_periods];
        for (mut row, sum) in weighted.row_iter_mut().zip(sums) {
            row *= *sum;
        }
        let curve = self.clock.basis.tr_mul(&weighted);
        own.view_mut((p + v, p + v), (q, q)).copy_from(&curve);
        own
    }

    /// The covariance of coordinates as that of columns, their changes, and the baseline's coordinates.
    pub(super) fn by_columns(&self, covariance: &DMatrix<f64>) -> DMatrix<f64> {
        let half = self.left(covariance);
        self.left(&half.transpose())
    }

    /// `T A`, column by column.
    fn left(&self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        let (p, v, q) = (
            self.columns.n_coordinates(),
            self.varying.len(),
            self.clock.width(),
        );
        let width = self.columns.width();
        let kinds = if v == 0 { 1 } else { 2 };
        let (block, wide) = (self.block(), kinds * width + q);
        let mut product = DMatrix::zeros(self.n_events * wide, matrix.ncols());
        for (from, mut to) in matrix.column_iter().zip(product.column_iter_mut()) {
            for k in 0..self.n_events {
                let own = from.rows(k * block, block);
                let effects = self.columns.columns(&own.as_slice()[..p]);
                to.rows_mut(k * wide, width).copy_from_slice(&effects);
                if v > 0 {
                    let mut changing = vec![0.0; p];
                    for (place, coordinate) in self.varying.iter().enumerate() {
                        changing[*coordinate] = own[p + place];
                    }
                    let changes = self.columns.columns(&changing);
                    to.rows_mut(k * wide + width, width)
                        .copy_from_slice(&changes);
                }
                to.rows_mut(k * wide + kinds * width, q)
                    .copy_from(&own.rows(p + v, q));
            }
        }
        product
    }
}
