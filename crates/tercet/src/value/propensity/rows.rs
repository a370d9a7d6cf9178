//! Which rows of a table a pass goes through.

use crate::math::lanes::ROWS;

/// Which rows of a table are gone through.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'r> {
    /// The first so many.
    All(usize),
    /// These.
    List(&'r [u32]),
    /// One run of [`ROWS`] in every so many of the first so many rows.
    Every { of: usize, step: usize },
}

impl Rows<'_> {
    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::All(n) => *n,
            Self::List(list) => list.len(),
            Self::Every { of, step } => {
                let whole = of / (ROWS * step);
                let rest = of - whole * ROWS * step;
                whole * ROWS + rest.min(ROWS)
            }
        }
    }

    /// The row of a place among them.
    #[inline]
    pub(super) fn row(&self, place: usize) -> usize {
        match self {
            Self::All(_) => place,
            Self::List(list) => list[place] as usize,
            Self::Every { step, .. } => place / ROWS * ROWS * step + place % ROWS,
        }
    }

    /// Whether the rows of a tile that begins here lie one after the other, and where the first is.
    pub(super) fn run(&self, place: usize) -> Option<usize> {
        match self {
            Self::List(_) => None,
            _ => Some(self.row(place)),
        }
    }
}
