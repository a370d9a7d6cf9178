//! Rows of a matrix that lie one after the other, multiplied without a copy.

use pulp::{Simd, WithSimd};

/// Rows of a matrix that lie one after the other, worked on where they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lying<'a> {
    /// From the first row's first column on.
    pub(crate) values: &'a [f64],
    /// From one row to the next.
    pub(crate) stride: usize,
    /// Columns that count.
    pub(crate) width: usize,
    /// What is taken off each; zeros up to a multiple of [`LONGEST`].
    pub(crate) centres: &'a [f64],
    /// Whether a number may be missing: it is then its centre.
    pub(crate) has_missing: bool,
}

/// The most lanes of a processor.
pub(crate) const LONGEST: usize = 8;

impl<'a> Lying<'a> {
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.stride..][..self.width]
    }

    /// The columns of the last register of a row, and how many of its lanes the whole ones before it
    /// hold already. Of fewer columns than lanes there is no such register.
    #[inline(always)]
    fn tail<S: Simd>(&self) -> Option<(usize, usize)> {
        let rest = self.width % S::F64_LANES;
        (rest > 0 && self.width > S::F64_LANES)
            .then(|| (self.width - S::F64_LANES, S::F64_LANES - rest))
    }
}

/// A register of `values` from `start` on, with zeros instead of the first `held`.
#[inline(always)]
fn register<S: Simd>(values: &[f64], start: usize, held: usize) -> S::f64s {
    let mut own = [0.0; LONGEST];
    own[held..S::F64_LANES].copy_from_slice(&values[start + held..start + S::F64_LANES]);
    S::as_simd_f64s(&own[..S::F64_LANES]).0[0]
}

/// Numbers less their centre; 0 where they are missing.
#[inline(always)]
pub(super) fn centred<S: Simd, const MISSING: bool>(
    simd: S,
    x: S::f64s,
    centre: S::f64s,
) -> S::f64s {
    let away = simd.sub_f64s(x, centre);
    if MISSING {
        let known = simd.equal_f64s(away, away);
        simd.select_f64s(known, away, simd.splat_f64s(0.0))
    } else {
        away
    }
}

pub(super) struct RowProducts<'a> {
    pub(super) rows: Lying<'a>,
    /// Zeros up to a multiple of [`LONGEST`].
    pub(super) coefficients: &'a [f64],
    pub(super) sums: &'a mut [f64],
}

impl WithSimd for RowProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.rows.has_missing {
            self.add::<S, true>(simd);
        } else {
            self.add::<S, false>(simd);
        }
    }
}

/// Rows that are worked on together: their sums do not wait for each other, and what is the same for all
/// is looked at once.
const AT_ONCE: usize = 4;

impl RowProducts<'_> {
    #[inline(always)]
    fn add<S: Simd, const MISSING: bool>(mut self, simd: S) {
        let n = self.sums.len();
        let together = n - n % AT_ONCE;
        for first in (0..together).step_by(AT_ONCE) {
            self.add_rows::<S, MISSING, AT_ONCE>(simd, first);
        }
        for row in together..n {
            self.add_rows::<S, MISSING, 1>(simd, row);
        }
    }

    #[inline(always)]
    fn add_rows<S: Simd, const MISSING: bool, const N: usize>(&mut self, simd: S, first: usize) {
        let whole = self.rows.width / S::F64_LANES;
        let (centres, _) = S::as_simd_f64s(self.rows.centres);
        let (coefficients, _) = S::as_simd_f64s(self.coefficients);
        let rows: [&[f64]; N] = std::array::from_fn(|k| self.rows.row(first + k));
        let lanes: [&[S::f64s]; N] = std::array::from_fn(|k| &S::as_simd_f64s(rows[k]).0[..whole]);
        let mut products = [simd.splat_f64s(0.0); N];
        let columns = centres.iter().zip(coefficients).take(whole);
        for (place, (centre, coefficient)) in columns.enumerate() {
            for k in 0..N {
                let away = centred::<S, MISSING>(simd, lanes[k][place], *centre);
                products[k] = simd.mul_add_f64s(away, *coefficient, products[k]);
            }
        }
        if let Some((start, held)) = self.rows.tail::<S>() {
            // What is in a whole register already meets a coefficient of 0.
            let centre = register::<S>(self.rows.centres, start, 0);
            let coefficient = register::<S>(self.coefficients, start, held);
            for k in 0..N {
                let x = S::as_simd_f64s(&rows[k][start..]).0[0];
                let away = centred::<S, MISSING>(simd, x, centre);
                products[k] = simd.mul_add_f64s(away, coefficient, products[k]);
            }
        } else if whole * S::F64_LANES < self.rows.width {
            for k in 0..N {
                let x = simd.partial_load_f64s(rows[k]);
                let away = centred::<S, MISSING>(simd, x, centres[0]);
                products[k] = simd.mul_add_f64s(away, coefficients[0], products[k]);
            }
        }
        for (sum, products) in self.sums[first..first + N].iter_mut().zip(products) {
            *sum += simd.reduce_sum_f64s(products);
        }
    }
}

pub(super) struct RowSlopes<'a> {
    pub(super) rows: Lying<'a>,
    pub(super) values: &'a [f64],
    /// Up to a multiple of [`LONGEST`].
    pub(super) sums: &'a mut [f64],
}

impl WithSimd for RowSlopes<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        if self.rows.has_missing {
            self.add::<S, true>(simd)
        } else {
            self.add::<S, false>(simd)
        }
    }
}

