//! Dense columns of a matrix whose rows lie together: worked on where they are, without a copy.

use crate::data::Numbers;
use crate::math::lanes::{DEPTH, LONGEST, Lanes, Lying, PANEL, ROWS};

/// Dense columns that are worked on where they lie.
#[derive(Debug)]
pub(super) struct LyingColumns<'a> {
    first: Numbers<'a>,
    width: usize,
    /// Means, and zeros up to a multiple of [`LONGEST`].
    centres: Vec<f64>,
    factors: Vec<f64>,
    has_missing: bool,
}

impl<'a> LyingColumns<'a> {
    /// From the first of them, and the mean and the factor of each.
    pub(super) fn new(
        first: Numbers<'a>,
        scales: impl Iterator<Item = (f64, f64)>,
        has_missing: bool,
    ) -> Self {
        let (mut centres, mut factors): (Vec<f64>, Vec<f64>) = scales.unzip();
        let width = centres.len();
        let padded = width.next_multiple_of(LONGEST);
        centres.resize(padded, 0.0);
        factors.resize(padded, 0.0);
        Self {
            first,
            width,
            centres,
            factors,
            has_missing,
        }
    }

    /// Some rows, one after the other.
    pub(super) fn rows(&self, first: usize, len: usize) -> Lying<'_> {
        let (values, stride) = self.first.lying(first);
        Lying {
            values: &values[..((len - 1) * stride + self.width).min(values.len())],
            stride,
            width: self.width,
            centres: &self.centres,
            has_missing: self.has_missing,
        }
    }

    /// Coefficients by unit of the caller's, from those of all columns by standard deviation.
    pub(super) fn scaled(&self, coefficients: &[f64]) -> Vec<f64> {
        let own = coefficients[1..].iter().take(self.width);
        let mut scaled: Vec<f64> = own.zip(&self.factors).map(|(b, f)| b * f).collect();
        scaled.resize(self.centres.len(), 0.0);
        scaled
    }

    /// Adds slopes by unit of the caller's to those of all dense columns by standard deviation.
    pub(super) fn add_slopes(&self, slopes: &[f64], dense: &mut [f64]) {
        let own = dense[1..].iter_mut().take(self.width);
        for ((sum, slope), factor) in own.zip(slopes).zip(&self.factors) {
            *sum += slope * factor;
        }
    }
}

/// Products of columns that are worked on where they lie, and of the intercept's, over rows: the
/// intercept stands behind the last column.
#[derive(Debug)]
pub(super) struct LyingProducts {
    panels: Vec<f64>,
    sums: Vec<f64>,
    /// Columns of the sums, those that fill up the last panel included.
    width: usize,
}

impl LyingProducts {
    pub(super) fn new(columns: &LyingColumns<'_>) -> Self {
        let width = (columns.width + 1).next_multiple_of(PANEL);
        Self {
            panels: vec![0.0; width * DEPTH],
            sums: vec![0.0; width * width],
            width,
        }
    }

    /// Adds rows that are weighted by the squares of the roots.
    pub(super) fn add(
        &mut self,
        columns: &LyingColumns<'_>,
        first: usize,
        roots: &[f64],
        lanes: Lanes,
    ) {
        debug_assert!(roots.len() <= ROWS);
        let intercept = columns.width;
        for (part, roots) in roots.chunks(DEPTH).enumerate() {
            let rows = columns.rows(first + part * DEPTH, roots.len());
            lanes.pack(rows, roots, &mut self.panels);
            let panel = &mut self.panels[intercept / PANEL * PANEL * DEPTH..];
            let own = panel[intercept % PANEL..].iter_mut().step_by(PANEL);
            for (value, root) in own.zip(roots) {
                *value = *root;
            }
            lanes.panel_products(&self.panels, &mut self.sums);
        }
    }

    /// Adds the products to those of all dense columns by standard deviation: a square matrix with so many
    /// columns, on and above the diagonal.
    pub(super) fn add_to(&self, columns: &LyingColumns<'_>, padded: usize, dense: &mut [f64]) {
        let (n, factors) = (columns.width, &columns.factors);
        let row = |i: usize| &self.sums[i * self.width..(i + 1) * self.width];
        dense[0] += row(n)[n];
        for i in 0..n {
            dense[1 + i] += factors[i] * row(i)[n];
            let own = &mut dense[(1 + i) * padded..(2 + i) * padded];
            for j in i..n {
                own[1 + j] += factors[i] * factors[j] * row(i)[j];
            }
        }
    }
}
