//! The inner loops of logistic regressions, written for the processor's vector registers.
//!
//! Rows are worked on in tiles: [`ROWS`] rows, a column after the other, small enough to stay in the
//! nearest cache. The instructions are chosen when the program runs (AVX-512, AVX2 or what there is),
//! so that one build serves every machine; the crate `pulp` does that safely.
//!
//! Sums are taken by lanes and added up at last. Their order depends on the processor, and so may the
//! last digits; it does not depend on the number of threads.

// The processor's instructions are chosen around these functions: what is not inlined into the caller
// that has them is compiled without.
#![allow(clippy::inline_always)]

mod lying;
mod odds;
mod panels;
mod standardise;
mod totals;

use pulp::{Arch, Simd, WithSimd};

pub(crate) use lying::{LONGEST, Lying};
use lying::{RowProducts, RowSlopes};
pub(crate) use odds::Odds;
pub(crate) use panels::{DEPTH, PANEL};
use panels::{Pack, PanelProducts};
pub(crate) use standardise::Side;
use standardise::{Standardise, StandardiseRows};
use totals::{Distances, Totals};

/// Rows of a tile, a multiple of every processor's lanes.
pub(crate) const ROWS: usize = 256;

/// Columns of a tile come in groups of so many: those that are missing are filled with zeros.
pub(crate) const GROUP: usize = 4;

/// The number of columns that `columns` take in a tile.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(GROUP)
}

/// The processor, looked at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lanes(Arch);

impl Lanes {
    pub(crate) fn new() -> Self {
        Self(Arch::new())
    }

    /// Work that the compiler turns into the processor's instructions by itself.
    pub(crate) fn run(self, work: impl Work) {
        self.0.dispatch(Run(work));
    }

    /// Whether a number is infinite.
    pub(crate) fn any_infinite(self, values: &[f64]) -> bool {
        self.0.dispatch(AnyInfinite(values))
    }

    /// Adds numbers to the `sums` of their places, counts those that are `known` (not NaN), and keeps the
    /// `lowest` and the `highest` of each place; there are at least as many places as numbers.
    pub(crate) fn totals(self, values: &[f64], [sums, known, lowest, highest]: [&mut [f64]; 4]) {
        self.0.dispatch(Totals {
            values,
            sums,
            known,
            lowest,
            highest,
        });
    }

    /// `squares[k] += (values[k] - means[k])^2`, nothing for NaN.
    pub(crate) fn squares(self, values: &[f64], means: &[f64], squares: &mut [f64]) {
        self.0.dispatch(Distances {
            values,
            means,
            squares,
        });
    }

    /// `products[i] += sum over j of (x_ij - centre_j) coefficient_j`.
    pub(crate) fn row_products(self, rows: Lying<'_>, coefficients: &[f64], products: &mut [f64]) {
        self.0.dispatch(RowProducts {
            rows,
            coefficients,
            sums: products,
        });
    }

    /// `sums[j] += sum over i of (x_ij - centre_j) values[i]`; returns the sum of the values.
    pub(crate) fn row_slopes(self, rows: Lying<'_>, values: &[f64], sums: &mut [f64]) -> f64 {
        self.0.dispatch(RowSlopes { rows, values, sums })
    }

    /// `sums += tile' tile`, the blocks on and above the diagonal, where `sums` is a square matrix row
    /// by row and `tile` has as many columns as it.
    pub(crate) fn gram(self, tile: &[f64], sums: &mut [f64]) {
        self.0.dispatch(Gram { tile, sums });
    }

    /// Copies rows, less their centres and times a factor each, into panels for
    /// [`Lanes::panel_products`]: [`PANEL`] columns by [`DEPTH`] rows, one panel after the other. There are
    /// at most [`DEPTH`] factors, one a row; the rows of a panel behind them become 0.
    pub(crate) fn pack(self, rows: Lying<'_>, factors: &[f64], panels: &mut [f64]) {
        self.0.dispatch(Pack {
            rows,
            factors,
            panels,
        });
    }

    /// `sums += rows' rows`, the blocks of panels on and above the diagonal, where `sums` is a square
    /// matrix row by row with [`PANEL`] columns a panel.
    pub(crate) fn panel_products(self, panels: &[f64], sums: &mut [f64]) {
        self.0.dispatch(PanelProducts { panels, sums });
    }

