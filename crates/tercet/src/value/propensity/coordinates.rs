//! The coordinates in which coefficients are estimated, and penalised.
//!
//! Passes over the data know columns only; coefficients of columns are linear in the coordinates,
//! `β = T θ`, with one small matrix a feature. The penalty is that of the coordinates: the squares of a
//! slope per standard deviation, of a level's effect, of the step from one bin to the next, of a
//! spline's bends. So one penalty `λ |θ|²` serves them all, and none is counted twice.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::encoding::n_splines;

/// What a coordinate belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Slope,
    Bend,
    Levels,
    Steps,
    Spike,
    Missing,
}

/// The coordinates of a feature, or of a part of it.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) feature: usize,
    /// The first of the columns, and whether it is among the dense ones.
    first: usize,
    is_dense: bool,
    /// Columns by coordinates.
    matrix: DMatrix<f64>,
    /// What each coordinate belongs to.
    parts: Vec<Part>,
    /// Coordinates of one group share a strength where strengths are estimated.
    groups: Vec<usize>,
}

/// A cubic spline over so many intervals is as free to bend as over this many, under one penalty: the
/// integral of the squared second derivative grows with the cube of the number of intervals.
const REFERENCE_INTERVALS: f64 = 10.0;

impl Chart {
    pub(super) fn dense(
        feature: usize,
        part: Part,
        column: usize,
        unit: f64,
        group: usize,
    ) -> Self {
        Self {
            feature,
            first: column,
            is_dense: true,
            matrix: DMatrix::from_element(1, 1, unit),
            parts: vec![part],
            groups: vec![group],
        }
    }

    pub(super) fn identity(
        feature: usize,
        part: Part,
        first: usize,
        n: usize,
        group: usize,
    ) -> Self {
        Self::of(feature, part, first, DMatrix::identity(n, n), group)
    }

    /// A coordinate a level; with a reference, none for that.
    pub(super) fn levels(
        feature: usize,
        first: usize,
        n: usize,
        reference: Option<usize>,
        group: usize,
    ) -> Self {
        let matrix = DMatrix::identity(n, n);
        let matrix = match reference {
            Some(reference) => matrix.remove_column(reference),
            None => matrix,
        };
        Self::of(feature, Part::Levels, first, matrix, group)
    }

    /// A coordinate a step from one of `n` neighbours to the next.
    pub(super) fn steps(feature: usize, first: usize, n: usize, group: usize) -> Self {
        let matrix = DMatrix::from_fn(n, n - 1, |level, step| f64::from(u8::from(level > step)));
        Self::of(feature, Part::Steps, first, matrix, group)
    }

    fn of(feature: usize, part: Part, first: usize, matrix: DMatrix<f64>, group: usize) -> Self {
        let n = matrix.ncols();
        Self {
            feature,
            first,
            is_dense: false,
            matrix,
            parts: vec![part; n],
            groups: vec![group; n],
        }
    }

    /// A spline's coordinates: the slope along the rank, in standard deviations, and the eigenvectors
    /// of the squared second differences (Eilers & Marx 1996), less what is constant or a straight line
    /// over the customers. Columns beside the basis (a frequent value, "missing") begin from a row of
    /// weights on it: their own coordinates are what they differ from the spline.
    pub(super) fn spline(
        feature: usize,
        first: usize,
        intervals: usize,
        products: &DMatrix<f64>,
        beside: &[(Part, Vec<f64>)],
        groups: [usize; 4],
    ) -> Option<Self> {
        let q = n_splines(intervals);
        let line = DVector::from_fn(q, |j, _| (j as f64 - 1.0) / intervals as f64);
        let ones = DVector::from_element(q, 1.0);
        // The basis adds up to 1, so products with `ones` are means.
        let of = |a: &DVector<f64>, b: &DVector<f64>| a.dot(&(products * b));
        let mean = of(&ones, &line);
        let line = line.add_scalar(-mean);
        let spread = of(&line, &line).sqrt();
        if !(spread > 0.0 && spread.is_finite()) {
            return None;
        }
        let line = line / spread;

        let mut roughness = DMatrix::<f64>::zeros(q, q);
        for j in 0..q - 2 {
            for (a, x) in [1.0, -2.0, 1.0].into_iter().enumerate() {
                for (b, y) in [1.0, -2.0, 1.0].into_iter().enumerate() {
                    roughness[(j + a, j + b)] += x * y;
                }
            }
        }
        let eigen = SymmetricEigen::new(roughness);
        let mut order: Vec<usize> = (0..q).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[a].total_cmp(&eigen.eigenvalues[b]));
        let unit = (intervals as f64 / REFERENCE_INTERVALS).powf(-1.5);
        let rows = q + beside.len();
        let mut columns = vec![line.clone()];
        // The two smallest eigenvalues are 0: constants and straight lines.
        for &place in &order[2..] {
            let vector = eigen.eigenvectors.column(place).into_owned();
            // The sign of an eigenvector is arbitrary; its largest entry decides.
            let sign = vector[vector.icamax()].signum();
            let bend = vector * (sign * unit / eigen.eigenvalues[place].sqrt());
            let bend = &bend - &line * of(&line, &bend);
            columns.push(bend.add_scalar(-of(&ones, &bend)));
        }
        let n = columns.len() + beside.len();
        let mut matrix = DMatrix::zeros(rows, n);
        let mut parts = vec![Part::Bend; n];
        let mut of_groups = vec![groups[1]; n];
        (parts[0], of_groups[0]) = (Part::Slope, groups[0]);
        for (place, column) in columns.iter().enumerate() {
            matrix.view_mut((0, place), (q, 1)).copy_from(column);
            for (row, (_, weights)) in beside.iter().enumerate() {
                let value: f64 = weights.iter().zip(column.iter()).map(|(w, c)| w * c).sum();
                matrix[(q + row, place)] = value;
            }
        }
        for (row, (part, _)) in beside.iter().enumerate() {
            let place = columns.len() + row;
            matrix[(q + row, place)] = 1.0;
            (parts[place], of_groups[place]) = (*part, groups[2 + row]);
        }
        Some(Self {
            feature,
            first,
            is_dense: false,
            matrix,
            parts,
            groups: of_groups,
        })
    }
}

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
