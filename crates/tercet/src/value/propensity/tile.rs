//! Rows of a table as columns of a regression: a few at a time.

use crate::math::lanes::ROWS;

/// No sparse column.
pub(super) const NONE: u32 = u32::MAX;

/// Four neighbouring sparse columns of a row: a spline's basis functions that are not 0. All weights
/// are 0 where the number is missing, or has a column of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wide {
    pub(super) first: u32,
    pub(super) weights: [f64; 4],
}

impl Wide {
    pub(super) const NOTHING: Self = Self {
        first: 0,
        weights: [0.0; 4],
    };
}

/// Up to [`ROWS`] rows, encoded.
#[derive(Debug)]
pub(super) struct Tile {
    /// How many rows it holds.
    pub(super) len: usize,
    /// Column by column, [`ROWS`] each; the first is the intercept's.
    pub(super) dense: Vec<f64>,
    /// Spline by spline, [`ROWS`] each.
    pub(super) wide: Vec<Wide>,
    /// Single column by single column, [`ROWS`] each.
    pub(super) single: Vec<u32>,
}

impl Tile {
    /// The columns of a row that are not 0, by their places among all `dense` and sparse ones.
    pub(super) fn present(&self, k: usize, dense: usize, found: &mut Vec<(usize, f64)>) {
        found.clear();
        let columns = self.dense.chunks_exact(ROWS).take(dense);
        found.extend(columns.map(|column| column[k]).enumerate());
        for wide in self.wide.chunks_exact(ROWS).map(|cells| &cells[k]) {
            for (a, weight) in wide.weights.iter().enumerate() {
                if *weight != 0.0 {
                    found.push((dense + wide.first as usize + a, *weight));
                }
            }
        }
        for place in self.single.chunks_exact(ROWS).map(|cells| &cells[k]) {
            if *place != NONE {
                found.push((dense + *place as usize, 1.0));
            }
        }
    }
}