    /// `products += tile * coefficients`.
    pub(crate) fn products(self, tile: &[f64], coefficients: &[f64], products: &mut [f64]) {
        self.0.dispatch(Products {
            tile,
            coefficients,
            sums: products,
        });
    }

    /// `sums += tile' values`.
    pub(crate) fn slopes(self, tile: &[f64], values: &[f64], sums: &mut [f64]) {
        self.0.dispatch(Slopes { tile, values, sums });
    }

    /// Every column of a tile times the same values.
    pub(crate) fn scale(self, tile: &[f64], by: &[f64], scaled: &mut [f64]) {
        self.0.dispatch(Scale { tile, by, scaled });
    }

    /// The losses, slopes and curvatures of a tile of log-odds; returns the sum of the losses.
    pub(crate) fn odds(self, odds: Odds<'_>) -> f64 {
        self.0.dispatch(odds)
    }

    /// [`Lanes::standardise`] for [`GROUP`] columns at once that lie side by side: every row is read from
    /// memory in one piece. `out` has their tiles one after the other.
    pub(crate) fn standardise_rows(self, side: Side<'_>, len: usize, out: &mut [f64]) {
        self.0.dispatch(StandardiseRows { side, len, out });
    }

    /// A column less its `centre`, times `factor`: nothing else, so that it runs at the speed of
    /// memory.
    pub(crate) fn standardise(self, values: &[f64], centre: f64, factor: f64, out: &mut [f64]) {
        self.0.dispatch(Standardise {
            values,
            centre,
            factor,
            out,
        });
    }
}

/// Work for [`Lanes::run`].
pub(crate) trait Work {
    /// Does it; has to be `#[inline(always)]`, and what it calls too.
    fn work(self);
}

struct Run<W>(W);

impl<W: Work> WithSimd for Run<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.work();
    }
}

struct AnyInfinite<'a>(&'a [f64]);

impl WithSimd for AnyInfinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> bool {
        // Without a branch a number, so that it runs at the speed of memory.
        let infinite = |found: bool, value: &f64| found | value.is_infinite();
        self.0.iter().fold(false, infinite)
    }
}

struct Gram<'a> {
    tile: &'a [f64],
    sums: &'a mut [f64],
}

impl WithSimd for Gram<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sums and operands of a block have to fit into the registers.
        if S::REGISTER_COUNT >= 32 {
            gram::<S, 4>(simd, self.tile, self.sums);
        } else {
            gram::<S, 2>(simd, self.tile, self.sums);
        }
    }
}

#[inline(always)]
fn gram<S: Simd, const N: usize>(simd: S, tile: &[f64], sums: &mut [f64]) {
    let columns = tile.len() / ROWS;
    for i in (0..columns).step_by(GROUP) {
        for j in (i..columns).step_by(N) {
            block::<S, GROUP, N>(simd, tile, [i, j], sums);
        }
    }
}

/// `M` columns against `N` others: every number that is loaded is used several times.
#[inline(always)]
fn block<S: Simd, const M: usize, const N: usize>(
    simd: S,
    tile: &[f64],
    [i, j]: [usize; 2],
    sums: &mut [f64],
) {
    let columns = tile.len() / ROWS;
    let left: [&[S::f64s]; M] = std::array::from_fn(|k| lanes::<S>(tile, i + k));
    let right: [&[S::f64s]; N] = std::array::from_fn(|k| lanes::<S>(tile, j + k));
    // All of one length, which the compiler does not know.
    let n = left[0].len();
    let (left, right) = (
        left.map(|column| &column[..n]),
        right.map(|column| &column[..n]),
    );
    let mut products = [[simd.splat_f64s(0.0); N]; M];
    for row in 0..n {
        let others: [S::f64s; N] = std::array::from_fn(|k| right[k][row]);
        for (own, products) in left.iter().zip(&mut products) {
            for (other, product) in others.iter().zip(products) {
                *product = simd.mul_add_f64s(own[row], *other, *product);
            }
        }
    }
    for (k, products) in products.iter().enumerate() {
        let sums = &mut sums[(i + k) * columns + j..][..N];
        for (sum, product) in sums.iter_mut().zip(products) {
            *sum += simd.reduce_sum_f64s(*product);
        }
    }
}

