//! Rows one by one, for what is no sum over them.

use super::coordinates::Coordinates;
use super::rows::Rows;
use super::sample::{Sample, Squares};
use super::tile::Tile;
use crate::error::{Error, Result};
use crate::math::lanes::ROWS;
use crate::parallel::Gate;

/// The most numbers of a matrix of coordinates: 1.6 GB.
const MOST_NUMBERS: usize = 200_000_000;

impl Sample<'_, '_> {
    /// All rows by coordinates, a 1 for the intercept first: for methods that want a matrix.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] where it would be too large to hold.
    pub(super) fn matrix(
        &self,
        coordinates: &Coordinates,
        n_rows: usize,
        gate: &Gate<'_, '_>,
    ) -> Result<Vec<f64>> {
        let width = coordinates.len();
        if n_rows * width > MOST_NUMBERS {
            return Err(Error::parameter(
                "features",
                format!("{n_rows} rows of {width} coordinates"),
                format!(
                    "at most {MOST_NUMBERS} numbers for this kind of fit: take fewer rows, knots or levels, or fit a binary outcome by Newton's method"
                ),
            ));
        }
        let by_column = coordinates.by_column();
        let mut matrix = vec![0.0; n_rows * width];
        let mut present = Vec::new();
        let none = vec![0.0; self.dense + self.sparse];
        self.for_rows(&none, Rows::All(n_rows), gate, |row, _, tile, k| {
            tile.present(k, self.dense, &mut present);
            let own = &mut matrix[row * width..(row + 1) * width];
            for (column, value) in &present {
                for (coordinate, factor) in &by_column[*column] {
                    own[*coordinate] += value * factor;
                }
            }
        })?;
        Ok(matrix)
    }

    /// Calls `visit(row, log-odds, tile, place in the tile)` for some rows in order; by one thread.
    pub(super) fn for_rows(
        &self,
        coefficients: &[f64],
        rows: Rows<'_>,
        gate: &Gate<'_, '_>,
        mut visit: impl FnMut(usize, f64, &Tile, usize),
    ) -> Result<()> {
        let mut desk = self.desk(Squares::None);
        for start in (0..rows.len()).step_by(ROWS) {
            gate.poll();
            gate.check()?;
            let end = (start + ROWS).min(rows.len());
            self.encode(&mut desk, rows, start, end, false);
            self.look(&mut desk, rows, start);
            self.add_dense(&mut desk, coefficients);
            self.add_sparse(&mut desk, coefficients);
            for k in 0..end - start {
                visit(rows.row(start + k), desk.log_odds[k], &desk.tile, k);
            }
        }
        Ok(())
    }
}
