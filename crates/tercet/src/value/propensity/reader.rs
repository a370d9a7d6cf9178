//! An encoding tied to a table: rows become tiles of columns.

use std::collections::HashMap;

use super::columns::{Single, Slope, Spline, narrow};
use super::encoding::{Encoding, Kind};
use super::lying::LyingColumns;
use super::rows::Rows;
use super::tile::{NONE, Tile, Wide};
use crate::data::{Design, FeatureView, Numbers};
use crate::error::{Error, Result};
use crate::math::lanes::{GROUP, Lanes, ROWS, Side, padded};

/// An encoding tied to a table.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    dense: Vec<Slope<'a>>,
    wide: Vec<Spline<'a>>,
    /// Sparse columns of which a row has one, or none.
    single: Vec<Single<'a>>,
    /// Dense columns of a tile, those that only fill it up included.
    pub(super) padded: usize,
    /// The feature of every dense column but the intercept's, every wide and every single one.
    pub(super) of: Owners,
    /// All dense columns, where they lie side by side in a matrix whose rows lie together.
    lying: Option<LyingColumns<'a>>,
    lanes: Lanes,
}

/// The features that columns belong to.
#[derive(Debug, Default)]
pub(super) struct Owners {
    pub(super) dense: Vec<usize>,
    pub(super) wide: Vec<usize>,
    pub(super) single: Vec<usize>,
}

impl<'a> Reader<'a> {
    /// Ties an encoding to a table by the names of its columns; columns that were not learned are not
    /// looked at. `clamped` says whether numbers may lie beyond the range of the fit.
    ///
    /// # Errors
    /// [`Error::InvalidData`] for a column that is not there or of another kind.
    pub(super) fn new(encoding: &Encoding, design: &Design<'a>, clamped: bool) -> Result<Self> {
        let mut reader = Self {
            dense: Vec::new(),
            wide: Vec::new(),
            single: Vec::new(),
            padded: padded(encoding.dense),
            of: Owners::default(),
            lying: None,
            lanes: Lanes::new(),
        };
        for (place, learned) in encoding.features.iter().enumerate() {
            let Some(feature) = design.feature(&learned.name) else {
                let reason = "is not in the table; the model was fitted with it";
                return Err(Error::data(&learned.name, None, reason));
            };
            match (feature.view(), learned.kind.of_levels()) {
                (FeatureView::Numbers(values), false) => {
                    reader.numbers(&learned.kind, values, clamped);
                }
                (FeatureView::Levels { codes, levels }, true) => {
                    reader.levels(&learned.kind, codes, levels);
                }
                (_, of_levels) => {
                    let reason = format!(
                        "holds {}; the model was fitted with {} in it: convert the column",
                        feature.kind_word(),
                        if of_levels { "levels" } else { "numbers" }
                    );
                    return Err(Error::data(&learned.name, None, reason));
                }
            }
            reader.of.dense.resize(reader.dense.len(), place);
            reader.of.wide.resize(reader.wide.len(), place);
            reader.of.single.resize(reader.single.len(), place);
        }
        let slopes = &reader.dense;
        let together = |pair: &[Slope<'_>]| pair[1].values.follows(&pair[0].values);
        if slopes.len() > 1 && !clamped && slopes.windows(2).all(together) {
            let has_missing = encoding
                .features
                .iter()
                .any(|one| one.kind.missing().is_some());
            let scales = slopes.iter().map(|slope| (slope.mean, slope.factor));
            reader.lying = Some(LyingColumns::new(slopes[0].values, scales, has_missing));
        }
        Ok(reader)
    }

    fn numbers(&mut self, kind: &Kind, values: Numbers<'a>, clamped: bool) {
        match kind {
            Kind::Linear {
                mean,
                standard_deviation,
                lowest,
                highest,
                missing,
                ..
            } => {
                let scaled = |end: &f64| (end - mean) / standard_deviation;
                self.dense.push(Slope {
                    values,
                    mean: *mean,
                    factor: standard_deviation.recip(),
                    ends: clamped.then(|| [scaled(lowest), scaled(highest)]),
                });
                if let Some(missing) = missing {
                    let place = narrow(*missing);
                    self.single.push(Single::Missing { values, place });
                }
            }
            Kind::Spline {
                rank,
                intervals,
                first,
                spike,
                missing,
                ..
            } => {
                let slot = (spike.is_some() || missing.is_some()).then_some(self.single.len());
                if slot.is_some() {
                    self.single.push(Single::OfSpline);
                }
                self.wide.push(Spline {
                    values,
                    rank: rank.clone(),
                    intervals: *intervals,
                    first: narrow(*first),
                    spike: spike.map(|spike| (spike.value, narrow(spike.place))),
                    missing: missing.map_or(NONE, narrow),
                    slot,
                });
            }
            Kind::Bins {
                edges,
                first,
                missing,
            } => self.single.push(Single::Bins {
                values,
                edges: edges.clone(),
                first: narrow(*first),
                missing: missing.map_or(NONE, narrow),
            }),
            Kind::Constant { .. } | Kind::Levels { .. } => {}
        }
    }

    fn levels(&mut self, kind: &Kind, codes: &'a [u16], names: &[String]) {
        let Kind::Levels {
            levels,
            first,
            other,
            missing,
            ..
        } = kind
        else {
            return;
        };
        let learned: HashMap<&str, u32> = levels
            .iter()
            .map(String::as_str)
            .zip((*first..).map(narrow))
            .collect();
        let other = other.map_or(NONE, narrow);
        let place = |level: &String| learned.get(level.as_str()).copied().unwrap_or(other);
        self.single.push(Single::Levels {
            codes,
            places: names.iter().map(place).collect(),
            missing: missing.map_or(NONE, narrow),
        });
    }

    /// The dense columns, where they lie side by side and no number is beyond the range of the fit.
    pub(super) fn lying(&self) -> Option<&LyingColumns<'a>> {
        self.lying.as_ref()
    }