#[inline(always)]
fn lanes<S: Simd>(tile: &[f64], column: usize) -> &[S::f64s] {
    S::as_simd_f64s(&tile[column * ROWS..(column + 1) * ROWS]).0
}

struct Products<'a> {
    tile: &'a [f64],
    coefficients: &'a [f64],
    sums: &'a mut [f64],
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (sums, _) = S::as_mut_simd_f64s(self.sums);
        // Eight registers of rows at a time; `ROWS` is a multiple for every processor.
        for (part, sums) in sums.chunks_exact_mut(8).enumerate() {
            let mut own: [S::f64s; 8] = std::array::from_fn(|k| sums[k]);
            for (column, coefficient) in self.tile.chunks_exact(ROWS).zip(self.coefficients) {
                let column = &S::as_simd_f64s(column).0[8 * part..8 * part + 8];
                let coefficient = simd.splat_f64s(*coefficient);
                for (sum, value) in own.iter_mut().zip(column) {
                    *sum = simd.mul_add_f64s(*value, coefficient, *sum);
                }
            }
            sums.copy_from_slice(&own);
        }
    }
}

struct Slopes<'a> {
    tile: &'a [f64],
    values: &'a [f64],
    sums: &'a mut [f64],
}

impl WithSimd for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (values, _) = S::as_simd_f64s(self.values);
        let n = values.len();
        let groups = self.tile.chunks_exact(GROUP * ROWS);
        for (group, sums) in groups.zip(self.sums.chunks_exact_mut(GROUP)) {
            let columns: [&[S::f64s]; GROUP] = std::array::from_fn(|k| &lanes::<S>(group, k)[..n]);
            let mut products = [simd.splat_f64s(0.0); GROUP];
            for (row, value) in values.iter().enumerate() {
                for (product, column) in products.iter_mut().zip(&columns) {
                    *product = simd.mul_add_f64s(column[row], *value, *product);
                }
            }
            for (sum, product) in sums.iter_mut().zip(products) {
                *sum += simd.reduce_sum_f64s(product);
            }
        }
    }
}

struct Scale<'a> {
    tile: &'a [f64],
    by: &'a [f64],
    scaled: &'a mut [f64],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let columns = self.tile.chunks_exact(ROWS);
        for (column, scaled) in columns.zip(self.scaled.chunks_exact_mut(ROWS)) {
            for ((value, by), scaled) in column.iter().zip(self.by).zip(scaled) {
                *scaled = value * by;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(columns: usize, seed: usize) -> Vec<f64> {
        let number = |i: usize| ((i * 7919 + seed) % 1009) as f64 / 1009.0 - 0.5;
        (0..columns * ROWS).map(number).collect()
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn products_and_sums_are_those_of_plain_loops() {
        let (columns, lanes) = (12, Lanes::new());
        let tile = tile(columns, 3);
        let column = |j: usize| &tile[j * ROWS..(j + 1) * ROWS];
        let values = column(5);
        let mut gram = vec![1.0; columns * columns];
        lanes.gram(&tile, &mut gram);
        let mut slopes = vec![1.0; columns];
        lanes.slopes(&tile, values, &mut slopes);
        for i in 0..columns {
            assert!((slopes[i] - 1.0 - dot(column(i), values)).abs() < 1e-12);
            for j in i..columns {
                let found = gram[i * columns + j] - 1.0;
                assert!(
                    (found - dot(column(i), column(j))).abs() < 1e-12,
                    "{i}, {j}"
                );
            }
        }
        let coefficients: Vec<f64> = (0..columns).map(|j| j as f64).collect();
        let mut products = vec![1.0; ROWS];
        lanes.products(&tile, &coefficients, &mut products);
        let mut scaled = vec![0.0; tile.len()];
        lanes.scale(&tile, values, &mut scaled);
        for row in 0..ROWS {
            let own: Vec<f64> = (0..columns).map(|j| column(j)[row]).collect();
            assert!((products[row] - 1.0 - dot(&own, &coefficients)).abs() < 1e-12);
            assert_eq!(scaled[3 * ROWS + row], column(3)[row] * values[row]);
        }
    }
}
