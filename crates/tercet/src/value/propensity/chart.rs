//! The coordinates of one feature.

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
    pub(super) first: usize,
    pub(super) is_dense: bool,
    /// Columns by coordinates.
    pub(super) matrix: DMatrix<f64>,
    /// What each coordinate belongs to.
    pub(super) parts: Vec<Part>,
    /// Coordinates of one group share a strength where strengths are estimated.
    pub(super) groups: Vec<usize>,
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
