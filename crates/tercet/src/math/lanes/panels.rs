//! Products of columns over rows of a matrix that lie one after the other.
//!
//! Columns are copied eight at a time into panels, of which a row fills a vector register or a few. Of
//! two panels all products of eight by eight columns are then added up in registers, without going
//! across a register's lanes, and a part of the rows that is short enough stays in the nearest cache.

use pulp::{Simd, WithSimd};

use super::lying::{LONGEST, Lying, centred};

/// Columns of a panel.
pub(crate) const PANEL: usize = LONGEST;

/// Rows of a panel: four panels stay in the nearest cache.
pub(crate) const DEPTH: usize = 128;

/// Copies rows, less their centres and times a factor each, into panels.
pub(super) struct Pack<'a> {
    pub(super) rows: Lying<'a>,
    /// One a row, at most [`DEPTH`].
    pub(super) factors: &'a [f64],
    /// [`PANEL`] by [`DEPTH`] numbers for every panel that the columns need, those that fill the last one
    /// up included.
    pub(super) panels: &'a mut [f64],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if self.rows.has_missing {
            self.pack::<S, true>(simd);
        } else {
            self.pack::<S, false>(simd);
        }
    }
}

impl Pack<'_> {
    #[inline(always)]
    fn pack<S: Simd, const MISSING: bool>(self, simd: S) {
        let each = PANEL / S::F64_LANES;
        let (centres, _) = S::as_simd_f64s(self.rows.centres);
        let (panels, _) = S::as_mut_simd_f64s(self.panels);
        for (k, factor) in self.factors.iter().enumerate() {
            let factor = simd.splat_f64s(*factor);
            let (whole, rest) = S::as_simd_f64s(self.rows.row(k));
            let mut put = |place: usize, x: S::f64s| {
                let value = simd.mul_f64s(centred::<S, MISSING>(simd, x, centres[place]), factor);
                panels[(place / each * DEPTH + k) * each + place % each] = value;
            };
            for (place, x) in whole.iter().enumerate() {
                put(place, *x);
            }
            if !rest.is_empty() {
                // Centres are 0 where there is no column, and so is what is loaded.
                put(whole.len(), simd.partial_load_f64s(rest));
            }
        }
        // Rows that are not there.
        for panel in panels.chunks_exact_mut(DEPTH * each) {
            panel[self.factors.len() * each..].fill(simd.splat_f64s(0.0));
        }
    }
}

/// Adds the products of panels to the blocks on and above the diagonal of a matrix, row by row.
pub(super) struct PanelProducts<'a> {
    pub(super) panels: &'a [f64],
    pub(super) sums: &'a mut [f64],
}

impl WithSimd for PanelProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sums and operands have to fit into the registers.
        match S::F64_LANES {
            8 => self.add::<S, 8, 3>(simd),
            4 => self.add::<S, 4, 2>(simd),
            2 => self.add::<S, 2, 4>(simd),
            _ => self.add::<S, 1, 8>(simd),
        }
    }
}

impl PanelProducts<'_> {
    /// `M` columns of a panel at a time by `N` registers of others.
    #[inline(always)]
    fn add<S: Simd, const M: usize, const N: usize>(self, simd: S) {
        let each = PANEL / S::F64_LANES;
        let n = self.panels.len() / (PANEL * DEPTH);
        let width = n * PANEL;
        let panels: &[S::f64s] = S::as_simd_f64s(self.panels).0;
        let own = self.panels.chunks_exact(PANEL * DEPTH);
        let sums = self.sums.chunks_exact_mut(PANEL * width);
        for (i, (own, sums)) in own.zip(sums).enumerate() {
            for first in (0..PANEL).step_by(M) {
                let sums = &mut sums[first * width..(first + M) * width];
                let mut j = i;
                while j + N / each <= n {
                    block::<S, M, N>(simd, (own, first), (panels, j), (&mut *sums, width));
                    j += N / each;
                }
                // Only with registers as long as a panel are there fewer left over.
                match n - j {
                    2 => block::<S, M, 2>(simd, (own, first), (panels, j), (&mut *sums, width)),
                    1 => block::<S, M, 1>(simd, (own, first), (panels, j), (&mut *sums, width)),
                    _ => {}
                }
            }
        }
    }
}

/// `M` columns of a panel from `first` on by the `N` registers of the panels from `j` on.
#[inline(always)]
fn block<S: Simd, const M: usize, const N: usize>(
    simd: S,
    (own, first): (&[f64], usize),
    (panels, j): (&[S::f64s], usize),
    (sums, width): (&mut [f64], usize),
) {
    let each = PANEL / S::F64_LANES;
    // Register `q` of a row is number `q % each` of panel `q / each`.
    let others: [&[S::f64s]; N] = std::array::from_fn(|q| {
        let start = (j + q / each) * DEPTH * each;
        &panels[start..start + DEPTH * each]
    });
    let mut products = [[simd.splat_f64s(0.0); N]; M];
    for (k, own) in own.chunks_exact(PANEL).enumerate() {
        let right: [S::f64s; N] = std::array::from_fn(|q| others[q][k * each + q % each]);
        for (own, products) in own[first..first + M].iter().zip(&mut products) {
            let own = simd.splat_f64s(*own);
            for (other, product) in right.iter().zip(products) {
                *product = simd.mul_add_f64s(own, *other, *product);
            }
        }
    }
    for (row, products) in sums.chunks_exact_mut(width).zip(products) {
        let row = S::as_mut_simd_f64s(&mut row[j * PANEL..]).0;
        for (sum, product) in row.iter_mut().zip(products) {
            *sum = simd.add_f64s(*sum, product);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Lanes;
    use super::*;

    #[test]
    fn products_of_rows_are_those_of_plain_loops() {
        for (n, width, stride) in [
            (1, 1, 1),
            (7, 3, 5),
            (DEPTH, 20, 20),
            (33, 8, 9),
            (100, 30, 31),
        ] {
            let number = |i: usize| ((i * 7919 + 5) % 1009) as f64 / 1009.0 - 0.5;
            let mut values: Vec<f64> = (0..n * stride).map(number).collect();
            let padded = usize::next_multiple_of(width, PANEL);
            let centres: Vec<f64> = (0..padded)
                .map(|j| if j < width { 0.01 * j as f64 } else { 0.0 })
                .collect();
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
                let mut panels = vec![f64::NAN; padded * DEPTH];
                panels[(padded - PANEL) * DEPTH..].fill(0.0);
                let mut sums = vec![1.0; padded * padded];
                Lanes::new().pack(rows, &factors, &mut panels);
                Lanes::new().panel_products(&panels, &mut sums);
                let value = |i: usize, j: usize| {
                    let away = values[i * stride + j] - centres[j];
                    if away.is_nan() {
                        0.0
                    } else {
                        away * factors[i]
                    }
                };
                for a in 0..width {
                    for b in a..width {
                        let expected: f64 = (0..n).map(|i| value(i, a) * value(i, b)).sum();
                        let found = sums[a * padded + b] - 1.0;
                        assert!((found - expected).abs() < 1e-12, "{n} {width}: {a}, {b}");
                    }
                }
            }
        }
    }
}
