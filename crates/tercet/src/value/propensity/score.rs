//! What a fitted propensity says of rows: log-odds by feature.

use super::encoding::Encoding;
use super::reader::Reader;
use super::rows::Rows;
use super::tile::{NONE, Tile};
use crate::data::Design;
use crate::error::Result;
use crate::math::lanes::ROWS;
use crate::observe::Phase;
use crate::parallel::map_blocks;

/// An encoding tied to a table, with the coefficients of its columns.
pub(super) struct Scorer<'s, 'a> {
    pub(super) reader: Reader<'a>,
    encoding: &'s Encoding,
    coefficients: &'s [f64],
    n_rows: usize,
}

impl<'s, 'a> Scorer<'s, 'a> {
    pub(super) fn new(
        encoding: &'s Encoding,
        coefficients: &'s [f64],
        design: &Design<'a>,
    ) -> Result<Self> {
        Ok(Self {
            reader: Reader::new(encoding, design, true)?,
            encoding,
            coefficients,
            n_rows: design.len(),
        })
    }

    /// Works on tiles of all rows; `work` appends its results, and those of all tiles are put together
    /// in order.
    pub(super) fn map_tiles<T: Send>(
        &self,
        width: usize,
        phase: &mut Phase<'_>,
        work: impl Fn(&Tile, &mut Vec<T>) + Sync + Send,
    ) -> Result<Vec<T>> {
        let blocks = map_blocks(self.n_rows, phase, |rows| {
            let mut tile = self.reader.tile();
            let mut found = Vec::with_capacity(rows.len() * width);
            for start in rows.clone().step_by(ROWS) {
                let end = (start + ROWS).min(rows.end);
                self.reader
                    .fill(&mut tile, Rows::All(self.n_rows), start, end);
                work(&tile, &mut found);
            }
            found
        })?;
        let mut all = Vec::with_capacity(self.n_rows * width);
        for block in blocks {
            all.extend(block);
        }
        Ok(all)
    }

    /// Adds the share of every feature in the log-odds to `shares`, row by row; the intercept is none
    /// of theirs. `n` is the number of features, or 1 to add all of a row together.
    pub(super) fn add_shares(&self, tile: &Tile, n: usize, shares: &mut [f64]) {
        let (dense, sparse) = self.coefficients.split_at(self.encoding.dense);
        let place = |feature: usize| if n == 1 { 0 } else { feature };
        let columns = tile.dense[ROWS..].chunks_exact(ROWS).zip(&dense[1..]);
        for ((column, coefficient), feature) in columns.zip(&self.reader.of.dense) {
            let feature = place(*feature);
            for (row, value) in column[..tile.len].iter().enumerate() {
                shares[row * n + feature] += coefficient * value;
            }
        }
        let wide = tile.wide.chunks_exact(ROWS).zip(&self.reader.of.wide);
        for (cells, feature) in wide {
            let feature = place(*feature);
            for (wide, shares) in cells[..tile.len].iter().zip(shares.chunks_exact_mut(n)) {
                let own = &sparse[wide.first as usize..][..4];
                let terms = own.iter().zip(wide.weights);
                shares[feature] += terms.map(|(b, x)| b * x).sum::<f64>();
            }
        }
        let single = tile.single.chunks_exact(ROWS).zip(&self.reader.of.single);
        for (cells, feature) in single {
            let feature = place(*feature);
            for (column, shares) in cells[..tile.len].iter().zip(shares.chunks_exact_mut(n)) {
                if *column != NONE {
                    shares[feature] += sparse[*column as usize];
                }
            }
        }
    }

    /// The log-odds of every row.
    pub(super) fn log_odds(&self, phase: &mut Phase<'_>) -> Result<Vec<f64>> {
        self.map_tiles(1, phase, |tile, found| {
            let start = found.len();
            found.resize(start + tile.len, self.coefficients[0]);
            self.add_shares(tile, 1, &mut found[start..]);
        })
    }
}
