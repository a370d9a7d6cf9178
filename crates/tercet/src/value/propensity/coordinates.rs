//! The coordinates in which coefficients are estimated, and penalised.
//!
//! Passes over the data know columns only; coefficients of columns are linear in the coordinates,
//! `β = T θ`, with one small matrix a feature. The penalty is that of the coordinates: the squares of a
//! slope per standard deviation, of a level's effect, of the step from one bin to the next, of a
//! spline's bends. So one penalty `λ |θ|²` serves them all, and none is counted twice.

use nalgebra::{DMatrix, DVector};

use super::chart::{Chart, Part};

/// All coordinates: that of the intercept first.
#[derive(Debug, Clone)]
pub(super) struct Coordinates {
    charts: Vec<Placed>,
    /// The feature of each coordinate; none for the intercept.
    pub(super) features: Vec<Option<usize>>,
    pub(super) parts: Vec<Option<Part>>,
    /// The group of each coordinate, from 0; the intercept has none.
    pub(super) groups: Vec<Option<usize>>,
    pub(super) n_groups: usize,
    n_columns: usize,
}

#[derive(Debug, Clone)]
struct Placed {
    column: usize,
    coordinate: usize,
    matrix: DMatrix<f64>,
    is_identity: bool,
}

impl Coordinates {
    pub(super) fn new(charts: Vec<Chart>, dense: usize, n_columns: usize) -> Self {
        let mut found = Self {
            charts: Vec::new(),
            features: vec![None],
            parts: vec![None],
            groups: vec![None],
            n_groups: 0,
            n_columns,
        };
        let mut named: Vec<usize> = Vec::new();
        for chart in charts {
            let is_identity = chart.matrix.is_identity(0.0) && chart.matrix.is_square();
            found.charts.push(Placed {
                column: chart.first + if chart.is_dense { 0 } else { dense },
                coordinate: found.features.len(),
                is_identity,
                matrix: chart.matrix,
            });
            for (part, group) in chart.parts.into_iter().zip(chart.groups) {
                found.features.push(Some(chart.feature));
                found.parts.push(Some(part));
                let place = named.iter().position(|one| *one == group);
                found.groups.push(Some(place.unwrap_or_else(|| {
                    named.push(group);
                    named.len() - 1
                })));
            }
        }
        found.n_groups = named.len();
        found
    }

    /// Number of coordinates, the intercept's included.
    pub(super) fn len(&self) -> usize {
        self.features.len()
    }

    /// What each group is: slopes, bends, levels and so on, as a number.
    pub(super) fn kinds(&self) -> Vec<usize> {
        let mut kinds = vec![0; self.n_groups];
        for (group, part) in self.groups.iter().zip(&self.parts).rev() {
            if let (Some(group), Some(part)) = (*group, *part) {
                kinds[group] = part as usize;
            }
        }
        kinds
    }

    /// A value a group for every coordinate; 0 for the intercept.
    pub(super) fn spread(&self, by_group: &[f64]) -> Vec<f64> {
        let of = |group: &Option<usize>| group.map_or(0.0, |group| by_group[group]);
        self.groups.iter().map(of).collect()
    }

    /// The coefficients of all columns.
    pub(super) fn columns(&self, theta: &[f64]) -> Vec<f64> {
        let mut columns = vec![0.0; self.n_columns];
        columns[0] = theta[0];
        for chart in &self.charts {
            let (rows, n) = chart.matrix.shape();
            let own = &theta[chart.coordinate..chart.coordinate + n];
            for row in 0..rows {
                let terms = own.iter().enumerate();
                columns[chart.column + row] = terms.map(|(k, x)| chart.matrix[(row, k)] * x).sum();
            }
        }
        columns
    }

    /// `T' g`: the gradient by coordinates.
    pub(super) fn gradient(&self, columns: &[f64]) -> DVector<f64> {
        let mut gradient = DVector::zeros(self.len());
        gradient[0] = columns[0];
        for chart in &self.charts {
            let (rows, n) = chart.matrix.shape();
            for k in 0..n {
                let column = chart.matrix.column(k);
                let terms = column
                    .iter()
                    .zip(&columns[chart.column..chart.column + rows]);
                gradient[chart.coordinate + k] = terms.map(|(t, g)| t * g).sum();
            }
        }
        gradient
    }

    /// `T' G T`: a symmetric matrix by coordinates.
    pub(super) fn information(&self, columns: &DMatrix<f64>) -> DMatrix<f64> {
        let right = self.right(columns);
        self.right(&right.transpose())
    }

    /// `A T`.
    fn right(&self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        let mut product = DMatrix::zeros(matrix.nrows(), self.len());
        product.column_mut(0).copy_from(&matrix.column(0));
        for chart in &self.charts {
            let (rows, n) = chart.matrix.shape();
            let own = matrix.columns(chart.column, rows);
            let mut target = product.columns_mut(chart.coordinate, n);
            if chart.is_identity {
                target.copy_from(&own);
            } else {
                own.mul_to(&chart.matrix, &mut target);
            }
        }
        product
    }