impl RowSlopes<'_> {
    #[inline(always)]
    fn add<S: Simd, const MISSING: bool>(mut self, simd: S) -> f64 {
        let mut tail = [0.0; LONGEST];
        let n = self.values.len();
        let together = n - n % AT_ONCE;
        for first in (0..together).step_by(AT_ONCE) {
            self.add_rows::<S, MISSING, AT_ONCE>(simd, first, &mut tail);
        }
        for row in together..n {
            self.add_rows::<S, MISSING, 1>(simd, row, &mut tail);
        }
        if let Some((start, held)) = self.rows.tail::<S>() {
            for (sum, own) in self.sums[start..].iter_mut().zip(tail).skip(held) {
                *sum += own;
            }
        }
        let (values, rest) = S::as_simd_f64s(self.values);
        let sums = values.iter().fold(simd.splat_f64s(0.0), |sum, value| {
            simd.add_f64s(sum, *value)
        });
        simd.reduce_sum_f64s(sums) + rest.iter().sum::<f64>()
    }

    #[inline(always)]
    fn add_rows<S: Simd, const MISSING: bool, const N: usize>(
        &mut self,
        simd: S,
        first: usize,
        tail: &mut [f64; LONGEST],
    ) {
        let whole = self.rows.width / S::F64_LANES;
        let (centres, _) = S::as_simd_f64s(self.rows.centres);
        let (sums, _) = S::as_mut_simd_f64s(&mut *self.sums);
        let rows: [&[f64]; N] = std::array::from_fn(|k| self.rows.row(first + k));
        let factors: [S::f64s; N] =
            std::array::from_fn(|k| simd.splat_f64s(self.values[first + k]));
        let lanes: [&[S::f64s]; N] = std::array::from_fn(|k| &S::as_simd_f64s(rows[k]).0[..whole]);
        for (place, (sum, centre)) in sums.iter_mut().zip(centres).take(whole).enumerate() {
            let mut own = *sum;
            for k in 0..N {
                let away = centred::<S, MISSING>(simd, lanes[k][place], *centre);
                own = simd.mul_add_f64s(away, factors[k], own);
            }
            *sum = own;
        }
        if let Some((start, _)) = self.rows.tail::<S>() {
            let centre = register::<S>(self.rows.centres, start, 0);
            let tail = &mut S::as_mut_simd_f64s(tail).0[0];
            for k in 0..N {
                let x = S::as_simd_f64s(&rows[k][start..]).0[0];
                let away = centred::<S, MISSING>(simd, x, centre);
                *tail = simd.mul_add_f64s(away, factors[k], *tail);
            }
        } else if whole * S::F64_LANES < self.rows.width {
            for k in 0..N {
                let x = simd.partial_load_f64s(rows[k]);
                let away = centred::<S, MISSING>(simd, x, centres[0]);
                sums[0] = simd.mul_add_f64s(away, factors[k], sums[0]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Lanes;
    use super::*;

    #[test]
    fn rows_that_lie_together_are_those_of_plain_loops() {
        for (n, width, stride) in [
            (1_usize, 1_usize, 1_usize),
            (1, 1, 1),
            (7, 3, 5),
            (32, 20, 20),
            (33, 8, 9),
            (6, 100, 100),
        ] {
            let number = |i: usize| ((i * 7919 + 5) % 1009) as f64 / 1009.0 - 0.5;
            let mut values: Vec<f64> = (0..n * stride).map(number).collect();
            let padded = width.next_multiple_of(LONGEST);
            let fill = |j: usize, x: f64| if j < width { x } else { 0.0 };
            let centres: Vec<f64> = (0..padded).map(|j| fill(j, 0.01 * j as f64)).collect();
            let coefficients: Vec<f64> = (0..padded).map(|j| fill(j, number(j + 3))).collect();
            for has_missing in [false, true] {
                if has_missing {
                    values[(n / 2) * stride + width / 2] = f64::NAN;
                }
                let rows = Lying {
                    values: &values,
                    stride,
                    width,
                    centres: &centres,
                    has_missing,
                };
                let factors: Vec<f64> = (0..n).map(|i| number(i + 11)).collect();
                let (mut products, mut sums) = (vec![1.0; n], vec![0.0; padded]);
                Lanes::new().row_products(rows, &coefficients, &mut products);
                let total = Lanes::new().row_slopes(rows, &factors, &mut sums);
                assert!((total - factors.iter().sum::<f64>()).abs() < 1e-13);
                let away = |i: usize, j: usize| {
                    let away = values[i * stride + j] - centres[j];
                    if away.is_nan() { 0.0 } else { away }
                };
                for (i, product) in products.iter().enumerate() {
                    let expected: f64 = (0..width).map(|j| away(i, j) * coefficients[j]).sum();
                    assert!((product - 1.0 - expected).abs() < 1e-13);
                }
                for (j, sum) in sums.iter().enumerate() {
                    let terms = (0..n).map(|i| {
                        if j < width {
                            away(i, j) * factors[i]
                        } else {
                            0.0
                        }
                    });
                    assert!((sum - terms.sum::<f64>()).abs() < 1e-13);
                }
            }
        }
        assert!(!Lanes::new().any_infinite(&[1.0, f64::NAN, -2.0]));
        assert!(Lanes::new().any_infinite(&[1.0, f64::NAN, f64::NEG_INFINITY]));
    }
}
