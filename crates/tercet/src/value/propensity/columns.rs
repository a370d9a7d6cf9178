//! Columns of a table as an encoding reads them.

use super::encoding::{Rank, splines};
use super::tile::{NONE, Wide};
use crate::data::{NO_LEVEL, Numbers};

#[derive(Debug)]
pub(super) struct Slope<'a> {
    pub(super) values: Numbers<'a>,
    pub(super) mean: f64,
    pub(super) factor: f64,
    /// The ends in standard deviations; none while the rows are those of the fit, within the ends.
    pub(super) ends: Option<[f64; 2]>,
}

#[derive(Debug)]
pub(super) struct Spline<'a> {
    pub(super) values: Numbers<'a>,
    pub(super) rank: Rank,
    pub(super) intervals: usize,
    pub(super) first: u32,
    /// The frequent value and its column.
    pub(super) spike: Option<(f64, u32)>,
    pub(super) missing: u32,
    /// Where among the single columns of a row the two are written.
    pub(super) slot: Option<usize>,
}

#[derive(Debug)]
pub(super) enum Single<'a> {
    /// Filled in by a spline.
    OfSpline,
    Missing {
        values: Numbers<'a>,
        place: u32,
    },
    Bins {
        values: Numbers<'a>,
        edges: Vec<f64>,
        first: u32,
        missing: u32,
    },
    Levels {
        codes: &'a [u16],
        /// The column of each of the table's levels.
        places: Vec<u32>,
        missing: u32,
    },
}

impl Slope<'_> {
    /// Beyond the ends of the fit, the end.
    pub(super) fn clamp(&self, column: &mut [f64]) {
        if let Some([lowest, highest]) = self.ends {
            for x in column {
                *x = x.clamp(lowest, highest);
            }
        }
    }
}

impl Spline<'_> {
    #[inline]
    pub(super) fn place(&self, value: f64) -> (Wide, u32) {
        if value.is_nan() {
            return (Wide::NOTHING, self.missing);
        }
        if let Some((spike, place)) = self.spike
            && value == spike
        {
            return (Wide::NOTHING, place);
        }
        let local = splines(self.rank.of(value), self.intervals);
        let wide = Wide {
            first: self.first + narrow(local.first),
            weights: local.weights,
        };
        (wide, NONE)
    }
}

impl Single<'_> {
    #[inline]
    pub(super) fn place(&self, row: usize) -> u32 {
        match self {
            Self::OfSpline => NONE,
            Self::Missing { values, place } => {
                if values.get(row).is_nan() {
                    *place
                } else {
                    NONE
                }
            }
            Self::Bins {
                values,
                edges,
                first,
                missing,
            } => {
                let value = values.get(row);
                if value.is_nan() {
                    *missing
                } else {
                    first + narrow(edges.partition_point(|edge| *edge < value))
                }
            }
            Self::Levels {
                codes,
                places,
                missing,
            } => match codes[row] {
                NO_LEVEL => *missing,
                code => places[usize::from(code)],
            },
        }
    }
}

/// Places are below the number of columns, which is checked to be small.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn narrow(place: usize) -> u32 {
    place as u32
}