    /// `T V T'`: a covariance by columns.
    pub(super) fn covariance(&self, coordinates: &DMatrix<f64>) -> DMatrix<f64> {
        let left = self.left(coordinates);
        self.left(&left.transpose())
    }

    /// `T A`.
    fn left(&self, matrix: &DMatrix<f64>) -> DMatrix<f64> {
        let mut product = DMatrix::zeros(self.n_columns, matrix.ncols());
        product.row_mut(0).copy_from(&matrix.row(0));
        for chart in &self.charts {
            let (rows, n) = chart.matrix.shape();
            let own = matrix.rows(chart.coordinate, n);
            let mut target = product.rows_mut(chart.column, rows);
            if chart.is_identity {
                target.copy_from(&own);
            } else {
                chart.matrix.mul_to(&own, &mut target);
            }
        }
        product
    }

    /// What a 1 in each column is by coordinates: those that are not 0.
    pub(super) fn by_column(&self) -> Vec<Vec<(usize, f64)>> {
        let mut rows = vec![Vec::new(); self.n_columns];
        rows[0].push((0, 1.0));
        for chart in &self.charts {
            for (row, values) in chart.matrix.row_iter().enumerate() {
                let present = values
                    .iter()
                    .enumerate()
                    .filter(|(_, value)| **value != 0.0);
                let own = present.map(|(k, value)| (chart.coordinate + k, *value));
                rows[chart.column + row].extend(own);
            }
        }
        rows
    }

    /// The column that speaks most for a coordinate.
    pub(super) fn column_of(&self, coordinate: usize) -> usize {
        for chart in &self.charts {
            let n = chart.matrix.ncols();
            if (chart.coordinate..chart.coordinate + n).contains(&coordinate) {
                let own = chart.matrix.column(coordinate - chart.coordinate);
                return chart.column + own.icamax();
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::propensity::encoding::splines;

    fn coordinates() -> Coordinates {
        let mut products = DMatrix::zeros(8, 8);
        for step in 0..200 {
            let local = splines(f64::from(step) / 199.0, 5);
            for (a, x) in (local.first..).zip(local.weights) {
                for (b, y) in (local.first..).zip(local.weights) {
                    products[(a, b)] += x * y / 200.0;
                }
            }
        }
        let beside = [(Part::Missing, vec![0.125; 8])];
        let charts = vec![
            Chart::dense(0, Part::Slope, 1, 2.5, 9),
            Chart::levels(1, 0, 3, Some(1), 4),
            Chart::steps(2, 3, 4, 7),
            Chart::spline(3, 7, 5, &products, &beside, [1, 2, 3, 5]).unwrap(),
        ];
        Coordinates::new(charts, 2, 18)
    }

    #[test]
    fn sums_go_one_way_and_coefficients_the_other() {
        let coordinates = coordinates();
        assert_eq!(coordinates.len(), 1 + 1 + 2 + 3 + 8);
        let theta: Vec<f64> = (0..coordinates.len()).map(|k| (k as f64).sin()).collect();
        let x = DVector::from_fn(18, |j, _| (j as f64 * 0.7).cos());
        let beta = DVector::from_vec(coordinates.columns(&theta));
        let gradient = coordinates.gradient(x.as_slice());
        assert!((gradient.dot(&DVector::from_vec(theta.clone())) - x.dot(&beta)).abs() < 1e-12);
        let information = coordinates.information(&(&x * x.transpose()));
        assert!((information - &gradient * gradient.transpose()).amax() < 1e-12);
        let theta = DVector::from_vec(theta);
        let covariance = coordinates.covariance(&(&theta * theta.transpose()));
        assert!((covariance - &beta * beta.transpose()).amax() < 1e-12);
        assert_eq!(coordinates.column_of(1), 1);
    }

    #[test]
    fn a_slope_is_a_straight_line_and_bends_are_apart_from_it() {
        let coordinates = coordinates();
        let effect = |coordinate: usize, rank: f64| -> f64 {
            let mut theta = vec![0.0; coordinates.len()];
            theta[coordinate] = 1.0;
            let columns = coordinates.columns(&theta);
            let local = splines(rank, 5);
            (0..4)
                .map(|k| local.weights[k] * columns[9 + local.first + k])
                .sum()
        };
        let slope = coordinates
            .parts
            .iter()
            .rposition(|part| *part == Some(Part::Slope))
            .unwrap();
        let at = |rank| effect(slope, rank);
        assert!((at(0.5) * 2.0 - at(0.1) - at(0.9)).abs() < 1e-12 && at(0.9) > at(0.1));
        for bend in slope + 1..slope + 7 {
            let mean: f64 = (0..200).map(|s| effect(bend, f64::from(s) / 199.0)).sum();
            assert!(mean.abs() < 1e-9, "{mean}");
        }
    }
}
