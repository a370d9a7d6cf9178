//! Dense columns of a matrix whose rows lie together: worked on where they are, without a copy.

use crate::data::Numbers;
use crate::math::lanes::{LONGEST, Lying};

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