    /// A tile without rows.
    pub(super) fn tile(&self) -> Tile {
        Tile {
            dense: vec![0.0; self.padded * ROWS],
            ..self.sparse_tile()
        }
    }

    /// Without room for dense columns.
    pub(super) fn sparse_tile(&self) -> Tile {
        Tile {
            len: 0,
            dense: Vec::new(),
            wide: vec![Wide::NOTHING; self.wide.len() * ROWS],
            single: vec![NONE; self.single.len() * ROWS],
        }
    }

    /// Number of splines: wide columns of a row.
    pub(super) fn n_wide(&self) -> usize {
        self.wide.len()
    }

    /// Number of single columns of a row.
    pub(super) fn n_single(&self) -> usize {
        self.single.len()
    }

    /// Encodes the rows at places `start..end`, at most [`ROWS`] of them.
    pub(super) fn fill(&self, tile: &mut Tile, rows: Rows<'_>, start: usize, end: usize) {
        let len = end - start;
        tile.len = len;
        for (row, one) in tile.dense[..ROWS].iter_mut().enumerate() {
            *one = f64::from(u8::from(row < len));
        }
        let mut place = 0;
        while place < self.dense.len() {
            let columns = &mut tile.dense[(place + 1) * ROWS..];
            let width = self.side_by_side(place, columns, rows.run(start), len);
            if width == 0 {
                let slope = &self.dense[place];
                self.slope(slope, &mut columns[..ROWS], rows, start, len);
                place += 1;
            }
            place += width;
        }
        self.fill_sparse(tile, rows, start, end);
    }

    /// Encodes the sparse columns only.
    pub(super) fn fill_sparse(&self, tile: &mut Tile, rows: Rows<'_>, start: usize, end: usize) {
        let len = end - start;
        tile.len = len;
        for (single, cells) in self.single.iter().zip(tile.single.chunks_exact_mut(ROWS)) {
            let (cells, rest) = cells.split_at_mut(len);
            for (k, cell) in cells.iter_mut().enumerate() {
                *cell = single.place(rows.row(start + k));
            }
            rest.fill(NONE);
        }
        for (spline, cells) in self.wide.iter().zip(tile.wide.chunks_exact_mut(ROWS)) {
            let (cells, rest) = cells.split_at_mut(len);
            let mut beside = spline
                .slot
                .and_then(|slot| tile.single.chunks_exact_mut(ROWS).nth(slot));
            for (k, cell) in cells.iter_mut().enumerate() {
                let value = spline.values.get(rows.row(start + k));
                let (wide, single) = spline.place(value);
                *cell = wide;
                if let Some(beside) = &mut beside {
                    beside[k] = single;
                }
            }
            rest.fill(Wide::NOTHING);
        }
    }

    /// Fills in a group of columns from `place` on, where they lie side by side in a matrix and the rows
    /// one after the other; returns how many columns that were.
    fn side_by_side(
        &self,
        place: usize,
        columns: &mut [f64],
        run: Option<usize>,
        len: usize,
    ) -> usize {
        let (Some(row), Some(group)) = (run, self.dense.get(place..place + GROUP)) else {
            return 0;
        };
        let together = |pair: &[Slope<'_>]| pair[1].values.follows(&pair[0].values);
        if !group.windows(2).all(together) {
            return 0;
        }
        let (values, stride) = group[0].values.lying(row);
        let side = Side {
            values,
            stride,
            centres: std::array::from_fn(|k| group[k].mean),
            factors: std::array::from_fn(|k| group[k].factor),
        };
        self.lanes.standardise_rows(side, len, columns);
        for (slope, column) in group.iter().zip(columns.chunks_exact_mut(ROWS)) {
            let (column, rest) = column.split_at_mut(len);
            slope.clamp(column);
            rest.fill(0.0);
        }
        GROUP
    }

    fn slope(
        &self,
        slope: &Slope<'_>,
        column: &mut [f64],
        rows: Rows<'_>,
        start: usize,
        len: usize,
    ) {
        let run = rows.run(start).map(|row| slope.values.part(row, row + len));
        let (column, rest) = column.split_at_mut(len);
        rest.fill(0.0);
        let standard = |value: f64| {
            let standard = (value - slope.mean) * slope.factor;
            // A missing number is the mean.
            if standard.is_nan() { 0.0 } else { standard }
        };
        if let Some(values) = run.as_ref().and_then(Numbers::as_slice) {
            self.lanes
                .standardise(values, slope.mean, slope.factor, column);
        } else if let Some(run) = run {
            for (x, value) in column.iter_mut().zip(run.iter()) {
                *x = standard(value);
            }
        } else {
            for (k, x) in column.iter_mut().enumerate() {
                *x = standard(slope.values.get(rows.row(start + k)));
            }
        }
        slope.clamp(column);
    }
}
