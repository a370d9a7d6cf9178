//! What other models of customers' features take of this one: how features become columns, the
//! coordinates in which coefficients are penalised, their strengths, and what a line of log-odds says.

use nalgebra::{DMatrix, DVector};
use std::ops::Range;

use super::chart::Chart;
use super::coordinates::Coordinates;
use super::encoding::{Learning, learn, n_splines, splines};
use super::fitted::FittedPropensity;
pub(crate) use super::fitted::Uncertainty;
use super::quadratic::Quadratic;
use super::reader::Reader;
use super::rows::Rows;
use super::{Propensity, quadratic, strength};
use crate::data::Design;
use crate::error::Result;
use crate::math::lanes::ROWS;
use crate::model::FitReport;
use crate::parallel::Gate;

/// The columns that features become, learned from the customers of a fit, and the coordinates in which
/// their coefficients are estimated; the intercept is the first of both.
pub(crate) struct Columns {
    learning: Learning,
}

/// What is known of a line of log-odds beside its columns.
pub(crate) struct Line {
    pub(crate) outcome: String,
    /// A coefficient a column.
    pub(crate) coefficients: Vec<f64>,
    /// The penalty and the effective parameters of every coordinate.
    pub(crate) penalty: Vec<f64>,
    pub(crate) effective: Vec<f64>,
    pub(crate) report: FitReport,
}

impl Columns {
    /// # Errors
    /// Those of a propensity of these settings.
    pub(crate) fn learn(
        settings: &Propensity,
        design: &Design<'_>,
        weights: Option<&[f64]>,
        gate: &Gate<'_, '_>,
    ) -> Result<Self> {
        let learning = learn(settings, design, weights, gate)?;
        Ok(Self { learning })
    }

    /// Number of columns.
    pub(crate) fn width(&self) -> usize {
        self.learning.encoding.width()
    }

    /// Number of coordinates.
    pub(crate) fn n_coordinates(&self) -> usize {
        self.learning.coordinates.len()
    }

    /// The group of each coordinate whose strength it shares, and how many groups there are; the
    /// intercept has none.
    pub(crate) fn groups(&self) -> (&[Option<usize>], usize) {
        let coordinates = &self.learning.coordinates;
        (&coordinates.groups, coordinates.n_groups)
    }

    /// What each group is, as a number.
    pub(crate) fn kinds(&self) -> Vec<usize> {
        self.learning.coordinates.kinds()
    }

    /// The feature of each coordinate, as a place among the names; none for the intercept.
    pub(crate) fn features(&self) -> &[Option<usize>] {
        &self.learning.coordinates.features
    }

    /// The features' names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.learning.encoding.names()
    }

    /// Features that say nothing, with the reason.
    pub(crate) fn constant(&self) -> &[String] {
        &self.learning.constant
    }

    /// The column, in words, that speaks most for a coordinate.
    pub(crate) fn name_of(&self, coordinate: usize) -> String {
        let column = self.learning.coordinates.column_of(coordinate);
        self.learning.encoding.column_name(column)
    }

    /// `T θ`: coefficients of columns.
    pub(crate) fn columns(&self, theta: &[f64]) -> Vec<f64> {
        self.learning.coordinates.columns(theta)
    }

    /// `T' g`.
    pub(crate) fn gradient(&self, columns: &[f64]) -> DVector<f64> {
        self.learning.coordinates.gradient(columns)
    }

    /// `T' G T`.
    pub(crate) fn information(&self, columns: &DMatrix<f64>) -> DMatrix<f64> {
        self.learning.coordinates.information(columns)
    }

    /// Ties the columns to the table they were learned from.
    ///
    /// # Errors
    /// [`crate::Error::InvalidData`] for a column that is not there or of another kind.
    pub(crate) fn reader<'a>(&self, design: &Design<'a>) -> Result<RowReader<'a>> {
        Ok(RowReader {
            reader: Reader::new(&self.learning.encoding, design, false)?,
            dense: self.learning.encoding.dense,
            n: design.len(),
        })
    }

    /// A line of log-odds as a propensity of its own: effects, curves, contributions, reasons.
    pub(crate) fn line(&self, settings: &Propensity, line: Line) -> FittedPropensity {
        let n_features = self.learning.encoding.features.len();
        let mut strengths = vec![[0.0; 2]; n_features];
        let mut effective = vec![0.0; n_features];
        let mut counts = vec![0.0; n_features];
        for (place, feature) in self.features().iter().enumerate() {
            if let Some(feature) = *feature {
                strengths[feature][0] += line.penalty[place];
                effective[feature] += line.effective[place];
                counts[feature] += 1.0;
            }
        }
        for (strength, count) in strengths.iter_mut().zip(&counts) {
            strength[0] /= f64::max(*count, 1.0);
        }
        FittedPropensity {
            settings: settings.clone(),
            outcome: line.outcome,
            classes: Vec::new(),
            encoding: self.learning.encoding.clone(),
            means: self.learning.means.clone(),
            coefficients: line.coefficients,
            uncertainty: None,
            strengths,
            effective,
            scores: Vec::new(),
            note: serde_json::Value::Null,
            report: line.report,
        }
    }
}

