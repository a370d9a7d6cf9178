//! Columns in units of their own spread.

use pulp::{Simd, WithSimd};

use super::{GROUP, ROWS};

/// A few columns of a matrix whose rows lie together.
pub(crate) struct Side<'a> {
    /// The matrix, from the first column's first row on.
    pub(crate) values: &'a [f64],
    /// Columns of the matrix.
    pub(crate) stride: usize,
    pub(crate) centres: [f64; GROUP],
    pub(crate) factors: [f64; GROUP],
}

pub(super) struct StandardiseRows<'a> {
    pub(super) side: Side<'a>,
    pub(super) len: usize,
    pub(super) out: &'a mut [f64],
}

impl WithSimd for StandardiseRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut columns = self.out.chunks_exact_mut(ROWS);
        let mut column = || columns.next().unwrap_or_default().iter_mut();
        let columns = column().zip(column()).zip(column()).zip(column());
        let rows = self.side.values.chunks(self.side.stride);
        for (row, (((a, b), c), d)) in rows.zip(columns).take(self.len) {
            let Some(row) = row.first_chunk::<GROUP>() else {
                break;
            };
            let standard: [f64; GROUP] = std::array::from_fn(|k| {
                let standard = (row[k] - self.side.centres[k]) * self.side.factors[k];
                // A missing number is the mean.
                if standard.is_nan() { 0.0 } else { standard }
            });
            [*a, *b, *c, *d] = standard;
        }
    }
}

pub(super) struct Standardise<'a> {
    pub(super) values: &'a [f64],
    pub(super) centre: f64,
    pub(super) factor: f64,
    pub(super) out: &'a mut [f64],
}

impl WithSimd for Standardise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (value, out) in self.values.iter().zip(self.out) {
            let standard = (value - self.centre) * self.factor;
            // A missing number is the mean.
            *out = if standard.is_nan() { 0.0 } else { standard };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Lanes;
    use super::*;

    #[test]
    fn rows_are_standardised_as_columns_are() {
        let mut values: Vec<f64> = (0..7 * 6).map(|x| f64::from(x * x)).collect();
        values[7 + 3] = f64::NAN;
        let lanes = Lanes::new();
        let (centres, factors) = ([1.0, 2.0, 3.0, 4.0], [0.5, 0.25, 2.0, 1.0]);
        let mut out = vec![9.0; GROUP * ROWS];
        let side = Side {
            values: &values[2..],
            stride: 7,
            centres,
            factors,
        };
        lanes.standardise_rows(side, 6, &mut out);
        for k in 0..GROUP {
            let column: Vec<f64> = (0..6).map(|row| values[7 * row + 2 + k]).collect();
            let mut expected = vec![0.0; 6];
            lanes.standardise(&column, centres[k], factors[k], &mut expected);
            assert_eq!(out[k * ROWS..k * ROWS + 6], expected);
            assert!(out[k * ROWS + 6..(k + 1) * ROWS].iter().all(|x| *x == 9.0));
        }
        assert_eq!(out[ROWS + 1], 0.0);
    }
}