/// A table's rows, as the columns of each that are not 0.
pub(crate) struct RowReader<'a> {
    reader: Reader<'a>,
    dense: usize,
    n: usize,
}

impl RowReader<'_> {
    /// Calls `visit(row, columns that are not 0)` for a range of rows; until it returns false.
    pub(crate) fn for_rows(
        &self,
        rows: Range<usize>,
        visit: impl FnMut(usize, &[(usize, f64)]) -> bool,
    ) {
        self.walk(Rows::All(self.n), rows, visit);
    }

    /// The same for rows in an order.
    pub(crate) fn for_list(
        &self,
        order: &[u32],
        visit: impl FnMut(usize, &[(usize, f64)]) -> bool,
    ) {
        self.walk(Rows::List(order), 0..order.len(), visit);
    }

    fn walk(
        &self,
        rows: Rows<'_>,
        places: Range<usize>,
        mut visit: impl FnMut(usize, &[(usize, f64)]) -> bool,
    ) {
        let (mut tile, mut present) = (self.reader.tile(), Vec::new());
        for start in places.clone().step_by(ROWS) {
            let end = (start + ROWS).min(places.end);
            self.reader.fill(&mut tile, rows, start, end);
            for k in 0..end - start {
                tile.present(k, self.dense, &mut present);
                if !visit(rows.row(start + k), &present) {
                    return;
                }
            }
        }
    }
}

impl FittedPropensity {
    /// Ties the columns to a table of customers to be scored.
    ///
    /// # Errors
    /// [`crate::Error::InvalidData`] for a column that is not there or of another kind.
    pub(crate) fn reader<'a>(&self, design: &Design<'a>) -> Result<RowReader<'a>> {
        Ok(RowReader {
            reader: Reader::new(&self.encoding, design, true)?,
            dense: self.encoding.dense,
            n: design.len(),
        })
    }

    /// A coefficient a column, the intercept's first.
    pub(crate) fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The mean of every column over the customers of the fit.
    pub(crate) fn means(&self) -> &[f64] {
        &self.means
    }

    /// A line on the same columns with other coefficients.
    pub(crate) fn with_changes(
        &self,
        coefficients: &[f64],
        covariance: Option<&DMatrix<f64>>,
    ) -> Self {
        let mut line = self.clone().with_covariance(covariance);
        line.coefficients = coefficients.to_vec();
        line
    }

    /// The same line with the covariance of its coefficients, or without one.
    pub(crate) fn with_covariance(mut self, covariance: Option<&DMatrix<f64>>) -> Self {
        self.uncertainty = covariance.map(Uncertainty::new);
        self
    }
}

/// A curve over `points` from 0 to 1, of which so much weight lies at each: a row a point, a column a
/// coordinate, the slope's first. Every column has mean 0, the slope's variance is 1, and half the
/// squares of the others are the roughness. `None` where all weight lies at one point.
pub(crate) fn curve(points: &[f64], weights: &[f64], intervals: usize) -> Option<DMatrix<f64>> {
    let q = n_splines(intervals);
    let total: f64 = weights.iter().sum();
    let mut products = DMatrix::zeros(q, q);
    for (point, weight) in points.iter().zip(weights) {
        let local = splines(*point, intervals);
        for (a, x) in (local.first..).zip(local.weights) {
            for (b, y) in (local.first..).zip(local.weights) {
                products[(a, b)] += weight / total * x * y;
            }
        }
    }
    let chart = Chart::spline(0, 0, intervals, &products, &[], [0, 1, 2, 3])?;
    let coordinates = Coordinates::new(vec![chart], 1, 1 + q);
    let n = coordinates.len() - 1;
    let mut basis = DMatrix::zeros(points.len(), n);
    let mut theta = vec![0.0; n + 1];
    for coordinate in 0..n {
        theta[coordinate + 1] = 1.0;
        let columns = coordinates.columns(&theta);
        theta[coordinate + 1] = 0.0;
        for (row, point) in points.iter().enumerate() {
            let local = splines(*point, intervals);
            let own = &columns[1 + local.first..][..4];
            basis[(row, coordinate)] = own.iter().zip(local.weights).map(|(c, w)| c * w).sum();
        }
    }
    Some(basis)
}

/// `(H + Λ)^-1`, with 0 for the coordinates that are held; `None` where `H` is not finite.
pub(crate) fn inverse(
    information: &DMatrix<f64>,
    penalty: &[f64],
    held: &[usize],
) -> Option<DMatrix<f64>> {
    Some(Quadratic::new(information, penalty, held)?.inverse())
}

/// `(H + Λ)^-1` times a slope, and the diagonal of the inverse; `None` where `H` is not finite.
pub(crate) fn step(
    information: &DMatrix<f64>,
    penalty: &[f64],
    slope: &DVector<f64>,
) -> Option<(DVector<f64>, DVector<f64>)> {
    let model = Quadratic::new(information, penalty, &[])?;
    Some((model.solve(slope), model.variances()))
}

/// Coordinates that those before them determine wholly.
pub(crate) fn dependent(information: &DMatrix<f64>) -> Vec<usize> {
    quadratic::dependent(information)
}

/// Estimates averaged over strengths: see the module on it.
pub(crate) use super::averaging::Peaked;
/// Strengths that are being estimated: see the module on strengths.
pub(crate) use strength::Settling;
